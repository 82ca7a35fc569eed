"""The table of results that a terminal shows."""

from __future__ import annotations

from rich import box
from rich.table import Table

from golden.cli import output

from ..metrics import Result
from .figures import MEMORY_COLUMNS, columns, figure, heading


def results_table(results: list[Result]) -> Table:
    """One row a design; a failed one keeps its row."""
    first, names = results[0].provenance, columns(results)
    libraries = dict.fromkeys((r.provenance.library, r.provenance.corner) for r in results)
    table = Table(
        title="; ".join(f"{library}, {corner}" for library, corner in libraries)
        + f"; clock {first.period_ns:g} ns",
        caption="power and energy are of the netlist's activity on random or given numbers;"
        " ~ is an estimate"
        + ("; memories are a model, and in no other column" if MEMORY_COLUMNS[0] in names else ""),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("design", no_wrap=True)
    if len(libraries) > 1:
        table.add_column("library", no_wrap=True)
    recipes = len({result.provenance.recipe for result in results}) > 1
    if recipes:
        table.add_column("recipe", no_wrap=True)
    for name in names:
        table.add_column(heading(name), justify="right", no_wrap=True)
    equivalence = any(result.equivalence for result in results)
    if equivalence:
        table.add_column("netlist\n= RTL", no_wrap=True)
    for result in results:
        label = [result.design]
        if len(libraries) > 1:
            label.append(result.provenance.library)
        if recipes:
            label.append(result.provenance.recipe)
        cells = [figure(result, name) for name in names]
        if equivalence:
            cells.append(result.equivalence.verdict if result.equivalence else "-")
        table.add_row(*label, *(cells if result.status == "ok" else ["failed"]))
    return table


def show(results: list[Result]) -> None:
    """Print the table, and below it why designs failed."""
    output.print(results_table(results))
    for result in results:
        if result.status != "ok":
            output.print(f"{result.design} failed: {result.error}", soft_wrap=True, markup=False)


def show_equivalence(results: list[Result]) -> None:
    """Print whether each netlist is its RTL, and how that is known."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("design", no_wrap=True)
    table.add_column("netlist = RTL", no_wrap=True)
    table.add_column("how", overflow="fold")
    for result in results:
        found = result.equivalence
        said = (found.verdict, found.detail) if found else ("-", result.error)
        table.add_row(result.design, *said)
    output.print(table)
