"""A descriptor's work: all that the cycle model needs of its rules, for any tiling."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .cpr import Cpr
from .rules import Convolution, Rules

NOTHING = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Tiling:
    """How a layer is cut: outputs of the first tile and of the others, and inputs of any, at most;
    ``resident``: weights stay in the buffer from tile to tile."""

    first: int
    tile: int
    span: int
    resident: bool = False


@dataclass(frozen=True, eq=False)
class Tiles:
    """The tiles of one layer.

    ``bounds``: outputs before each tile, and all. ``counts``: rules (tiles, taps). ``low``: first
    input; ``span``: inputs from the first to the last. ``last``: the last input of each tap, counted
    from ``low`` (tiles, taps). ``present``: for each source, input vectors of the span that it has.
    ``generate``: cycles of the rule generator.
    """

    bounds: NDArray[np.int64]
    counts: NDArray[np.int64]
    low: NDArray[np.int64]
    span: NDArray[np.int64]
    last: NDArray[np.int64]
    present: list[NDArray[np.int64]]
    generate: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.counts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """The work of one descriptor.

    ``name``: of the network's layer; ``op`` as in the descriptor. ``channels``: in and out.
    ``pairs``: ``(inputs, outputs)`` of each tap, both rising, as indices in memory. ``outputs``:
    pillars made. ``made``: cycles of the rule generator until an output is out (outputs);
    ``generate``: until its end. ``entries_read``, ``entries_written``: of CPR lists; ``rows``: in
    and out, for their row pointers. ``cpr_from``, ``features_from``: numbers of the descriptors
    whose CPR and features it needs, or -1. ``watermark``: whether it may read its input while that
    is still being written. ``sources``: for each map of a union, how many of its pillars come
    before each of the union's. ``late``: cycles of the selection after the last output, for a CPR
    that waits for the features; or None. ``dense_rules``: of the dense network's layer.
    """

    name: str
    op: str
    channels: tuple[int, int]
    pairs: tuple[tuple[NDArray, NDArray], ...] = ()
    outputs: int = 0
    made: NDArray[np.int64] = field(default_factory=lambda: NOTHING)
    generate: int = 0
    entries_read: int = 0
    entries_written: int = 0
    rows: tuple[int, int] = (0, 0)
    cpr_from: int = -1
    features_from: int = -1
    watermark: bool = False
    sources: tuple[NDArray[np.int64], ...] = ()
    late: int | None = None
    dense_rules: int = 0

    @property
    def taps(self) -> int:
        """Kernel taps of a pass."""
        return len(self.pairs)

    @cached_property
    def rules(self) -> int:
        """Rules of the layer."""
        return sum(len(i) for i, _ in self.pairs)

    @cached_property
    def _reach(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First and last input of each output."""
        low = np.full(self.outputs, np.iinfo(np.int64).max, np.int64)
        high = np.full(self.outputs, -1, np.int64)
        for inputs, outputs in self.pairs:
            low[outputs] = np.minimum(low[outputs], inputs)
            high[outputs] = np.maximum(high[outputs], inputs)
        return low, high

    def bounds(self, tiling: Tiling) -> NDArray[np.int64]:
        """Outputs before each tile: a tile ends when it is full or would span too many inputs."""
        low, high = self._reach
        bounds = [0]
        while bounds[-1] < self.outputs:
            start = bounds[-1]
            end = min(start + (tiling.tile if start else tiling.first), self.outputs)
            reach = np.maximum.accumulate(high[start:end]) - np.minimum.accumulate(low[start:end])
            if reach[-1] >= tiling.span:
                end = start + max(1, int(np.searchsorted(reach, tiling.span)))
            bounds.append(end)
        return np.array(bounds, np.int64)

    def widest(self) -> int:
        """Inputs that one output spans, at most: the least ``span``."""
        low, high = self._reach
        return int((high - low).max(initial=-1)) + 1

    def tiles(self, tiling: Tiling) -> Tiles:
        """Cut into tiles."""
        low, high = self._reach
        bounds = self.bounds(tiling)
        starts = bounds[:-1]
        if not len(starts):
            empty = np.zeros((0, self.taps), np.int64)
            return Tiles(bounds, empty, NOTHING, NOTHING, empty, [NOTHING] * len(self.sources),
                         NOTHING)  # fmt: skip
        first = np.minimum.reduceat(low, starts)
        end = np.maximum.reduceat(high, starts) + 1
        counts = np.zeros((len(starts), self.taps), np.int64)
        last = np.zeros_like(counts)
        for tap, (inputs, outputs) in enumerate(self.pairs):
            cut = np.searchsorted(outputs, bounds)
            counts[:, tap] = np.diff(cut)
            if len(inputs):
                last[:, tap] = inputs[np.maximum(cut[1:] - 1, 0)] - first
        made = self.made[bounds[1:] - 1]
        return Tiles(
            bounds,
            counts,
            first,
            end - first,
            np.where(counts > 0, last, -1),
            [before[end] - before[first] for before in self.sources],
            np.diff(made, prepend=0),
        )


