"""Importance of a pillar, and the selections made by it: vector pruning and selective dilation.

Importance is an exact integer of the INT8 feature vector, so that hardware can compute it. Of equal
pillars the earlier in raster order wins. Ratios are taken in steps of 2^-16, the resolution of a
layer descriptor, and counts are rounded up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import require

MEASURES = ("max-abs", "l1", "l2")
RATIO_BITS = 16
VALUES = 1 << 16
"""An importance is smaller in an accelerator."""


def importance(features: NDArray[np.int8], measure: str = "max-abs") -> NDArray[np.int64]:
    """Importance of each vector (pillars, channels): ``max-abs``, ``l1``, or ``l2`` *squared*."""
    require(measure in MEASURES, "importance measure", measure, ", ".join(MEASURES))
    wide = np.abs(features.astype(np.int32))
    if measure == "max-abs":
        return wide.max(axis=1, initial=0).astype(np.int64)
    return (wide if measure == "l1" else wide * wide).sum(axis=1, dtype=np.int64)


def ratio_code(ratio: float) -> int:
    """``ratio`` (0 to 1) as an integer of 2^-16: the field of a layer descriptor."""
    require(0 <= ratio <= 1, "ratio", ratio, "0 to 1")
    return round(ratio * (1 << RATIO_BITS))


def ratio_count(number: int, ratio: float) -> int:
    """How many of ``number`` pillars (or sites) a ``ratio`` is, rounded up."""
    return -(-number * ratio_code(ratio) >> RATIO_BITS)


def top(value: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """A mask of the ``count`` largest (all, if there are fewer); of equals the earlier."""
    mask = np.zeros(len(value), bool)
    mask[np.argsort(-value, kind="stable")[:count]] = True
    return mask


def above(value: NDArray[np.int64], threshold: int, measure: str) -> NDArray[np.bool_]:
    """A mask of the importances strictly above ``threshold``, which is in units of the norm."""
    require(threshold >= 0, "threshold", threshold, "0 or more")
    return value > (threshold**2 if measure == "l2" else threshold)


def selection(value: NDArray[np.int64], count: int) -> tuple[int, int]:
    """:func:`top` as a threshold and a number of ties, for :func:`selected`.

    The threshold is the smallest value among the ``count`` largest (all, if there are fewer), the
    ties how many of the equal ones are among them. For none at all: (2^16 - 1, 0).
    """
    count = min(count, len(value))
    if count == 0:
        return VALUES - 1, 0
    threshold = int(np.sort(value)[-count])
    return threshold, count - int(np.count_nonzero(value > threshold))


def selected(value: NDArray[np.int64], threshold: int, ties: int) -> NDArray[np.bool_]:
    """A mask of values above ``threshold`` and of the first ``ties`` of those that equal it."""
    equal = value == threshold
    return (value > threshold) | (equal & (np.cumsum(equal) <= ties))
