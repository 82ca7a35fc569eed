"""Parts of the CPR reader: pointers, entries, selection."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import INDEX_BITS, SIDE, USES
from golden.sparse.places import HEADER_BYTES

from ..arith import named, select
from .layout import ADDRESS_BITS, VALUE_BITS, read_layout, token_layout
from .rows import event_layout

IGNORE, PRUNE = USES.index("ignore"), USES.index("prune")
WORD = 32
HEADER_WORDS = 8 * HEADER_BYTES // WORD
COUNT_BITS = INDEX_BITS + 1
SIDE_BITS = SIDE.bit_length()
AHEAD = 256
"""Rows whose pointers are known before their entries come. Even if no row has more than one entry,
that hides twice the latency of a memory that answers after 100 cycles."""
READ_ROWS = 16
"""Rows whose entries are asked for together, if they are few."""
READ_BEATS = 16
"""Beats of entries that are worth a read of their own."""


def words_of(beat: Value) -> list[Value]:
    """The words of a beat."""
    return [beat[low : low + WORD] for low in range(0, len(beat), WORD)]


def cpr_layer_layout() -> data.StructLayout:
    """A list to read: ``cpr``, ``entries``: addresses; ``rows``, ``columns``: of its grid; ``use``
    of its selection."""
    return data.StructLayout(
        {
            "cpr": unsigned(ADDRESS_BITS),
            "entries": unsigned(ADDRESS_BITS),
            "rows": unsigned(SIDE_BITS),
            "columns": unsigned(SIDE_BITS),
            "use": unsigned(2),
        }
    )


ROW = data.StructLayout({"count": unsigned(COUNT_BITS), "end": unsigned(1)})
"""A row by its number of entries; ``end``: the last one of its layer."""

HEADER = data.StructLayout(
    {
        "columns": unsigned(SIDE_BITS),
        "use": unsigned(2),
        "valid": unsigned(1),
        "threshold": unsigned(VALUE_BITS + 1),
        "ties": unsigned(COUNT_BITS),
    }
)
"""What selects a layer's entries. A threshold over 16 bits has the top bit."""


