"""The loader: walks the passes of each tile ahead of the array, and fetches what they need.

::

    layers, tiles ─> walk ─┬─> passes                              ─> issue
                           ├─> reads of weights and inputs         ─> dma ─> Filler ─> rings
                           │     with what they are for (fills) ────────────────┘
                           └─> reads of parameters                 ─> dma ─> vector unit

For each tile, for each output-channel tile, for each input-channel tile. Weights and inputs lie in
two rings, whose space is taken in order here and given back in order by issue; positions count
modulo 2^16, and their low bits are addresses. A tile's inputs are fetched once, for all its
passes, if two tiles of that size fit; else once a pass.

Inputs must exist before they are fetched: all of them once the layer that makes them is complete
(`features_after`), or, while it is not, those below the watermark of what it has written.
"""

from __future__ import annotations

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import INDEX_BITS, OPS, SOURCES

from ..arith import named
from .layout import (
    ADDRESS_BITS,
    POSITION_BITS,
    fill_layout,
    layer_layout,
    pass_layout,
    read_layout,
    tile_layout,
    waiting_layout,
)
from .ring import Ring
from .scan import Presence

LOADER_FIELDS = (
    "op",
    "kernel",
    "resident",
    "sources",
    "input_tiles",
    "output_tiles",
    "source_tiles",
    "features_after",
    *(f"features{s}" for s in range(SOURCES)),
    "input_plane",
    "output_plane",
    "weights",
    "parameters",
    "output_features",
    "number",
)
"""What the loader must know of a layer."""
CHUNK = 64
"""Input vectors of one read: the grain in which loads follow the layer before."""


