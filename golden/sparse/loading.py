"""The loader of the cycle model."""

from __future__ import annotations

from .state import CHUNK, PARAMETER, PASSES, Layer, Pass, State
from .timeline import Process


class Loading(State):
    """Passes in order, as far ahead as rings and queue allow. The reads of a pass are its weights,
    then its inputs; it is handed on as soon as its place in the rings is known."""

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
            # Where a map has no pillar, zeros are written in its place, which takes as long.
            beats = (end - before) * self.vector_beats
            density = vectors / (end - before)
            job = self.bus.read(beats, time.now + config.latency, density)
            layer.read += vectors * config.array * times
            given.inputs.append((before, end, job))
            time.fire(self.input_asked)
            before = end
