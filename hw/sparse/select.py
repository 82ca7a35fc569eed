"""Exact selection of the k largest of a layer's importances: threshold and number of ties.

A histogram of 256 bins is made as values come by, and scanned from the top at the end of the layer;
the scan leaves it empty for the next. Max-abs (0 to 128) has a bin for each value. L1 has one for
each upper byte: then the layer's entries are read once more, those in the bin that was found make a
histogram of their lower bytes, and that is scanned as well.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import INDEX_BITS
from golden.sparse.prune import RATIO_BITS
from golden.sparse.vpu import CHUNK

from ..arith import named
from .layout import ADDRESS_BITS, VALUE_BITS, read_layout

COUNT_BITS = INDEX_BITS + 1
"""Of a number of pillars, 0 to 2^INDEX_BITS."""
BINS = 256
MAX_ABS = 128
"""Highest bin of max-abs."""


def result_layout() -> data.StructLayout:
    """Selected is what lies above ``threshold``, and the first ``ties`` of what equals it."""
    return data.StructLayout(
        {"valid": unsigned(1), "threshold": unsigned(VALUE_BITS), "ties": unsigned(COUNT_BITS)}
    )


class Select(wiring.Component):
    """k = min(count, select_count + ceil(count * select_ratio / 2^16)), and what selects k values.

    Without L1 the result is there 2 + 17 + 132 cycles after ``begin``; L1 takes 19 + 2 * 259 and
    the reading: a cycle a beat and one more for each entry in the bin beyond the first of its beat.
    ``k`` = 0 has the threshold 2^16 - 1. After reset, 258 cycles pass before it is ``ready``.

    Attributes
    ----------
    ready : Out(1)
        Values and ``begin`` are taken: after reset, and from one result to the next ``begin``.
    value : In(VALUE_BITS), update : In(1)
        ``update``: count ``value``.
    l1, select_count, select_ratio, entries : In
        Of the layer, steady from its first value until the result is taken.
    count : In(COUNT_BITS)
        Number of values, from ``begin`` on.
    begin : In(1)
        A pulse after the layer's last value.
    written : In(1)
        The layer's entries can be read at address ``entries``.
    read : Out(stream.Signature(read_layout())), data : In(stream.Signature(config.bus_bits))
        The entries, for L1.
    result : Out(result_layout())
        Held until ``take``.
    take : In(1)
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "ready": Out(1),
                "value": In(VALUE_BITS),
                "update": In(1),
                "l1": In(1),
                "select_count": In(COUNT_BITS),
                "select_ratio": In(RATIO_BITS + 1),
                "entries": In(ADDRESS_BITS),
                "count": In(COUNT_BITS),
                "begin": In(1),
                "written": In(1),
                "read": Out(stream.Signature(read_layout())),
                "data": In(stream.Signature(config.bus_bits)),
                "result": Out(result_layout()),
                "take": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.histogram = memory = Memory(shape=COUNT_BITS, depth=BINS, init=[])
        write = memory.write_port()
        read = memory.read_port(transparent_for=[write])
        m.submodules.low = low = LowBytes(self.config)

        # A bin is read in one cycle, and counted up or cleared in the next; in a scan it is looked
        # at in the one after that.
        scan, counting = Signal(), Signal()
        place = Signal(range(BINS), init=BINS - 1)
        busy, scanned = Signal(), Signal()
        update = named(m, "upper", Mux(self.l1, self.value[8:], self.value[:8]))
        m.d.comb += [
            counting.eq(low.update | (self.update & self.ready)),
            read.addr.eq(Mux(scan, place, Mux(low.update, low.value, update))),
            read.en.eq(scan | counting),
            write.data.eq(Mux(scanned, 0, read.data + 1)),
            write.en.eq(busy),
        ]
        m.d.sync += [busy.eq(read.en), scanned.eq(scan), write.addr.eq(read.addr)]

        threshold = Signal(VALUE_BITS, reset_less=True)
        rest = Signal(COUNT_BITS, reset_less=True)  # how many are to be selected from here down
        found = Signal(init=1)  # the first scan after reset only clears
        upper = Signal()  # the bins are of upper bytes
        less = Signal(COUNT_BITS + 1)
        seen, number_of = Signal(COUNT_BITS, reset_less=True), Signal(8, reset_less=True)
        look = Signal()
        m.d.sync += [look.eq(busy & scanned), seen.eq(read.data), number_of.eq(write.addr)]
        m.d.comb += less.eq(rest - seen)
        with m.If(look & ~found):
            with m.If(less[-1] | ~less[:-1].any()):
                m.d.sync += found.eq(1)
                with m.If(upper):
                    m.d.sync += threshold[8:].eq(number_of)
                with m.Else():
                    m.d.sync += threshold[:8].eq(number_of)
            with m.Else():
                m.d.sync += rest.eq(less[:-1])

        # Below, what is left of the ratio; above, the product so far.
        product = Signal(COUNT_BITS + RATIO_BITS + 1, reset_less=True)
        factor, high = product[: RATIO_BITS + 1], product[RATIO_BITS + 1 :]
        sum_ = named(m, "sum", high + Mux(factor[0], self.count, 0))
        step = Signal(range(RATIO_BITS + 1))
        ceiling = named(m, "ceiling", product[RATIO_BITS:] + product[:RATIO_BITS].any())
        wanted = Signal(COUNT_BITS + 2, reset_less=True)
        number = named(m, "number", Mux(wanted > self.count, self.count, wanted[:COUNT_BITS]))
        m.d.comb += [
            self.result.threshold.eq(threshold),
            self.result.ties.eq(rest),
            low.upper.eq(threshold[8:]),
            low.count.eq(self.count),
            low.entries.eq(self.entries),
        ]
        first = Signal(init=1)  # the first scan after reset
        with m.FSM(init="scan", name="state"):
            with m.State("count"):
                m.d.comb += self.ready.eq(1)
                m.d.sync += [product.eq(self.select_ratio), step.eq(0)]
                with m.If(self.begin):
                    m.next = "ratio"
            with m.State("ratio"):  # bit by bit, the least significant one first
                m.d.sync += [product.eq(Cat(factor[1:], sum_)), step.eq(step + 1)]
                with m.If(step == RATIO_BITS):
                    m.next = "sum"
            with m.State("sum"):
                m.d.sync += wanted.eq(self.select_count + ceiling)
                m.next = "limit"
            with m.State("limit"):
                none = named(m, "none", ~number.any())
                m.d.sync += [
                    rest.eq(number),
                    found.eq(none),
                    threshold.eq(none.replicate(VALUE_BITS)),
                    upper.eq(self.l1),
                    place.eq(Mux(self.l1, BINS - 1, MAX_ABS)),
                ]
                m.next = "scan"
            with m.State("scan"):
                m.d.comb += scan.eq(1)
                m.d.sync += place.eq(place - 1)
                with m.If(place == 0):
                    m.next = "scanned"
            with m.State("scanned"), m.If(~busy):  # the last bin is looked at
                m.d.sync += first.eq(0)
                m.next = "found"
                with m.If(first):
                    m.next = "count"
            with m.State("found"):
                more = named(m, "more", upper & rest.any())  # of k = 0, all is known
                m.d.comb += [low.begin.eq(more & self.written), self.result.valid.eq(~more)]
                with m.If(low.begin):
                    m.next = "low"
                with m.Elif(self.take):
                    m.next = "count"
            with m.State("low"):
                m.d.sync += [upper.eq(0), found.eq(0), place.eq(BINS - 1)]
                with m.If(low.done):
                    m.next = "scan"
        wiring.connect(m, low.read, wiring.flipped(self.read))
        wiring.connect(m, wiring.flipped(self.data), low.data)
        return m


