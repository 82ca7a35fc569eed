"""The CPR encoder: `golden/sparse/cpr_encoder.py` in hardware."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring

from golden.sparse.cpr_encoder import CprEncoderConfig

from ..arith import named
from ..pipeline import Register, streams


class CprEncoder(wiring.Component):
    """The unit of a :class:`golden.sparse.cpr_encoder.CprEncoderConfig`: its streams.

    In a cycle it may give a pointer, an entry, or both: of a bitmap a row's last pillar and the
    pointer after it, of coordinates a row's first pillar and the pointer before it.
    """

    def __init__(self, config: CprEncoderConfig):
        self.config = config
        super().__init__(streams(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.pointers = pointers = Register(self.pointers.payload.shape())
        m.submodules.entries = entries = Register(self.entries.payload.shape())
        wiring.connect(m, pointers.o, wiring.flipped(self.pointers))
        wiring.connect(m, entries.o, wiring.flipped(self.entries))

        count = Signal(config.count_bits)  # pillars so far
        row = Signal(config.row_bits)
        begun = Signal()  # the first pointer has been given
        pillar = Signal()  # there is one
        row_end = Signal()  # the row ends
        final = named(m, "final", row == config.rows - 1)
        step = Signal()
        before = Signal()  # the row ends after the pillar, which counts
        m.d.comb += [
            pointers.i.payload.pointer.eq(count + before),
            pointers.i.payload.last.eq(begun & final),
        ]
        gives_entry = named(m, "gives_entry", begun & pillar)
        gives_pointer = named(m, "gives_pointer", ~begun | row_end)
        free = (pointers.i.ready | ~gives_pointer) & (entries.i.ready | ~gives_entry)
        m.d.comb += [
            step.eq(self.i.valid & free),
            pointers.i.valid.eq(step & gives_pointer),
            entries.i.valid.eq(step & gives_entry),
        ]
        if config.source == "bitmap":
            column, through = self._bitmap(m, pillar, row_end, step & begun)
            m.d.comb += before.eq(begun & pillar)
        else:
            column, through = self._coordinates(m, pillar, row_end, row, step & begun)
        m.d.comb += [
            entries.i.payload.column.eq(column),
            self.i.ready.eq(step & begun & through),
        ]
        with m.If(step):
            m.d.sync += begun.eq(1)
            with m.If(begun):
                m.d.sync += count.eq(count + pillar)
                with m.If(row_end):
                    m.d.sync += row.eq(row + 1)
                    with m.If(final):
                        m.d.sync += [row.eq(0), count.eq(0), begun.eq(0)]
        return m

    def _coordinates(
        self, m: Module, pillar: Signal, row_end: Signal, row: Signal, step: Value
    ) -> tuple[Value, Value]:
        """The pillar's column, and whether the beat leaves. A pillar of the next row ends this one.
        The last beat stays until all rows have ended."""
        beat = self.i.payload
        given = Signal()  # the last beat's pillar
        fresh = named(m, "fresh", ~beat.empty & ~given)
        beyond = named(m, "beyond", beat.row != row)
        final = named(m, "final_row", row == self.config.rows - 1)
        leaves = named(m, "leaves", Mux(fresh, pillar & ~beat.last, final))
        m.d.comb += [
            pillar.eq(fresh & (~beyond | (beat.row == row + 1))),
            row_end.eq(~fresh | beyond),
        ]
        with m.If(step):
            m.d.sync += given.eq((given | pillar) & ~leaves)
        return beat.column, leaves

    def _bitmap(
        self, m: Module, pillar: Signal, row_end: Signal, step: Value
    ) -> tuple[Value, Value]:
        """The column of the word's first site that has not been given, and whether it is the last
        one."""
        config = self.config
        sites = self.i.payload.sites
        done = Signal(config.word)  # sites that have been given, and all before them
        left = named(m, "left", sites & ~done)
        first = named(m, "first", left & (~left + 1))
        through = named(m, "through", left == first)
        word = Signal(range(max(2, config.words)))
        place_bits = (config.word - 1).bit_length()
        place = Cat(
            Cat(first[b] for b in range(config.word) if b >> k & 1).any() for k in range(place_bits)
        )
        last_word = named(m, "last_word", word == config.words - 1)
        m.d.comb += [pillar.eq(left.any()), row_end.eq(through & last_word)]
        with m.If(step):
            m.d.sync += done.eq(done | first | (first - 1))
            with m.If(through):
                m.d.sync += [done.eq(0), word.eq(word + 1)]
                with m.If(last_word):
                    m.d.sync += word.eq(0)
        if config.word & (config.word - 1):
            return word * config.word + place, through
        return Cat(place, word) if place_bits else word, through
