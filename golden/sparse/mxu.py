"""The matrix unit: sums of products of INT8 activations and weights of a few integer formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ..errors import require
from ..formats import DINT4, FLAG, INT4, INT8, Codes, DInt, Int, integer
from ..process import Case, Process
from ..unit import Beats, Field, Payload

ACTIVATION = INT8
WEIGHTS: dict[str, Int | DInt] = {"int8": INT8, "int4": INT4, "dint4": DINT4}
"""Weight format by kind of processing element."""
SIZES = (4, 8, 16, 32, 64, 128)
"""Rows and columns that an array may have."""


def weight_bits(pe: str) -> int:
    """Width of a weight as the integer that is multiplied, in steps of its format."""
    low, high = WEIGHTS[pe].integer_range
    return max(high, -low - 1).bit_length() + 1


def sum_bits(n: int, pe: str) -> int:
    """Width of a sum of ``n`` products, signed: none overflows."""
    ends = [a * w for a, w in product(ACTIVATION.integer_range, WEIGHTS[pe].integer_range)]
    return max(n * max(ends), -n * min(ends) - 1).bit_length() + 1


@dataclass(frozen=True, kw_only=True)
class MxuConfig(Process):
    """The array on streams. A case is a number of tiles of weights, with vectors for each.

    Parameters
    ----------
    array:
        N, rows and columns: 4 to 128, a power of two.
    pe:
        Kind of processing element, by its weights: "int8", "int4", "dint4".
    """

    array: int = 16
    pe: str = "int8"

    def __post_init__(self) -> None:
        require(self.array in SIZES, "array", self.array, ", ".join(map(str, SIZES)))
        require(self.pe in WEIGHTS, "pe", self.pe, ", ".join(WEIGHTS))

    @property
    def sum(self) -> Int:
        """Format of a sum; with dINT4 it counts halves."""
        steps = -WEIGHTS[self.pe].unit_exponent
        return integer(sum_bits(self.array, self.pe), fraction_bits=steps)

    @property
    def inputs(self) -> dict[str, Payload]:
        n = self.array
        activations = Field("activations", ACTIVATION, "of N input channels", n)
        swap = Field("swap", FLAG, "the next tile's weights count from this vector on")
        weights = Field("weights", WEIGHTS[self.pe], "a row of a tile: N output channels", n)
        return {"w": Payload((weights,)), "i": Payload((activations, swap))}

    @property
    def outputs(self) -> dict[str, Payload]:
        return {"o": Payload((Field("sums", self.sum, "of N output channels", self.array),))}

    @property
    def contract(self) -> str:
        return (
            "Sums of a vector are its N activations times the N x N tile of weights, exact. Tiles"
            " come on stream w, N beats each, row (input channel) 0 first. The first vector has"
            " swap, and each one that has takes the next tile; one tile for each, no more."
        )

    @property
    def timing(self) -> str:
        return (
            "A vector a cycle, a tile every N cycles: the vectors of a tile take as many cycles as"
            " there are, or N if that is more. Sums are offered 2 N + 4 cycles after their vector"
            " transfers, a first tile's 4 N + 3 cycles after its first row."
        )

    def process(self, inputs: Mapping[str, Beats]) -> dict[str, dict[str, Codes]]:
        n, weight = self.array, WEIGHTS[self.pe]
        swaps = inputs["i"]["swap"][:, 0]
        require(bool(swaps[0]), "swap of the first vector", 0, "1")
        rows, tiles = len(inputs["w"]["weights"]), int(swaps.sum())
        require(rows == n * tiles, "rows of weights", rows, f"{n} for each of {tiles} swaps")
        activations = ACTIVATION.integer(inputs["i"]["activations"])
        weights = weight.integer(inputs["w"]["weights"]).reshape(tiles, n, n)
        sums = np.einsum("vi,vij->vj", activations, weights[np.cumsum(swaps) - 1])
        return {"o": {"sums": self.sum.wrap(sums)}}

    def case(self, taps: Sequence[int], rng: np.random.Generator, ends: float = 0.1) -> Case:
        """Random tiles with ``taps`` vectors each; a share ``ends`` of rows and vectors is all of
        the most negative number."""
        n = self.array

        def codes(fmt: Int | DInt, count: int) -> Codes:
            least = int(np.argmin(fmt.integer(np.arange(1 << fmt.bits))))
            random = rng.integers(0, 1 << fmt.bits, (count, n))
            return np.where(rng.random((count, 1)) < ends, least, random)

        vectors = sum(taps)
        swap = np.zeros((vectors, 1), np.int64)
        swap[np.cumsum([0, *taps[:-1]])] = 1
        return {
            "w": {"weights": codes(WEIGHTS[self.pe], n * len(taps))},
            "i": {"activations": codes(ACTIVATION, vectors), "swap": swap},
        }

    def corners(self) -> Iterator[Case]:
        """Tiles for one vector, and for about N and 2 N; the greatest sums; one tile for many."""
        rng, n = np.random.default_rng(0), self.array
        sizes = (1, n - 1, n, n + 1, 2 * n)
        yield from (self.case([size], rng) for size in sizes)
        yield from (self.case([one, other, 1], rng) for one, other in product(sizes, sizes))
        yield self.case([1] * 7, rng)
        yield self.case([n] * 5, rng)
        yield self.case([n, n], rng, ends=1.0)
        yield self.case([20 * n], rng)

    def random(self, rng: np.random.Generator) -> Case:
        """A few tiles with up to 3 N vectors each."""
        most = int(rng.choice([2, self.array + 2, 3 * self.array]))
        return self.case(rng.integers(1, most, rng.integers(1, 6)).tolist(), rng)

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        starts = np.flatnonzero(inputs["i"]["swap"][:, 0])
        vectors = len(inputs["i"]["swap"])
        taps = np.diff([*starts, vectors])
        waits = int(np.maximum(taps[:-1], self.array).sum())
        return 4 * self.array + 3 + waits + int(taps[-1])
