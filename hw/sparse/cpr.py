"""CPR lists between memory and the rule generator: `docs/rgu.md`."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.places import HEADER_BYTES

from ..arith import named
from ..pipeline import Register
from .cpr_read import (
    AHEAD,
    COUNT_BITS,
    ENTRY,
    HEADER,
    ROW,
    WORD,
    Pointers,
    Select,
    Unpack,
    cpr_layer_layout,
)
from .fifo import Fifo
from .layout import (
    ADDRESS_BITS,
    done_layout,
    pillar_layout,
    read_layout,
    token_layout,
    write_layout,
)
from .pack import Packer
from .rows import RowMarks


class CprReader(wiring.Component):
    """Reads CPR lists from memory, an entry a cycle, and gives their tokens.

    One read brings header and pointers; the entries are asked for as pointers tell of them. What is
    not selected makes no token if the layer prunes; its index counts. Pointers that do not ascend
    from 0 to at most 2^``INDEX_BITS`` by at most ``columns``, and columns that do not ascend to
    less than ``columns``, raise ``error``; such a pointer counts as the one before it, and such an
    entry makes no token.

    Attributes
    ----------
    layer : In(stream.Signature(cpr_layer_layout()))
        Taken when all of the layer's reads have been asked for.
    read_rows, read_entries : Out(stream.Signature(read_layout()))
    rows, entries : In(stream.Signature(config.bus_bits))
        The beats that were asked for, in order.
    o : Out(stream.Signature(token_layout()))
    error : Out(1)
        Since reset there was something wrong.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "layer": In(stream.Signature(cpr_layer_layout())),
                "read_rows": Out(stream.Signature(read_layout())),
                "read_entries": Out(stream.Signature(read_layout())),
                "rows": In(stream.Signature(config.bus_bits)),
                "entries": In(stream.Signature(config.bus_bits)),
                "o": Out(stream.Signature(token_layout())),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.pointers = pointers = Pointers(self.config)
        m.submodules.counts = counts = Fifo(ROW, AHEAD, block=True)
        m.submodules.headers = headers = Fifo(HEADER, 2)
        m.submodules.unpack = unpack = Unpack(self.config)
        m.submodules.between = between = Register(ENTRY)
        m.submodules.select = select = Select()
        m.submodules.marks = marks = RowMarks(token_layout())
        wiring.connect(m, wiring.flipped(self.layer), pointers.layer)
        wiring.connect(m, wiring.flipped(self.rows), pointers.rows)
        wiring.connect(m, pointers.read_rows, wiring.flipped(self.read_rows))
        wiring.connect(m, pointers.read_entries, wiring.flipped(self.read_entries))
        wiring.connect(m, pointers.counts, counts.i)
        wiring.connect(m, pointers.headers, headers.i)
        wiring.connect(m, counts.o, unpack.counts)
        wiring.connect(m, wiring.flipped(self.entries), unpack.entries)
        wiring.connect(m, unpack.o, between.i)
        wiring.connect(m, between.o, select.i)
        wiring.connect(m, headers.o, select.header)
        wiring.connect(m, select.o, marks.i)
        wiring.connect(m, marks.o, wiring.flipped(self.o))
        with m.If(pointers.error | select.error):
            m.d.sync += self.error.eq(1)
        return m


def cpr_output_layout() -> data.StructLayout:
    """A list to write: ``cpr``, ``entries``: addresses. ``write_cpr``: 0 if it is not to be.
    ``late``: only its pointers are. ``capacity``: entries, at most."""
    return data.StructLayout(
        {
            "cpr": unsigned(ADDRESS_BITS),
            "entries": unsigned(ADDRESS_BITS),
            "write_cpr": unsigned(1),
            "late": unsigned(1),
            "capacity": unsigned(COUNT_BITS),
        }
    )


