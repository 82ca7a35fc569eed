"""Pictures of answers: energy against quality with its Pareto front, cost at equal throughput, and
formats by their bits."""

from __future__ import annotations

from matplotlib import ticker

from .answers import Answer
from .drawing import COLOURS, INK, common_ending, name_points, plt, style, svg
from .quality import Quality


def picture(answer: Answer) -> str:
    """The picture that the question asks for; "" while there are too few figures for one."""
    if answer.question.picture == "quality" and len(_points(answer)) >= 2:
        return energy_against_quality(answer)
    return cost(answer) if answer.done else ""


def _points(answer: Answer) -> list:
    return [
        line
        for line in answer.done
        if line.value("snr") is not None and line.value("energy_mac") is not None
    ]


def energy_against_quality(answer: Answer) -> str:
    """SNR across, energy a MAC up on a logarithmic axis; those on the front filled and joined."""
    lines = _points(answer)
    names = [line.entry.design for line in lines]
    common = common_ending(names)
    x = [line.value("snr") for line in lines]
    y = [line.value("energy_mac") for line in lines]
    front = [line in answer.front for line in lines]
    with style():
        figure, axes = plt.subplots(figsize=(4.8, 3.4))
        axes.step(
            [line.value("snr") for line in answer.front],
            [line.value("energy_mac") for line in answer.front],
            where="pre",
            color=COLOURS[1],
            lw=1.6,
            label="Pareto front",
        )
        for on, face in ((True, COLOURS[1]), (False, "none")):
            chosen = [k for k, each in enumerate(front) if each == on]
            axes.scatter(
                [x[k] for k in chosen],
                [y[k] for k in chosen],
                s=34,
                zorder=3,
                facecolor=face,
                edgecolor=COLOURS[1] if on else COLOURS[0],
                linewidth=1.5,
            )
        axes.set_yscale("log")
        _ticks(axes.yaxis, y)
        axes.set_ylim(min(y) / 1.5, max(y) * 1.7)
        axes.margins(x=0.16)
        axes.set_xlabel("SNR of the weights, dB (more is better)")
        axes.set_ylabel("energy a MAC, pJ")
        axes.grid(lw=0.4, color=INK, alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="best", fontsize=9)
        figure.draw_without_rendering()
        steps = [(line.value("snr"), line.value("energy_mac")) for line in answer.front]
        name_points(axes, x, y, [name.removesuffix(common) for name in names], steps)
        return svg(figure, f"energy a MAC against SNR, {answer.question.name}")


def _ticks(axis, values: list[float]) -> None:
    """Round numbers of a logarithmic axis that spans little more than a decade."""
    steps = [m * 10**e for e in range(-4, 6) for m in (1, 1.5, 2, 3, 4, 5, 7)]
    near = [s for s in steps if min(values) / 1.5 <= s <= max(values) * 1.5]
    axis.set_major_locator(ticker.FixedLocator(near if len(near) <= 9 else near[::2]))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(ticker.NullLocator())


def cost(answer: Answer) -> str:
    """Area for a MAC a cycle and energy a MAC, side by side."""
    lines = answer.done[::-1]
    with style():
        figure, (left, right) = plt.subplots(
            ncols=2, sharey=True, figsize=(5.6, 0.7 + 0.32 * len(lines))
        )
        for axes, name, colour, title in (
            (left, "area_mac", COLOURS[0], "area for a MAC a cycle, µm²"),
            (right, "energy_mac", COLOURS[2], "energy a MAC, pJ"),
        ):
            values = [line.value(name) or 0.0 for line in lines]
            axes.barh(range(len(lines)), values, color=colour, height=0.62)
            axes.set_xlabel(title, fontsize=9)
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.tick_params(axis="y", length=0)
            axes.locator_params(axis="x", nbins=4)
        left.set_yticks(range(len(lines)), [line.entry.design for line in lines])
        return svg(figure, f"cost at equal throughput, {answer.question.name}")


def formats_by_bits(quality: Quality) -> str:
    """SNR of every format on the tensor over its bits."""
    shown = [row for row in quality.rows.values() if row.db is not None and row.bits <= 9]
    # Of formats that come to the same, such as those with more range than is needed, the first.
    places = {(row.bits, round(row.db, 3)): row for row in reversed(shown)}
    rows = list(places.values())[::-1]
    kinds = (
        ("blocks of MX and NV", COLOURS[0], lambda r: r.format.startswith(("mx", "nv", "amx"))),
        ("groups of 32 or 128", COLOURS[2], lambda r: "group" in r.format or "bitmod" in r.format),
        ("one scale a tensor", COLOURS[1], lambda r: "tensor" in r.scale),
    )
    with style():
        figure, axes = plt.subplots(figsize=(7.2, 5.2))
        x = [row.bits for row in rows]
        y = [row.db for row in rows]
        for label, colour, member in kinds:
            chosen = [row for row in rows if member(row)]
            axes.scatter(
                [row.bits for row in chosen],
                [row.db for row in chosen],
                color=colour,
                s=30,
                zorder=3,
                label=label,
            )
        axes.margins(0.12)
        axes.set_xlabel("bits a number, its share of the scales included")
        axes.set_ylabel("SNR, dB")
        axes.grid(lw=0.4, color=INK, alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="upper left", fontsize=9)
        figure.draw_without_rendering()
        names = [row.format.removesuffix("_group32") for row in rows]
        name_points(axes, x, y, names, must=range(len(names)))
        return svg(figure, "formats by bits")
