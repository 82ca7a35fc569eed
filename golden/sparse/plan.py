"""The planner: tile size and loop order of each layer, by the cycle model."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import BadInput
from .accelerator import AcceleratorConfig
from .cycles import ORDERS, Cost, concat_cost, fits, layer_cost
from .run import LayerRun
from .variants import Variant
from .work import Work, work_of


def candidates(config: AcceleratorConfig, work: Work) -> Iterator[int]:
    """Tile sizes to try: the largest that fits, powers of two, and sizes that split evenly."""
    g = work.granule
    most = config.tile_limit(work.taps) // g * g
    pillars = len(work.counts) * g
    sizes = {most}
    size = g
    while size < pillars:
        sizes.add(size)
        size *= 2
    tiles = 1
    while tiles * g <= pillars:  # every number of tiles up to 16, then coarser
        sizes.add(-(-pillars // tiles // g) * g)
        tiles += max(1, tiles // 8)
    yield from sorted(s for s in sizes if 0 < s <= most)


def plan_layer(config: AcceleratorConfig, work: Work) -> Cost:
    """The cheapest tile size and loop order of a layer whose work is in granules of N."""
    best: Cost | None = None
    for tile in candidates(config, work):
        tiled = work.tiled(tile)
        for order in ORDERS:
            if not fits(config, tiled, order):
                continue
            cost = layer_cost(config, tiled, order)
            if best is None or cost.cycles < best.cycles:
                best = cost
    if best is None:
        need = int(work.spans.max(initial=0)) * config.array * 2
        raise BadInput(
            f"input_bytes is {config.input_bytes}; allowed: at least {need}, as one tile"
            f" of N = {config.array} outputs of layer {work.name} needs"
        )
    return best


class Planner:
    """Plans the layers of a network as they run: call it with each :class:`LayerRun` in turn."""

    def __init__(self, config: AcceleratorConfig, variant: Variant) -> None:
        self.config = config
        self.variant = variant
        self._pruned: set[str] = set()
        self._bytes: dict[str, int] = {}

    def __call__(self, run: LayerRun) -> Cost:
        name, output = run.layer.name, run.output
        self._bytes[name] = output.features.size
        if run.convolution is None:
            return concat_cost(self.config, run, sum(self._bytes[s] for s in run.layer.source))
        pruned = len(output.active) < len(run.generated)
        if pruned:
            self._pruned.add(name)
        top_k = pruned and self.variant.threshold is None
        source_pruned = bool(self._pruned & set(run.layer.source))
        work = work_of(run, self.config.array, pruned_source=source_pruned, top_k=top_k)
        return plan_layer(self.config, work)
