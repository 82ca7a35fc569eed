"""Reads of several clients through one AXI4 port.

::

    NAME_read ─> Splitter ─┐
    NAME_read ─> Splitter ─┴─> arbiter ─> register ─> AR
                                  └─> clients of the bursts under way, in order ─┐
    NAME_data <─ FIFO <──────────────────────────────────────── register <─ R <──┘

A burst is asked for only when its client's FIFO has room for all of it beside what is already under
way. So R is always ready, and no client ever waits for another's data to be taken.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.dma import DmaConfig
from hw.arith import named
from hw.pipeline import Register

from .arbiter import Arbiter, one_of
from .axi import axi4_read
from .fifo import Fifo
from .layout import ADDRESS_BITS, read_layout


def error_layout() -> data.StructLayout:
    """An error response: its ``code`` (2 SLVERR, 3 DECERR), and whose access it answered: the
    number of the ``client`` among the readers or (``write``) the writers."""
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "code": unsigned(2),
            "write": unsigned(1),
            "client": unsigned(4),
        }
    )


def burst_layout(config: DmaConfig) -> data.StructLayout:
    """A burst: the address counts beats."""
    return data.StructLayout(
        {
            "address": unsigned(ADDRESS_BITS - config.beat_bits),
            "beats": unsigned(config.burst.bit_length()),
        }
    )


class Splitter(wiring.Component):
    """Reads of any length cut into bursts of at most ``longest`` beats that cross no border.

    A burst a cycle, the first one two cycles after its read; a read of no beats gives none.

    Attributes
    ----------
    i : In(stream.Signature(read_layout()))
    o : Out(stream.Signature(burst_layout(config)))
        ``i.ready`` depends combinationally on ``o.ready``.
    """

    def __init__(self, config: DmaConfig, longest: int):
        self.config = config
        self.longest = longest
        super().__init__(
            {
                "i": In(stream.Signature(read_layout())),
                "o": Out(stream.Signature(burst_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.register = register = Register(burst_layout(config))
        wiring.connect(m, register.o, wiring.flipped(self.o))
        address = Signal(ADDRESS_BITS - config.beat_bits, reset_less=True)
        left = Signal(16, reset_less=True)
        busy = Signal()
        page_bits = (config.page - 1).bit_length()
        room = named(m, "room", (config.page - address[:page_bits])[: page_bits + 1])
        limit = named(m, "limit", Mux(room < self.longest, room, self.longest))
        last = named(m, "last", left <= limit)
        length = named(m, "length", Mux(last, left, limit)[: config.burst.bit_length()])
        step = Signal()
        m.d.comb += [
            register.i.valid.eq(busy),
            register.i.payload.address.eq(address),
            register.i.payload.beats.eq(length),
            step.eq(busy & register.i.ready),
            self.i.ready.eq(~busy | (step & last)),
        ]
        with m.If(step):
            m.d.sync += [address.eq(address + length), left.eq(left - length)]
        with m.If(self.i.ready):
            m.d.sync += busy.eq(self.i.valid & self.i.payload.beats.any())
            with m.If(self.i.valid):
                m.d.sync += [
                    address.eq(self.i.payload.address[config.beat_bits :]),
                    left.eq(self.i.payload.beats),
                ]
        return m


class DmaRead(wiring.Component):
    """The reading half of the DMA.

    ARVALID comes three cycles after a read is taken by an idle client; a beat is offered three
    cycles after its RVALID, to a sink one cycle after. A burst starts every cycle, and a beat goes
    through every cycle. Reads of one client are answered in order.

    Attributes
    ----------
    axi : Out(axi4_read(config.bus_bits))
    NAME_read : In(stream.Signature(read_layout()))
        Of each client. The address bits within a beat are ignored.
    NAME_data : Out(stream.Signature(config.bus_bits))
        Of each client. A sink must always be ready.
    halt : In(1)
        Start no more bursts. What is under way comes to its end.
    idle : Out(1)
        Nothing is under way on the bus.
    error : Out(error_layout())
        An error response came in the cycle before. The data is delivered nevertheless.
    """

    def __init__(self, config: DmaConfig):
        assert config.reads
        self.config = config
        members: dict[str, wiring.Member] = {"axi": Out(axi4_read(config.bus_bits))}
        for client in config.reads:
            members[f"{client.name}_read"] = In(stream.Signature(read_layout()))
            members[f"{client.name}_data"] = Out(stream.Signature(config.bus_bits))
        members |= {"halt": In(1), "idle": Out(1), "error": Out(error_layout())}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, clients = self.config, self.config.reads
        count = len(clients)
        bits = min(8, config.burst.bit_length())  # of a burst's length, and of one less
        m.submodules.arbiter = arbiter = Arbiter(count, round_robin=config.round_robin)
        m.submodules.address = address = Fifo(burst_layout(config), 2)
        # One bit a client: whose burst it is.
        m.submodules.order = order = Fifo(unsigned(count), config.outstanding)
        arrived, owner = Signal(), Signal(count, reset_less=True)
        beat = Signal(config.bus_bits, reset_less=True)
        free = Signal()  # a burst can start
        taken = Signal(count)
        m.d.comb += [
            free.eq(address.i.ready & order.i.ready & ~self.halt),
            taken.eq(arbiter.grants & free.replicate(count)),
            arbiter.taken.eq(free & arbiter.grants.any()),
        ]

        bursts = []
        for number, client in enumerate(clients):
            splitter = Splitter(config, config.longest(client))
            m.submodules[f"{client.name}_splitter"] = splitter
            commands = getattr(self, f"{client.name}_read")
            wiring.connect(m, wiring.flipped(commands), splitter.i)
            burst, output = splitter.o, getattr(self, f"{client.name}_data")
            bursts.append(burst.payload)
            m.d.comb += burst.ready.eq(taken[number])
            mine = named(m, f"{client.name}_arrived", arrived & owner[number])
            if client.sink:
                m.d.comb += [
                    arbiter.requests[number].eq(burst.valid),
                    output.valid.eq(mine),
                    output.payload.eq(beat),
                ]
                continue
            fifo = Fifo(config.bus_bits, client.depth, block=True)
            m.submodules[f"{client.name}_fifo"] = fifo
            wiring.connect(m, fifo.o, wiring.flipped(output))
            # Room in the FIFO that no burst under way will fill.
            room = Signal(range(client.depth + 1), init=client.depth, name=f"{client.name}_room")
            used = named(
                m,
                f"{client.name}_used",
                burst.payload.beats & taken[number].replicate(len(burst.payload.beats)),
            )
            m.d.sync += room.eq(room - used + (output.valid & output.ready))
            m.d.comb += [
                arbiter.requests[number].eq(burst.valid & (room >= burst.payload.beats)),
                fifo.i.valid.eq(mine),
                fifo.i.payload.eq(beat),
            ]

        m.d.comb += [
            address.i.valid.eq(arbiter.grants.any() & order.i.ready & ~self.halt),
            address.i.payload.eq(one_of(arbiter.grants, bursts)),
            order.i.valid.eq(arbiter.grants.any() & address.i.ready & ~self.halt),
            order.i.payload.eq(arbiter.grants),
            self.axi.arvalid.eq(address.o.valid),
            address.o.ready.eq(self.axi.arready),
            self.axi.araddr[config.beat_bits :].eq(address.o.payload.address),
            self.axi.arlen.eq((address.o.payload.beats - 1)[:bits]),
            self.axi.arsize.eq(config.beat_bits),
            self.axi.rready.eq(1),
            order.o.ready.eq(self.axi.rvalid & self.axi.rlast),
            self.idle.eq(~order.o.valid),
        ]
        m.d.sync += arrived.eq(self.axi.rvalid & order.o.valid)
        with m.If(self.axi.rvalid):
            m.d.sync += [owner.eq(order.o.payload), beat.eq(self.axi.rdata)]
        tell_error(m, self.error, self.axi.rvalid, self.axi.rresp, order.o.payload, write=False)
        return m


def tell_error(
    m: Module, error: data.View, valid: Signal, code: Signal, owner: Signal, *, write: bool
) -> None:
    """Tell with ``error`` of a response that is one, a cycle later. ``owner``: one bit a client."""
    number = [
        Cat(*(bit for k, bit in enumerate(owner) if k >> place & 1)).any() for place in range(4)
    ]
    m.d.sync += [
        error.valid.eq(valid & code[1]),
        error.code.eq(code),
        error.write.eq(write),
        error.client.eq(Cat(*number)),
    ]
