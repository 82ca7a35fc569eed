"""What the units of the cycle model share: constants of the machine, and what is under way."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from .accelerator import AcceleratorConfig
from .tiling import Tiling
from .timeline import Bus, Event, Job, Process, Timeline
from .work import Tiles
from .workload import Load

CAUSES = ("useful", "weight", "weights", "inputs", "rule", "vector", "edge")
PASSES = 4
"""Passes, the present one among them, that the loader may have handed to issue."""
CHUNK = 64
"""Input vectors of a read that follows a watermark; vectors of a write, for the model."""
BURST = 16
"""Beats of a burst."""
INPUT_TILES, OUTPUT_TILES = 10, 5
"""Most input-channel tiles of a group and groups of a tile that are simulated; of more, the middle
ones all cost what the last but one does."""
OUTSTANDING = 16
"""Bursts of reads that may be under way."""
BACKLOG = 2
"""Writes of ``CHUNK`` vectors that may wait for the bus before the vector unit does."""
LISTS = 45
"""Cycles, beside the memory's, from a list's header to its first pillar."""
READ_BEATS = 64
"""Beats of entries that are read ahead of the rule generator, over layers."""
DRAIN = 8
"""Cycles, beside 2N, from a group's last rule to its first vector in the vector unit."""
SCANS = (0, 150, 533)
"""Cycles of the selection, by measure: none, max-abs, L1 (and that reads its entries again)."""
FIRST_BEAT = 6
"""Cycles, beside the memory's, from a read to its data in a buffer."""
ENTRY, POINTER, HEADER, PARAMETER = 4, 4, 64, 8  # bytes


def repeats(count: int, most: int) -> list[int]:
    """At most ``most`` numbers whose sum is ``count``, all 1 but the last but one."""
    result = [1] * min(count, most)
    if count > most:
        result[-2] += count - most
    return result


@dataclass(eq=False)
class Layer:
    """A descriptor as it runs."""

    load: Load
    tiles: Tiles | None
    fields: dict[str, int]
    parts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0.0))
    read: float = 0.0
    written: float = 0.0
    began: float = 0.0  # the rule generator
    generated: float = -1.0  # all that it makes
    made: list[float] = field(default_factory=list)  # when each tile was
    bases: list[int] = field(default_factory=list)  # outputs before each tile
    acknowledged: list[int] = field(default_factory=list)  # output vectors, of each plane
    coordinates: bool = False  # complete
    coordinates_at: float = 0.0  # and when
    features: bool = False

    @property
    def groups(self) -> list[int]:
        """How many groups each simulated output-channel tile stands for."""
        return repeats(self.fields["output_tiles"], OUTPUT_TILES)

    @property
    def passes(self) -> list[int]:
        """How many passes each simulated input-channel tile of a group stands for."""
        return repeats(self.fields["input_tiles"], INPUT_TILES)

    @property
    def late(self) -> bool:
        """Whether its coordinates wait for its features."""
        return self.fields["measure"] > 0


@dataclass(eq=False)
class Pass:
    """What issue is told of a pass.

    ``number``: how many it stands for. ``weights``: where they come from, or None if they are
    there. ``inputs``: reads, with the inputs before and after each. ``dependent``: when the layer
    before let the last of them go, or -1. ``free_weights``, ``free_inputs``: what of the rings is
    free after it.
    """

    number: int
    weights: Job | None
    inputs: list[tuple[int, int, Job]]
    dependent: float
    free_weights: int
    free_inputs: int


class State:
    """``loads`` cut by ``tilings``: what has been done of them."""

    def __init__(
        self,
        config: AcceleratorConfig,
        loads: list[Load],
        tilings: list[Tiling | None],
        before: int = 0,
    ) -> None:
        """``before``: descriptors of the list before ``loads``, which are complete."""
        self.config = config
        self.time = Timeline()
        rate = OUTSTANDING * BURST / (config.latency + FIRST_BEAT)
        self.bus = Bus(self.time, min(1.0, rate))
        self.vector_beats = config.array / config.beat
        self.layers = []
        for load, tiling in zip(loads, tilings, strict=True):
            tiles = load.work.tiles(tiling) if load.work and tiling else None
            fields = dict(load.step.fields)
            for name in ("cpr_after", "features_after"):
                fields[name] = max(0, fields[name] - before)
            if tiling:
                fields["resident"] = int(tiling.resident)
            layer = Layer(load, tiles, fields)
            if tiles is not None:
                layer.bases = (np.cumsum(tiles.outputs) - tiles.outputs).tolist()
            layer.acknowledged = [0] * len(layer.groups)
            self.layers.append(layer)
        self.changed = Event()  # coordinates, features or watermark
        self.tile_made, self.pass_made, self.pass_done = Event(), Event(), Event()
        self.space, self.group_made, self.half_freed = Event(), Event(), Event()
        self.slot_freed, self.input_asked = Event(), Event()
        self.slots = 2
        self.room_inputs, self.room_weights = config.input_vectors, config.weight_vectors
        self.passes: deque[Pass] = deque()
        self.groups: deque[tuple[Layer, int, int, int, float] | None] = deque()
        self.half_busy = [False, False]
        self.half_since = [0.0, 0.0]
        self.finished = 0.0
        self.checked = self.begun = self.last_rule = 0.0

    def complete(self, count: int) -> bool:
        """Whether all features of the first ``count`` layers are."""
        return all(layer.features for layer in self.layers[:count])

    def exists(self, layer: Layer, end: int) -> bool:
        """Whether the inputs before ``end`` do."""
        after = layer.fields["features_after"]
        if self.complete(after):
            return True
        source = self.layers[after - 1]
        follows = self.complete(after - 1) and not (source.fields["phased"] or layer.load.present)
        return follows and min(source.acknowledged) >= end

    def write_entries(self, layer: Layer, entries: int) -> None:
        layer.written += ENTRY * entries
        self.bus.write(ENTRY * entries / self.config.beat)

    def write_list(self, layer: Layer, entries: int) -> Process:
        """The end of a list: of its entries, the last ones may still wait for the bus."""
        config = self.config
        if layer.fields["write_cpr"]:
            self.write_entries(layer, entries)
            layer.written += HEADER + POINTER * (layer.load.output_rows + 1)
            self.bus.write(POINTER * layer.load.output_rows / config.beat)
            job = self.bus.write(max(1.0, HEADER / config.beat))
            yield from self.bus.until(job, job.total)
            yield self.time.now + config.latency
        layer.coordinates, layer.coordinates_at = True, self.time.now
        if layer.tiles is None:
            layer.features = True
        self.time.fire(self.changed)

    def select(self, layer: Layer) -> Process:
        """Threshold and ties, after the last value; then the header."""
        top_k = layer.fields["selection"] == 0
        cycles = SCANS[layer.fields["measure"]] if top_k else 0
        if top_k and layer.fields["measure"] == 2:
            size = ENTRY * layer.load.entries_written
            layer.read += size
            yield self.time.now + 2 * self.config.latency
            job = self.bus.read(size / self.config.beat, self.time.now)
            yield from self.bus.until(job, job.total)
        yield self.time.now + max(cycles, self.config.latency)
        yield from self.write_list(layer, 0)
        self.finished = max(self.finished, self.time.now)
