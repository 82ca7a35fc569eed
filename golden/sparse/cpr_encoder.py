"""The CPR encoder: a map as a bitmap or as sorted coordinates in, row pointers and entries out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import require
from ..formats import FLAG, integer
from ..process import Case, Process
from ..unit import Beats, Codes, Field, Payload
from .cpr import Cpr
from .descriptor import SIDE

SOURCES = ("coordinates", "bitmap")


@dataclass(frozen=True, kw_only=True)
class CprEncoderConfig(Process):
    """A case is a map.

    Parameters
    ----------
    rows, columns:
        Of the grid: 1 to 2048.
    source:
        ``coordinates``: row and column of each pillar, in raster order; a map without any is one
        beat that is ``empty``. ``bitmap``: words of ``word`` sites, the leftmost one least
        significant; each row begins with a new word.
    word:
        Sites of a word of a bitmap: 1 to 64.
    """

    rows: int = 512
    columns: int = 512
    source: str = "coordinates"
    word: int = 32

    def __post_init__(self) -> None:
        require(self.source in SOURCES, "source", self.source, ", ".join(SOURCES))
        for name, most in (("rows", SIDE), ("columns", SIDE), ("word", 64)):
            value = getattr(self, name)
            good = isinstance(value, int) and 1 <= value <= most
            require(good, name, value, f"1 to {most}")

    @property
    def row_bits(self) -> int:
        """Of the number of a row."""
        return max(1, (self.rows - 1).bit_length())

    @property
    def column_bits(self) -> int:
        """Of the number of a column."""
        return max(1, (self.columns - 1).bit_length())

    @property
    def count_bits(self) -> int:
        """Of the number of pillars."""
        return (self.rows * self.columns).bit_length()

    @property
    def words(self) -> int:
        """Words of a row of a bitmap."""
        return -(-self.columns // self.word)

    @property
    def inputs(self) -> dict[str, Payload]:
        if self.source == "bitmap":
            sites = _number("sites", self.word, "bit b: site b is active; 0 beyond the row's end")
            return {"i": Payload((sites,))}
        coordinates = (
            _number("row", self.row_bits, "of an active pillar"),
            _number("column", self.column_bits, "of it"),
            Field("empty", FLAG, "no pillar: the map has none"),
            Field("last", FLAG, "of the map"),
        )
        return {"i": Payload(coordinates)}

    @property
    def outputs(self) -> dict[str, Payload]:
        pointer = (
            _number("pointer", self.count_bits, "pillars before the row; at last, all"),
            Field("last", FLAG, "of the map"),
        )
        entry = _number("column", self.column_bits, "of a pillar")
        return {"pointers": Payload(pointer), "entries": Payload((entry,))}

    @property
    def contract(self) -> str:
        given = "the set bits of a bitmap" if self.source == "bitmap" else "coordinates"
        return (
            f"CPR (compressed pillar row) of {given}: rows + 1 pointers, of which the r-th is the"
            " number of pillars before row r and the last one that of all; and the column of each"
            " pillar, in raster order."
        )

    @property
    def timing(self) -> str:
        if self.source == "bitmap":
            return "A pillar a cycle, a word without any in a cycle; one cycle more for a map."
        return "A pillar a cycle and a row without any in a cycle; one or two more for a map."

    def process(self, inputs: Mapping[str, Beats]) -> dict[str, dict[str, Codes]]:
        active = self._parse(inputs)
        count = len(active.pointers)
        return {
            "pointers": {
                "pointer": active.pointers.astype(np.int64).reshape(-1, 1),
                "last": (np.arange(count) == count - 1).astype(np.int64).reshape(-1, 1),
            },
            "entries": {"column": active.columns.astype(np.int64).reshape(-1, 1)},
        }

    def _parse(self, inputs: Mapping[str, Beats]) -> Cpr:
        """The map that beats carry."""
        shape, beats = (self.rows, self.columns), inputs["i"]
        if self.source == "bitmap":
            words = [int(word) for word in beats["sites"][:, 0]]
            bits = [[word >> b & 1 for b in range(self.word)] for word in words]
            return Cpr.from_bitmap(np.reshape(bits, (self.rows, -1))[:, : self.columns])
        keys = beats["row"][:, 0] * self.columns + beats["column"][:, 0]
        return Cpr.from_keys(keys[beats["empty"][:, 0] == 0], shape)

    def case(self, active: Cpr) -> Case:
        """The beats that carry a map."""
        payload = self.inputs["i"]
        if self.source == "bitmap":
            sites = np.zeros((self.rows, self.words * self.word), bool)
            sites[:, : self.columns] = active.bitmap()
            rows = sites.reshape(-1, self.word).tolist()
            words = [sum(int(bit) << b for b, bit in enumerate(row)) for row in rows]
            return {"i": payload.beats({"sites": word} for word in words)}
        if not len(active):
            return {"i": payload.beats([{"empty": 1, "last": 1}])}
        last = np.arange(len(active)) == len(active) - 1
        codes = {"row": active.rows, "column": active.columns, "empty": 0 * last, "last": last}
        return {"i": {name: c.astype(np.int64).reshape(-1, 1) for name, c in codes.items()}}

    def corners(self) -> Iterator[Case]:
        """No pillar, one at each corner, some rows or columns, all sites (of a large grid: of some
        rows)."""
        shape = self.rows, self.columns
        sites = self.rows * self.columns
        yield self.case(Cpr.from_keys([], shape))
        for key in sorted({0, self.columns - 1, sites - self.columns, sites - 1}):
            yield self.case(Cpr.from_keys([key], shape))
        full = np.zeros(shape, bool)
        full[: max(1, 4096 // self.columns)] = True
        yield self.case(Cpr.from_bitmap(full))
        yield self.case(Cpr.from_bitmap(full[::-1]))
        ends = np.zeros(shape, bool)
        ends[:, [0, -1]] = True
        yield self.case(Cpr.from_bitmap(ends))

    def random(self, rng: np.random.Generator) -> Case:
        """Some rows are denser than others; up to some thousand pillars."""
        shape = self.rows, self.columns
        most = min(1.0, 4096 / (self.rows * self.columns))
        density = most * rng.choice([0.01, 0.1, 1], self.rows) * rng.integers(0, 2, self.rows)
        return self.case(Cpr.from_bitmap(rng.random(shape) < density[:, None]))

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        active = self._parse(inputs)
        counts = np.diff(active.pointers)
        if self.source == "bitmap":
            bits = np.array([int(word).bit_count() for word in inputs["i"]["sites"][:, 0]])
            return int(np.maximum(bits, 1).sum()) + 5
        return int(np.maximum(counts, 1).sum()) + 6


def _number(name: str, bits: int, meaning: str) -> Field:
    return Field(name, integer(bits, signed=False), meaning)
