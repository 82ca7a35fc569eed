"""The accelerator in time, pass by pass: the units as processes that wait for each other.

What each unit is taken to do stands with its process; `docs/spade.md` draws the whole. Time is that
of the array: ``edge`` and the other causes are of cycles in which no rule is issued.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from .accelerator import AcceleratorConfig
from .descriptor import BYTES
from .timeline import Bus, Event, Job, Process, Timeline
from .tiling import Tiling
from .work import Tiles
from .workload import Load

CAUSES = ("useful", "weight", "weights", "inputs", "rule", "vector", "edge")
PASSES = 4
"""Passes, the present one among them, that the loader may have handed to issue."""
CHUNK = 64
"""Input vectors of a read that follows a watermark; vectors of a write, for the model."""
BURST = 16
"""Beats of a burst."""
INPUT_TILES, OUTPUT_TILES = 6, 4
"""Most input-channel tiles of a group and groups of a tile that are simulated; of more, the middle
ones all cost what the third does."""
OUTSTANDING = 16
"""Bursts of reads that may be under way."""
BACKLOG = 2
"""Writes of ``CHUNK`` vectors that may wait for the bus before the vector unit does."""
LISTS = 45
"""Cycles, beside the memory's, from a list's header to its first pillar."""
DRAIN = 8
"""Cycles, beside 2N, from a group's last rule to its first vector in the vector unit."""
SCANS = (0, 150, 533)
"""Cycles of the selection, by measure: none, max-abs, L1 (and that reads its entries again)."""
FIRST_BEAT = 6
"""Cycles, beside the memory's, from a read to its data in a buffer."""
ENTRY, POINTER, HEADER, PARAMETER = 4, 4, 64, 8  # bytes


def repeats(count: int, most: int) -> list[int]:
    """At most ``most`` numbers whose sum is ``count``, all 1 but the third."""
    result = [1] * min(count, most)
    if count > most:
        result[2] += count - most
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
    made: list[float] = field(default_factory=list)  # when each tile was
    bases: list[int] = field(default_factory=list)  # outputs before each tile
    acknowledged: list[int] = field(default_factory=list)  # output vectors, of each plane
    coordinates: bool = False  # complete
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
    """What issue is told of a pass. ``number``: how many it stands for. ``weights``: where they come from, or None if they are there.
    ``inputs``: reads, with the inputs before and after each. ``dependent``: when the layer before
    let the last of them go, or -1."""

    number: int
    weights: Job | None
    inputs: list[tuple[int, int, Job]]
    dependent: float
    free_weights: int
    free_inputs: int


