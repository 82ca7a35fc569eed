"""From a wrong beat to what probably went wrong: beats lost, repeated, out of order, or wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

WINDOW = 8
"""Beats that are looked at."""
WORDS = {
    "wrong": "wrong value",
    "dropped": "lost; later beats come in its place",
    "repeated": "an earlier beat comes again",
    "reordered": "beats come out of order",
}


def diagnose(expected: Sequence[str], got: Sequence[str], first: int, longest: int = 4) -> str:
    """``"dropped"``, ``"repeated"``, ``"reordered"`` or ``"wrong"``, where ``got`` first differs
    from ``expected`` at index ``first``.

    ``got`` may end earlier than ``expected``. Up to ``longest`` beats lost or repeated in a row are
    recognised. Windows of a single value prove nothing and count as wrong.
    """
    seen, wanted = list(got[first : first + WINDOW]), expected[first:]
    if len(set(seen)) > 1:
        for shift in range(1, longest + 1):
            if seen == list(wanted[shift : shift + len(seen)]):
                return "dropped"
            late = seen[shift:]
            again = seen[:shift] == list(expected[max(0, first - shift) : first])
            if again and len(late) > 1 and late == list(wanted[: len(late)]):
                return "repeated"
        for length in range(2, len(seen) + 1):
            if Counter(seen[:length]) == Counter(wanted[:length]):
                return "reordered"
    return "wrong"
