"""The variants of the papers: how a network's convolutions treat inactive sites."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import require
from ..parameters import Parameters
from .prune import MEASURES, ratio_code


@dataclass(frozen=True, kw_only=True)
class Variant(Parameters):
    """How the backbone's convolutions choose their outputs.

    ``mode``: of the stride-1 convolutions, as in :mod:`golden.sparse.rules`, or ``dense``.
    ``head_mode``: of the head's 3x3 convolutions. ``down_kernel``: 3 or 2, of the stride-2 ones.
    ``prune``: whether stride-1 convolutions are pruned (SpConv-P), to the top ``keep`` (0 to 1) of
    their output vectors, or, if ``threshold`` is given, to all vectors above it.
    ``t``: per cent of pillars that dilate (SD-Conv), of the ``active`` pillars or of the ``grid``'s
    sites (``t_of``). ``measure``: of importance, for both.
    """

    name: str
    mode: str
    head_mode: str
    down_kernel: int = 3
    prune: bool = False
    keep: float = 0.5
    threshold: int | None = None
    t: float = 2.0
    t_of: str = "grid"
    measure: str = "max-abs"

    def __post_init__(self) -> None:
        modes = ("spconv", "submanifold", "selective", "dense")
        require(self.mode in modes, "mode", self.mode, ", ".join(modes))
        require(self.down_kernel in (2, 3), "down_kernel", self.down_kernel, "2, 3")
        require(0 <= self.keep <= 1, "keep", self.keep, "0 to 1")
        require(0 <= self.t <= 100, "t", self.t, "0 to 100 (per cent)")
        require(self.t_of in ("active", "grid"), "t_of", self.t_of, "active, grid")
        require(self.measure in MEASURES, "measure", self.measure, ", ".join(MEASURES))
        good = self.threshold is None or self.threshold >= 0
        require(good, "threshold", self.threshold, "0 or more")
        ratio_code(self.keep)

    @property
    def dense(self) -> bool:
        """Whether every layer works on the full grid."""
        return self.mode == "dense"


# keep = 0.5 holds the number of active pillars of a block about level against dilation; t = 2 % of
# the grid is the value that the SD-Conv paper recommends for PointPillars (its appendix A.1).
VARIANTS = {
    v.name: v
    for v in (
        Variant(name="dense", mode="dense", head_mode="dense"),
        Variant(name="spconv", mode="spconv", head_mode="spconv"),
        Variant(name="spconv-s", mode="submanifold", head_mode="submanifold"),
        Variant(name="spconv-p", mode="spconv", head_mode="spconv", prune=True),
        Variant(name="sdconv", mode="selective", head_mode="submanifold"),
        Variant(name="spade+", mode="selective", head_mode="submanifold", down_kernel=2),
    )
}


def variant_of(name: str) -> Variant:
    """A variant by name, with its default parameters."""
    require(name in VARIANTS, "variant", name, ", ".join(VARIANTS))
    return VARIANTS[name]