class LowBytes(wiring.Component):
    """The lower bytes of those values of a layer that have a given upper byte, read from its
    entries: at most one a cycle.

    Attributes
    ----------
    begin : In(1), done : Out(1)
        A pulse; and whether all has been read. ``done`` is not valid in the cycle of ``begin``.
    upper : In(8), count : In(COUNT_BITS), entries : In(ADDRESS_BITS)
        Steady in between.
    update : Out(1), value : Out(8)
    read : Out(stream.Signature(read_layout())), data : In(stream.Signature(config.bus_bits))
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "begin": In(1),
                "done": Out(1),
                "upper": In(8),
                "count": In(COUNT_BITS),
                "entries": In(ADDRESS_BITS),
                "update": Out(1),
                "value": Out(8),
                "read": Out(stream.Signature(read_layout())),
                "data": In(stream.Signature(config.bus_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = self.config.beat // 4  # entries a beat
        shift = (size - 1).bit_length()

        # Requests, each of CHUNK beats but the last.
        beats = Signal(COUNT_BITS - shift + 1)
        address = Signal(ADDRESS_BITS, reset_less=True)
        last = named(m, "last", beats <= CHUNK)
        m.d.comb += [
            self.read.valid.eq(beats.any()),
            self.read.payload.address.eq(address),
            self.read.payload.beats.eq(Mux(last, beats, CHUNK)),
        ]
        with m.If(self.read.valid & self.read.ready):
            m.d.sync += [
                beats.eq(Mux(last, 0, beats - CHUNK)),
                address.eq(address + CHUNK * self.config.beat),
            ]

        # Answers: a beat's matches one after the other.
        left = Signal(COUNT_BITS)  # entries that have not come
        bytes_ = [Signal(8, name=f"byte{k}", reset_less=True) for k in range(size)]
        matches = Signal(size)
        others = named(m, "others", matches & (matches - 1)[:size])
        lowest = named(m, "lowest", matches & ~others)
        more = named(m, "more", left.any())
        value = 0
        for k, byte in enumerate(bytes_):
            value = value | Mux(lowest[k], byte, 0)
        m.d.comb += [
            self.data.ready.eq(more & ~others.any()),
            self.update.eq(matches.any()),
            self.value.eq(value),
            self.done.eq(~more & ~others.any() & ~self.read.valid),
        ]
        m.d.sync += matches.eq(others)
        with m.If(self.data.valid & self.data.ready):
            hits = []
            for k in range(size):
                word = self.data.payload.word_select(k, 32)
                hits.append((word[24:] == self.upper) & (left > k))
                m.d.sync += bytes_[k].eq(word[16:24])
            m.d.sync += [matches.eq(Cat(*hits)), left.eq(Mux(left > size, left - size, 0))]
        with m.If(self.begin):
            m.d.sync += [
                beats.eq((self.count + size - 1) >> shift),
                address.eq(self.entries),
                left.eq(self.count),
            ]
        return m
