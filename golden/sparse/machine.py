"""The accelerator in time, pass by pass: the units as processes that wait for each other.

What each unit is taken to do stands with its process; `docs/spade.md` draws the whole. Time is that
of the array: ``edge`` and the other causes are of cycles in which no rule is issued.
"""

from __future__ import annotations

import math
from collections import deque

from .descriptor import BYTES
from .issuing import Issuing
from .loading import Loading
from .state import (
    BACKLOG,
    BURST,
    CHUNK,
    ENTRY,
    HEADER,
    LISTS,
    POINTER,
    READ_BEATS,
    Layer,
)
from .timeline import Job, Process


class Machine(Loading, Issuing):
    """Runs all units; afterwards ``layers`` know where their cycles went."""

    def run(self) -> Machine:
        """To the end of the list."""
        # All descriptors are checked before the first is read again to be carried out.
        each = self.config.latency + BYTES / self.config.beat
        self.checked = len(self.layers) * each
        self.begun = self.checked + each
        for process in (self.rule_generator(), self.loader(), self.issue(), self.vector_unit()):
            self.time.start(process, self.begun)
        self.time.run()
        computing = [layer for layer in self.layers if layer.tiles is not None]
        if computing:
            computing[0].parts["edge"] += each
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """Cycles of the check of the list, and from the last rule to the end."""
        return self.checked, max(0.0, self.finished - self.last_rule)

    @property
    def cycles(self) -> float:
        """From the start to the end of the list."""
        return sum(self.ends) + sum(sum(layer.parts.values()) for layer in self.layers)

    # Rule generator and tiler: a layer when the lists that it reads are complete; tiles as long as
    # one of the two slots is free, which is held until the tile's last rule has been issued. Lists
    # come and go over the bus as it works.

    def rule_generator(self) -> Process:
        config, time = self.config, self.time
        free = time.now  # the reader of lists, when the one before fits its buffer
        for layer in self.layers:
            after = layer.fields["cpr_after"]
            while not all(before.coordinates for before in self.layers[:after]):
                yield self.changed
            ready = max(free, *(before.coordinates_at for before in self.layers[:after]), 0.0)
            layer.began = max(time.now, ready + 2 * config.latency + LISTS)
            size = ENTRY * layer.load.entries_read
            ahead = min(size, READ_BEATS * config.beat)
            self.read_list(layer, HEADER + POINTER * (layer.fields["rows"] + 1) + ahead)
            free = layer.began if ahead == size else math.inf
            yield layer.began
            rest, unwritten = layer.load.generate, layer.load.entries_written
            share = (size - ahead) / max(1, rest)  # bytes a cycle
            steps = [] if layer.tiles is None else layer.tiles.generate.tolist()
            for tile, cycles in enumerate(steps):
                while not self.slots:
                    yield self.slot_freed
                self.slots -= 1
                rest -= cycles
                self.read_list(layer, share * cycles)
                yield time.now + cycles + 3  # the next pillar shows that the tile is full
                layer.made.append(time.now)
                time.fire(self.tile_made)
                if layer.fields["write_cpr"] and not layer.late:
                    outputs = int(layer.tiles.outputs[tile])
                    unwritten -= outputs
                    self.write_entries(layer, outputs)
            if layer.tiles is None:
                yield from self.list_alone(layer, share)
                unwritten = 0
            else:
                self.read_list(layer, share * rest)
                yield time.now + rest
            layer.generated = time.now
            time.fire(self.tile_made)
            free = min(free, time.now)
            if not layer.late:
                time.start(self.write_list(layer, unwritten), time.now + 4)

    def list_alone(self, layer: Layer, share: float) -> Process:
        """Read and written as it is made, a burst at a time."""
        cycles, entries = layer.load.generate, layer.load.entries_written
        bursts = max(1, round(ENTRY * entries / (BURST * self.config.beat)))
        for _ in range(bursts):
            self.read_list(layer, share * cycles / bursts)
            yield self.time.now + cycles / bursts
            self.write_entries(layer, entries / bursts)

    def read_list(self, layer: Layer, size: float) -> None:
        layer.read += size
        self.bus.read(size / self.config.beat, self.time.now + self.config.latency)

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
