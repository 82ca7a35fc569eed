"""Pictures of families of designs."""

from __future__ import annotations

from ..metrics import Part
from .collect import Family, Row
from .drawing import COLOURS, INK, common_ending, name_points, plt, style, svg


def area_by_part(family: Family) -> str:
    """Stacked bars of area by submodule, and a mark at the area of the flat netlist."""
    names = _part_names(family.rows)
    rows = family.rows[::-1]
    with style():
        figure, axes = plt.subplots(
            figsize=(4.8, 0.75 + 0.32 * len(rows) + 0.2 * -(-len(names) // 3))
        )
        left = [0.0] * len(rows)
        for index, name in enumerate(names):
            widths = [_area_of(row.result.parts, name) / 1000 for row in rows]
            colour = COLOURS[index % len(COLOURS)]
            axes.barh(range(len(rows)), widths, left=left, color=colour, label=name, height=0.62)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        for index, row in enumerate(rows):
            flat = row.result["area"] / 1000
            label = "flat netlist" if index == 0 else None
            axes.plot([flat, flat], [index - 0.42, index + 0.42], color=INK, lw=1.4, label=label)
        axes.set_yticks(range(len(rows)), [row.result.design for row in rows])
        axes.set_xlabel("area, 1000 µm²")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        figure.legend(
            loc="outside lower center", ncols=3, frameon=False, handlelength=0.9, columnspacing=1.2
        )
        return svg(figure, f"area by part, {family.name}")


def area_against_delay(family: Family) -> str:
    """One point a design: critical path across, area up."""
    results = [row.result for row in family.rows if row.result.get("critical_path")]
    common = common_ending([result.design for result in results])
    with style():
        figure, axes = plt.subplots(figsize=(4.8, 3.4))
        x = [result["critical_path"] for result in results]
        y = [result["area"] / 1000 for result in results]
        axes.scatter(x, y, color=COLOURS[0], s=32, zorder=3)
        axes.set_xlim(0, 1.12 * max(x, default=1))
        axes.set_ylim(0, 1.12 * max(y, default=1))
        axes.set_xlabel("critical path, ns")
        axes.set_ylabel("area, 1000 µm²")
        axes.grid(lw=0.4, color=INK, alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
        figure.draw_without_rendering()  # the layout settles before labels are placed
        name_points(axes, x, y, [result.design.removesuffix(common) for result in results])
        return svg(figure, f"area against critical path, {family.name}")


def _part_names(rows: list[Row]) -> list[str]:
    """All submodule names, the largest in sum first: the same colour in every bar."""
    totals: dict[str, float] = {}
    for row in rows:
        for part in row.result.parts:
            totals[part.name] = totals.get(part.name, 0.0) + part.area
    return sorted(totals, key=lambda name: (-totals[name], name))


def _area_of(parts: list[Part], name: str) -> float:
    return sum(part.area for part in parts if part.name == name)
