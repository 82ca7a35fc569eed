"""The vector unit of the sparse accelerator: what it writes, beat by beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .prune import RATIO_BITS

HEADER_BYTES = 64
"""Of a CPR."""
NOTHING = (1 << 16) - 1
"""Threshold above which no value lies."""


def select_number(count: int, select_count: int, select_ratio: int) -> int:
    """How many of ``count`` outputs a top-k selection takes: ``select_count`` and the ratio (in
    2^-16, rounded up) together, but never more than there are."""
    return min(count, select_count + -(-count * select_ratio >> RATIO_BITS))


def top_selection(value: NDArray[np.int64], number: int) -> tuple[int, int]:
    """``(threshold, ties)`` that select the ``number`` largest: what is above the threshold, and
    the first ``ties`` of what equals it. Of zero: (:data:`NOTHING`, 0)."""
    if number == 0:
        return NOTHING, 0
    threshold = int(np.sort(value)[-number])
    return threshold, number - int(np.count_nonzero(value > threshold))


def selected(value: NDArray[np.int64], threshold: int, ties: int) -> NDArray[np.bool_]:
    """A mask of what a header selects."""
    equal = value == threshold
    return (value > threshold) | (equal & (np.cumsum(equal) <= ties))
