"""Writes of several clients through one AXI4 port.

::

    NAME_write ─> Gatherer ─> bursts ─┐
                     └─> FIFO ────────┼──────────────────┐
    NAME_write ─> Gatherer ─> bursts ─┴─> arbiter ─┬─> register ─> AW
                     └─> FIFO ──────────────────┐  ├─> jobs ─┴─> register ─> W
    NAME_done <─ marks of the bursts under way <┼──┘
                                              B ┘

A burst starts only when all of it is in its client's FIFO: a client that pauses blocks no other.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.dma import MOST_VECTORS, DmaConfig
from hw.arith import named
from hw.pipeline import Register

from .arbiter import Arbiter, one_of
from .axi import axi4_write
from .dma_read import burst_layout, error_layout, tell_error
from .fifo import Fifo
from .layout import ADDRESS_BITS, done_layout, write_layout

CLOSED = 4
"""Closed bursts that a client can have waiting: enough for a burst a cycle."""


def marked_layout(config: DmaConfig) -> data.StructLayout:
    """A burst to write with its marks; without beats it is only marks."""
    return data.StructLayout({**burst_layout(config).members, **done_layout().members})


def beat_layout(config: DmaConfig) -> data.StructLayout:
    """A beat in a FIFO."""
    return data.StructLayout({"data": unsigned(config.bus_bits), "strobe": unsigned(config.beat)})


class Gatherer(wiring.Component):
    """Beats with consecutive addresses gathered into bursts of at most ``longest``.

    A beat a cycle; a jump of the address inside of an open burst costs one more. A beat without
    strobe is dropped; its marks join the open burst, or become a burst of no beats.

    Attributes
    ----------
    i : In(stream.Signature(write_layout(config)))
        ``ready`` depends combinationally on the payload.
    o : Out(stream.Signature(marked_layout(config)))
        Closed bursts; all beats of one are in ``beats``, or will be in the next cycle.
    beats : Out(stream.Signature(beat_layout(config)))
    """

    def __init__(self, config: DmaConfig, longest: int, depth: int):
        self.config = config
        self.longest = longest
        self.depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(write_layout(config))),
                "o": Out(stream.Signature(marked_layout(config))),
                "beats": Out(stream.Signature(beat_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.closed = closed = Fifo(marked_layout(config), CLOSED)
        m.submodules.fifo = fifo = Fifo(beat_layout(config), self.depth, block=True)
        wiring.connect(m, closed.o, wiring.flipped(self.o))
        wiring.connect(m, fifo.o, wiring.flipped(self.beats))
        i = self.i.payload
        address = i.address[config.beat_bits :]

        # The open burst: it has a beat at least.
        is_open = Signal()
        start = Signal(ADDRESS_BITS - config.beat_bits, reset_less=True)
        after = Signal.like(start)
        beats = Signal(config.burst.bit_length())
        vectors = Signal(range(MOST_VECTORS + 1))

        keep = named(m, "keep", i.strobe.any())
        jump = named(m, "jump", is_open & keep & (address != after))
        more_beats = named(m, "more_beats", (beats + keep)[: len(beats)])
        more_vectors = named(m, "more_vectors", (vectors + i.vector)[: len(vectors)])
        page_bits = (config.page - 1).bit_length()
        border = address[:page_bits].all()
        close = named(
            m,
            "close",
            i.flush
            | i.layer
            | (keep & (border | (more_beats == self.longest)))
            | (more_vectors == MOST_VECTORS)
            | ~(is_open | keep),
        )
        take = Signal()
        m.d.comb += [
            self.i.ready.eq(closed.i.ready & fifo.i.ready & ~jump),
            take.eq(self.i.valid & self.i.ready),
            fifo.i.valid.eq(take & keep),
            fifo.i.payload.data.eq(i.data),
            fifo.i.payload.strobe.eq(i.strobe),
            closed.i.valid.eq((self.i.valid & jump) | (take & close)),
            closed.i.payload.address.eq(Mux(is_open, start, address)),
            closed.i.payload.beats.eq(Mux(jump, beats, more_beats)),
            closed.i.payload.vectors.eq(Mux(jump, vectors, more_vectors)),
            closed.i.payload.layers.eq(i.layer & ~jump),
        ]
        with m.If(closed.i.valid & closed.i.ready):
            m.d.sync += [is_open.eq(0), beats.eq(0), vectors.eq(0)]
        with m.Elif(take & (is_open | keep)):
            m.d.sync += [is_open.eq(1), beats.eq(more_beats), vectors.eq(more_vectors)]
            with m.If(keep):
                m.d.sync += after.eq(address + 1)
            with m.If(~is_open):
                m.d.sync += start.eq(address)
        return m


class DmaWrite(wiring.Component):
    """The writing half of the DMA.

    AWVALID comes two cycles after the beat that closes a burst is taken, the first WVALID four
    after. A burst starts every cycle, and a beat goes through every cycle. Marks count in the order
    of the beats that bore them, one cycle after BVALID.

    Attributes
    ----------
    axi : Out(axi4_write(config.bus_bits))
    NAME_write : In(stream.Signature(write_layout(config)))
        Of each client. The address bits within a beat are ignored.
    NAME_done : Out(done_layout())
        Of each client: what was acknowledged in the cycle before.
    halt : In(1)
        Start no more bursts. What is under way comes to its end.
    idle : Out(1)
        Nothing is under way on the bus.
    error : Out(error_layout())
        An error response came in the cycle before. The marks count nevertheless.
    """

    def __init__(self, config: DmaConfig):
        assert config.writes
        self.config = config
        members: dict[str, wiring.Member] = {"axi": Out(axi4_write(config.bus_bits))}
        for client in config.writes:
            members[f"{client.name}_write"] = In(stream.Signature(write_layout(config)))
            members[f"{client.name}_done"] = Out(done_layout())
        members |= {"halt": In(1), "idle": Out(1), "error": Out(error_layout())}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, count = self.config, len(self.config.writes)
        bits = min(8, config.burst.bit_length())  # of a burst's length, and of one less
        m.submodules.arbiter = arbiter = Arbiter(count, round_robin=config.round_robin)
        m.submodules.address = address = Fifo(burst_layout(config), 2)
        m.submodules.data = w = Register(_last_layout(config))
        m.submodules.jobs = jobs = Fifo(_job_layout(config), 4)
        # Every burst that started, and marks without beats in their turn.
        m.submodules.order = order = Fifo(_order_layout(config), config.outstanding)

        gatherers = []
        for client in config.writes:
            gatherer = Gatherer(config, config.longest(client), client.depth)
            m.submodules[f"{client.name}_gatherer"] = gatherer
            wiring.connect(m, wiring.flipped(getattr(self, f"{client.name}_write")), gatherer.i)
            gatherers.append(gatherer)

        # Start a burst.
        start, some = Signal(), Signal()
        chosen = Signal(marked_layout(config))
        m.d.comb += [
            chosen.eq(one_of(arbiter.grants, [g.o.payload for g in gatherers])),
            some.eq(chosen.beats.any()),
            start.eq(
                arbiter.grants.any() & address.i.ready & jobs.i.ready & order.i.ready & ~self.halt
            ),
            arbiter.taken.eq(start),
            address.i.valid.eq(start & some),
            address.i.payload.address.eq(chosen.address),
            address.i.payload.beats.eq(chosen.beats),
            jobs.i.valid.eq(start & some),
            jobs.i.payload.owner.eq(arbiter.grants),
            jobs.i.payload.beats.eq(chosen.beats),
            order.i.valid.eq(start),
            order.i.payload.owner.eq(arbiter.grants),
            order.i.payload.vectors.eq(chosen.vectors),
            order.i.payload.layers.eq(chosen.layers),
            order.i.payload.empty.eq(~some),
        ]
        for number, gatherer in enumerate(gatherers):
            m.d.comb += [
                arbiter.requests[number].eq(gatherer.o.valid),
                gatherer.o.ready.eq(start & arbiter.grants[number]),
            ]

        # Send its beats.
        busy, owner = Signal(), Signal(count, reset_less=True)
        left = Signal(config.burst.bit_length(), reset_less=True)
        send = Signal()
        valids = [gatherer.beats.valid for gatherer in gatherers]
        m.d.comb += [
            w.i.valid.eq(busy & one_of(owner, valids)),
            w.i.payload.beat.eq(one_of(owner, [g.beats.payload for g in gatherers])),
            w.i.payload.last.eq(left == 1),
            send.eq(w.i.valid & w.i.ready),
            jobs.o.ready.eq(~busy | (send & w.i.payload.last)),
        ]
        for number, gatherer in enumerate(gatherers):
            m.d.comb += gatherer.beats.ready.eq(busy & owner[number] & w.i.ready)
        with m.If(jobs.o.ready):
            m.d.sync += busy.eq(jobs.o.valid)
            m.d.sync += [owner.eq(jobs.o.payload.owner), left.eq(jobs.o.payload.beats)]
        with m.Elif(send):
            m.d.sync += left.eq(left - 1)

        # Count what was acknowledged.
        head, acknowledged, done = order.o.payload, Signal(), Signal()
        m.d.comb += [
            self.axi.bready.eq(order.o.valid & ~head.empty),
            acknowledged.eq(self.axi.bvalid & self.axi.bready),
            done.eq(acknowledged | (order.o.valid & head.empty)),
            order.o.ready.eq(done),
        ]
        for number, client in enumerate(config.writes):
            output = getattr(self, f"{client.name}_done")
            mine = named(m, f"{client.name}_mine", done & head.owner[number])
            m.d.sync += [
                output.vectors.eq(Mux(mine, head.vectors, 0)),
                output.layers.eq(mine & head.layers),
            ]

        m.d.comb += [
            self.axi.awvalid.eq(address.o.valid),
            address.o.ready.eq(self.axi.awready),
            self.axi.awaddr[config.beat_bits :].eq(address.o.payload.address),
            self.axi.awlen.eq((address.o.payload.beats - 1)[:bits]),
            self.axi.awsize.eq(config.beat_bits),
            self.axi.wvalid.eq(w.o.valid),
            w.o.ready.eq(self.axi.wready),
            self.axi.wdata.eq(w.o.payload.beat.data),
            self.axi.wstrb.eq(w.o.payload.beat.strobe),
            self.axi.wlast.eq(w.o.payload.last),
            # A response comes after its address and data: then they are not under way either.
            self.idle.eq(~order.o.valid),
        ]
        tell_error(m, self.error, acknowledged, self.axi.bresp, head.owner, write=True)
        return m


def _last_layout(config: DmaConfig) -> data.StructLayout:
    return data.StructLayout({"beat": beat_layout(config), "last": unsigned(1)})


def _job_layout(config: DmaConfig) -> data.StructLayout:
    """The beats of a burst and whose they are."""
    return data.StructLayout(
        {"owner": unsigned(len(config.writes)), "beats": unsigned(config.burst.bit_length())}
    )


def _order_layout(config: DmaConfig) -> data.StructLayout:
    """Marks, whose they are, and whether a response has to come first."""
    owner = unsigned(len(config.writes))
    return data.StructLayout({"owner": owner, **done_layout().members, "empty": unsigned(1)})