def conv_work(
    convolution: Convolution,
    stored: Cpr,
    active: Cpr,
    generated: Cpr,
    rules: Rules,
) -> dict:
    """Fields of the :class:`Work` of a convolution that is not transposed.

    ``stored``: the entries in memory; ``active``: those that are not pruned. ``made`` counts one
    candidate a cycle, two cycles an empty row; a row whose lists are longer than its candidates
    takes as long as the longest; stride 2 first fills a buffer with the even row.
    """
    pairs = tuple(rules.tap(tap) for tap in range(rules.taps))
    if len(stored) != len(active):
        index = np.searchsorted(stored.keys, active.keys)
        pairs = tuple((index[i], o) for i, o in pairs)
    shape = generated.shape
    candidates = generated
    if convolution.mode == "selective":
        candidates = _dilated(active, convolution.kernel)
    row_of = np.searchsorted(candidates.keys, generated.keys)  # rank among the candidates
    per_row = np.diff(candidates.pointers)
    lists = _longest(np.diff(stored.pointers), convolution, shape[0])
    cycles = np.maximum(per_row, lists)
    cycles[cycles == 0] = 2
    if convolution.stride == 2:
        even = np.diff(stored.pointers)[:: 2][: shape[0]]
        cycles[: len(even)] += even
    ends = np.cumsum(cycles)
    # The pillars of a row come at its end: what is skipped or filled comes before.
    rank_from_end = candidates.pointers[1:][generated.rows] - row_of - 1
    made = ends[generated.rows] - rank_from_end
    return {
        "pairs": pairs,
        "outputs": len(generated),
        "made": made.astype(np.int64),
        "generate": int(ends[-1]),
        "entries_read": len(stored),
        "rows": (stored.shape[0], shape[0]),
    }


def _dilated(active: Cpr, kernel: int) -> Cpr:
    """Every site that the kernel reaches from an active one, at stride 1."""
    reach = kernel // 2
    rows, columns = active.shape
    full = np.zeros((rows + 2 * reach, columns + 2 * reach), bool)
    for dy in range(kernel):
        for dx in range(kernel):
            full[active.rows + dy, active.columns + dx] = True
    return Cpr.from_bitmap(full[reach : reach + rows, reach : reach + columns])


def _longest(per_row: NDArray, convolution: Convolution, rows: int) -> NDArray[np.int64]:
    """Entries of the longest of the input rows that each output row reads."""
    k, s, p = convolution.kernel, convolution.stride, convolution.padding
    padded = np.concatenate([np.zeros(p, np.int64), per_row, np.zeros(k + s, np.int64)])
    return np.max([padded[dy : dy + s * rows : s][:rows] for dy in range(k)], axis=0)


def phase_work(kernel: int, stored: Cpr, active: Cpr) -> dict:
    """Fields of the :class:`Work` of one row phase of a transposed convolution: k outputs an input;
    a row is read first, then its outputs come."""
    index = np.searchsorted(stored.keys, active.keys)
    order = np.arange(len(active), dtype=np.int64)
    per_row = np.diff(active.pointers).astype(np.int64)
    filled = np.cumsum(per_row)[active.rows]
    made = np.repeat(filled, kernel) + np.arange(1, kernel * len(active) + 1)
    return {
        "pairs": tuple((index, kernel * order + dx) for dx in range(kernel)),
        "outputs": kernel * len(active),
        "made": made,
        "generate": int((kernel + 1) * len(active) + 2 * (per_row == 0).sum()),
        "entries_read": len(stored),
        "rows": (stored.shape[0], stored.shape[0]),
    }
