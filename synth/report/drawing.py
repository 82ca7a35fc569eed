"""How pictures are drawn: SVG that lies inside the page and takes its text colour from it."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Collection

import matplotlib

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
#: More points than these cannot all have their names beside them.
NAMED = 16
INK = "#010203"  # stands for the page's text colour until the SVG is written


def common_ending(names: list[str]) -> str:
    """The ending with its underscore that all names share, "" when they share none."""
    endings = {name[name.rfind("_") :] if "_" in name else "" for name in names}
    return endings.pop() if len(endings) == 1 else ""


def name_points(
    axes, x: list[float], y: list[float], names: list[str], steps=(), must: Collection[int] = ()
) -> None:
    """A label beside each point, at the first place around it that covers no other mark, nor the
    line that ``steps`` are the points of: up from each, then across to the next. Of more points
    than :data:`NAMED`, those that are not in ``must`` go without a name where there is no room
    right beside them."""
    size = 9.5
    places = [tuple(axes.transData.transform(point)) for point in zip(x, y, strict=True)]
    scale = axes.figure.dpi / 72
    taken = [(px - 4, py - 4, px + 4, py + 4) for px, py in places]
    corners = [tuple(axes.transData.transform(point)) for point in steps]
    for (left, low), (right, high) in itertools.pairwise(corners):
        taken += [(left - 2, low, left + 2, high), (left, high - 2, right, high + 2)]
    named = set(must) if len(names) > NAMED else set(range(len(names)))
    order = sorted(range(len(names)), key=lambda k: (k not in named, places[k][::-1]))
    for name, (px, py), needed in ((names[k], places[k], k in named) for k in order):
        width, height = 0.56 * size * scale * len(name), 1.15 * size * scale
        best = None
        for radius in (7, 16, 28, 42) if needed else (7,):
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
        hits, box, radius = best
        if hits and not needed:
            continue
        taken.append(box)
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        arrow = {"arrowstyle": "-", "lw": 0.5, "color": INK, "shrinkA": 0, "shrinkB": 2}
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


def style():
    return plt.rc_context(
        {
            "svg.fonttype": "none",
            "figure.dpi": 72,  # what the SVG is drawn at, so that pixels are its units
            "font.family": "sans-serif",
            "font.size": 10,
            "figure.constrained_layout.use": True,
            **{f"{key}.{which}": INK for key, which in (("text", "color"), ("axes", "labelcolor"))},
            **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), INK),
        }
    )


def svg(figure, title: str) -> str:
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
    text = text.replace(INK, "currentColor")
    # Links are those to the pages of designs.
    text = re.sub(
        r'<a xlink:href="([^"]*)\.html"[^>]*>', r'<a href="\1.html"><title>\1</title>', text
    )
    return text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1).strip()
