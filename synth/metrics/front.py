"""The Pareto front: the points than which none is better in one figure and no worse in another."""

from __future__ import annotations

from collections.abc import Sequence


def front(
    points: Sequence[tuple[float, float]], directions: tuple[str, str], *, repeats: bool = True
) -> list[int]:
    """Indices of the points that none dominates, from the best to the worst of the first figure.

    ``directions``: "lower" or "higher", which is better, for each figure. Points that are equal in
    both do not dominate each other; without ``repeats`` the first of them stands for all.
    """
    signs = [1 if direction == "lower" else -1 for direction in directions]
    scored = [(signs[0] * x, signs[1] * y, index) for index, (x, y) in enumerate(points)]
    found: list[int] = []
    best: tuple[float, float] | None = None
    for x, y, index in sorted(scored):
        if best is None or y < best[1] or (repeats and (x, y) == best):
            found.append(index)
            best = x, y
    return found
