"""The pace of the rule generator on a convolution: rows as `hw/sparse/join.py` and `merge.py` pass
them on.

Two units work one behind the other, a few columns apart. The first joins the input rows of an
output row to columns, one a cycle; at stride 2 it moves an input row into a buffer before. The
second finds the first candidate of an output row, then does a candidate a cycle, with which one
column at most leaves; each further column that nobody needs any longer takes a cycle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .cpr import Cpr
from .rules import Convolution

BEHIND = 2
"""Cycles after which the second unit sees what it needs of the first one's row."""
WINDOW = 5
"""Columns that the first unit may be ahead."""


def pace(
    convolution: Convolution, stored: Cpr, generated: Cpr
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cycle in which each output row ends, and how many before it has been begun.

    ``stored``: the input's entries; ``generated``: the output's. Exact but for a few cycles a row:
    of a submanifold it is an estimate which candidates turn out to be no output.
    """
    columns, joined, steps = _work(convolution, stored, generated)
    rows, double = len(columns), convolution.stride == 2
    works = np.where(columns > 0, 1 + steps, 1).tolist()
    lengths = np.maximum(np.diff(stored.pointers), 1)
    fill = np.zeros(rows, np.int64)
    if double:
        fill[: len(lengths[::2])] = lengths[::2][:rows]
    elif convolution.kernel > 1:
        fill[0] = lengths[0]
    ends = []
    join = merge = 0
    for filled, wait, work in zip(
        fill.tolist(), np.maximum(joined, 1).tolist(), works, strict=True
    ):
        begin = join + filled
        merge = max(max(merge, begin + BEHIND) + work, begin + wait + BEHIND)
        join = max(begin + wait, merge - WINDOW)
        ends.append(merge)
    return np.array(ends, np.int64), np.array(works, np.int64)


def _work(
    convolution: Convolution, stored: Cpr, generated: Cpr
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each output row: its columns, the cycles in which they are joined, and those of candidates
    and of columns that leave without one."""
    rows = generated.shape[0]
    elements = _elements(convolution, stored, rows)
    seen = np.any(elements, axis=0)
    outputs = np.zeros((rows, max(generated.shape[1], seen.shape[1])), bool)
    outputs[generated.rows, generated.columns] = True
    candidates = outputs.sum(axis=1)
    useless = np.zeros(rows, np.int64)
    if convolution.stride == 2:
        wide = np.zeros((rows, 2 * outputs.shape[1]), bool)
        wide[:, : seen.shape[1]] = seen
        leaves = outputs & wide[:, ::2]  # the column at twice the output's own
        leaves |= outputs & (wide[:, 1::2] if convolution.kernel == 2 else _left(wide)[:, ::2])
    elif convolution.mode == "submanifold" and convolution.taps > 1:
        centre = elements[1]
        near = centre | _left(centre) | _right(centre)
        useless = _useless(centre, [elements[0] & ~near, elements[2] & ~near])
        seen &= near
        leaves = outputs & (_left(seen) | (seen & ~_right(seen)))
        # Where the next centre is not in view, what may be one is tried.
        later = np.cumsum(centre[:, ::-1], axis=1)[:, ::-1] - centre > 0
        unsure = centre & ~_right(centre) & later
        candidates = candidates + (unsure & _left(seen)).sum(axis=1)
        candidates += (unsure & _right(seen)).sum(axis=1)
    elif convolution.kernel == 3:
        leaves = outputs & _left(seen)
    else:
        leaves = outputs[:, : seen.shape[1]] & seen
    columns = seen.sum(axis=1)
    return columns, columns + useless, candidates + columns - leaves.sum(axis=1)


def _elements(convolution: Convolution, stored: Cpr, rows: int) -> list[NDArray[np.bool_]]:
    """Bitmaps of the input rows that each output row reads, one a kernel row."""
    k, s, p = convolution.kernel, convolution.stride, convolution.padding
    padded = np.zeros((max(stored.shape[0] + p, s * rows + k), stored.shape[1]), bool)
    padded[stored.rows + p, stored.columns] = True
    return [padded[dy : dy + s * rows : s][:rows] for dy in range(k)]


def _useless(centre: NDArray[np.bool_], others: list[NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Cycles in which elements near no centre leave: between two centres, those of both rows at a
    time."""
    rows, columns = centre.shape
    gap = np.cumsum(centre, axis=1) + np.arange(rows)[:, None] * (columns + 1)
    counts = [np.bincount(gap[other], minlength=rows * (columns + 1)) for other in others]
    return np.maximum(*counts).reshape(rows, columns + 1).sum(axis=1)


def _left(bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The left neighbour of each column."""
    return np.pad(bits, ((0, 0), (1, 0)))[:, :-1]


def _right(bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.pad(bits, ((0, 0), (0, 1)))[:, 1:]
