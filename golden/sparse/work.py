"""A layer's work, counted over runs of pillars: all that the cycle model needs of its rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .run import LayerRun


@dataclass(frozen=True, eq=False)
class Work:
    """The work of one layer in the shape that the model needs, without the rules themselves.

    Everything is counted over granules of ``granule`` consecutive tiled pillars (outputs, or inputs
    for a SpDeconv). ``counts``: rules (granules, taps). ``low``, ``high``: first and last input
    index that a granule needs, for each row of the kernel (granules, rows). ``made``: output
    vectors a granule makes. ``rows``: output rows (for the rule generator). ``waits``: whether its
    output set depends on features. ``dense_rules``: of the dense network. ``compacted``: vectors
    that exact top-k pruning keeps, or 0.
    """

    name: str
    channels: tuple[int, int]
    macs_per_rule: int
    granule: int
    counts: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    made: NDArray[np.int64]
    inputs: int
    rows: int
    waits: bool
    dense_rules: int
    compacted: int

    @property
    def taps(self) -> int:
        """Kernel taps."""
        return self.counts.shape[1]

    @cached_property
    def spans(self) -> NDArray[np.int64]:
        """Input vectors that each row of the kernel spans (granules, rows)."""
        return np.maximum(self.high - self.low + 1, 0)

    @cached_property
    def span(self) -> NDArray[np.int64]:
        """Input vectors from the first to the last that a granule needs."""
        return np.maximum(self.high.max(axis=1) - self.low.min(axis=1) + 1, 0)

    @cached_property
    def rules(self) -> int:
        """Rules of the layer."""
        return int(self.counts.sum())

    def tiled(self, tile: int) -> Work:
        """The same work in granules of ``tile``, a multiple of the present ones."""
        factor = tile // self.granule
        starts = np.arange(0, len(self.counts), factor)
        if not len(starts) or factor == 1:
            return self
        return Work(
            self.name,
            self.channels,
            self.macs_per_rule,
            tile,
            np.add.reduceat(self.counts, starts, axis=0),
            np.minimum.reduceat(self.low, starts, axis=0),
            np.maximum.reduceat(self.high, starts, axis=0),
            np.add.reduceat(self.made, starts),
            self.inputs,
            self.rows,
            self.waits,
            self.dense_rules,
            self.compacted,
        )


def work_of(
    run: LayerRun, granule: int, *, pruned_source: bool = False, top_k: bool = False
) -> Work:
    """The :class:`Work` of a layer that has run.

    ``pruned_source``: its input was pruned, so its rules wait for the layer before. ``top_k``: its
    output is pruned by exact top-k.
    """
    assert run.rules is not None and run.convolution is not None
    transposed = run.convolution.transposed
    tiled = len(run.source.active) if transposed else len(run.generated)
    number = -(-tiled // granule)
    counts = np.zeros((number, run.rules.taps), np.int64)
    kernel = run.convolution.kernel
    low = np.full((number, kernel), np.iinfo(np.int32).max, np.int64)
    high = np.full((number, kernel), -1, np.int64)
    for tap in range(run.rules.taps):
        inputs, outputs = run.rules.tap(tap)
        if not len(inputs):
            continue
        which = (inputs if transposed else outputs) // granule
        counts[:, tap] = np.bincount(which, minlength=number)
        # Both indices rise within a tap, so a granule's first and last rule hold its range.
        first = np.flatnonzero(np.diff(which, prepend=-1))
        last = np.append(first[1:], len(which)) - 1
        row = tap // kernel
        np.minimum.at(low[:, row], which[first], inputs[first])
        np.maximum.at(high[:, row], which[last], inputs[last])
    span = np.diff(np.append(np.arange(number) * granule, tiled))
    made = counts.sum(axis=1) if transposed else span
    shape = run.generated.shape
    return Work(
        run.layer.name,
        run.layer.channels,
        run.layer.macs_per_rule,
        granule,
        counts,
        low,
        high,
        made,
        len(run.source.active),
        shape[0],
        pruned_source or run.important is not None,
        run.layer.dense_rules(shape[0] * shape[1]),
        len(run.output.active) if top_k else 0,
    )
