"""Small random networks, frames and tilings for the whole machine: what directed tests forget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..requant import RequantConfig
from .accelerator import AcceleratorConfig
from .cpr import Cpr
from .image import Image, build
from .network import Layer, Network
from .program import Program, program
from .run import FeatureMap, LayerRun, LayerWeights, run
from .tiling import Task, Tiler, Tiling, least_span
from .variants import VARIANTS, Variant

DENSITIES = (0.0, 0.03, 0.1, 0.3, 0.6, 0.95, 1.0)


@dataclass(frozen=True, eq=False)
class Trial:
    """A program, its memory image, and what each layer must give."""

    program: Program
    image: Image
    pillars: FeatureMap
    weights: dict[str, LayerWeights]
    runs: tuple[LayerRun, ...]

    @property
    def expected(self) -> dict[str, FeatureMap]:
        """The output of each layer by name."""
        return {step.layer.name: step.output for step in self.runs}


def trial(
    rng: np.random.Generator,
    config: AcceleratorConfig,
    *,
    side: int = 16,
    layers: int = 3,
    channels: int = 3,
    network: Network | None = None,
    variant: Variant | None = None,
    shape: tuple[int, int] | None = None,
    density: float | None = None,
    tiler: Tiler | None = None,
    base: int = 0,
) -> Trial:
    """A random trial: up to ``side`` rows and columns, ``layers`` in a chain before maps are
    brought together, ``channels`` tiles of N. What is given is not drawn. A ``shape`` must be such
    that maps that are brought together meet."""
    variant = variant or random_variant(rng)
    if network is None:
        network = random_network(rng, config.array, variant, layers, channels)
    network = network.for_variant(variant)
    if shape is None:
        # Every stride 2 halves the grid, and what is brought back must meet.
        step = 1 << sum(layer.role == "down" for layer in network.layers)
        sides = [step * int(rng.integers(1, max(1, side // step) + 1)) for _ in range(2)]
        shape = sides[0], sides[1]
    if density is None:
        density = float(rng.choice(DENSITIES))
    pillars = random_map(rng, shape, density, network.layers[0].channels[0])
    weights = {layer.name: random_weights(rng, layer) for layer in network.layers}
    if tiler is None:
        tiler = random_tiler(rng, bool(rng.integers(2)))
    made = program(network, variant, shape, config, base=base, tiler=tiler)
    runs = tuple(run(network, variant, pillars, lambda layer, sums: weights[layer.name]))
    return Trial(made, build(made, pillars, weights), pillars, weights, runs)


def random_variant(rng: np.random.Generator) -> Variant:
    """Any of the variants of the papers, with any of their parameters."""
    variant = VARIANTS[str(rng.choice(list(VARIANTS)))]
    return variant.replace(
        down_kernel=int(rng.choice([2, 3])),
        keep=float(rng.choice([0.0, 0.1, 0.5, 0.9, 1.0])),
        threshold=int(rng.choice([0, 20, 60, 127])) if rng.random() < 0.3 else None,
        t=float(rng.choice([0, 2, 10, 50, 100])),
        t_of=str(rng.choice(["active", "grid"])),
        measure=str(rng.choice(["max-abs", "l1"])),
    )


def random_map(
    rng: np.random.Generator, shape: tuple[int, int], density: float, channels: int
) -> FeatureMap:
    """Active sites drawn one by one, or some rows full and others empty; any INT8."""
    bitmap = rng.random(shape) < density
    if rng.random() < 0.3:
        bitmap = np.repeat(rng.random((shape[0], 1)) < density, shape[1], axis=1)
    active = Cpr.from_bitmap(bitmap)
    return FeatureMap(active, rng.integers(-128, 128, (len(active), channels)).astype(np.int8))


def random_weights(rng: np.random.Generator, layer: Layer) -> LayerWeights:
    """Any INT8 weights, scaled so that outputs use the codes, with ties among importances."""
    taps, (inputs, outputs) = layer.kernel**2, layer.channels
    weights = rng.integers(-128, 128, (taps, inputs, outputs)).astype(np.int8)
    wide = 40.0 * 40 * np.sqrt(taps * inputs)
    bias = rng.integers(-int(wide), int(wide) + 1, outputs).astype(np.int32)
    multiplier = rng.integers(1 << 12, 1 << 16, outputs)
    shift = np.log2(multiplier * wide / rng.choice([8, 60, 200], outputs)).round()
    return LayerWeights(
        weights, bias, multiplier, shift.astype(np.int64), RequantConfig(relu=layer.relu), 1.0
    )


def random_tiler(rng: np.random.Generator, small: bool) -> Tiler:
    """Tiles of any size, or (``small``) of a few outputs."""

    def tiling(config: AcceleratorConfig, task: Task) -> Tiling:
        most = min(config.tile, 4 if small else config.tile)
        need = min(least_span(task.convolution, task.columns), task.inputs)
        rows = task.taps * task.input_tiles * task.output_tiles * config.array
        return Tiling(
            first_tile=int(rng.integers(1, most + 1)),
            tile=int(rng.integers(1, most + 1)),
            span=int(rng.integers(need, config.input_vectors + 1)),
            resident=rows <= config.weight_vectors and bool(rng.integers(2)),
        )

    return tiling


def random_network(
    rng: np.random.Generator, array: int, variant: Variant, layers: int, tiles: int
) -> Network:
    """A chain of body and down layers; perhaps its maps brought together and a head."""

    def width() -> int:
        return int(rng.integers(1, tiles * array + 1))

    made: list[Layer] = []
    before, source = width(), "pillars"
    scales = {"pillars": 0}  # of the grid, in halvings
    for number in range(int(rng.integers(1, layers + 1))):
        down = rng.random() < 0.35
        name = f"layer{number}"
        made.append(
            Layer(
                name=name,
                role="down" if down else "body",
                source=(source,),
                channels=(before, width()),
                kernel=3 if down or rng.random() < 0.85 else 1,
                stride=2 if down else 1,
                relu=bool(rng.random() < 0.7),
            )
        )
        scales[name] = scales[source] + down
        source, before = name, made[-1].channels[1]
    if rng.random() < 0.5:
        made += _neck(rng, made, scales, array, tiles)
    return Network("random", "", tuple(made))


def _neck(
    rng: np.random.Generator, chain: list[Layer], scales: dict[str, int], array: int, tiles: int
) -> Iterator[Layer]:
    """Some maps of a chain brought to the finest grid among them, united, and a head."""
    few = [layer for layer in chain if scales[layer.name] <= scales[chain[0].name] + 2]
    chosen = [few[i] for i in sorted(rng.permutation(len(few))[: int(rng.integers(1, 5))])]
    finest = scales[chosen[0].name]
    low = array * int(rng.integers(0, tiles))  # as many channel tiles in each map
    names, widths = [], []
    for layer in chosen:
        kernel = 1 << scales[layer.name] - finest
        widths.append(low + int(rng.integers(1, array + 1)))
        names.append(f"up.{layer.name}")
        yield Layer(
            name=names[-1],
            role="up",
            source=(layer.name,),
            channels=(layer.channels[1], widths[-1]),
            kernel=kernel,
            stride=kernel,
            transposed=True,
        )
    total = sum(widths)
    if len(names) > 1:
        yield Layer(name="concat", role="concat", source=tuple(names), channels=(total, total))
    yield Layer(
        name="head",
        role="head",
        source=("concat",) if len(names) > 1 else (names[0],),
        channels=(total, int(rng.integers(1, tiles * array + 1))),
        kernel=int(rng.choice([1, 3])),
        relu=False,
    )
