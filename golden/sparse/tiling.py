"""How a layer is cut into tiles, where nothing better is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .accelerator import AcceleratorConfig
from .network import Layer
from .rules import Convolution


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """The fields ``first_tile``, ``tile``, ``span`` and ``resident`` of a descriptor."""

    first_tile: int
    tile: int
    span: int
    resident: bool


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a tiling may depend on: a layer, of a deconv one row phase, before it is cut.

    ``taps``: of a pass. ``input_tiles``, ``output_tiles``: channels / N. ``columns``: of the input
    grid. ``inputs``, ``outputs``: most pillars. ``phase``: of a deconv.
    """

    layer: Layer
    convolution: Convolution
    taps: int
    input_tiles: int
    output_tiles: int
    columns: int
    inputs: int
    outputs: int
    phase: int = 0


Tiler = Callable[[AcceleratorConfig, Task], Tiling]


def least_span(convolution: Convolution, columns: int) -> int:
    """Input vectors from the first to the last that one output pillar needs, at most."""
    if convolution.transposed:
        return 1
    return (convolution.kernel - 1) * columns + convolution.kernel


def tiling(config: AcceleratorConfig, task: Task) -> Tiling:
    """The largest tiles; half of the input buffer a tile where that is enough for any pillar;
    resident weights where half of their buffer holds them."""
    half = config.input_vectors // 2
    roomy = half >= min(task.inputs, 2 * least_span(task.convolution, task.columns))
    rows = task.taps * task.input_tiles * task.output_tiles * config.array
    return Tiling(
        first_tile=config.tile,
        tile=config.tile,
        span=half if roomy else config.input_vectors,
        resident=rows <= config.weight_vectors // 2,
    )
