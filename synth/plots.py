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
            figsize=(5.4, 0.75 + 0.32 * len(rows) + 0.2 * -(-len(names) // 4))
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
        axes.set_xlabel("area, 1000 um2")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        figure.legend(
            loc="outside lower center", ncols=4, frameon=False, handlelength=0.9, columnspacing=1.2
        )
        return _svg(figure, f"area by part, {family.name}")


def area_against_delay(rows: list[Row]) -> str:
    """One point a design: critical path across, area up; one colour and mark a family."""
    with _style():
        figure, axes = plt.subplots(figsize=(5.4, 4.2))
        families = list(dict.fromkeys(row.result.family or "other" for row in rows))
        for index, family in enumerate(families):
            points = [row.result for row in rows if (row.result.family or "other") == family]
            points = [result for result in points if result.get("critical_path")]
            axes.scatter(
                [result["critical_path"] for result in points],
                [result["area"] / 1000 for result in points],
                color=COLOURS[index % len(COLOURS)],
                marker="osD^v"[index % 5],
                s=30,
                label=family,
                zorder=3,
            )
            _name_points(axes, points)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.set_xlabel("critical path, ns")
        axes.set_ylabel("area, 1000 um2")
        axes.margins(x=0.18, y=0.12)
        axes.grid(which="major", lw=0.4, color=_INK, alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside lower center", ncols=5, frameon=False, handletextpad=0.2)
        return _svg(figure, "area against critical path")


def _name_points(axes, results) -> None:
    for result in results:
        axes.annotate(
            result.design.removesuffix("_dot32").removesuffix("_decoder"),
            (result["critical_path"], result["area"] / 1000),
            textcoords="offset points",
            xytext=(5, 3),
            fontsize=7.5,
        )


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
            "font.family": "sans-serif",
            "font.size": 9,
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
