"""The table of results that a terminal shows."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase

from rich import box
from rich.table import Table

from golden.cli import output
from golden.errors import require

from .compare import COMPARED, NOISE, Change
from .curve import Curve
from .metrics import KINDS, Branch, Result
from .noise import Noise
from .ratios import Ratio

COLUMNS = (
    "area",
    "area_nand2",
    "cells",
    "flip_flops",
    "critical_path",
    "fmax",
    "power",
    "energy",
    "energy_operation",
)
#: What switching activity decides.
POWER_COLUMNS = ("power", "energy", "energy_operation")
#: After these, where netlists were timed in several corners.
CORNER_COLUMNS = ("corner_path", "corner_slack")
#: After these, where a design has memories.
MEMORY_COLUMNS = ("memory_bits", "memory_area")


def columns(results: list[Result]) -> tuple[str, ...]:
    """The metrics that a table of ``results`` has a column for."""
    memories = any(result.memories for result in results)
    corners = any(result.corners for result in results)
    return COLUMNS + (CORNER_COLUMNS if corners else ()) + (MEMORY_COLUMNS if memories else ())


def shown(value: float) -> str:
    """Three significant digits, whole numbers in full: what such a flow can warrant."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def figure(result: Result, name: str) -> str:
    """A metric in a table: "~" before power that is estimated, the operation after its energy."""
    found = result.get(name)
    if not found:
        return "-"
    about = "~" if name in POWER_COLUMNS and not result.provenance.measured else ""
    after = f" / {result.provenance.operation}" if name == "energy_operation" else ""
    return f"{about}{shown(found.value)}{after}"


def heading(name: str) -> str:
    kind = KINDS[name]
    return f"{kind.title}\n{kind.unit}"


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


def show_tree(result: Result, least: float) -> None:
    """Print the tree of a design's modules: what is below ``least`` of all area, cells and memories
    together, is left out."""
    whole = result.branches[0]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("module", no_wrap=True)
    for name in ("cells\num2", "memory\num2", "share\n%", "flip-flops", "memory\nbit", "path\nns"):
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


def recipe_ratios(results: list[Result], base: str) -> dict[str, dict[str, float]]:
    """Recipe -> geometric mean over the designs of area, critical path and their product, each
    over that of recipe ``base``; designs that any recipe failed on are left out."""
    figures: dict[str, dict[str, Result]] = {}
    for result in results:
        figures.setdefault(result.design, {})[result.provenance.recipe] = result
    recipes = list(dict.fromkeys(result.provenance.recipe for result in results))
    whole = [
        of
        for of in figures.values()
        if len(of) == len(recipes) and all(result.status == "ok" for result in of.values())
    ]

    def mean(recipe: str, name: str) -> float:
        logs = [math.log(of[recipe][name] / of[base][name]) for of in whole]
        return math.exp(sum(logs) / len(logs)) if logs else math.nan

    return {
        recipe: {
            "area": mean(recipe, "area"),
            "critical_path": mean(recipe, "critical_path"),
            "product": mean(recipe, "area") * mean(recipe, "critical_path"),
        }
        for recipe in recipes
    }


def show_recipes(results: list[Result], base: str) -> None:
    """Print how recipes compare over all designs of ``results``."""
    table = Table(
        title=f"geometric means, {base} = 1",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("recipe")
    for heading_ in ("area", "critical path", "area x delay"):
        table.add_column(heading_, justify="right")
    for recipe, ratios in recipe_ratios(results, base).items():
        table.add_row(recipe, *(f"{value:.2f}" for value in ratios.values()))
    output.print(table)


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
