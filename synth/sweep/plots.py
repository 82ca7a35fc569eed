"""Pictures of a sweep: points by two figures, with the Pareto front."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib

from golden.files import write_atomic

from ..metrics.front import front
from ..report.drawing import COLOURS
from .table import Plot, Row, better, evaluate, unit

matplotlib.use("svg")
import matplotlib.pyplot as plt

_MARKS = "osD^vPX*<>hp"
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "sweep",  # the same bytes each time
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def fronts(plot: Plot, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The Pareto front of each panel, from the best to the worst ``x``; none without directions."""
    if not plot.directed:
        return {}
    found = {}
    for panel, members in _by(plot.panel, _drawn(plot, rows)).items():
        places = [(evaluate(plot.x, each), evaluate(plot.y, each)) for each in members]
        chosen = front(places, (better(plot.x), better(plot.y)))
        found[panel] = [members[index] for index in chosen]
    return found


def write(plot: Plot, rows: Sequence[Row], folder: Path) -> Path:
    """``folder/PLOT.svg``, on white."""
    drawn = _drawn(plot, rows)
    panels = _by(plot.panel, drawn)
    colours = {v: COLOURS[i % len(COLOURS)] for i, v in enumerate(_by(plot.colour, drawn))}
    marks = {v: _MARKS[i % len(_MARKS)] for i, v in enumerate(_by(plot.marker, drawn))}
    across = min(len(panels), 2) or 1
    down = -(-len(panels) // across) or 1
    size = (5.6, 3.9) if across == 1 else (4.1 * across, 3.1 * down + 0.7)
    with plt.rc_context(_STYLE):
        figure, grid = plt.subplots(down, across, figsize=size, squeeze=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        best = fronts(plot, rows)
        for axes, (panel, members) in zip(grid.flat, panels.items(), strict=False):
            _panel(axes, plot, members, best.get(panel, []), colours, marks)
            if plot.panel:
                axes.set_title(f"{plot.panel} {panel}", fontsize=9)
        _legend(figure, plot, colours, marks)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
        plt.close(figure)
    return write_atomic(folder / f"{plot.name}.svg", stream.getvalue())


def _panel(axes, plot: Plot, members: list[Row], best: list[Row], colours, marks) -> None:
    for row in members:
        axes.scatter(
            evaluate(plot.x, row),
            evaluate(plot.y, row),
            color=colours[_text(plot.colour, row)],
            marker=marks[_text(plot.marker, row)],
            s=26,
            linewidths=0,
            zorder=3,
        )
    if best:
        x = [evaluate(plot.x, row) for row in best]
        y = [evaluate(plot.y, row) for row in best]
        axes.plot(x, y, color="#444444", lw=0.9, drawstyle="steps-post", zorder=2)
        axes.scatter(x, y, s=70, facecolors="none", edgecolors="#444444", linewidths=0.9, zorder=4)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(unit(plot.x))
    axes.set_ylabel(unit(plot.y))
    axes.grid(lw=0.4, alpha=0.4)


def _legend(figure, plot: Plot, colours: dict[str, str], marks: dict[str, str]) -> None:
    handles = []
    for chosen, table in ((plot.colour, colours), (plot.marker, marks)):
        for value, look in table.items() if chosen else ():
            colour, mark = (look, "o") if table is colours else ("#777777", look)
            name = value if chosen == "label" else f"{chosen} {value}"
            line = {"color": colour, "marker": mark, "ls": "", "ms": 5, "label": name}
            handles.append(plt.Line2D([], [], **line))
    if plot.directed:
        ring = {"color": "#444444", "marker": "o", "ms": 7, "mfc": "none", "lw": 0.9}
        handles.append(plt.Line2D([], [], label="Pareto front", **ring))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)


def _drawn(plot: Plot, rows: Sequence[Row]) -> list[Row]:
    """The rows that have both figures."""
    return [
        row
        for row in rows
        if evaluate(plot.x, row) is not None and evaluate(plot.y, row) is not None
    ]


def _by(column: str, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by what a column holds, in the order in which it turns up."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(_text(column, row), []).append(row)
    return found


def _text(column: str, row: Row) -> str:
    if not column:
        return ""
    value = row.get(column)
    return "none" if value is None else str(value)
