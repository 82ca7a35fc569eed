"""The work of a layer, counted so that any tiling of it is cheap: what the cycle model needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cpr import Cpr
from .pace import pace
from .rules import Convolution, Rules
from .tiling import Tiling

FINE = 200_000
"""Outputs up to which each is counted for itself."""
COARSE = 16
"""Outputs that are counted as one of a layer that has more."""


@dataclass(frozen=True, eq=False)
class Tiles:
    """The tiles of a layer, one row each.

    ``outputs``: pillars. ``counts``: rules of each tap. ``low``, ``span``: first input, and inputs
    from it to the last. ``last``: the last input of each tap, counted from ``low``; -1 without a
    rule. ``generate``: cycles of the rule generator.
    """

    outputs: NDArray[np.int64]
    counts: NDArray[np.int64]
    low: NDArray[np.int64]
    span: NDArray[np.int64]
    last: NDArray[np.int64]
    generate: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.outputs)


@dataclass(frozen=True, eq=False)
class Work:
    """The rules of a layer (of a deconv, of one row phase), counted over granules of ``granule``
    consecutive outputs.

    ``outputs``: pillars made. ``counts``: rules of each tap before each granule, and all (granules
    + 1, taps). ``latest``: the last input of these (-1: none). ``low``, ``high``: first and last
    input of each granule. ``made``: cycles of the rule generator up to the end of each granule, and
    0 before the first (granules + 1). ``generate``: its cycles up to the layer's end.
    """

    granule: int
    outputs: int
    counts: NDArray[np.int64]
    latest: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    made: NDArray[np.int64]
    generate: int

    @property
    def taps(self) -> int:
        """Kernel taps of a pass."""
        return self.counts.shape[1]

    @property
    def rules(self) -> int:
        """All rules."""
        return int(self.counts[-1].sum())

    def head(self, part: float) -> Work:
        """Only the first ``part`` (0 to 1) of the outputs."""
        end = round(part * len(self.low))
        return Work(
            self.granule,
            min(self.outputs, end * self.granule),
            self.counts[: end + 1],
            self.latest[: end + 1],
            self.low[:end],
            self.high[:end],
            self.made[: end + 1],
            round(part * self.generate),
        )

    def bounds(self, tiling: Tiling) -> NDArray[np.int64]:
        """Granules before each tile, and all: a tile ends when it is full, or when one more output
        would stretch its inputs beyond ``span``."""
        bounds, count = [0], len(self.low)
        first, other = (max(1, size // self.granule) for size in (tiling.first_tile, tiling.tile))
        while bounds[-1] < count:
            start = bounds[-1]
            end = min(start + (other if start else first), count)
            low = np.minimum.accumulate(self.low[start:end])
            reach = np.maximum.accumulate(self.high[start:end]) - low
            if reach[-1] >= tiling.span:
                end = start + max(1, int(np.searchsorted(reach, tiling.span)))
            bounds.append(end)
        return np.array(bounds, np.int64)

    def tiles(self, tiling: Tiling) -> Tiles:
        """Cut by ``tiling``."""
        bounds = self.bounds(tiling)
        starts, ends = bounds[:-1], bounds[1:]
        if not len(starts):
            none, empty = np.zeros(0, np.int64), np.zeros((0, self.taps), np.int64)
            return Tiles(none, empty, none, none, empty, none)
        low = np.minimum.reduceat(self.low, starts)
        high = np.maximum.reduceat(self.high, starts)
        counts = self.counts[ends] - self.counts[starts]
        last = np.where(counts > 0, self.latest[ends] - low[:, None], -1)
        outputs = np.minimum(bounds * self.granule, self.outputs)
        made = self.made[ends] - self.made[starts]
        return Tiles(np.diff(outputs), counts, low, high - low + 1, last, made)


def work_of(pairs: list[tuple[NDArray, NDArray]], made: NDArray[np.int64], generate: int) -> Work:
    """From ``(inputs, outputs)`` of each tap, both rising strictly, and the cycle in which each
    output is made."""
    outputs = len(made)
    granule = 1 if outputs <= FINE else COARSE
    number = -(-outputs // granule)
    counts = np.zeros((number + 1, len(pairs)), np.int64)
    latest = np.full_like(counts, -1)
    low = np.full(number, np.iinfo(np.int64).max)
    high = np.full(number, -1, np.int64)
    edges = np.minimum(np.arange(number + 1) * granule, outputs)
    for tap, (inputs, reached) in enumerate(pairs):
        cut = np.searchsorted(reached, edges)
        counts[:, tap] = cut
        if not len(inputs):
            continue
        latest[:, tap] = np.where(cut > 0, inputs[np.maximum(cut - 1, 0)], -1)
        some = cut[1:] > cut[:-1]
        low[some] = np.minimum(low[some], inputs[cut[:-1][some]])
        high[some] = np.maximum(high[some], inputs[cut[1:][some] - 1])
    steps = np.concatenate([[0], made])[edges]
    return Work(granule, outputs, counts, latest, low, high, steps, generate)


def conv_work(
    convolution: Convolution, stored: Cpr, active: Cpr, generated: Cpr, rules: Rules
) -> Work:
    """Of a convolution that is not transposed.

    ``stored``: the entries in memory, which indices count; ``active``: those that were not pruned.
    """
    pairs = [rules.tap(tap) for tap in range(rules.taps)]
    if len(stored) != len(active):
        index = np.searchsorted(stored.keys, active.keys)
        pairs = [(index[i], o) for i, o in pairs]
    ends, cycles = pace(convolution, stored, generated)
    # Outputs come evenly, up to the end of their row: a cycle to begin it is before.
    outputs = np.diff(generated.pointers).astype(np.int64)
    left = generated.pointers[1:][generated.rows] - 1 - np.arange(len(generated))
    each = (cycles - 1) / np.maximum(outputs, 1)
    made = ends[generated.rows] - np.floor(left * each[generated.rows]).astype(np.int64)
    return work_of(pairs, made, int(ends[-1]))


def deconv_work(kernel: int, stored: Cpr, active: Cpr) -> Work:
    """Of one row phase of a transposed convolution: k outputs an input. The rule generator reads a
    row, then makes its outputs."""
    index = np.searchsorted(stored.keys, active.keys)
    order = np.arange(len(active), dtype=np.int64)
    lengths = np.diff(active.pointers).astype(np.int64)
    made = np.repeat(np.cumsum(lengths)[active.rows], kernel)
    made = made + np.arange(1, kernel * len(active) + 1)
    pairs = [(index, kernel * order + dx) for dx in range(kernel)]
    return work_of(pairs, made, int((kernel + 1) * len(active) + 2 * (lengths == 0).sum()))
