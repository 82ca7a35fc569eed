"""The table of area against delay that a terminal shows."""

from __future__ import annotations

from rich import box
from rich.table import Table

from golden.cli import output

from ..tables.figures import heading, shown
from .curve import Curve


def show_curve(curve: Curve) -> None:
    """Print the Pareto front of area against delay, and the fastest clock."""
    table = Table(
        title=f"{curve.design}: {curve.library}, {curve.corner};"
        f" {len(curve.points)} runs, {len(curve.points) - len(curve.good)} failed",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    names = ("critical_path", "area", "area_nand2", "energy")
    for name in names:
        table.add_column(heading(name), justify="right", no_wrap=True)
    table.add_column("recipe", no_wrap=True)
    table.add_column("aiming for\nns", justify="right", no_wrap=True)
    for point in curve.front:
        figures = [point.metrics.get(name) for name in names]
        cells = ["-" if figure is None else shown(figure) for figure in figures]
        target = "the least" if point.target is None else f"{point.target:g}"
        table.add_row(*cells, point.recipe, target)
    output.print(table)
    if curve.fmax is not None:
        output.print(f"{curve.design}: fmax {shown(curve.fmax)} MHz")
    for error in sorted({f"{p.recipe}: {p.error}" for p in curve.points if p.error}):
        output.print(f"{curve.design}: {error}", soft_wrap=True, markup=False)
