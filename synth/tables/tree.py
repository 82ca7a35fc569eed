"""Tables of a design that is mapped module by module: its tree, its paths, sums of its parts."""

from __future__ import annotations

from fnmatch import fnmatchcase

from rich import box
from rich.table import Table

from golden.cli import output
from golden.errors import require

from ..metrics import Branch, Result


def show_tree(result: Result, least: float) -> None:
    """Print the tree of a design's modules: what is below ``least`` of all area, cells and memories
    together, is left out."""
    whole = result.branches[0]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("module", no_wrap=True)
    for name in (
        "cells\num2",
        "memory\num2",
        "share\n%",
        "flip-flops",
        "memory\nbit",
        "path\nns",
        "power\nmW",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for branch in result.branches:
        share = (branch.area + branch.memory_area) / (whole.area + whole.memory_area)
        if share < least:
            continue
        depth = branch.path.count("/") + 1 if branch.path else 0
        name = branch.path.rpartition("/")[2] or result.design
        table.add_row(
            "  " * depth + name + (f" x {branch.count}" if branch.count > 1 else ""),
            f"{branch.area:,.0f}",
            f"{branch.memory_area:,.0f}",
            f"{100 * share:.2f}",
            f"{branch.flip_flops:,}",
            f"{branch.memory_bits:,}",
            "-" if branch.delay is None else f"{branch.delay:.2f}",
            "-" if branch.power is None else f"{branch.power:.3g}",
        )
    output.print(table)


def show_paths(result: Result, number: int) -> None:
    """Print the longest paths, one for each module that contains the end of one by itself."""
    leaves: dict[str, Branch] = {}
    for branch in result.branches:  # what contains comes first: the deepest remains
        if branch.delay is not None:
            leaves[branch.end] = branch
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("path\nns", justify="right", no_wrap=True)
    table.add_column("from", overflow="fold")
    table.add_column("to", overflow="fold")
    for branch in sorted(leaves.values(), key=lambda b: -b.delay)[:number]:
        table.add_row(f"{branch.delay:.2f}", branch.start, branch.end)
    output.print(table)


def show_sum(result: Result, globs: tuple[str, ...]) -> None:
    """Print area of the modules whose paths match any of ``globs``, and of all others.

    What lies in a module that matches is part of it. :class:`BadInput` where a glob matches none.
    """
    whole = result.branches[0]
    chosen = []
    for glob in globs:
        found = [b for b in result.branches if b.path and fnmatchcase(b.path, glob)]
        require(bool(found), "--sum", glob, f"paths of {result.design}, as `synth tree` shows them")
        chosen += [b.path for b in found]
    sums = [
        b
        for b in result.branches
        if b.path in chosen and not any(b.path.startswith(f"{path}/") for path in chosen)
    ]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("modules", no_wrap=True)
    for name in ("cells\num2", "memory\num2", "both\num2", "share\n%", "over others\n%"):
        table.add_column(name, justify="right", no_wrap=True)
    cells, memory = sum(b.area for b in sums), sum(b.memory_area for b in sums)
    everything = whole.area + whole.memory_area
    rest = (whole.area - cells, whole.memory_area - memory)
    rows = [(b.path, b.area, b.memory_area) for b in sums]
    for name, *areas in (*rows, ("sum", cells, memory), ("others", *rest)):
        figures = (*areas, sum(areas))
        over = f"{100 * sum(areas) / sum(rest):+.1f}" if name == "sum" and sum(rest) else ""
        share = f"{100 * sum(areas) / everything:.1f}"
        table.add_row(name, *(f"{x:,.0f}" for x in figures), share, over)
    output.print(table)