class Pointers(wiring.Component):
    """Header and pointers, a word a cycle; and the reads of both and of entries.

    Attributes
    ----------
    layer, read_rows, read_entries, rows
        Of :class:`CprReader`.
    counts : Out(stream.Signature(ROW))
    headers : Out(stream.Signature(HEADER))
        Before the layer's first count.
    error : Out(1)
        A bad pointer, in this cycle.
    """

    def __init__(self, config: AcceleratorConfig):
        self._words = config.bus_bits // WORD
        super().__init__(
            {
                "layer": In(stream.Signature(cpr_layer_layout())),
                "read_rows": Out(stream.Signature(read_layout())),
                "read_entries": Out(stream.Signature(read_layout())),
                "rows": In(stream.Signature(config.bus_bits)),
                "counts": Out(stream.Signature(ROW)),
                "headers": Out(stream.Signature(HEADER)),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer = self.layer.payload
        shift = (self._words - 1).bit_length()
        known = Signal(COUNT_BITS)  # entries: the latest pointer
        asked = Signal(COUNT_BITS - shift)  # beats of entries

        number = Signal(range(HEADER_WORDS + SIDE + 1))  # of the word
        place = number[:shift]
        word = named(m, "word", select(words_of(self.rows.payload), place))
        header = Signal(HEADER)
        row = Signal(ROW)
        entries = named(m, "entries", (word - known)[:COUNT_BITS])  # of the row
        end = named(m, "end", number == layer.rows + HEADER_WORDS)
        first = named(m, "first", number == HEADER_WORDS)
        wrong = (word < known) | (word > 1 << INDEX_BITS) | (entries > layer.columns)
        bad = named(m, "bad", wrong | (first & (word != 0)))
        step = Signal()  # a word is taken
        m.d.comb += [
            row.count.eq(Mux(bad, 0, entries)),
            row.end.eq(end),
            self.rows.ready.eq(step & (place.all() | end)),
            self.headers.payload.eq(header),
            self.counts.payload.eq(row),
            self.read_rows.payload.address.eq(layer.cpr),
            self.read_rows.payload.beats.eq(
                (layer.rows + (HEADER_WORDS + 1 + self._words - 1)) >> shift
            ),
        ]
        with m.If(step):
            m.d.sync += number.eq(number + 1)

        due = Signal()  # the entries that are known are to be asked for, however few
        held = Signal()  # the pointers must wait: their entries cannot be asked for yet
        more = named(m, "more", (known + (self._words - 1) >> shift) - asked)[: len(asked)]
        m.d.comb += held.eq(self._read_entries(m, more, due, asked))

        with m.FSM(name="words"):
            with m.State("ASK"):
                m.d.comb += self.read_rows.valid.eq(self.layer.valid)
                m.d.sync += [number.eq(0), known.eq(0), asked.eq(0), due.eq(0)]
                m.d.sync += [header.columns.eq(layer.columns), header.use.eq(layer.use)]
                with m.If(self.layer.valid & self.read_rows.ready):
                    m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += step.eq(self.rows.valid)
                with m.Switch(number):
                    with m.Case(1):
                        m.d.sync += header.valid.eq(word[0])
                    with m.Case(2):
                        m.d.sync += header.threshold.eq(
                            Cat(word[:VALUE_BITS], word[VALUE_BITS:].any())
                        )
                    with m.Case(3):
                        # More ties than there can be entries are as good as that many.
                        m.d.sync += header.ties.eq(
                            Mux(word[COUNT_BITS:].any(), Const(-1, COUNT_BITS), word)
                        )
                with m.If(step & (number == HEADER_WORDS - 1)):
                    m.next = "SELECTION"
            with m.State("SELECTION"):
                m.d.comb += self.headers.valid.eq(1)
                with m.If(self.headers.ready):
                    m.next = "POINTERS"
            with m.State("POINTERS"):
                m.d.comb += [
                    self.counts.valid.eq(self.rows.valid & ~first & ~held),
                    step.eq(self.rows.valid & ~held & (first | self.counts.ready)),
                    self.error.eq(step & bad),
                ]
                with m.If(step):
                    m.d.sync += due.eq((number % READ_ROWS == 0) | end)
                    with m.If(~bad):
                        m.d.sync += known.eq(word)
                    with m.If(end):
                        m.next = "FINISH"
            with m.State("FINISH"), m.If(more == 0):
                m.d.comb += self.layer.ready.eq(1)
                m.next = "ASK"
        return m

    def _read_entries(self, m: Module, more: Value, due: Signal, asked: Signal) -> Value:
        """Ask for the ``more`` beats that are known of, when they are many or ``due``. Whether
        that has to wait."""
        valid = Signal()
        read = Signal(read_layout(), reset_less=True)
        layer = self.layer.payload
        place = Cat(Const(0, (self._words * WORD // 8 - 1).bit_length()), asked)
        m.d.comb += [self.read_entries.valid.eq(valid), self.read_entries.payload.eq(read)]
        wanted = named(m, "wanted", (more != 0) & (due | (more >= READ_BEATS)))
        free = named(m, "free", ~valid | self.read_entries.ready)
        with m.If(free):
            m.d.sync += valid.eq(wanted)
            with m.If(wanted):
                m.d.sync += [
                    read.address.eq(layer.entries + place),
                    read.beats.eq(more),
                    asked.eq(asked + more),
                ]
        return wanted & ~free


ENTRY = data.StructLayout(
    {
        "column": unsigned(WORD - VALUE_BITS),
        "value": unsigned(VALUE_BITS),
        "index": unsigned(INDEX_BITS),
        "present": unsigned(1),
        "last": unsigned(1),
        "end": unsigned(1),
    }
)
"""An entry if ``present``; the row ends with it if ``last``, and the layer if ``end``."""


class Unpack(wiring.Component):
    """Entries out of beats, one a cycle, and the ends of their rows.

    Attributes
    ----------
    counts : In(stream.Signature(ROW))
    entries : In(stream.Signature(config.bus_bits))
    o : Out(stream.Signature(ENTRY))
    """

    def __init__(self, config: AcceleratorConfig):
        self._words = config.bus_bits // WORD
        super().__init__(
            {
                "counts": In(stream.Signature(ROW)),
                "entries": In(stream.Signature(config.bus_bits)),
                "o": Out(stream.Signature(ENTRY)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        row = self.counts.payload
        item = self.o.payload
        taken = Signal(COUNT_BITS)  # entries of the row
        index = Signal(INDEX_BITS)  # of the next entry; its low bits are its place in a beat
        place = index[: (self._words - 1).bit_length()]
        word = select(words_of(self.entries.payload), place)
        step = Signal()
        m.d.comb += [
            Cat(item.column, item.value).eq(word),
            item.index.eq(index),
            item.present.eq(row.count != 0),
            item.last.eq(~item.present | (taken + 1 == row.count)),
            item.end.eq(item.last & row.end),
            self.o.valid.eq(self.counts.valid & (self.entries.valid | ~item.present)),
            step.eq(self.o.valid & self.o.ready),
            self.counts.ready.eq(step & item.last),
            # The last beat of a layer leaves with the layer's last row, which may be empty.
            self.entries.ready.eq(
                step & Mux(item.present, place.all() | item.end, item.end & (place != 0))
            ),
        ]
        with m.If(step):
            with m.If(item.present):
                m.d.sync += [taken.eq(taken + 1), index.eq(index + 1)]
            with m.If(item.last):
                m.d.sync += taken.eq(0)
            with m.If(item.end):
                m.d.sync += index.eq(0)
        return m


class Select(wiring.Component):
    """Checks the columns and applies the selection.

    Attributes
    ----------
    header : In(stream.Signature(HEADER))
    i : In(stream.Signature(ENTRY))
    o : Out(stream.Signature(event_layout(token_layout())))
    error : Out(1)
        A bad column, in this cycle.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "header": In(stream.Signature(HEADER)),
                "i": In(stream.Signature(ENTRY)),
                "o": Out(stream.Signature(event_layout(token_layout()))),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        header = self.header.payload
        entry, event = self.i.payload, self.o.payload
        floor = Signal(SIDE_BITS)  # least column that may follow in the row
        tied = Signal(COUNT_BITS)  # entries so far that were at the threshold
        step, good, equal, selected = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.o.valid.eq(self.i.valid & self.header.valid),
            step.eq(self.o.valid & self.o.ready),
            self.i.ready.eq(step),
            self.header.ready.eq(step & entry.end),
            good.eq((entry.column >= floor) & (entry.column < header.columns)),
            self.error.eq(step & entry.present & ~good),
            equal.eq(entry.value == header.threshold),
            selected.eq(
                ~header.valid | (entry.value > header.threshold) | (equal & (tied < header.ties))
            ),
            event.present.eq(entry.present & good & ((header.use != PRUNE) | selected)),
            event.last.eq(entry.last),
            event.end.eq(entry.end),
            event.item.column.eq(entry.column),
            event.item.index.eq(entry.index),
            event.item.value.eq(entry.value),
            event.item.selected.eq(selected & (header.use != IGNORE)),
        ]
        with m.If(step):
            with m.If(entry.present):
                m.d.sync += tied.eq(tied + equal)
                with m.If(good):
                    m.d.sync += floor.eq(entry.column + 1)
            with m.If(entry.last):
                m.d.sync += floor.eq(0)
            with m.If(entry.end):
                m.d.sync += tied.eq(0)
        return m
