"""The table of results that a terminal shows."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from .metrics import KINDS, Result

COLUMNS = (
    "area",
    "area_nand2",
    "cells",
    "flip_flops",
    "critical_path",
    "fmax",
    "power",
    "energy",
)


def shown(value: float) -> str:
    """Three significant digits, whole numbers in full: what such a flow can warrant."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def heading(name: str) -> str:
    kind = KINDS[name]
    return f"{kind.title}\n{kind.unit}"


def results_table(results: list[Result]) -> Table:
    """One row a design; a failed one keeps its row."""
    first = results[0].provenance
    table = Table(
        title=f"{first.library}, {first.corner}; clock {first.period_ns:g} ns",
        caption="power and energy are estimates from default activity",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("design", no_wrap=True)
    recipes = len({result.provenance.recipe for result in results}) > 1
    if recipes:
        table.add_column("recipe", no_wrap=True)
    for name in COLUMNS:
        table.add_column(heading(name), justify="right", no_wrap=True)
    for result in results:
        label = [result.design, result.provenance.recipe] if recipes else [result.design]
        figures = [result.get(name) for name in COLUMNS]
        cells = [shown(figure.value) if figure else "-" for figure in figures]
        table.add_row(*label, *(cells if result.status == "ok" else ["failed"]))
    return table


def show(results: list[Result]) -> None:
    """Print the table, and below it why designs failed."""
    console = Console(highlight=False)
    if not console.is_terminal:  # a log has no width: never fold a table there
        console = Console(highlight=False, width=200)
    console.print(results_table(results))
    for result in results:
        if result.status != "ok":
            console.print(f"{result.design} failed: {result.error}", soft_wrap=True, markup=False)
