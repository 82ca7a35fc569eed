"""Dot products and multiply-accumulates: `golden/dot` in hardware.

The products are summed by a carry-save tree as fixed-point numbers wide enough for every one of
them, so nothing is ever rounded or aligned away before the end; a floating-point accumulator is
then added to the normalised sum, with one rounding.
"""

from __future__ import annotations

from golden.dot import DotConfig

from ..float_add import Add, Align, Normalise, Renormalise, Round, RoundAlone
from ..pipeline import Datapath, Stage
from ..scale import Scale
from .layouts import sum_layout, wide_add
from .products import Products
from .tree import Sum, Tree


class Dot(Datapath):
    """The unit of a :class:`golden.dot.DotConfig`; see there for what it computes."""

    def __init__(self, config: DotConfig):
        parts: list[Stage] = [Products(config), Tree(config), Sum(config)]
        if config.has_factor:
            parts.append(Scale(config, sum_layout(config), wide_add(config)))
        if config.floating is not None:
            alone = (Normalise, RoundAlone)
            kinds = alone if config.accumulator is None else (
                Normalise, Align, Add, Renormalise, Round,
            )  # fmt: skip
            parts += [kind(wide_add(config)) for kind in kinds]
        super().__init__(config, parts)