class Loader(wiring.Component):
    """One pass after the other.

    Parameters
    ----------
    config : AcceleratorConfig
    sparse : bool
        False: maps side by side have the same pillars, and there are no ports of presence bits.

    Attributes
    ----------
    layer : In(stream of layer_layout())
    tiles : In(stream of tile_layout(config))
    passes : Out(stream of pass_layout(config))
    load, parameters : Out(streams of read_layout())
        Reads of two clients of the dma.
    fills : Out(stream of fill_layout(sparse))
        What the data of ``load`` are, read by read (and where absent vectors are zeros).
    freed_inputs, freed_weights : In(POSITION_BITS)
        How much of the rings issue gave back in this cycle.
    complete : In(32)
        Layers whose features are all acknowledged.
    watermark : In(INDEX_BITS + 1)
        Of the next layer: how many of its output vectors are acknowledged in all planes.
    presence_address : Out(INDEX_BITS), presence : In(SOURCES)
        Presence bits of an input pillar, one cycle after its index.
    waiting : Out
        ``tile``: for the rule generator. ``layer``: for the layer before.
    """

    def __init__(self, config: AcceleratorConfig, sparse: bool = True):
        self.config, self._sparse = config, sparse
        position = unsigned(POSITION_BITS)
        presence = {"presence_address": Out(INDEX_BITS), "presence": In(SOURCES)}
        super().__init__(
            {
                "layer": In(stream.Signature(layer_layout())),
                "tiles": In(stream.Signature(tile_layout(config))),
                "passes": Out(stream.Signature(pass_layout(config))),
                "load": Out(stream.Signature(read_layout())),
                "parameters": Out(stream.Signature(read_layout())),
                "fills": Out(stream.Signature(fill_layout(sparse))),
                "freed_inputs": In(position),
                "freed_weights": In(position),
                "complete": In(32),
                "watermark": In(INDEX_BITS + 1),
                **(presence if sparse else {}),
                "waiting": Out(waiting_layout()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, layer, tile = self.config, self.layer.payload, self.tiles.payload
        p = self.passes.payload
        vector = (config.array - 1).bit_length()  # log2 of a vector's bytes
        beats = (config.array // config.beat - 1).bit_length()  # log2 of a vector's beats

        output_tile, input_tile = Signal(10), Signal(10)
        source, source_tile = Signal(range(SOURCES)), Signal(10)
        first_tile = Signal(init=1)
        weight_address, parameter_address, output_address, plane_offset = (
            Signal(ADDRESS_BITS, name=f"{name}_address")
            for name in ("weight", "parameter", "output", "plane")
        )
        inputs = Ring(m, "inputs", config.input_vectors, self.freed_inputs)
        weights = Ring(m, "weights", config.weight_vectors, self.freed_weights)
        united: Value = Const(0, 1)
        presence: Presence | None = None
        if self._sparse:
            united = named(m, "united", layer.sources > 1)
            presence = Presence(m, self.presence_address, self.presence)

        squares = Array(Const(k * k if k <= 3 else 0, 4) for k in range(8))
        kernel = layer.kernel[:3]
        deconv = layer.op == OPS.index("deconv")
        taps = named(m, "taps", Mux(deconv, kernel, squares[kernel]))
        rows = named(m, "rows", (taps << vector)[:POSITION_BITS])
        keep = Signal()  # the tile's inputs of all planes stay
        last_input = named(m, "last_input", input_tile + 1 == layer.input_tiles)
        last_output = named(m, "last_output", output_tile + 1 == layer.output_tiles)
        first_pass = named(m, "first_pass", (input_tile == 0) & (output_tile == 0))
        fetch_weights = named(m, "fetch_weights", ~layer.resident[0] | first_tile)
        fetch_inputs = named(m, "fetch_inputs", ~keep | (output_tile == 0))
        m.d.comb += [
            p.slot.eq(tile.slot),
            p.counts.eq(tile.counts),
            p.low.eq(tile.low),
            p.inputs.eq(inputs.position),
            p.weights.eq(weights.position),
            p.free_inputs.eq(Mux(~keep | last_output, tile.span, 0)),
            p.free_weights.eq(Mux(~layer.resident[0] | tile.last, rows, 0)),
            p.start.eq(input_tile == 0),
            p.stop.eq(last_input),
            p.done.eq(last_input & last_output),
            p.number.eq(layer.number),
            p.finish.tags.eq(tile.tags),
            p.finish.count.eq(tile.count),
            p.finish.base.eq(tile.base),
            p.finish.address.eq(output_address),
            p.finish.first.eq(output_tile == 0),
            p.finish.last.eq(last_output),
            p.finish.end.eq(last_output & tile.last),
        ]
        with m.FSM():
            with m.State("TILE"):
                here = named(m, "tile_here", self.layer.valid & self.tiles.valid)
                m.d.comb += self.waiting.tile.eq(~here)
                with m.If(here & (tile.count == 0)):
                    # Nothing to compute in this layer; its end goes the way of all passes.
                    m.d.comb += [
                        self.passes.valid.eq(1),
                        Value.cast(p.counts).eq(0),
                        p.free_inputs.eq(0),
                        p.free_weights.eq(0),
                        p.idle.eq(1),
                        p.stop.eq(1),
                        p.finish.first.eq(1),
                        p.finish.last.eq(1),
                        p.finish.end.eq(1),
                        self.tiles.ready.eq(self.passes.ready),
                        self.layer.ready.eq(self.passes.ready),
                    ]
                with m.Elif(here):
                    m.d.sync += [
                        weight_address.eq(layer.weights),
                        parameter_address.eq(layer.parameters),
                        output_address.eq(layer.output_features),
                        keep.eq(layer.input_tiles * tile.span <= config.input_vectors // 2),
                    ]
                    m.next = "WEIGHTS"
                    if presence is not None:
                        presence.begin(m, first_tile, tile.low)
                        with m.If(united):
                            m.next = "SCAN"
            if presence is not None:
                with m.State("SCAN"):
                    scanned = presence.scan(m, tile.low, tile.low + tile.span)
                    with m.If(scanned):
                        m.next = "WEIGHTS"
            with m.State("WEIGHTS"):
                m.d.comb += [
                    self.load.payload.address.eq(weight_address),
                    self.load.payload.beats.eq(rows << beats),
                    self.fills.payload.weights.eq(1),
                    self.fills.payload.position.eq(weights.taken),
                    self.fills.payload.count.eq(rows),
                ]
                with m.If(~fetch_weights):
                    weights.go_on(m, first_pass, rows)
                    m.next = "PARAMETERS"
                with m.Elif(weights.room(rows) & self.fills.ready):
                    m.d.comb += self.load.valid.eq(1)
                    with m.If(self.load.ready):
                        m.d.comb += self.fills.valid.eq(1)
                        weights.take(m, first_pass & first_tile, rows)
                        m.next = "PARAMETERS"
            with m.State("PARAMETERS"):
                size = 8 * config.array
                m.d.comb += [
                    self.parameters.payload.address.eq(parameter_address),
                    self.parameters.payload.beats.eq(size // config.beat),
                    self.parameters.valid.eq(input_tile == 0),
                ]
                with m.If(self.parameters.ready | (input_tile != 0)):
                    m.next = "SPACE"
                with m.If(self.parameters.valid & self.parameters.ready):
                    m.d.sync += parameter_address.eq(parameter_address + size)
            with m.State("SPACE"):
                with m.If(~fetch_inputs):
                    inputs.go_on(m, input_tile == 0, tile.span)
                    m.next = "PASS"
                with m.Elif(inputs.room(tile.span)):
                    inputs.take(m, first_pass, tile.span)
                    m.next = "PASS"
            with m.State("PASS"):
                # Before its inputs come: issue goes by what has arrived of them.
                m.d.comb += self.passes.valid.eq(1)
                with m.If(self.passes.ready):
                    m.next = "INPUTS"
            with m.State("INPUTS"):
                read = self._inputs(m, fetch_inputs, inputs, source, plane_offset, united, presence)
                with m.If(read):
                    m.next = "NEXT"
            with m.State("NEXT"):
                m.d.sync += weight_address.eq(weight_address + (rows << vector))
                with m.If(~last_input):
                    m.d.sync += input_tile.eq(input_tile + 1)
                    with m.If(source_tile + 1 == layer.source_tiles):
                        m.d.sync += [source.eq(source + 1), source_tile.eq(0), plane_offset.eq(0)]
                    with m.Else():
                        m.d.sync += source_tile.eq(source_tile + 1)
                        m.d.sync += plane_offset.eq(plane_offset + layer.input_plane)
                    m.next = "WEIGHTS"
                with m.Else():
                    m.d.sync += [input_tile.eq(0), source.eq(0), source_tile.eq(0)]
                    m.d.sync += plane_offset.eq(0)
                    with m.If(~last_output):
                        m.d.sync += output_tile.eq(output_tile + 1)
                        m.d.sync += output_address.eq(output_address + layer.output_plane)
                        m.next = "WEIGHTS"
                    with m.Else():
                        m.d.comb += [self.tiles.ready.eq(1), self.layer.ready.eq(tile.last)]
                        m.d.sync += [output_tile.eq(0), first_tile.eq(tile.last)]
                        m.next = "TILE"
        return m

    def _inputs(
        self,
        m: Module,
        fetch: Value,
        ring: Ring,
        source: Value,
        plane_offset: Value,
        united: Value,
        presence: Presence | None,
    ) -> Value:
        """Read the inputs of a pass (if ``fetch``), chunk by chunk as they come to exist; whether
        that is done."""
        config, layer, tile = self.config, self.layer.payload, self.tiles.payload
        vector = (config.array - 1).bit_length()
        beats = (config.array // config.beat - 1).bit_length()
        offset = Signal(POSITION_BITS, name="chunk_offset")
        left = named(m, "left", (tile.span - offset)[:POSITION_BITS])
        chunk = named(m, "chunk", Mux(left > CHUNK, CHUNK, left))
        end = named(m, "chunk_end", tile.low + offset + chunk)
        after = layer.features_after
        # Where a union's sources stand is not known from its own index: they must be complete.
        follows = (self.complete + 1 == after) & (self.watermark >= end) & ~united
        exists = named(m, "exists", (self.complete >= after) | follows)
        features = Array(layer[f"features{s}"] for s in range(SOURCES))[source]
        first, number = tile.low + offset, chunk
        if presence is not None:
            rank = named(m, "present_rank", Array(presence.ranks)[source])
            count = named(m, "present_count", Array(presence.counts)[source])
            first = named(m, "first_vector", Mux(united, rank, first))
            number = named(m, "vectors", Mux(united, count, number))
            m.d.comb += [
                self.fills.payload.sparse.eq(united),
                self.fills.payload.source.eq(source),
                self.fills.payload.index.eq(tile.low),
            ]
        reads = named(m, "reads", number.any())
        go = named(m, "inputs_go", fetch & exists & self.fills.ready)
        gone = named(m, "inputs_gone", go & (self.load.ready | ~reads))
        last = named(m, "last_chunk", united | (left == chunk))
        m.d.comb += [
            self.waiting.layer.eq(fetch & ~exists),
            self.load.payload.address.eq(features + plane_offset + (first << vector)),
            self.load.payload.beats.eq(number << beats),
            self.load.valid.eq(go & reads),
            self.fills.payload.position.eq(ring.position + offset),
            self.fills.payload.count.eq(Mux(united, tile.span, chunk)),
            self.fills.valid.eq(gone),
        ]
        with m.If(gone):
            m.d.sync += offset.eq(Mux(last, 0, offset + chunk))
        return ~fetch | (gone & last)
