"""The table of results on FPGAs that a terminal shows."""

from __future__ import annotations

from rich import box
from rich.table import Table

from golden.cli import output

from ..tables.figures import shown
from .result import KINDS, FpgaResult
from .targets import TARGETS

COLUMNS = ("lut", "ff", "dsp", "bram", "fmax")
#: These only where any design uses some.
MORE = ("lutram", "carry", "mux", "spram")


def columns(results: list[FpgaResult]) -> tuple[str, ...]:
    """The metrics that a table of ``results`` has a column for."""
    used = {m.name for result in results for m in result.metrics if m.value}
    return tuple(name for name in KINDS if name in COLUMNS or (name in MORE and name in used))


def show(results: list[FpgaResult]) -> None:
    """Print one row a design, and below the table why designs failed."""
    first, names = results[0].provenance, columns(results)
    timed = f"{first.part}, seed {first.seed}" if first.nextpnr else f"{first.part}, only mapped"
    table = Table(
        title=timed,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("design", no_wrap=True)
    for name in names:
        unit = f"\n{KINDS[name].unit}" if KINDS[name].unit else ""
        table.add_column(KINDS[name].title + unit, justify="right", no_wrap=True)
    if first.nextpnr:
        table.add_column("of the device", justify="right", no_wrap=True)
        table.add_column("path in wires", justify="right", no_wrap=True)
    for result in results:
        figures = [result.get(name) for name in names]
        cells = [shown(figure.value) if figure else "-" for figure in figures]
        if first.nextpnr:
            use = result.device_use.get(TARGETS[first.target].slot)
            path = result.critical_path
            cells.append(f"{100 * use['used'] / use['available']:.0f} %" if use else "failed")
            cells.append(f"{100 * path.routing / path.delay:.0f} %" if path else "-")
        table.add_row(result.design, *cells)
    output.print(table)
    for result in results:
        if result.status != "ok":
            output.print(f"{result.design} failed: {result.error}", soft_wrap=True, markup=False)
        elif result.critical_path and result.critical_path.harness:
            output.print(f"{result.design}: its harness limits fmax", soft_wrap=True)
