"""The tree of modules of a mapped design: area, memories and the longest path of each."""

from __future__ import annotations

from collections.abc import Mapping

from ..mapping.netlist import Netlist
from ..metrics import Branch
from .sta import Timing


def branches(
    netlists: dict[str, Netlist],
    top: str,
    timing: Timing,
    memories: Mapping[str, tuple[int, float]],
) -> list[Branch]:
    """The tree of modules, each before what it contains. What a module has several of is one
    branch. ``memories``: bits and area of each kind by name."""
    totals: dict[str, tuple[int, int, float, int, float]] = {}

    def total(module: str) -> tuple[int, int, float, int, float]:
        if module not in totals:
            own = netlists[module].instances
            boxes = [memories[each.cell.name] for each in netlists[module].memories]
            parts = [
                (
                    len(own),
                    sum(each.cell.kind == "flip-flop" for each in own),
                    sum(each.cell.area for each in own),
                    sum(bits for bits, _ in boxes),
                    sum(area for _, area in boxes),
                ),
                *map(total, netlists[module].children.values()),
            ]
            totals[module] = tuple(map(sum, zip(*parts, strict=True)))
        return totals[module]

    # The worst path of each place that contains an end.
    worst: dict[str, tuple[float, str, str]] = {}
    for path in timing.ends:
        place = path[2]
        while place:
            place = place.rpartition("/")[0]
            worst[place] = max(worst.get(place, path), path)

    found = []

    def visit(paths: list[str], module: str) -> None:
        figures = (len(paths) * figure for figure in total(module))
        cells, flip_flops, area, bits, memory_area = figures
        delay, start, end = max(
            (worst[path] for path in paths if path in worst), default=(None, "", "")
        )
        sizes = (len(paths), cells, flip_flops, round(area, 4), bits, round(memory_area, 4))
        found.append(Branch(paths[0], module, *sizes, delay, start, end))
        groups: dict[str, list[str]] = {}
        for name, child in netlists[module].children.items():
            groups.setdefault(child, []).append(name)
        ordered = sorted(groups.items(), key=lambda g: -len(g[1]) * sum(total(g[0])[2::2]))
        for child, names in ordered:
            visit([f"{path}/{name}".lstrip("/") for path in paths for name in names], child)

    visit([""], top)
    return found
