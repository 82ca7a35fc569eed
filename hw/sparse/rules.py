"""Rule generation with all that it needs: lists out of memory, rules for the tiler, lists back.

::

    layer ─> Fork ─┬───────────────┬─────────────┬───────────┬──────────┐
                CprReader ──────> Rgu ──────> Fork ──────> pillars      │
                CprReader ─(union)─┘             └──────> CprWriter     └> tiler_layer
                    └─ presence bits of a union's entries
"""

from __future__ import annotations

from amaranth.hdl import Module, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import OPS

from ..arith import named
from .cpr import CprReader, CprWriter, cpr_layer_layout, cpr_output_layout
from .dispatch import Fork, LayerQueue, PresenceWatch, Queue, rows_layout
from .fifo import Fifo
from .layout import (
    done_layout,
    layer_layout,
    pillar_layout,
    presence_layout,
    read_layout,
    write_layout,
)
from .merge import rgu_layer_layout
from .rgu import Rgu
from .tiler import TILER_FIELDS

UNION = OPS.index("union")
RULES_FIELDS = tuple(
    dict.fromkeys(
        (
            "op",
            "cpr_after",
            "measure",
            "sources",
            "write_cpr",
            "capacity",
            *(f"{whose}_cpr" for whose in ("source", "second", "output")),
            *(f"{whose}_entries" for whose in ("source", "second", "output")),
            "rows",
            "columns",
            "use",
            *rgu_layer_layout().members,
            *TILER_FIELDS,
        )
    )
)
"""What rule generation, the tiler and the gate must know of a layer."""
DEPTH = 2
"""Layers that wait before each unit."""


