"""Pictures of area against delay: the front of every run that the search for fmax made."""

from __future__ import annotations

from collections.abc import Sequence

from ..fmax.curve import Curve
from .drawing import COLOURS, INK, plt, style, svg


def curves(found: Sequence[Curve], name: str) -> str:
    """The fronts, a line a design, and all runs of one that is alone."""
    with style():
        figure, axes = plt.subplots(figsize=(5.6, 3.8))
        for index, curve in enumerate(found):
            colour = COLOURS[index % len(COLOURS)]
            if len(found) == 1:
                axes.scatter(
                    [point.delay for point in curve.good],
                    [point.area / 1000 for point in curve.good],
                    s=14,
                    facecolor="none",
                    edgecolor=INK,
                    linewidth=0.7,
                    alpha=0.6,
                    label="runs",
                )
            axes.plot(
                [point.delay for point in curve.front],
                [point.area / 1000 for point in curve.front],
                marker="o",
                ms=4,
                lw=1.4,
                color=colour,
                label=curve.design if len(found) > 1 else "Pareto front",
            )
        axes.set_ylim(bottom=0)
        axes.set_xlabel("critical path, ns")
        axes.set_ylabel("area, 1000 µm²")
        axes.grid(lw=0.4, color=INK, alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
        return svg(figure, f"area-delay curves, {name}")
