"""CPR as it lies in memory (`docs/spade.md`), and the selection that its header holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from .cpr import Cpr

HEADER_WORDS = 16


@dataclass(frozen=True)
class Selection:
    """Which entries are selected: those whose value is above ``threshold``, or equal to it and
    among the first ``ties`` of those in raster order."""

    threshold: int
    ties: int = 0

    def mask(self, values: NDArray[np.integer]) -> NDArray[np.bool_]:
        """A boolean for each entry."""
        equal = values == self.threshold
        return (values > self.threshold) | (equal & (np.cumsum(equal) <= self.ties))


def entry_words(active: Cpr, values: NDArray[np.integer] | None = None) -> NDArray[np.uint32]:
    """The entries: column in bits 0 to 15, value (0 unless given) in bits 16 to 31."""
    words = active.columns.astype(np.uint32)
    if values is not None:
        require(values.shape == words.shape, "values", values.shape, f"{words.shape}")
        words |= values.astype(np.uint32) << np.uint32(16)
    return words


def cpr_words(active: Cpr, selection: Selection | None = None) -> NDArray[np.uint32]:
    """The header and the row pointers."""
    header = np.zeros(HEADER_WORDS, np.uint32)
    header[0] = len(active)
    if selection is not None:
        header[1:4] = 1, selection.threshold, selection.ties
    return np.concatenate([header, active.pointers.astype(np.uint32)])
