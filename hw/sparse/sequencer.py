"""The sequencer: registers, the list of descriptors, what is done and what went wrong.

::

    s_axil ──> register page ──> control ──> halt, clear, running
                                    │
    list_read <─────────────────────┤
    list_data ──> descriptor reader ┴──> layer
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import ALIGN, BYTES, LAYERS
from golden.sparse.registers import ADDRESS_BITS as REGISTER_BITS
from golden.sparse.registers import FAULTS, constants, error_code, offset_of
from golden.sparse.sequencer import SequencerConfig

from ..arith import named
from .axi import FlatBuses, axi4_lite
from .descriptor import DescriptorReader
from .dma_read import error_layout
from .layout import ADDRESS_BITS, layer_layout, read_layout
from .registers import RegisterPage

REST = 4
"""Cycles for which the bus must be idle, while halted, before the units are reset: a burst that was
granted as the halt came shows within them."""


class State(enum.Enum, shape=3):
    """READY: for a start, after success too. BEGIN: the registers are checked, the units reset.
    READ, PASS: the list is asked for, and comes. DRAIN: all layers are on their way. STOPPED: by an
    error. RESET: waits for the bus to come to rest."""

    READY = 0
    BEGIN = 1
    READ = 2
    PASS = 3
    DRAIN = 4
    STOPPED = 5
    RESET = 6


class Sequencer(wiring.Component):
    """Carries out a list: checks every descriptor, then hands them out one by one.

    A start first pulses ``clear``. Then the list is read twice, each time in one read: the first
    pass only checks, so that nothing is written if any descriptor is malformed; the second offers
    the descriptors on ``layer`` (checked again, as memory may change). The list is done when every
    layer has been counted on each of the three ``*_done`` inputs.

    On an error the machine stops: ``halt`` is set and ``layer`` is silent from the next cycle on,
    until a soft reset. A soft reset sets ``halt``, waits until the bus has been ``idle`` for
    ``REST`` cycles, and pulses ``clear``; it needs the memory to answer what was asked of it.

    Attributes
    ----------
    s_axil : In(axi4_lite(8))
        :mod:`golden.sparse.registers`.
    list_read : Out(stream.Signature(read_layout()))
    list_data : In(stream.Signature(config.bus_bits))
        A client of the DMA. ``list_data.ready`` is low while a layer waits to be taken.
    layer : Out(stream.Signature(layer_layout()))
    layers_done, rows_done, records_done : In(1)
        A layer's features, CPR and statistics are complete in memory: at most one mark a cycle,
        and one of each kind for every layer, also for one that writes nothing.
    dma_error : In(error_layout())
    faults : In(3)
        A CPR is malformed, a capacity exceeded, a span exceeded. Looked at while ``running``.
    idle : In(1)
        Nothing is under way on the bus.
    halt : Out(1)
        The DMA must start no more bursts.
    clear : Out(1)
        Resets every unit and the DMA, for one cycle, while nothing is under way on the bus.
    running : Out(1)
        From the start of the second pass until the list is done or has failed.
    statistics : Out(ADDRESS_BITS)
        Address of the records, or 0. Holds while ``running``.
    irq : Out(1)
        Level: enabled, and done or in error.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "s_axil": In(axi4_lite(REGISTER_BITS)),
                "list_read": Out(stream.Signature(read_layout())),
                "list_data": In(stream.Signature(config.bus_bits)),
                "layer": Out(stream.Signature(layer_layout())),
                "layers_done": In(1),
                "rows_done": In(1),
                "records_done": In(1),
                "dma_error": In(error_layout()),
                "faults": In(len(FAULTS)),
                "idle": In(1),
                "halt": Out(1),
                "clear": Out(1),
                "running": Out(1),
                "statistics": Out(ADDRESS_BITS),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.page = page = RegisterPage()
        m.submodules.reader = reader = ResetInserter(self.clear)(DescriptorReader(self.config))
        wiring.connect(m, wiring.flipped(self.s_axil), page.s_axil)
        wiring.connect(m, wiring.flipped(self.list_data), reader.i)
        state = Signal(State)
        count = named(m, "count", page.count[: LAYERS.bit_length()])
        number = Signal(16)
        second = Signal()  # pass over the list
        layers, complete = self._progress(m, count)
        working = Signal()
        m.d.comb += [
            working.eq((state == State.READ) | (state == State.PASS) | (state == State.DRAIN)),
            self.running.eq(working & second),
            self.halt.eq((state == State.STOPPED) | (state == State.RESET)),
            self.list_read.valid.eq(state == State.READ),
            self.list_read.payload.address.eq(Cat(page.list_low, page.list_high)),
            self.list_read.payload.beats.eq(count << exact_log2(BYTES // self.config.beat)),
            reader.number.eq(number),
            self.layer.payload.eq(reader.o.payload),
            self.layer.valid.eq(reader.o.valid & second & (state == State.PASS)),
            reader.o.ready.eq((self.layer.ready | ~second) & (state == State.PASS)),
            self.statistics.eq(Cat(page.statistics_low, page.statistics_high)),
            self.irq.eq(page.interrupt & (page.done | page.error)),
        ]

        rest = Signal(range(REST))
        with m.Switch(state):
            with m.Case(State.READY), m.If(page.start):
                m.d.comb += page.forget.eq(1)
                m.d.sync += state.eq(State.BEGIN)
            with m.Case(State.BEGIN):
                m.d.sync += [number.eq(0), second.eq(0)]
                with m.If(self.idle):
                    m.d.comb += self.clear.eq(1)
                    m.d.sync += state.eq(State.READ)
            with m.Case(State.READ), m.If(self.list_read.ready):
                m.d.sync += state.eq(State.PASS)
            with m.Case(State.PASS), m.If(reader.o.valid & reader.o.ready):
                m.d.sync += number.eq(number + 1)
                with m.If(number + 1 == count):
                    m.d.sync += [
                        number.eq(0),
                        second.eq(1),
                        state.eq(Mux(second, State.DRAIN, State.READ)),
                    ]
            with m.Case(State.DRAIN), m.If(complete):
                m.d.comb += page.set_done.eq(1)
                m.d.sync += state.eq(State.READY)
            with m.Case(State.RESET):
                m.d.sync += rest.eq(Mux(self.idle, rest + 1, 0))
                with m.If(self.idle & (rest == REST - 1)):
                    m.d.comb += [self.clear.eq(1), page.forget.eq(1)]
                    m.d.sync += state.eq(State.READY)
        self._errors(m, page, state, working, reader, number, layers)
        with m.If(page.soft_reset):
            m.d.sync += state.eq(State.RESET)

        cycles = Signal(64)
        with m.If(state == State.BEGIN):
            m.d.sync += cycles.eq(0)
        with m.Elif(working):
            m.d.sync += cycles.eq(cycles + 1)
        m.d.comb += [
            *(getattr(page, name).eq(value) for name, value in constants(self.config).items()),
            Cat(page.cycles_low, page.cycles_high).eq(cycles),
            page.stopped.eq(state == State.STOPPED),
            page.busy.eq((state != State.READY) & (state != State.STOPPED)),
            page.locked.eq(page.busy),
            page.layers_done.eq(layers),
        ]
        return m

    def _progress(self, m: Module, count: Signal) -> tuple[Signal, Value]:
        """Layers whose features are in memory, and whether all of all layers is.

        A mark comes a cycle before the error of its burst: it counts when that has not come.
        """
        counts = []
        for name in ("layers", "rows", "records"):
            mark = Signal(name=f"{name}_mark")
            done = Signal(16, name=f"{name}_count")
            m.d.sync += mark.eq(getattr(self, f"{name}_done"))
            with m.If(self.clear):
                m.d.sync += [mark.eq(0), done.eq(0)]
            with m.Elif(~self.dma_error.valid):
                m.d.sync += done.eq(done + mark)
            counts.append(done)
        complete = named(m, "complete", Cat(done == count for done in counts).all())
        return counts[0], complete

    def _errors(
        self,
        m: Module,
        page: RegisterPage,
        state: Signal,
        working: Signal,
        reader: DescriptorReader,
        number: Signal,
        layers: Signal,
    ) -> None:
        """What can go wrong, the most telling first."""
        code, layer, detail = Signal(8), Signal(16), Signal(16)
        m.d.comb += [page.code.eq(code), page.layer.eq(layer), page.detail.eq(detail)]
        with m.If(page.forget):
            m.d.sync += [code.eq(0), layer.eq(0), detail.eq(0)]

        def note(name: str, at: Value, more: Value | int) -> None:
            m.d.comb += [page.set_error.eq(1), page.set_done.eq(0)]
            m.d.sync += [code.eq(error_code(name)), layer.eq(at), detail.eq(more)]
            m.d.sync += state.eq(State.STOPPED)

        low, high = exact_log2(ALIGN), ADDRESS_BITS - 32
        wrong = (
            (page.list_low[:low].any(), "list_low"),
            (page.list_high[high:].any(), "list_high"),
            ((page.count == 0) | (page.count > LAYERS), "count"),
            (page.statistics_low[:low].any(), "statistics_low"),
            (page.statistics_high[high:].any(), "statistics_high"),
        )
        with m.If(state == State.BEGIN):
            for bad, register in reversed(wrong):
                with m.If(bad):
                    note("list", Const(0, 16), offset_of(register))
                    # Nothing has begun: the next start may follow at once.
                    m.d.comb += self.clear.eq(0)
                    m.d.sync += state.eq(State.READY)
        with m.If(working):
            for bit, name in reversed(list(enumerate(FAULTS))):
                with m.If(self.faults[bit] & self.running):
                    note(name, layers, 0)
            with m.If(reader.bad):
                note("descriptor", number, reader.where)
            with m.If(self.dma_error.valid):
                origin = Cat(self.dma_error.code, Const(0, 6), self.dma_error.client)
                with m.If(self.dma_error.write):
                    note("write", layers, origin)
                with m.Else():
                    note("read", layers, origin)


def sequencer_unit(config: SequencerConfig) -> FlatBuses:
    """The sequencer as a top level, with ports ``s_axil_awaddr`` and so on."""
    return FlatBuses(Sequencer(config.accelerator), "s_axil")
