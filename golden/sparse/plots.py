"""Pictures of a run: active pillars from above, and bars of saving and utilisation a layer."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import write_atomic
from .network import Layer
from .prune import importance
from .report import Record
from .run import FeatureMap

INK, BLUE, ORANGE, GREY = "#1b1f24", "#2f6fab", "#d9822b", "#c9ced6"


class StageMaps:
    """Collects the last map of each stage (``block1.0``, ``block1.1``: stage ``block1``; head)."""

    def __init__(self) -> None:
        self.maps: dict[str, tuple[NDArray[np.int16], int]] = {}

    def add(self, name: str, source: FeatureMap) -> None:
        """Keep ``source``: the importance of each site, -1 where no pillar is active."""
        picture = np.full(source.active.shape, -1, np.int16)
        picture.ravel()[source.active.keys] = importance(source.features)
        self.maps[name] = picture, len(source.active)

    def add_layer(self, layer: Layer, source: FeatureMap) -> None:
        """Keep the output map of ``layer`` as its stage's."""
        if layer.role != "concat":  # which shows nothing that the maps before it do not
            self.add("head" if layer.role == "head" else layer.name.split(".")[0], source)


def _pyplot():
    try:
        import matplotlib
    except ImportError as error:
        raise BadInput("--plot needs matplotlib: pip install bitpillar[report]") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update(
        {
            "font.size": 9,
            "axes.edgecolor": GREY,
            "text.color": INK,
            "axes.titlesize": 10,
            "figure.facecolor": "white",
        }
    )
    return pyplot


def _write(figure, path: Path) -> Path:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    _pyplot().close(figure)
    return write_atomic(path, buffer.getvalue())


def birds_eye(stages: StageMaps, title: str, path: Path) -> Path:
    """The active pillars of each stage from above, shaded by importance; x to the right."""
    plt = _pyplot()
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("pillars", ["#a9cbe8", "#2f6fab", "#0b2545"])
    colours.set_under("white")
    number = len(stages.maps)
    across = min(number, 4)
    down = -(-number // across)
    rows, columns = next(iter(stages.maps.values()))[0].shape
    width = 3.1
    figure, axes = plt.subplots(
        down,
        across,
        squeeze=False,
        layout="constrained",
        figsize=(across * width, down * (0.97 * width * rows / columns + 0.25) + 0.4),
    )
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    for axis in axes.flat[number:]:
        axis.axis("off")
    for axis, (name, (picture, active)) in zip(axes.flat, stages.maps.items(), strict=False):
        axis.imshow(
            _shrink(picture),
            origin="lower",
            cmap=colours,
            vmin=0,
            vmax=127,
            interpolation="nearest",
            aspect="equal",
        )
        height, wide = picture.shape
        axis.set_title(
            f"{name}: {active:,} of {height}x{wide} ({active / picture.size:.1%})", fontsize=8.5
        )
        axis.set(xticks=[], yticks=[])
    return _write(figure, path)


def _shrink(picture: NDArray[np.int16], most: int = 520) -> NDArray[np.int16]:
    """At most ``most`` sites a side, by maximum: a lone pillar must not vanish between pixels."""
    factor = -(-max(picture.shape) // most)
    if factor == 1:
        return picture
    rows, columns = (-(-n // factor) * factor for n in picture.shape)
    padded = np.full((rows, columns), -1, np.int16)
    padded[: picture.shape[0], : picture.shape[1]] = picture
    blocks = padded.reshape(rows // factor, factor, columns // factor, factor)
    return blocks.max(axis=(1, 3))


def bars(records: list[Record], title: str, path: Path) -> Path:
    """Saving, and the cycles of the accelerator by cause, a layer."""
    plt = _pyplot()
    shown = [r for r in records if r.cost.cycles]
    names = [r.name for r in shown]
    where = np.arange(len(shown))
    figure, (left, right) = plt.subplots(
        1, 2, sharey=True, layout="constrained", figsize=(10.5, 1.5 + 0.23 * len(shown))
    )
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    saving = np.array([100 * r.saving if r.dense_macs else 0 for r in shown])
    left.barh(where, saving, color=BLUE, height=0.72)
    for y, (r, value) in enumerate(zip(shown, saving, strict=True)):
        text = f"{value:.1f}" if r.dense_macs else "no MACs"
        left.text(max(value, 0) + 1, y, text, va="center", fontsize=7.5)
    left.set(xlim=(0, 112), xlabel="MACs saved (% of the dense network)", yticks=where)
    left.set_yticklabels(names, fontsize=8)
    left.set_xticks(range(0, 101, 20))
    left.invert_yaxis()
    base = np.zeros(len(shown))
    causes = (
        ("useful", "useful MACs", BLUE),
        ("weight", "weights shift in", "#8d6cab"),
        ("weights", "weights from memory", "#b8860b"),
        ("inputs", "inputs from memory", ORANGE),
        ("vector", "vector unit", "#4f9d69"),
        ("rule", "rules", "#c44e52"),
        ("edge", "layer before, start and end", GREY),
    )
    cycles = np.array([r.cost.cycles for r in shown])
    for key, label, colour in causes:
        part = 100 * np.array([r.cost.parts[key] for r in shown]) / cycles
        if part.max() > 0.05:
            right.barh(where, part, left=base, color=colour, height=0.72, label=label)
        base += part
    for y, r in enumerate(shown):
        right.text(101, y, f"{r.cost.cycles:,}", va="center", fontsize=7.5)
    right.set(xlim=(0, 116), xlabel="share of the layer's cycles (%); cycles at the right")
    right.set_xticks(range(0, 101, 20))
    right.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=6,
        frameon=False,
        fontsize=8,
        handlelength=1,
        columnspacing=1,
    )
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(length=0)
        axis.margins(y=0.01)
    return _write(figure, path)
