"""The tables of changes, of noise and of ratios that a terminal shows."""

from __future__ import annotations

import math

from rich import box
from rich.table import Table

from golden.cli import output

from ..metrics import KINDS
from ..tables.figures import heading, shown
from .changes import COMPARED, NOISE, Change
from .noise import Noise
from .ratios import Ratio


def show_changes(changes: list[Change], noise: dict[str, float]) -> None:
    """Print what changed: the figures of both sides, the change of each and the verdict."""
    sides = [side for c in changes for side in (c.before, c.after) if side]
    present = [name for name in COMPARED if any(name in side.values for side in sides)]
    band = NOISE | noise
    table = Table(
        caption="within the noise: "
        + ", ".join(f"{KINDS[name].title} {band[name]:g} %" for name in present or COMPARED),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("design", no_wrap=True)
    for name in present:
        table.add_column(heading(name), justify="right", no_wrap=True)
        table.add_column("\n%", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for change in changes:
        cells = []
        for name in present:
            side = change.after or change.before
            value = side.values.get(name)
            cells.append("-" if value is None else shown(value))
            cells.append(f"{change.percent[name]:+.1f}" if name in change.percent else "")
        table.add_row(change.design, *cells, VERDICTS[change.verdict])
    output.print(table)
    settings = {(c.before.setting, c.after.setting): c for c in changes if c.settings_differ}
    for before, after in settings:
        output.print(f"settings differ: {before} -> {after}", soft_wrap=True, markup=False)


#: What a verdict says in a table.
VERDICTS = {
    "new": "new",
    "gone": "gone",
    "failed": "fails now",
    "mended": "works again",
    "same": "the same",
    "noise": "within the noise",
    "better": "better: dominates",
    "worse": "worse: dominated",
    "trade": "trade",
}


def show_noise(found: list[Noise]) -> None:
    """Print the largest and the root mean square deviation of each metric."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("design", no_wrap=True)
    for name in COMPARED:
        table.add_column(f"{KINDS[name].title}\nlargest %", justify="right", no_wrap=True)
        table.add_column("\nr.m.s. %", justify="right", no_wrap=True)
    whole = {name: [x for each in found for x in each.percent.get(name, [])] for name in COMPARED}
    for label, percent in [*((each.design, each.percent) for each in found), ("all", whole)]:
        cells = []
        for name in COMPARED:
            moved = percent.get(name)
            cells.append(f"{max(map(abs, moved)):.2f}" if moved else "-")
            mean = math.sqrt(sum(x * x for x in moved) / len(moved)) if moved else 0.0
            cells.append(f"{mean:.2f}" if moved else "-")
        table.add_row(label, *cells)
    output.print(table)


def show_ratios(found: list[Ratio]) -> None:
    """Print each ratio in each library, and how far apart they are."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("ratio", no_wrap=True)
    table.add_column("of", no_wrap=True)
    libraries = dict.fromkeys(
        library
        for each in found
        for library in (*each.errors, *(x for of in each.values.values() for x in of))
    )
    for library in libraries:
        table.add_column(library, justify="right", overflow="fold")
    table.add_column("spread\n%", justify="right", no_wrap=True)
    for each in found:
        for name, of in each.values.items():
            cells = [f"{of[library]:.3f}" if library in of else "failed" for library in libraries]
            spread = f"{100 * each.spread[name]:.1f}" if name in each.spread else "-"
            table.add_row(each.pair.title, KINDS[name].title, *cells, spread)
    output.print(table)
    for each in found:
        for library, error in each.errors.items():
            output.print(f"{library}: {error}", soft_wrap=True, markup=False)