class CprWriter(wiring.Component):
    """Writes the CPR of the pillars that pass, a pillar a cycle.

    The header, whose last beat has the layer's mark, is written when all entries have been
    acknowledged. Of a ``late`` list the header and the entries are somebody else's to write, and so
    is the mark; ``pointers_done`` says when the pointers have been acknowledged. Without
    ``write_cpr`` there is only the mark, in a beat without strobe. What is over ``capacity`` is not
    written, and the pointers do not count it.

    Attributes
    ----------
    layer : In(stream.Signature(cpr_output_layout()))
        Taken when the layer is done.
    i : In(stream.Signature(pillar_layout()))
    rows, entries : Out(stream.Signature(write_layout(config)))
        Pointers and header; entries, of which the last beat has a ``vector`` mark.
    rows_done, entries_done : In(done_layout())
        Of these two.
    pointers_done : Out(1)
        For one cycle, of each late layer.
    count : Out(COUNT_BITS)
        Entries of the layer so far; of the last one until the next begins.
    overflow : Out(1)
        Since reset a layer had more than its capacity.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "layer": In(stream.Signature(cpr_output_layout())),
                "i": In(stream.Signature(pillar_layout())),
                "rows": Out(stream.Signature(write_layout(config))),
                "entries": Out(stream.Signature(write_layout(config))),
                "rows_done": In(done_layout()),
                "entries_done": In(done_layout()),
                "pointers_done": Out(1),
                "count": Out(COUNT_BITS),
                "overflow": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beat = self.config.beat
        layer, pillar = self.layer.payload, self.i.payload
        m.submodules.pointers = pointers = Packer(beat)
        m.submodules.packer = packer = Packer(beat)
        written = named(m, "written", layer.write_cpr & ~layer.late)  # entries and header

        # Packed beats to their places.
        rows, entries = Signal(range(1 << 16)), Signal(COUNT_BITS)  # beats of the layer so far
        shift = beat.bit_length() - 1
        for packed, out, address, number in (
            (pointers.o, self.rows, layer.cpr + HEADER_BYTES, rows),
            (packer.o, self.entries, layer.entries, entries),
        ):
            m.d.comb += [
                out.valid.eq(packed.valid),
                packed.ready.eq(out.ready),
                out.payload.address.eq(address + (number << shift)),
                out.payload.data.eq(packed.payload.data),
                out.payload.strobe.eq(packed.payload.strobe),
                out.payload.flush.eq(packed.payload.last),
                out.payload.vector.eq(
                    packed.payload.last & (layer.late if out is self.rows else 1)
                ),
            ]
            with m.If(packed.valid & packed.ready):
                m.d.sync += number.eq(number + 1)

        count = Signal(COUNT_BITS)
        room = named(m, "room", count != layer.capacity)
        taken = named(m, "taken", ~pillar.empty & room)
        total = named(m, "total", count + taken)
        m.d.comb += [
            self.count.eq(count),
            packer.i.payload.word.eq(
                Cat(pillar.column, Const(0, WORD // 2 - len(pillar.column)), pillar.value)
            ),
            packer.i.payload.present.eq(taken),
            packer.i.payload.last.eq(pillar.end),
            pointers.i.payload.present.eq(1),
        ]
        headers = max(1, HEADER_BYTES // beat)
        header = Signal(range(headers))  # its beats
        final = named(m, "final", ~layer.write_cpr | (header == headers - 1))
        done = Signal()
        with m.FSM(name="layers"):
            with m.State("IDLE"):
                m.d.comb += pointers.i.valid.eq(self.layer.valid & layer.write_cpr)
                with m.If(self.layer.valid & (pointers.i.ready | ~layer.write_cpr)):
                    m.d.sync += count.eq(0)
                    m.next = "PILLARS"
            with m.State("PILLARS"):
                to_packer = named(m, "to_packer", written & (taken | pillar.end))
                to_pointers = named(m, "to_pointers", layer.write_cpr & pillar.last)
                m.d.comb += [
                    pointers.i.payload.word.eq(total),
                    pointers.i.payload.last.eq(pillar.end),
                    packer.i.valid.eq(self.i.valid & to_packer & (pointers.i.ready | ~to_pointers)),
                    pointers.i.valid.eq(self.i.valid & to_pointers & (packer.i.ready | ~to_packer)),
                    self.i.ready.eq(
                        (pointers.i.ready | ~to_pointers) & (packer.i.ready | ~to_packer)
                    ),
                ]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += count.eq(total)
                    with m.If(~pillar.empty & ~room):
                        m.d.sync += self.overflow.eq(1)
                    with m.If(pillar.end):
                        m.next = "WAIT"
            with m.State("WAIT"):
                late = named(m, "late", layer.write_cpr & layer.late)
                m.d.comb += self.pointers_done.eq(late & self.rows_done.vectors.any())
                with m.If(self.pointers_done):
                    m.d.comb += done.eq(1)
                    m.next = "IDLE"
                with m.Elif(~layer.write_cpr | (written & self.entries_done.vectors.any())):
                    m.next = "HEADER"
            # The pointers may still be on their way.
            with m.State("HEADER"), m.If(~pointers.o.valid):
                m.d.comb += [
                    self.rows.valid.eq(1),
                    self.rows.payload.address.eq(layer.cpr + (header << shift)),
                    self.rows.payload.data.eq(Mux(header == 0, count, 0)),
                    self.rows.payload.strobe.eq(layer.write_cpr.replicate(beat)),
                    self.rows.payload.flush.eq(final),
                    self.rows.payload.vector.eq(0),
                    self.rows.payload.layer.eq(final),
                ]
                with m.If(self.rows.ready):
                    m.d.sync += header.eq(header + 1)
                    with m.If(final):
                        m.d.comb += done.eq(1)
                        m.next = "IDLE"
        with m.If(done):
            m.d.comb += self.layer.ready.eq(1)
            m.d.sync += [rows.eq(0), entries.eq(0), header.eq(0)]
        return m
