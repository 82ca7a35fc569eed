"""The end of a CPR whose values are known late: entries packed into beats, then the header."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import MEASURES, SELECTIONS
from golden.sparse.places import HEADER_BYTES
from golden.sparse.prune import RATIO_BITS

from ..arith import named
from ..arith import select as choose
from .importance import entry_layout
from .layout import done_layout, layer_layout, read_layout, write_layout
from .select import COUNT_BITS, Select


class Entries(wiring.Component):
    """Writes a layer's entries as they come, one a cycle, and its header after the last.

    The header is written when all entries have been acknowledged. Entries of a layer lie next to
    each other, whatever tiles they come from: a partial beat waits for the next tile.

    Attributes
    ----------
    i : In(stream.Signature(entry_layout()))
    layer : In(layer_layout())
        Steady from the layer's first entry to ``finished``.
    l1 : Out(1)
        The layer's measure.
    none : In(1)
        A pulse: the layer has no entry.
    finished : Out(1)
        A pulse: the layer is done.
    o : Out(stream.Signature(write_layout(config)))
        ``vector`` marks the last beat of entries, ``layer`` that of the header.
    done : In(done_layout())
        Of the beats of ``o``.
    read, data :
        Re-reads entries: see :class:`Select`.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(entry_layout())),
                "layer": In(layer_layout()),
                "l1": Out(1),
                "none": In(1),
                "finished": Out(1),
                "o": Out(stream.Signature(write_layout(config))),
                "done": In(done_layout()),
                "read": Out(stream.Signature(read_layout())),
                "data": In(stream.Signature(config.bus_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beat = self.config.beat
        size, headers = beat // 4, max(1, HEADER_BYTES // beat)
        m.submodules.select = select = Select(self.config)
        wiring.connect(m, select.read, wiring.flipped(self.read))
        wiring.connect(m, wiring.flipped(self.data), select.data)

        layer = self.layer
        top = named(m, "top", layer.selection == SELECTIONS.index("top-k"))
        count = Signal(COUNT_BITS)  # of the layer's entries, so far
        m.d.comb += [
            select.value.eq(self.i.payload.value),
            self.l1.eq(layer.measure == MEASURES.index("l1")),
            select.l1.eq(self.l1),
            select.select_count.eq(layer.select_count[:COUNT_BITS]),
            select.select_ratio.eq(layer.select_ratio[: RATIO_BITS + 1]),
            select.entries.eq(layer.output_entries),
            select.count.eq(count),
        ]

        # The beat on offer, and the one that is being filled.
        valid = Signal()
        offer = Signal(self.o.payload.shape(), reset_less=True)
        slots = [Signal(32, name=f"slot{k}") for k in range(size - 1)]
        free = named(m, "free", ~valid | self.o.ready)
        m.d.comb += [self.o.valid.eq(valid), self.o.payload.eq(offer)]
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)

        position = count[: size.bit_length() - 1]
        low = Const(0, len(position) + 2)  # of a beat's address: four bytes an entry
        full = named(m, "full", position.all() | self.i.payload.end)
        word = Cat(self.i.payload.column, Const(0, 16 - len(self.i.payload.column)))
        word = named(m, "word", Cat(word, self.i.payload.value))
        packed = [
            named(m, f"packed{k}", slot | Mux(position == k, word, 0))
            for k, slot in enumerate([*slots, Const(0, 32)])
        ]
        # Position 0 is always filled.
        filled = [Const(1, 1), *(named(m, f"filled{k}", position >= k) for k in range(1, size))]

        acknowledged = Signal()
        number = Signal(range(headers))
        final = named(m, "final", number == headers - 1)
        threshold = Mux(top, select.result.threshold, layer.threshold[: len(select.value)])
        ties = Mux(top, select.result.ties, 0)
        header = Cat(*(_word(x) for x in (count, Const(1, 1), threshold, ties)))
        header = named(m, "header", Cat(header, Const(0, 8 * HEADER_BYTES - len(header))))
        words = [header.word_select(k, 8 * beat) for k in range(headers)]
        offering = Signal()
        with m.If(self.done.vectors.any()):
            m.d.sync += acknowledged.eq(1)
        m.d.comb += select.written.eq(acknowledged)
        with m.FSM(init="entries", name="state"):
            with m.State("entries"):
                m.d.comb += [
                    self.i.ready.eq(select.ready & (free | ~full)),
                    select.update.eq(self.i.valid & self.i.ready & top),
                ]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += count.eq(count + 1)
                    m.d.sync += [slot.eq(p) for slot, p in zip(slots, packed, strict=False)]
                    with m.If(full):
                        m.d.sync += [slot.eq(0) for slot in slots]
                        m.d.sync += [
                            valid.eq(1),
                            offer.address.eq(
                                layer.output_entries + Cat(low, count[len(position) :])
                            ),
                            offer.data.eq(Cat(*packed)),
                            offer.strobe.eq(Cat(f.replicate(4) for f in filled)),
                            offer.flush.eq(self.i.payload.end),
                            offer.vector.eq(self.i.payload.end),
                            offer.layer.eq(0),
                        ]
                    with m.If(self.i.payload.end):
                        m.next = "selection"
                with m.If(self.none):
                    m.d.sync += acknowledged.eq(1)
                    m.next = "selection"
            with m.State("selection"):
                m.d.comb += select.begin.eq(top & select.ready)
                with m.If(select.ready | ~top):
                    m.next = "header"
            with m.State("header"):
                m.d.comb += offering.eq(acknowledged & (select.result.valid | ~top) & free)
                with m.If(offering):
                    m.d.sync += [
                        valid.eq(1),
                        offer.address.eq(
                            layer.output_cpr + Cat(Const(0, beat.bit_length() - 1), number)
                        ),
                        offer.data.eq(choose(words, number)),
                        offer.strobe.eq(Const(1, 1).replicate(beat)),
                        offer.flush.eq(final),
                        offer.vector.eq(0),
                        offer.layer.eq(final),
                        number.eq(number + 1),
                    ]
                    with m.If(final):
                        m.d.comb += [self.finished.eq(1), select.take.eq(top)]
                        m.d.sync += [number.eq(0), count.eq(0), acknowledged.eq(0)]
                        m.next = "entries"
        return m


def _word(value: Value) -> Value:
    """Extended to 32 bits."""
    return Cat(value, Const(0, 32 - len(value)))