class Machine:
    """Runs ``loads`` with ``tilings``; afterwards ``layers`` know where their cycles went."""

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
        self.begun = self.last_rule = 0.0

    def run(self) -> Machine:
        """To the end of the list."""
        # All descriptors are checked before the first is read again to be carried out.
        each = self.config.latency + BYTES / self.config.beat
        self.begun = (len(self.layers) + 1) * each
        for process in (self.rule_generator(), self.loader(), self.issue(), self.vector_unit()):
            self.time.start(process, self.begun)
        self.time.run()
        computing = [layer for layer in self.layers if layer.tiles is not None]
        if computing:
            computing[0].parts["edge"] += self.begun
            computing[-1].parts["edge"] += max(0.0, self.finished - self.last_rule)
        return self

    @property
    def cycles(self) -> float:
        """From the start to the end of the list."""
        return sum(sum(layer.parts.values()) for layer in self.layers)

    # Rule generator and tiler: a layer when the lists that it reads are complete; tiles as long as
    # one of the two slots is free, which is held until the tile's last rule has been issued.

    def rule_generator(self) -> Process:
        config, time = self.config, self.time
        for layer in self.layers:
            after = layer.fields["cpr_after"]
            while not all(before.coordinates for before in self.layers[:after]):
                yield self.changed
            layer.began = time.now + 2 * config.latency + LISTS
            size = HEADER + POINTER * (layer.fields["rows"] + 1) + ENTRY * layer.load.entries_read
            layer.read += size
            self.bus.read(size / config.beat, time.now + config.latency)
            yield layer.began
            rest = layer.load.generate
            steps = [] if layer.tiles is None else layer.tiles.generate.tolist()
            for cycles in steps:
                while not self.slots:
                    yield self.slot_freed
                self.slots -= 1
                rest -= cycles
                yield time.now + cycles + 3  # the next pillar shows that the tile is full
                layer.made.append(time.now)
                time.fire(self.tile_made)
            yield time.now + rest
            if not layer.late:
                time.start(self.write_list(layer, layer.load.entries_written), time.now + 4)

    def write_list(self, layer: Layer, entries: int) -> Process:
        """The end of a list: of its entries, the last ones may still wait for the bus."""
        config = self.config
        if layer.fields["write_cpr"]:
            layer.written += HEADER + POINTER * (layer.load.output_rows + 1) + ENTRY * entries
            self.bus.write((POINTER * layer.load.output_rows + ENTRY * entries) / config.beat)
            job = self.bus.write(max(1.0, HEADER / config.beat))
            yield from self.bus.until(job, job.total)
            yield self.time.now + config.latency
        layer.coordinates = True
        if layer.tiles is None:
            layer.features = True
        self.time.fire(self.changed)

    # Loader: passes in order, as far ahead as rings and queue allow. The reads of a pass are its
    # weights, then its inputs; a pass is handed on as soon as its place in the rings is known.

    def loader(self) -> Process:
        for layer in self.layers:
            if layer.tiles is None:
                continue
            for tile in range(len(layer.tiles)):
                while len(layer.made) <= tile:
                    yield self.tile_made
                yield self.time.now + 2
                yield from self.load_tile(layer, tile)

    def load_tile(self, layer: Layer, tile: int) -> Process:
        config, time, bus, fields = self.config, self.time, self.bus, layer.fields
        assert layer.tiles is not None
        n, span = config.array, int(layer.tiles.span[tile])
        rows = layer.tiles.counts.shape[1] * n
        last_tile = tile == len(layer.tiles) - 1
        keep = fields["input_tiles"] * span <= config.input_vectors // 2
        kept: list[Pass] = []
        if layer.load.present:
            yield time.now + span  # a look at the presence bits
        for co, groups in enumerate(layer.groups):
            for ci, passes in enumerate(layer.passes):
                weights, number = None, groups * passes
                if not (fields["resident"] and tile):
                    while self.room_weights < rows:
                        yield self.space
                    self.room_weights -= rows
                    weights = bus.read(rows * self.vector_beats, time.now + config.latency)
                    layer.read += rows * n * number
                if ci == 0:
                    bus.read(PARAMETER * n / config.beat, time.now + config.latency)
                    layer.read += PARAMETER * n * groups
                fetch = not keep or co == 0
                if fetch:
                    while self.room_inputs < span:
                        yield self.space
                    self.room_inputs -= span
                while len(self.passes) >= PASSES:
                    yield self.pass_done
                given = Pass(
                    number=number,
                    weights=weights,
                    inputs=kept[ci].inputs if not fetch else [],
                    dependent=kept[ci].dependent if not fetch else -1.0,
                    free_weights=rows if last_tile or not fields["resident"] else 0,
                    free_inputs=span if not keep or co == len(layer.groups) - 1 else 0,
                )
                self.passes.append(given)
                time.fire(self.pass_made)
                if fetch:
                    times = passes if keep else number
                    yield from self.load_inputs(layer, tile, ci, span, given, times)
                if keep:
                    kept.append(given)
                yield time.now + 5  # states of the loader without a read

    def load_inputs(
        self, layer: Layer, tile: int, ci: int, span: int, given: Pass, times: int
    ) -> Process:
        """Reads of one plane, which stands for ``times``: in chunks as they come to exist, or all
        at once if they do."""
        config, time, fields = self.config, self.time, layer.fields
        assert layer.tiles is not None
        low, before = int(layer.tiles.low[tile]), 0
        while before < span:
            whole = self.complete(fields["features_after"])
            end = span if whole or layer.load.present else min(span, before + CHUNK)
            while not self.exists(layer, low + end):
                yield self.changed
                given.dependent = time.now
            vectors = end - before
            if layer.load.present:
                ranks = layer.load.present[ci * len(layer.load.present) // len(layer.passes)]
                vectors = int(ranks[low + end] - ranks[low])
            # Where a map has no pillar, a zero is written: a vector a cycle at the most.
            job = self.bus.read(vectors * self.vector_beats, time.now + config.latency)
            layer.read += vectors * config.array * times
            given.inputs.append((before, end, job))
            time.fire(self.input_asked)
            before = end

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

    # Issue: the rules of a tap, one a cycle, as soon as its weights stand in the second registers
    # (N cycles after they are there, and after the tap before has begun), its sums are free and its
    # inputs are there.

    def issue(self) -> Process:
        config, time = self.config, self.time
        n = config.array
        now = swapped = self.begun  # the last rule's end; the last tap's begin
        groups = 0
        for layer in self.layers:
            if layer.tiles is None:
                continue
            parts = layer.parts
            for tile in range(len(layer.tiles)):
                counts, last = (each[tile].tolist() for each in (layer.tiles.counts,
                                                                 layer.tiles.last))  # fmt: skip
                active = [
                    (tap, counts[tap], last[tap]) for tap in range(len(counts)) if counts[tap]
                ]
                for co in range(len(layer.groups)):
                    for ci in range(len(layer.passes)):
                        while not self.passes:
                            yield self.pass_made
                        given = self.passes[0]
                        number = given.number
                        yield now
                        if co == ci == 0 and layer.made[tile] > now:
                            # Before the generator could begin, it was the layer before.
                            wait = layer.made[tile] - now
                            edge = min(max(0.0, layer.began - now), wait)
                            parts["edge"] += edge
                            parts["rule"] += wait - edge
                            now = layer.made[tile]
                        if ci == 0:
                            half = groups % 2
                            while self.half_busy[half]:
                                yield self.half_freed
                            if self.half_since[half] > now:
                                parts["vector"] += (self.half_since[half] - now) * number
                                now = self.half_since[half]
                        weights = given.weights
                        here = weights is None or weights.done >= 0
                        for place, (tap, rules, want) in enumerate(active):
                            begin = max(now, swapped + n)
                            parts["weight"] += (begin - now) * number
                            now = begin
                            if weights is not None and (place == 0 or not here):
                                amount = weights.total * (tap + 1) / len(counts)
                                yield from self.bus.until(weights, amount)
                                arrived = time.now
                                if weights.done >= 0:
                                    behind = weights.total - amount
                                    arrived = min(arrived, weights.done - behind)
                                ready = arrived + FIRST_BEAT + n
                                parts["weights"] += max(0.0, ready - now) * number
                                now = max(now, ready)
                            swapped = now
                            parts["useful"] += rules * number
                            now += rules
                            while not given.inputs or given.inputs[-1][1] <= want:
                                yield self.input_asked
                            arrived = yield from self.arrival(given, want)
                            wait = arrived + FIRST_BEAT - now
                            if wait > 0:
                                edge = 0.0
                                if given.dependent >= 0:
                                    edge = given.dependent + config.latency + rules - now
                                    edge = min(max(0.0, edge), wait)
                                parts["edge"] += edge * number
                                parts["inputs"] += (wait - edge) * number
                                now += wait
                        yield now
                        self.passes.popleft()
                        self.room_weights += given.free_weights
                        self.room_inputs += given.free_inputs
                        time.fire(self.pass_done)
                        time.fire(self.space)
                    half = groups % 2
                    groups += 1
                    self.half_busy[half] = True
                    self.groups.append((layer, tile, co, half, now + 2 * n + DRAIN))
                    time.fire(self.group_made)
                self.slots += 1
                time.fire(self.slot_freed)
            if not len(layer.tiles):
                yield now
                layer.features = True
                time.fire(self.changed)
                time.start(self.select(layer), time.now)
        self.last_rule = now
        self.groups.append(None)
        time.fire(self.group_made)

    def arrival(self, given: Pass, want: int):
        """When input ``want`` of the tile came (or comes: waits for it)."""
        arrived = 0.0
        for before, end, job in given.inputs:
            if before > want:
                break
            amount = job.total * min(1.0, (want + 1 - before) / (end - before))
            if job.done < 0:
                yield from self.bus.until(job, amount)
                arrived = self.time.now
            else:
                arrived = job.done - (job.total - amount)
        return arrived

    # Vector unit: a vector a cycle, group by group, unless the bus does not take them.

    def vector_unit(self) -> Process:
        config, time = self.config, self.time
        while True:
            while not self.groups:
                yield self.group_made
            group = self.groups.popleft()
            if group is None:
                return
            layer, tile, co, half, at = group
            assert layer.tiles is not None
            yield at
            count = int(layer.tiles.outputs[tile])
            base = int(layer.bases[tile])
            last = co == len(layer.groups) - 1
            waiting: deque[Job] = deque()
            done = 0
            while done < count:
                size = min(CHUNK if last else 4 * CHUNK, count - done)
                yield time.now + size
                done += size
                beats = size * self.vector_beats
                if layer.late and last:
                    beats += ENTRY * size / config.beat
                layer.written += beats * config.beat * layer.groups[co]
                job = self.bus.write(beats)
                waiting.append(job)
                end = done == count and last and tile == len(layer.tiles) - 1
                time.start(self.acknowledge(layer, co, base + done, end, job), time.now)
                while waiting and waiting[0].done >= 0:
                    waiting.popleft()
                if len(waiting) > BACKLOG:
                    oldest = waiting.popleft()
                    yield from self.bus.until(oldest, oldest.total)
            if end and layer.late:
                time.start(self.select(layer), time.now)
            self.half_busy[half] = False
            self.half_since[half] = time.now
            time.fire(self.half_freed)

    def acknowledge(self, layer: Layer, co: int, count: int, end: bool, job: Job) -> Process:
        yield from self.bus.until(job, job.total)
        yield self.time.now + self.config.latency
        layer.acknowledged[co] = count
        if end:
            layer.features = True
            self.finished = self.time.now
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
