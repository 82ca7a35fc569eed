"""Layers with which the vector unit is tested: fields, and commands with sums and parameters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..requant import RequantConfig
from ..requantizer import RequantizerConfig
from .descriptor import INDEX_BITS, MEASURES, SIDE
from .prune import RATIO_BITS, VALUES
from .vpu import Command

if TYPE_CHECKING:
    from .vpu_unit import VpuConfig

Layer = tuple[dict[str, int], list[Command]]


def layer(
    config: VpuConfig,
    rng: np.random.Generator,
    count: int,
    tile: int,
    output_tiles: int,
    **fields: int,
) -> Layer:
    """A layer of ``count`` outputs with random sums and parameters; ``fields`` not given are 0.

    Half of all layers have few different importances, so that there are ties. Addresses of
    different layers overlap at times.
    """
    values = dict.fromkeys((f.name for f in config.inputs["layer"].fields), 0) | fields
    values["output_cpr"] = int(rng.integers(1, 1 << 20)) << 20
    values["output_entries"] = int(rng.integers(1, 1 << 12)) << 25
    plain = bool(rng.integers(0, 2))
    channels = [_channels(config.array, rng, plain) for _ in range(output_tiles)]
    planes = (rng.integers(1, 1 << 12, output_tiles) << 27).tolist()
    commands = []
    for base in range(0, max(count, 1), tile):
        outputs = min(tile, count - base)
        tags = rng.choice(1 << INDEX_BITS if values["phased"] else SIDE, outputs, replace=False)
        for o in range(output_tiles) if outputs else [output_tiles - 1]:
            size = rng.integers(2 if plain else 10, 8 if plain else 31, (outputs, 1))
            sums = rng.integers(-(1 << 30), 1 << 30, (outputs, config.array)) >> (30 - size)
            last = o == output_tiles - 1
            commands.append(
                Command(
                    sums=np.where(rng.random(sums.shape) < 0.2, 0, sums),
                    tags=tags,
                    base=base,
                    address=planes[o],
                    first=o == 0 or not outputs,
                    last=last,
                    end=last and base + tile >= count,
                    **channels[o],
                )
            )
    return values, commands


def _channels(n: int, rng: np.random.Generator, plain: bool) -> dict[str, NDArray[np.int64]]:
    """Bias, multiplier and shift; a sum of 31 bits and the bias fit 32 bits."""
    if plain:
        low, high = {"bias": -4, "multiplier": 1, "shift": 1}, {"bias": 5}
        return {name: rng.integers(low[name], high.get(name, 3), n) for name in low}
    unit = RequantizerConfig(requant=RequantConfig(relu=False), lanes=n)
    return {
        "bias": rng.integers(-(1 << 30), 1 << 30, n) >> rng.integers(0, 31, n),
        "multiplier": unit.random(rng, 1)["multiplier"][0],
        "shift": rng.integers(0, 1 << 6, n) >> rng.integers(0, 2, n),
    }


def corners(config: VpuConfig) -> Iterator[Layer]:
    """Sizes about a tile for each measure, every kind of selection, and phased layers."""
    rng = np.random.default_rng(0)
    tile = min(config.tile, 32)
    measures = range(len(MEASURES) if config.importance else 1)
    for measure, count in product(measures, (0, 1, 2, tile - 1, tile, tile + 1, 2 * tile)):
        k = int(rng.integers(1, count + 2))
        fields = {"measure": measure, "select_count": k, "relu": count % 2}
        yield layer(config, rng, count, tile, 1 + count % 3, **fields)
    yield layer(config, rng, config.tile + 1, config.tile, 1)
    for count in (0, 1, tile + 1):
        yield layer(config, rng, count, tile, 2, phased=1)
    for measure, k in product(measures[1:], (0, 1, 2, 39, 40, 41, 1 << INDEX_BITS)):
        yield layer(config, rng, 40, tile, 1, measure=measure, select_count=k)
    whole = 1 << RATIO_BITS
    for measure, ratio in product(measures[1:], (0, 1, whole // 2, whole - 1, whole)):
        yield layer(config, rng, 37, tile, 2, measure=measure, select_ratio=ratio)
    for measure in measures[1:]:
        yield layer(config, rng, 37, tile, 2, measure=measure, selection=1, threshold=100)
        # All vectors of one value: zero, and the greatest there is.
        for sums in (0, -(1 << 31)):
            fields, commands = layer(config, rng, 20, tile, 2, measure=measure, select_count=7)
            for command in commands:
                command.sums[:], command.bias[:], command.shift[:] = sums, 0, 0
            yield fields, commands


def random(config: VpuConfig, rng: np.random.Generator) -> Layer:
    """A layer of up to three tiles, of any kind."""
    tile = int(rng.integers(1, min(config.tile, 64) + 1))
    measure = int(rng.integers(0, len(MEASURES))) if config.importance else 0
    sizes = (0, 1, tile - 1, tile, tile + 1, rng.integers(0, 3 * tile + 1))
    count = int(rng.choice(sizes))
    fields: dict[str, Any] = {
        "relu": rng.integers(0, 2),
        "measure": measure,
        "selection": rng.random() < 0.2,
        "select_count": rng.choice([0, 1, rng.integers(0, count + 1), 1 << INDEX_BITS]),
        "select_ratio": rng.choice([0, 0, 1, rng.integers(0, 1 << RATIO_BITS), 1 << RATIO_BITS]),
        "threshold": rng.integers(0, VALUES) >> rng.integers(0, VALUES.bit_length()),
        "phased": not measure and rng.random() < 0.4,
    }
    fields = {name: int(value) for name, value in fields.items()}
    return layer(config, rng, count, tile, int(rng.integers(1, 4)), **fields)
