"""A sweep in words: the Pareto fronts, the pictures, and what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from golden.files import write_atomic

from .plots import fronts
from .spec import Sweep
from .table import Plot, Row, evaluate, unit


def outcome(rows: Sequence[Row]) -> str:
    """ "60 points: 57 done, 3 failed (2 parameters, 1 synthesis)"."""
    failed = Counter(row["stage"] for row in rows if row["status"] != "ok")
    text = f"{len(rows)} points: {len(rows) - failed.total()} done"
    why = ", ".join(f"{count} {stage}" for stage, count in sorted(failed.items()))
    return f"{text}, {failed.total()} failed ({why})" if failed else text


def write(sweep: Sweep, rows: Sequence[Row], folder: Path) -> Path:
    """``summary.md``."""
    lines = [f"# {sweep.title}", "", f"{outcome(rows)}. {_made(rows)}", ""]
    for plot in sweep.plots:
        lines += [f"![{unit(plot.y)} against {unit(plot.x)}]({plot.name}.svg)", ""]
        lines += front_table(plot, rows, sweep.columns)
    failed = [row for row in rows if row["status"] != "ok"]
    if failed:
        names = [*sweep.columns, "stage", "error"]
        lines += ["Failed:", "", *_table(names, [[_cell(r, n) for n in names] for r in failed])]
    return write_atomic(folder / "summary.md", "\n".join(lines))


def front_table(plot: Plot, rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """The Pareto front of each panel of a plot as Markdown."""
    lines: list[str] = []
    for panel, members in fronts(plot, rows).items():
        title = f"Pareto front, {plot.panel} {panel}:" if plot.panel else "Pareto front:"
        head = [*columns, unit(plot.x), unit(plot.y)]
        body = [
            [
                *(_cell(row, name) for name in columns),
                *(f"{evaluate(axis, row):,.5g}" for axis in (plot.x, plot.y)),
            ]
            for row in members
        ]
        lines += [title, "", *_table(head, body)]
    return lines


def _made(rows: Sequence[Row]) -> str:
    """How the figures were made, where all agree."""
    facts = []
    for name, what in (("tools", ""), ("library", ""), ("corner", ""), ("recipe", "recipe ")):
        values = {row[name] for row in rows if row["status"] == "ok"}
        if len(values) == 1:
            facts.append(f"{what}{values.pop()}")
    return f"{'; '.join(facts)}." if facts else ""


def _cell(row: Row, name: str) -> str:
    value = row.get(name)
    return "none" if value is None else str(value)


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    rows = [head, ["---"] * len(head), *body]
    return [*("| " + " | ".join(cells) + " |" for cells in rows), ""]
