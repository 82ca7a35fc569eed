"""From a wrong beat to what probably went wrong: beats lost, repeated, out of order, or wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

WINDOW = 8
"""Beats that are looked at."""


def diagnose(expected: Sequence[str], got: Sequence[str], longest: int = 4) -> str:
    """``"dropped"``, ``"repeated"``, ``"reordered"`` or ``"wrong"``.

    Both begin at the first beat that differs; ``got`` may end earlier. Up to ``longest`` beats
    lost or repeated in a row are recognised.
    """
    seen = list(got[:WINDOW])
    if len(seen) > 1:
        for shift in range(1, longest + 1):
            if seen == list(expected[shift : shift + len(seen)]):
                return "dropped"
            late = seen[shift:]
            if len(late) > 1 and late == list(expected[: len(late)]):
                return "repeated"
        for length in range(2, len(seen) + 1):
            if Counter(seen[:length]) == Counter(expected[:length]):
                return "reordered"
    return "wrong"
