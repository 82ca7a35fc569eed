"""Pictures of families of designs."""

from __future__ import annotations

from ..metrics import Part
from ..metrics.front import front
from .collect import COMPARED, Family, Row
from .drawing import COLOURS, INK, common_ending, name_points, plt, style, svg


def area_by_part(family: Family) -> str:
    """Stacked bars of area by submodule, and a mark at the area of the netlist. Beside the largest
    submodules all others are one, so that each has a colour of its own."""
    names = _part_names(family.rows)
    named = names if len(names) <= len(COLOURS) else names[: len(COLOURS) - 1]
    others = names[len(named) :]
    groups = {name: [name] for name in named} | ({"others": others} if others else {})
    rows = family.rows[::-1]
    with style():
        figure, axes = plt.subplots(
            figsize=(4.8, 0.75 + 0.32 * len(rows) + 0.2 * -(-(len(groups) + 1) // 3))
        )
        left = [0.0] * len(rows)
        for (name, members), colour in zip(groups.items(), COLOURS, strict=False):
            widths = [_area_of(row.result.parts, members) / 1000 for row in rows]
            axes.barh(range(len(rows)), widths, left=left, color=colour, label=name, height=0.62)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        for index, row in enumerate(rows):
            flat = row.result["area"] / 1000
            label = "netlist" if index == 0 else None
            axes.plot([flat, flat], [index - 0.42, index + 0.42], color=INK, lw=1.4, label=label)
        axes.set_yticks(range(len(rows)), [row.result.design for row in rows])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlabel("area, 1000 µm²")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        figure.legend(
            loc="outside lower center", ncols=3, frameon=False, handlelength=0.9, columnspacing=1.2
        )
        return svg(figure, f"area by part, {family.name}")


def area_against_delay(family: Family) -> str:
    """One point a design, with a link to its page: critical path across, area up, where all have
    MACs for one a cycle. Those on the Pareto front are filled; they, and the yardstick of the
    family, are named first."""
    rows = [row for row in family.rows if "critical_path" in row.figures]
    names = [row.result.design for row in rows]
    common = common_ending(names)
    area = "area_mac" if all("area_mac" in row.figures for row in rows) else "area"
    x = [row.figures["critical_path"] for row in rows]
    y = [row.figures[area] / 1000 for row in rows]
    best = set(front(list(zip(x, y, strict=True)), ("lower", "lower")))
    with style():
        figure, axes = plt.subplots(figsize=(4.8, 3.4))
        axes.scatter(
            x,
            y,
            facecolor=[COLOURS[1] if k in best else "none" for k in range(len(x))],
            edgecolor=[COLOURS[1] if k in best else COLOURS[0] for k in range(len(x))],
            linewidth=1.5,
            s=32,
            zorder=3,
            urls=[f"{name}.html" for name in names],
        )
        axes.set_xlim(0, 1.12 * max(x, default=1))
        axes.set_ylim(0, 1.12 * max(y, default=1))
        axes.set_xlabel("critical path, ns")
        axes.set_ylabel(f"{COMPARED[area].title}, 1000 µm²")
        axes.grid(lw=0.4, color=INK, alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
        figure.draw_without_rendering()  # the layout settles before labels are placed
        first = best | {k for k, name in enumerate(names) if name == family.yardstick}
        name_points(axes, x, y, [name.removesuffix(common) for name in names], must=first)
        return svg(figure, f"area against critical path, {family.name}")


def _part_names(rows: list[Row]) -> list[str]:
    """All submodule names, the largest in sum first: the same colour in every bar."""
    totals: dict[str, float] = {}
    for row in rows:
        for part in row.result.parts:
            totals[part.name] = totals.get(part.name, 0.0) + part.area
    return sorted(totals, key=lambda name: (-totals[name], name))


def _area_of(parts: list[Part], names: list[str]) -> float:
    return sum(part.area for part in parts if part.name in names)
