"""The vector unit: sums of N channels become INT8 features in memory, and pillars get a value.

::

    finish ─> control ─> drain, tag_read
                             │ 2 cycles
                 sums, tag ──┴─> requantize ─┬─> fifo ─> features
    parameters ─> shadow ──────────┘         └─> importance ─> fifo ─> entries, header
                                                                         └─ select

Nothing in the middle stalls: control reads a vector of sums only when the queues behind have a
place for it. What goes with a vector walks beside it.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import INDEX_BITS

from ..arith import named
from . import requantize
from .entries import Entries
from .features import FeatureWriter, vector_layout
from .importance import Importance, entry_layout, place_layout
from .layout import (
    ADDRESS_BITS,
    COLUMN_BITS,
    done_layout,
    drain_layout,
    finish_layout,
    free_layout,
    layer_layout,
    read_layout,
    tag_read_layout,
    write_layout,
)
from .requantize import Parameters, Requantize

VPU_FIELDS = (
    "measure",
    "selection",
    "relu",
    "select_count",
    "select_ratio",
    "threshold",
    "phased",
    "output_cpr",
    "output_entries",
)
"""What the vector unit must know of a layer; without importance, ``VPU_PLAIN_FIELDS`` is enough."""
VPU_PLAIN_FIELDS = ("relu", "phased")
READ = 2
"""Cycles from a read of the sum buffer, or of tags, to its answer."""
QUEUE = 2
"""Cycles through an empty queue."""
MEMORY = 17
"""Vectors of a queue that is a memory of 16 words with a register behind it: smaller than a shorter
one of flip-flops."""


class Vpu(wiring.Component):
    """A vector a cycle; commands follow each other without a gap when parameters are there, which
    take 8 N / beat + 6 cycles a command to load.

    Parameters
    ----------
    config : AcceleratorConfig
    importance : bool
        False leaves out what measures and selects: ``entries`` and ``select_read`` are silent.

    Attributes
    ----------
    layer : In(stream.Signature(layer_layout()))
        In order. Taken when its last vector of sums is read, or, if it has a measure, when its
        header is written.
    finish : In(stream.Signature(finish_layout(config)))
        Taken when its last vector is read.
    free : Out(free_layout())
        Once a command that has outputs, when its last sums have been given.
    drain : Out(drain_layout(config)), sums : In(ArrayLayout(signed(32), N))
        ``sums`` exactly 2 cycles after ``drain``.
    tag_read : Out(tag_read_layout(config)), tag : In(INDEX_BITS)
        Likewise. Of a phased layer, the index of the output; else its column, which is asked for
        only where the layer has a measure.
    parameters : In(stream.Signature(config.bus_bits))
        8 N bytes for each command that has outputs.
    features, entries : Out(stream.Signature(write_layout(config)))
    entries_done : In(done_layout())
        Of ``entries``.
    select_read : Out(stream.Signature(read_layout())), select_data : In(...(config.bus_bits))
        Entries that are read again.
    """

    def __init__(self, config: AcceleratorConfig, importance: bool = True):
        self.config, self._importance = config, importance
        n = config.array
        super().__init__(
            {
                "layer": In(stream.Signature(layer_layout())),
                "finish": In(stream.Signature(finish_layout(config))),
                "free": Out(free_layout()),
                "drain": Out(drain_layout(config)),
                "sums": In(data.ArrayLayout(signed(32), n)),
                "tag_read": Out(tag_read_layout(config)),
                "tag": In(INDEX_BITS),
                "parameters": In(stream.Signature(config.bus_bits)),
                "features": Out(stream.Signature(write_layout(config))),
                "entries": Out(stream.Signature(write_layout(config))),
                "entries_done": In(done_layout()),
                "select_read": Out(stream.Signature(read_layout())),
                "select_data": In(stream.Signature(config.bus_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.parameters = parameters = Parameters(config)
        m.submodules.requantize = pipeline = Requantize(config)
        depth = READ + requantize.LATENCY + QUEUE + 1
        vectors = max(depth, MEMORY)
        m.submodules.writer = writer = FeatureWriter(config, vectors)
        wiring.connect(m, wiring.flipped(self.parameters), parameters.i)
        wiring.connect(m, writer.o, wiring.flipped(self.features))

        # Control: which vector is read next, and whether one is.
        finish, layer = self.finish.payload, self.layer.payload
        output = Signal(finish.count.shape())
        first, swapping, closing = Signal(), Signal(), Signal()
        null = named(m, "null", ~finish.count.any())
        last = named(m, "last", null | (output == finish.count - 1))
        measured = named(m, "measured", layer.measure.any() if self._importance else Const(0, 1))
        late = named(m, "late", measured & finish.last & ~null)
        room, entry_room = Signal(), Signal()
        ready = named(m, "ready", null | ~first | (parameters.full & ~swapping))
        go = Signal()
        m.d.comb += [
            first.eq(~output.any()),
            go.eq(
                self.finish.valid
                & self.layer.valid
                & ready
                & room
                & (entry_room | ~late)
                & ~closing
            ),
            self.finish.ready.eq(go & last),
            self.drain.enable.eq(go & ~null),
            self.drain.half.eq(finish.half),
            self.drain.output.eq(output),
            self.tag_read.enable.eq(self.drain.enable & (layer.phased[0] | late)),
            self.tag_read.slot.eq(finish.tags),
            self.tag_read.output.eq(output),
        ]
        with m.If(go):
            m.d.sync += output.eq(Mux(last, 0, output + 1))
        end = named(m, "end", go & last & finish.end)
        finished = Signal()
        m.d.comb += self.layer.ready.eq(Mux(closing, finished, end & ~measured))
        with m.If(end & measured):
            m.d.sync += closing.eq(1)
        with m.If(finished):
            m.d.sync += closing.eq(0)
        swap = named(m, "swap", go & first & ~null)
        with m.If(swap):
            m.d.sync += swapping.eq(1)
        with m.If(pipeline.release):
            m.d.sync += swapping.eq(0)
        m.d.comb += parameters.release.eq(pipeline.release)

        # What goes with a vector, until its sums are there.
        step = data.StructLayout(
            {
                "plane": unsigned(ADDRESS_BITS),
                "index": unsigned(INDEX_BITS),
                "half": unsigned(1),
                "phased": unsigned(1),
                "relu": unsigned(1),
                "null": unsigned(1),
                "late": unsigned(1),
                **{name: unsigned(1) for name in ("flush", "vector", "layer")},
                "place": place_layout(config),
            }
        )
        now = Signal(step)
        m.d.comb += [
            now.plane.eq(finish.address),
            now.index.eq(finish.base + output),
            now.half.eq(finish.half),
            now.phased.eq(layer.phased[0] & ~null),
            now.relu.eq(layer.relu),
            now.null.eq(null),
            now.late.eq(measured & ~null),
            now.flush.eq(last),
            now.vector.eq(finish.last & ~layer.phased[0] & ~null),
            now.layer.eq(last & finish.end),
            now.place.output.eq(output),
            now.place.first.eq(finish.first),
            now.place.last.eq(finish.last),
            now.place.end.eq(last & finish.end),
        ]
        go_at = _delays(m, go, READ + requantize.LATENCY, "go", control=True)
        here = _delays(m, now, READ, "read")[READ]
        swap_at = _delays(m, swap, READ, "swap", control=True)
        m.d.comb += [
            pipeline.parameters.eq(parameters.o),
            pipeline.swap.eq(swap_at[READ - 1]),
            pipeline.enable.eq(go_at[READ]),
            pipeline.zero.eq(here.null),
            pipeline.relu.eq(here.relu),
            pipeline.sums.eq(self.sums),
            self.free.valid.eq(go_at[READ] & here.flush & ~here.null),
            self.free.half.eq(here.half),
        ]

        # The index is known with the tag. The address is made in the next cycle, and goes on beside
        # the pipeline into the queue.
        indexed = Signal(step, reset_less=True)
        m.d.sync += [indexed.eq(here), indexed.index.eq(Mux(here.phased, self.tag, here.index))]
        offset = Cat(Const(0, config.array.bit_length() - 1), indexed.index)
        vector = Signal(vector_layout())
        m.d.comb += vector.address.eq(indexed.plane + offset)
        m.d.comb += [vector[f].eq(indexed[f]) for f in ("null", "flush", "vector", "layer")]
        m.d.comb += [
            writer.vector.eq(_delays(m, vector, requantize.LATENCY - 1, "vector")[-1]),
            writer.features.eq(pipeline.result),
            writer.valid.eq(go_at[-1]),
            room.eq(_room(m, "vectors", vectors, go, writer.taken)),
        ]
        if not self._importance:
            return m

        # The value of a pillar.
        m.submodules.importance = importance = Importance(config)
        m.submodules.entries = entries = Entries(config)
        depth += importance.latency
        m.submodules.entry_queue = queue = SyncFIFOBuffered(width=entry_layout().size, depth=depth)
        place = Signal(place_layout(config))
        m.d.comb += [place.eq(here.place), place.column.eq(self.tag[:COLUMN_BITS])]
        value_at = _delays(m, go_at[READ] & here.late, requantize.LATENCY, "value", control=True)
        m.d.comb += [
            importance.l1.eq(entries.l1),
            importance.valid.eq(value_at[-1]),
            importance.place.eq(_delays(m, place, requantize.LATENCY, "place")[-1]),
            importance.vector.eq(pipeline.result),
            queue.w_en.eq(importance.entry_valid),
            queue.w_data.eq(importance.entry),
            entries.i.valid.eq(queue.r_rdy),
            entries.i.payload.eq(queue.r_data),
            queue.r_en.eq(entries.i.ready),
            entry_room.eq(_room(m, "entries", depth, go & late, entries.i.valid & entries.i.ready)),
            entries.layer.eq(layer),
            entries.none.eq(end & measured & null),
            entries.done.eq(self.entries_done),
            finished.eq(entries.finished),
        ]
        wiring.connect(m, entries.o, wiring.flipped(self.entries))
        wiring.connect(m, entries.read, wiring.flipped(self.select_read))
        wiring.connect(m, wiring.flipped(self.select_data), entries.data)
        return m


def _delays(m: Module, value: Value, cycles: int, name: str, control: bool = False) -> list[Value]:
    """``value``, and what it was 1 to ``cycles`` cycles ago. Only ``control`` is reset."""
    chain = [value]
    for cycle in range(1, cycles + 1):
        chain.append(Signal(value.shape(), name=f"{name}_{cycle}", reset_less=not control))
        m.d.sync += chain[-1].eq(chain[-2])
    return chain


def _room(m: Module, name: str, depth: int, take: Value, give: Value) -> Value:
    """Whether less than ``depth`` places of a queue are taken and not given back."""
    used = Signal(range(depth + 1), name=f"{name}_used")
    m.d.sync += used.eq(used + take - give)
    return used != depth