class RuleGeneration(wiring.Component):
    """One layer after the other, each unit at its own time.

    Attributes
    ----------
    layer : In(stream of layer_layout())
        When its sources are complete.
    pillars : Out(stream of pillar_layout()), tiler_layer : Out(stream of layer_layout())
    rows_read, entries_read, second_rows_read, second_entries_read : Out(streams of read_layout())
    rows_data, entries_data, second_rows_data, second_entries_data : In(streams of bus_bits)
    rows_write, entries_write : Out(streams of write_layout(config))
    rows_done, entries_done : In(done_layout())
    pointers_done : Out(1)
        The row pointers of a CPR that the vector unit completes are acknowledged.
    presence : Out
        Presence bits of a union's pillar, for :class:`hw.sparse.fill.PresenceBits`.
    idle : Out(1)
        The rule generator has no layer.
    malformed, overflow : Out(1)
        A CPR in memory is not one; a layer had more outputs than its capacity.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        lists = ("rows", "entries", "second_rows", "second_entries")
        super().__init__(
            {
                "layer": In(stream.Signature(layer_layout())),
                "pillars": Out(stream.Signature(pillar_layout())),
                "tiler_layer": Out(stream.Signature(layer_layout())),
                **{f"{name}_read": Out(stream.Signature(read_layout())) for name in lists},
                **{f"{name}_data": In(stream.Signature(config.bus_bits)) for name in lists},
                **{
                    f"{name}_write": Out(stream.Signature(write_layout(config)))
                    for name in lists[:2]
                },
                **{f"{name}_done": In(done_layout()) for name in lists[:2]},
                "pointers_done": Out(1),
                "presence": Out(presence_layout()),
                "idle": Out(1),
                "malformed": Out(1),
                "overflow": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.layers = layers = Fork(
            layer_layout(), ("first", "second", "rgu", "writer", "tiler", "watch")
        )
        wiring.connect(m, wiring.flipped(self.layer), layers.i)
        m.submodules.first = first = CprReader(config)
        m.submodules.second = second = CprReader(config)
        m.submodules.rgu = rgu = Rgu(config)
        m.submodules.writer = writer = CprWriter(config)
        m.submodules.watch = watch = PresenceWatch()
        m.submodules.pillar_fork = pillars = Fork(pillar_layout(), ("tiler", "writer"))

        # Layers to each, in the form that it wants.
        def queue(name: str, shape: data.StructLayout, values: dict[str, Value]) -> Queue:
            source = getattr(layers, name)
            m.submodules[f"{name}_layers"] = made = Queue(shape, DEPTH)
            m.d.comb += [made.i.valid.eq(source.valid), source.ready.eq(made.i.ready)]
            m.d.comb += [made.i.payload[field].eq(value) for field, value in values.items()]
            return made

        layer = layers.i.payload
        sizes = {name: layer[name] for name in ("rows", "columns", "use")}
        source = {"cpr": layer.source_cpr, "entries": layer.source_entries, **sizes}
        wiring.connect(m, queue("first", cpr_layer_layout(), source).o, first.layer)
        fields = {name: layer[name] for name in rgu_layer_layout().members}
        wiring.connect(m, queue("rgu", rgu_layer_layout(), fields).o, rgu.layer)
        fields = {
            "cpr": layer.output_cpr,
            "entries": layer.output_entries,
            "write_cpr": layer.write_cpr,
            "late": layer.measure.any(),
            "capacity": layer.capacity,
        }
        wiring.connect(m, queue("writer", cpr_output_layout(), fields).o, writer.layer)
        fields = {"united": layer.sources > 1, "rows": layer.rows}
        wiring.connect(m, queue("watch", rows_layout(), fields).o, watch.lists)
        m.submodules.tiler_layers = tiler = LayerQueue(config, TILER_FIELDS, DEPTH)
        wiring.connect(m, layers.tiler, tiler.i)
        wiring.connect(m, tiler.o, wiring.flipped(self.tiler_layer))
        # Only a union has a second list.
        union = named(m, "union", layer.op == UNION)
        m.submodules.second_layers = queued = Queue(cpr_layer_layout(), DEPTH)
        i = queued.i
        m.d.comb += [
            i.valid.eq(layers.second.valid & union),
            layers.second.ready.eq(i.ready | ~union),
            i.payload.cpr.eq(layer.second_cpr),
            i.payload.entries.eq(layer.second_entries),
            i.payload.rows.eq(layer.rows),
            i.payload.columns.eq(layer.columns),
            i.payload.use.eq(layer.use),
        ]
        wiring.connect(m, queued.o, second.layer)

        for prefix, reader in (("", first), ("second_", second)):
            for name in ("rows", "entries"):
                read = getattr(self, f"{prefix}{name}_read")
                wiring.connect(m, getattr(reader, f"read_{name}"), wiring.flipped(read))
                given = getattr(self, f"{prefix}{name}_data")
                wiring.connect(m, wiring.flipped(given), getattr(reader, name))
        wiring.connect(m, second.o, rgu.j)
        # Tokens of the first list pass the watch.
        m.d.comb += [
            rgu.i.payload.eq(first.o.payload),
            rgu.i.valid.eq(first.o.valid & watch.ready),
            first.o.ready.eq(rgu.i.ready & watch.ready),
            watch.token.eq(first.o.payload),
            watch.taken.eq(rgu.i.valid & rgu.i.ready),
            self.presence.eq(watch.write),
        ]
        # Tiler and writer take their time to know whether they wait: a queue, so that this has not
        # to go all the way to the readers in the same cycle.
        m.submodules.made = made = Fifo(pillar_layout(), 2)
        wiring.connect(m, rgu.o, made.i)
        wiring.connect(m, made.o, pillars.i)
        wiring.connect(m, pillars.tiler, wiring.flipped(self.pillars))
        wiring.connect(m, pillars.writer, writer.i)
        for name in ("rows", "entries"):
            write = getattr(self, f"{name}_write")
            wiring.connect(m, getattr(writer, name), wiring.flipped(write))
            m.d.comb += getattr(writer, f"{name}_done").eq(getattr(self, f"{name}_done"))
        m.d.comb += [
            self.pointers_done.eq(writer.pointers_done),
            self.idle.eq(~rgu.layer.valid),
            self.malformed.eq(first.error | second.error),
            self.overflow.eq(writer.overflow),
        ]
        return m
