"""Further timing corners: the same cells, characterised slower or faster, time the same netlist."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from golden.errors import BadInput

from ..library import Library
from ..metrics import Corner, Metric, metric
from .sta import Timing

#: Times a netlist with the Liberty file of a corner in a folder.
Timer = Callable[[Library, Path], Timing]


@cache
def read(path: Path) -> Library:
    """The library of a corner, whatever its cells are for."""
    return Library(path)


def check(library: Library, paths: tuple[Path, ...]) -> None:
    """Raise :class:`BadInput` where a corner lacks cells of ``library``, or comes twice."""
    seen = {library.sha256: library.path}
    for path in paths:
        corner = read(path)
        missing = sorted({cell.name for cell in library.usable} - corner.cells.keys())
        if missing:
            raise BadInput(
                f"corner {path} has no {missing[0]} (nor {len(missing) - 1} other cells) of library"
                f" {library.name}; allowed: the same cells at other conditions"
            )
        if corner.sha256 in seen:
            raise BadInput(f"corner {path} is the same as {seen[corner.sha256]}; allowed: another")
        seen[corner.sha256] = path


def timed(paths: tuple[Path, ...], period: float, timer: Timer, folder: Path) -> list[Corner]:
    """Timing of a netlist in each corner; ``folder`` takes the logs, a folder a corner."""
    found = []
    for number, path in enumerate(paths, 1):
        corner = read(path)
        place = folder / f"corner{number}"
        place.mkdir()
        longest = timer(corner, place).longest
        if longest:
            delay = float(f"{longest.delay:.6g}")
            slack = float(f"{period - longest.delay:.6g}")
            found.append(Corner(corner.name, path.name, corner.sha256, corner.corner, delay, slack))
    return found


def metrics(corners: list[Corner], own: list[Metric], source: str) -> list[Metric]:
    """The worst of all corners, that of the mapping library (``own``) among them."""
    by_name = {each.name: each.value for each in own}
    if not corners or "critical_path" not in by_name:
        return []
    worst = max([by_name["critical_path"], *(corner.critical_path for corner in corners)])
    slack = min([by_name["slack"], *(corner.slack for corner in corners)])
    text = f"{source}; the worst of {1 + len(corners)} corners"
    return [metric("corner_path", worst, text), metric("corner_slack", slack, text)]
