"""Issue, in the cycle model: where the cycles of the array go."""

from __future__ import annotations

from collections.abc import Generator

from .state import DRAIN, FIRST_BEAT, Layer, Pass, State
from .timeline import Event, Job, Process


class Issuing(State):
    """The rules of a tap, one a cycle, as soon as its weights stand in the second registers (N
    cycles after they are there, and after the tap before has begun), its sums are free and its
    inputs are there."""

    now = 0.0
    """The end of the last rule so far."""
    swapped = 0.0
    """The begin of the last tap so far."""

    def issue(self) -> Process:
        self.now = self.swapped = self.begun
        group = 0
        for layer in self.layers:
            if layer.tiles is None:
                # Coordinates alone: the next layer's begin after them.
                while layer.generated < 0:
                    yield self.tile_made
                wait = max(0.0, layer.generated - self.now)
                layer.parts["rule"] += wait
                self.now += wait
                continue
            for tile in range(len(layer.tiles)):
                for co in range(len(layer.groups)):
                    for ci in range(len(layer.passes)):
                        while not self.passes:
                            yield self.pass_made
                        given = self.passes[0]
                        yield self.now
                        if co == ci == 0:
                            self.await_tile(layer, tile)
                        if ci == 0:
                            yield from self.await_half(layer, group % 2, given)
                        yield from self.stream(layer, tile, given)
                        yield self.now
                        self.passes.popleft()
                        self.room_weights += given.free_weights
                        self.room_inputs += given.free_inputs
                        self.time.fire(self.pass_done)
                        self.time.fire(self.space)
                    self.half_busy[group % 2] = True
                    drained = self.now + 2 * self.config.array + DRAIN
                    self.groups.append((layer, tile, co, group % 2, drained))
                    self.time.fire(self.group_made)
                    group += 1
                self.slots += 1
                self.time.fire(self.slot_freed)
            if not len(layer.tiles):
                yield self.now
                layer.features = True
                self.finished = self.now
                self.time.fire(self.changed)
                if layer.late:
                    self.time.start(self.select(layer), self.time.now)
        self.last_rule = self.now
        self.groups.append(None)
        self.time.fire(self.group_made)

    def await_tile(self, layer: Layer, tile: int) -> None:
        """Before the rule generator could begin, it was the layer before that was waited for."""
        wait = max(0.0, layer.made[tile] - self.now)
        edge = min(max(0.0, layer.began - self.now), wait)
        layer.parts["edge"] += edge
        layer.parts["rule"] += wait - edge
        self.now += wait

    def await_half(self, layer: Layer, half: int, given: Pass) -> Process:
        """The vector unit must have read the sums that were there."""
        while self.half_busy[half]:
            yield self.half_freed
        wait = max(0.0, self.half_since[half] - self.now)
        layer.parts["vector"] += wait * given.number
        self.now += wait

    def stream(self, layer: Layer, tile: int, given: Pass) -> Process:
        """The taps of a pass."""
        assert layer.tiles is not None
        parts, number, n = layer.parts, given.number, self.config.array
        counts, last = layer.tiles.counts[tile].tolist(), layer.tiles.last[tile].tolist()
        weights = given.weights
        first, here = True, weights is None or weights.done >= 0
        for tap, (rules, want) in enumerate(zip(counts, last, strict=True)):
            if not rules:
                continue
            wait = max(0.0, self.swapped + n - self.now)
            parts["weight"] += wait * number
            self.now += wait
            if weights is not None and (first or not here):
                amount = weights.total * (tap + 1) / len(counts)
                yield from self.bus.until(weights, amount)
                arrived = self.time.now
                if weights.done >= 0:
                    arrived = min(arrived, weights.done - (weights.total - amount))
                wait = max(0.0, arrived + FIRST_BEAT + n - self.now)
                parts["weights"] += wait * number
                self.now += wait
            first = False
            self.swapped = self.now
            parts["useful"] += rules * number
            self.now += rules
            while not given.inputs or given.inputs[-1][1] <= want:
                yield self.input_asked
            arrived = yield from self.arrival(given, want)
            wait = max(0.0, arrived + FIRST_BEAT - self.now)
            edge = 0.0
            if given.dependent >= 0:
                edge = given.dependent + self.config.latency + rules - self.now
                edge = min(max(0.0, edge), wait)
            parts["edge"] += edge * number
            parts["inputs"] += (wait - edge) * number
            self.now += wait

    def arrival(
        self, given: Pass, want: int
    ) -> Generator[float | Event | tuple[Job, float], None, float]:
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
