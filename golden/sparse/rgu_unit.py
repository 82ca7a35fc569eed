"""The rule generator on its own: a layer and the tokens of its maps in, pillars with rules out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from ..formats import integer
from ..process import Case, Process
from ..unit import Beats, Codes, Field, Payload
from .cpr import Cpr
from .descriptor import INDEX_BITS, SIDE, TAPS
from .fields import flag, number
from .rgu import LAYER_BITS, RuleLayer, Source, pillars, tokens

COLUMN_BITS = (SIDE - 1).bit_length()
VALUE_BITS = 16
KINDS = (
    *(("conv", k, s, "spconv") for k, s in ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2))),
    *(("conv", k, 1, mode) for k in (1, 3) for mode in ("submanifold", "selective")),
    *((op, k, 1, "spconv") for op in ("deconv", "coords") for k in (1, 2, 4)),
    ("union", 1, 1, "spconv"),
)
"""Op, kernel, stride and mode of every kind of layer."""


TOKEN = Payload(
    (
        number("column", COLUMN_BITS, "of an active pillar"),
        number("index", INDEX_BITS, "of its entry in the list"),
        number("value", VALUE_BITS, "of its entry"),
        flag("selected", "its entry is selected"),
        flag("empty", "no pillar: its row has none"),
        flag("last", "of its row"),
    )
)
"""A step through a list of pillars."""

PILLAR = Payload(
    (
        number("column", COLUMN_BITS, "of an output pillar"),
        number("index", INDEX_BITS, "of it in its map"),
        number("value", VALUE_BITS, "presence bits of a union"),
        number("hits", TAPS, "bit t: tap t has a rule"),
        Field("inputs", integer(INDEX_BITS, signed=False), "of each kernel row's first hit", 3),
        number("gaps", 3, "bit y: the second hit of kernel row y has an index one more"),
        flag("empty", "no pillar: its output row has none"),
        flag("last", "of its output row"),
        flag("end", "of its layer"),
    )
)
"""A step through the output."""


@dataclass(frozen=True, kw_only=True)
class RguConfig(Process):
    """A case is a layer.

    Parameters
    ----------
    columns:
        Most pillars of an input row: the length of the line buffers.
    """

    columns: int = 512

    def __post_init__(self) -> None:
        good = isinstance(self.columns, int) and 1 <= self.columns <= SIDE
        require(good, "columns", self.columns, f"1 to {SIDE}")

    @property
    def inputs(self) -> dict[str, Payload]:
        layer = (number(name, bits, "of the descriptor") for name, bits in LAYER_BITS.items())
        return {"layer": Payload(tuple(layer)), "i": TOKEN, "j": TOKEN}

    @property
    def outputs(self) -> dict[str, Payload]:
        return {"o": PILLAR}

    @property
    def contract(self) -> str:
        return (
            "The output pillars of a convolution in raster order, each with a bit for each tap"
            " (kernel row times kernel size plus kernel column) that meets an active input, and"
            " for each kernel row the index of the first such input; further ones of the row"
            " follow consecutively, or with one between where a pruned entry lies at tap 1. The"
            " output set is what active inputs reach (spconv), the input's own (submanifold), or"
            " the input's own and what selected inputs reach (selective). Op deconv gives the"
            " pillars of one kernel row of a transposed convolution, op coords all of them without"
            " rules, op union those active in any of the maps i and j, with presence bits."
        )

    @property
    def timing(self) -> str:
        return (
            "In steady state a pillar a cycle; of a convolution with stride 2, an input row is"
            " loaded before each output row, and of coords each input row. Two or three cycles"
            " more an output row; one for an empty one."
        )

    def process(self, inputs: Mapping[str, Beats]) -> dict[str, dict[str, Codes]]:
        layer, sources = self._parse(inputs)
        return {"o": _codes(PILLAR, pillars(layer, *sources))}

    def _parse(self, inputs: Mapping[str, Beats]) -> tuple[RuleLayer, list[Source]]:
        """The layer and its maps that beats carry."""
        (fields,) = self.inputs["layer"].rows(inputs["layer"])
        layer = RuleLayer.of(fields)
        shape = layer.rows, layer.columns
        maps = [{n: codes[:, 0] for n, codes in inputs[name].items()} for name in "ij"]
        return layer, [Source.of_tokens(beats, shape) for beats in maps if len(beats["last"])]

    def case(self, layer: RuleLayer, *sources: Source) -> Case:
        """The beats that carry a layer and its maps."""
        maps = [_codes(TOKEN, tokens(source)) for source in sources]
        return {
            "layer": self.inputs["layer"].beats([layer.fields()]),
            "i": maps[0],
            "j": maps[1] if len(maps) > 1 else TOKEN.beats([]),
        }

    def layer(
        self,
        rng: np.random.Generator,
        kind: tuple[str, int, int, str],
        shape: tuple[int, int],
        density: float | NDArray[np.float64],
        use: str = "ignore",
    ) -> Case:
        """A random layer of ``kind`` over maps of about the ``density``, one or one a site."""
        op, kernel, stride, mode = kind
        layer = RuleLayer(
            op=op,
            kernel=kernel,
            stride=stride,
            mode=mode,
            phase=int(rng.integers(kernel)) if op == "deconv" else 0,
            rows=shape[0],
            columns=shape[1],
            union_bit=int(rng.integers(1, 4)),
            union_first=bool(rng.integers(2)),
        )
        sources = []
        for _ in range(1 + (op == "union")):
            active = Cpr.from_bitmap(rng.random(shape) < density)
            # Presence bits of earlier maps of a union; whatever else they are is not looked at.
            value = rng.integers(1, 1 << layer.union_bit, len(active))
            selected = rng.random(len(active)) < rng.choice([0, 0.2, 0.7, 1])
            sources.append(Source.read(active, value, selected, use))
        return self.case(layer, *sources)

    def corners(self) -> Iterator[Case]:
        """Every kind of layer on every small grid that is special to it, empty, sparse and full,
        and with a single pillar anywhere; on a larger one; rows as long as the line buffers."""
        rng = np.random.default_rng(0)
        width = self.columns
        for kind in KINDS:
            least = _least(kind)
            use = "important" if kind[3] == "selective" else "prune"
            sides = [side for side in (1, 2, 3, 4) if least <= side]
            for rows in sides:
                for columns in (side for side in sides if side <= width):
                    for density in (0, 0.6, 1):
                        yield self.layer(rng, kind, (rows, columns), density, use)
            for site in range(15 if width >= 5 else 0):
                single = np.arange(15.0).reshape(3, 5) == site
                yield self.layer(rng, kind, (3, 5), single.astype(float), "important")
            if least <= width:
                for density in (0.03, 0.1, 0.3, 0.6):
                    yield self.layer(rng, kind, (10, min(width, 40)), density, use)
                yield self.layer(rng, kind, (3, width), 1)
                yield self.layer(rng, kind, (4, width), 0.9, use)

    def random(self, rng: np.random.Generator) -> Case:
        """Any kind of layer on a small grid of any density, sometimes with rows as long as the
        line buffers."""
        kinds = [kind for kind in KINDS if _least(kind) <= self.columns]
        kind = kinds[rng.integers(len(kinds))]
        least = _least(kind)
        most = self.columns if rng.random() < 0.05 else min(self.columns, 40)
        shape = int(rng.integers(least, 12)), int(rng.integers(least, most + 1))
        density = float(rng.choice([0, 0.02, 0.1, 0.3, 0.6, 0.9, 1]))
        use = str(rng.choice(["ignore", "prune", "important"]))
        return self.layer(rng, kind, shape, density, use)

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        layer, sources = self._parse(inputs)
        out = pillars(layer, *sources)
        given, rows = len(out["last"]), int(out["last"].sum())
        taken = [np.diff(source.pillars.pointers) for source in sources]
        longest, total = int(taken[0].max()), int(taken[0].sum())
        latency = 10
        if layer.op == "coords":
            return total + given + 2 * rows + latency
        if layer.op == "conv" and (layer.stride == 2 or layer.mode != "spconv"):
            # Elements that meet no output take cycles of their own.
            return 3 * total + given + 4 * rows + latency
        return given + 3 * rows + longest + latency


def _least(kind: tuple[str, int, int, str]) -> int:
    """Least rows and columns of a grid: a kernel of 2 has no padding."""
    return 2 if kind[:2] == ("conv", 2) else 1


def _codes(payload: Payload, beats: Beats) -> dict[str, Codes]:
    return {f.name: np.reshape(beats[f.name], (-1, f.lanes)) for f in payload.fields}
