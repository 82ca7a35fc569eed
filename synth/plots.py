"""The pictures of the report: SVG that lies inside the page and takes its text colour from it."""

from __future__ import annotations

import io
import re

import matplotlib

from .collect import Family, Row
from .metrics import Part

matplotlib.use("svg")
import matplotlib.pyplot as plt

#: Mid tones that stand on white and on near-black alike, told apart by colour-blind readers too
#: (after Okabe and Ito, "Color Universal Design").
COLOURS = (
    "#0f7dc2",
    "#e08a00",
    "#12a07a",
    "#d1559a",
    "#7a6cf0",
    "#c0522d",
    "#55a9dd",
    "#8a8d3a",
    "#9a6b4f",
    "#6f7b8a",
)
_INK = "#010203"  # stands for the page's text colour until the SVG is written


def area_by_part(family: Family) -> str:
    """Stacked bars of area by submodule, and a mark at the area of the flat netlist."""
    names = _part_names(family.rows)
    rows = family.rows[::-1]
    with _style():
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
            axes.plot([flat, flat], [index - 0.42, index + 0.42], color=_INK, lw=1.4, label=label)
        axes.set_yticks(range(len(rows)), [row.result.design for row in rows])
        axes.set_xlabel("area, 1000 µm²")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        figure.legend(
            loc="outside lower center", ncols=3, frameon=False, handlelength=0.9, columnspacing=1.2
        )
        return _svg(figure, f"area by part, {family.name}")


def area_against_delay(family: Family) -> str:
    """One point a design: critical path across, area up."""
    results = [row.result for row in family.rows if row.result.get("critical_path")]
    common = _common_ending([result.design for result in results])
    with _style():
        figure, axes = plt.subplots(figsize=(4.8, 3.4))
        x = [result["critical_path"] for result in results]
        y = [result["area"] / 1000 for result in results]
        axes.scatter(x, y, color=COLOURS[0], s=32, zorder=3)
        axes.set_xlim(0, 1.12 * max(x, default=1))
        axes.set_ylim(0, 1.12 * max(y, default=1))
        axes.set_xlabel("critical path, ns")
        axes.set_ylabel("area, 1000 µm²")
        axes.grid(lw=0.4, color=_INK, alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
        figure.draw_without_rendering()  # the layout settles before labels are placed
        _name_points(axes, x, y, [result.design.removesuffix(common) for result in results])
        return _svg(figure, f"area against critical path, {family.name}")


def _common_ending(names: list[str]) -> str:
    """The ending with its underscore that all names share, "" when they share none."""
    endings = {name[name.rfind("_") :] if "_" in name else "" for name in names}
    return endings.pop() if len(endings) == 1 else ""


def _name_points(axes, x: list[float], y: list[float], names: list[str]) -> None:
    """A label beside each point, at the first place around it that covers no other mark."""
    size = 9.5
    places = [tuple(axes.transData.transform(point)) for point in zip(x, y, strict=True)]
    scale = axes.figure.dpi / 72
    taken = [(px - 4, py - 4, px + 4, py + 4) for px, py in places]
    for name, (px, py) in sorted(zip(names, places, strict=True), key=lambda item: item[1][::-1]):
        width, height = 0.56 * size * scale * len(name), 1.15 * size * scale
        best = None
        for radius in (7, 16, 28, 42):
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)):
                left = px + radius * dx - (width * (1 - dx) / 2)
                low = py + radius * dy - height / 2
                box = (left, low, left + width, low + height)
                hits = sum(_overlap(box, other) for other in taken)
                hits += not axes.bbox.contains(left, low + height / 2)
                hits += not axes.bbox.contains(left + width, low + height / 2)
                if best is None or hits < best[0]:
                    best = (hits, box, radius)
            if best[0] == 0:
                break
        _, box, radius = best
        taken.append(box)
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        arrow = {"arrowstyle": "-", "lw": 0.5, "color": _INK, "shrinkA": 0, "shrinkB": 2}
        axes.annotate(
            name,
            (px, py),
            xycoords="figure pixels",
            xytext=middle,
            textcoords="figure pixels",
            ha="center",
            va="center",
            fontsize=size - 1,
            arrowprops=arrow if radius > 7 else None,
        )


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _part_names(rows: list[Row]) -> list[str]:
    """All submodule names, the largest in sum first: the same colour in every bar."""
    totals: dict[str, float] = {}
    for row in rows:
        for part in row.result.parts:
            totals[part.name] = totals.get(part.name, 0.0) + part.area
    return sorted(totals, key=lambda name: (-totals[name], name))


def _area_of(parts: list[Part], name: str) -> float:
    return sum(part.area for part in parts if part.name == name)


def _style():
    return plt.rc_context(
        {
            "svg.fonttype": "none",
            "figure.dpi": 72,  # what the SVG is drawn at, so that pixels are its units
            "font.family": "sans-serif",
            "font.size": 10,
            "figure.constrained_layout.use": True,
            **{
                f"{key}.{which}": _INK for key, which in (("text", "color"), ("axes", "labelcolor"))
            },
            **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), _INK),
        }
    )


def _svg(figure, title: str) -> str:
    """The figure as an ``<svg>`` element: no fixed size, the page's ink, always the same bytes."""
    stream = io.StringIO()
    with plt.rc_context({"svg.hashsalt": title}):  # ids that no other picture of the page has
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    plt.close(figure)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' id="[a-z]+[\w.]*_\d+"', "", text)  # names of groups, the same in every picture
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px inherit", text)
    text = re.sub(r"font-family: ?[^;\"]*;?", "", text)
    text = text.replace(_INK, "currentColor")
    return text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1).strip()
