"""Issue: the rules of each pass, one a cycle, and the weights of the tap after, into the engine.

::

    passes ─┬─> Taps ─> weight rows of the next tap ──────────────> engine.load
            └─> Rules ─> rule bank ─> queue ─> may it go? ────────> engine.rule
                                               └─ weights there, input there, sums free,
                                                  not just read and written by the rule before

A tap's rules begin as soon as its N rows of weights stand in the array's second registers; in that
very cycle the next tap's rows begin to follow them. So a tap takes max(rules, N) cycles, and
neither passes nor tiles nor layers have a gap between them.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.record import CAUSES

from ..arith import named, select
from .engine_layout import issue_layout, load_layout
from .layout import (
    POSITION_BITS,
    ended_layout,
    finish_layout,
    free_layout,
    pass_layout,
    release_layout,
    rule_layout,
    rule_read_layout,
    waiting_layout,
)
from .walk import Rules, Taps, tap_layout

PASSES = 4
"""Passes that may wait: the loader is so far ahead."""
FINISHES = 4
"""Groups of sums that may be on their way to the vector unit; two halves bound it."""


def reached(arrived: Value, position: Value) -> Value:
    """Whether ``position`` lies before ``arrived``, both modulo 2^POSITION_BITS."""
    return ~((arrived - position - 1)[POSITION_BITS - 1])


class Delay(wiring.Component):
    """Hands a number on after ``cycles`` cycles: what is freed may still be read by the last bank.

    At most ``depth`` numbers in that time.
    """

    def __init__(self, cycles: int, depth: int = 4):
        self._cycles, self._depth = cycles, depth
        super().__init__({"i": In(unsigned(POSITION_BITS)), "o": Out(unsigned(POSITION_BITS))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        chain = Signal(self._cycles)
        m.submodules.numbers = numbers = SyncFIFO(width=POSITION_BITS, depth=self._depth)
        some = named(m, "some", self.i.any())
        m.d.sync += chain.eq(Cat(some, chain))
        m.d.comb += [
            numbers.w_data.eq(self.i),
            numbers.w_en.eq(some),
            numbers.r_en.eq(chain[-1]),
            self.o.eq(Mux(chain[-1], numbers.r_data, 0)),
        ]
        return m


class Issue(wiring.Component):
    """Drives the engine, pass by pass.

    Attributes
    ----------
    passes : In(stream of pass_layout(config))
    read, rule : the tiler's rule banks (:class:`hw.sparse.tiler.Tiler`)
    release : Out
        ``valid``: the rules of ``slot`` are no longer needed.
    arrived_inputs, arrived_weights : In(POSITION_BITS)
        Positions up to which the rings have been filled.
    freed_inputs, freed_weights : Out(POSITION_BITS)
        How much of the rings became free in this cycle.
    engine_rule, engine_load : Out
        To :class:`hw.sparse.gsu`'s engine; ``ended`` : In(1) comes back for each group.
    finish : Out(stream of finish_layout(config))
    free : In
        ``valid``: the vector unit has read ``half`` of the sums.
    waiting : In
        What a pass waits for, if none is here: a ``tile``, or the ``layer`` before.
    cause : Out(range(len(CAUSES)))
        What this cycle goes to.
    ended_layer : Out
        ``valid``: the last pass of layer ``number`` ends in this cycle.
    can_end : In(1)
        Whether a layer may end now: its statistics have a place.
    """

    def __init__(self, config: AcceleratorConfig, hazard: int, skew: int):
        """``hazard``: rules after which a sum may be read again; ``skew``: cycles after issue in
        which the rings may still be read."""
        self.config, self._hazard, self._skew = config, hazard, skew
        position = unsigned(POSITION_BITS)
        super().__init__(
            {
                "passes": In(stream.Signature(pass_layout(config))),
                "read": Out(rule_read_layout(config)),
                "rule": In(rule_layout(config)),
                "release": Out(release_layout()),
                "arrived_inputs": In(position),
                "arrived_weights": In(position),
                "freed_inputs": Out(position),
                "freed_weights": Out(position),
                "engine_rule": Out(issue_layout(config)),
                "engine_load": Out(load_layout(config)),
                "ended": In(1),
                "finish": Out(stream.Signature(finish_layout(config))),
                "free": In(free_layout()),
                "waiting": In(waiting_layout()),
                "cause": Out(range(len(CAUSES))),
                "can_end": In(1),
                "ended_layer": Out(ended_layout()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        shape = pass_layout(config)
        # The same passes for weights, for reading rules, and for issuing them.
        queues = {}
        for name in ("for_taps", "for_rules", "for_issue"):
            queues[name] = SyncFIFOBuffered(width=shape.size, depth=PASSES)
            m.submodules[name] = queues[name]
        room = Cat(queue.w_rdy for queue in queues.values()).all()
        m.d.comb += self.passes.ready.eq(room)
        for queue in queues.values():
            m.d.comb += [
                queue.w_data.eq(Value.cast(self.passes.payload)),
                queue.w_en.eq(self.passes.valid & room),
            ]
        m.submodules.taps = taps = Taps(config)
        m.submodules.rules = rules = Rules(config)
        for queue, unit in ((queues["for_taps"], taps), (queues["for_rules"], rules)):
            m.d.comb += [
                Value.cast(unit.i.payload).eq(queue.r_data),
                unit.i.valid.eq(queue.r_rdy),
                queue.r_en.eq(unit.i.ready),
            ]
        m.d.comb += [Value.cast(self.read).eq(Value.cast(rules.read)), rules.rule.eq(self.rule)]
        here = queues["for_issue"]
        present = Signal(shape)
        m.d.comb += Value.cast(present).eq(here.r_data)
        loading, full, swap = self._weights(m, taps)
        self._issue(m, rules, present, here, loading, full, swap)
        return m

    def _weights(self, m: Module, taps: Taps) -> tuple[Value, Value, Signal]:
        """Shifts the weights of the next tap in; returns whether it does, whether they stand there,
        and the signal that says that they are taken over."""
        bits = (self.config.array - 1).bit_length()
        word, loading, full, swap = Signal(bits), Signal(), Signal(), Signal()
        position, free = Signal(POSITION_BITS), Signal(POSITION_BITS)
        m.submodules.next_tap = following = SyncFIFO(width=tap_layout().size, depth=2)
        tap = data.View(tap_layout(), following.r_data)
        m.d.comb += [
            following.w_data.eq(Value.cast(taps.o.payload)),
            following.w_en.eq(taps.o.valid),
            taps.o.ready.eq(following.w_rdy),
        ]
        last = self.config.array - 1
        there = named(m, "weights_there", reached(self.arrived_weights, tap.position + last))
        start = named(m, "start", following.r_rdy & there & ~loading & (~full | swap))
        m.d.comb += following.r_en.eq(start)
        m.submodules.weights_free = delay = Delay(self._skew)
        m.d.comb += self.freed_weights.eq(delay.o)
        row = named(m, "row", Mux(start, tap.position, position))
        number = named(m, "number", Mux(start, 0, word))
        m.d.comb += [
            self.engine_load.valid.eq(start | loading),
            self.engine_load.start.eq(start),
            self.engine_load.address.eq(row + last - number),
        ]
        with m.If(start):
            m.d.sync += [position.eq(tap.position), free.eq(tap.free), word.eq(1), loading.eq(1)]
        with m.Elif(loading):
            m.d.sync += word.eq(word + 1)
            with m.If(word == last):
                m.d.sync += [loading.eq(0), full.eq(1)]
                m.d.comb += delay.i.eq(free)
        with m.If(swap):
            m.d.sync += full.eq(0)
        return loading, full, swap

    def _issue(
        self,
        m: Module,
        rules: Rules,
        present: data.View,
        here: SyncFIFOBuffered,
        loading: Value,
        full: Value,
        swap: Signal,
    ) -> None:
        """The decision, cycle by cycle."""
        config = self.config
        item, rule = rules.o.payload, rules.o.payload.rule
        bits = (config.input_vectors - 1).bit_length()
        half, busy = Signal(), Signal(2)
        relative = named(m, "relative", (rule.input - present.low)[:bits])
        position = named(m, "position", (present.inputs + relative)[:POSITION_BITS])
        address = named(m, "address", (rule.input + (present.inputs - present.low))[:bits])
        some = named(m, "some", rules.o.valid & here.r_rdy)
        # Sums that were read so lately that they are not written yet.
        hazards = []
        recent_valid = Signal(self._hazard)
        newest: Value = rule.output
        first = named(m, "first", rule.first & present.start)
        for age in range(self._hazard):
            recent = Signal.like(rule.output, name=f"recent{age}", reset_less=True)
            m.d.sync += recent.eq(newest)
            hazards.append(recent_valid[age] & (recent == rule.output))
            newest = recent
        hazard = named(m, "hazard", Cat(hazards).any())
        lacks_weight = named(m, "lacks_weight", item.swap & ~full)
        lacks_input = named(m, "lacks_input", ~reached(self.arrived_inputs, position))
        lacks_half = named(m, "lacks_half", select(busy, half))
        m.submodules.finishes = finishes = SyncFIFO(
            width=finish_layout(config).size + 1, depth=FINISHES
        )
        ends = named(m, "ends", item.stop & present.stop)
        end_of_layer = named(m, "end_of_layer", ends & present.finish.end)
        may = named(m, "may", self.can_end | ~end_of_layer)
        go = named(
            m,
            "go",
            (some & ~item.idle & (finishes.w_rdy | ~ends) & may)
            & ~(lacks_weight | lacks_input | lacks_half | hazard),
        )
        idle = named(m, "idle", some & item.idle & finishes.w_rdy & may)
        m.d.comb += [
            rules.o.ready.eq(go | idle),
            swap.eq(go & item.swap),
            self.engine_rule.valid.eq(go),
            self.engine_rule.input.eq(address),
            self.engine_rule.swap.eq(item.swap),
            self.engine_rule.half.eq(half),
            self.engine_rule.output.eq(rule.output),
            self.engine_rule.first.eq(first),
            self.engine_rule.end.eq(ends),
        ]
        m.d.sync += recent_valid.eq(Cat(go, recent_valid))
        stop = named(m, "stop", (go | idle) & item.stop)
        m.submodules.inputs_free = delay = Delay(self._skew)
        finish = Signal(finish_layout(config))
        m.d.comb += [
            here.r_en.eq(stop),
            delay.i.eq(Mux(stop, present.free_inputs, 0)),
            self.freed_inputs.eq(delay.o),
            self.release.valid.eq(stop & present.done & ~item.idle),
            self.release.slot.eq(present.slot),
            finish.eq(present.finish),
            finish.half.eq(half),
            finishes.w_data.eq(Cat(Value.cast(finish), item.idle)),
            finishes.w_en.eq(stop & present.stop),
            self.ended_layer.valid.eq(stop & end_of_layer),
            self.ended_layer.number.eq(present.number),
        ]
        with m.If(self.free.valid):
            m.d.sync += busy.bit_select(self.free.half, 1).eq(0)
        with m.If(go & ends):
            m.d.sync += [busy.bit_select(half, 1).eq(1), half.eq(~half)]
        # A group goes to the vector unit when the last of its sums has been written.
        complete = Signal(range(FINISHES + 1))
        group_idle = finishes.r_data[-1]
        m.d.comb += [
            Value.cast(self.finish.payload).eq(finishes.r_data[:-1]),
            self.finish.valid.eq(finishes.r_rdy & (group_idle | complete.any())),
            finishes.r_en.eq(self.finish.valid & self.finish.ready),
        ]
        taken = named(m, "taken", finishes.r_en & ~group_idle)
        m.d.sync += complete.eq(complete + self.ended - taken)
        with m.If(go):
            m.d.comb += self.cause.eq(CAUSES.index("useful"))
        with m.Elif(~some):
            with m.If(self.waiting.layer):
                m.d.comb += self.cause.eq(CAUSES.index("edge"))
            with m.Elif(self.waiting.tile):
                m.d.comb += self.cause.eq(CAUSES.index("rule"))
            with m.Else():
                m.d.comb += self.cause.eq(CAUSES.index("inputs"))
        with m.Elif(lacks_half):
            m.d.comb += self.cause.eq(CAUSES.index("vector"))
        with m.Elif(lacks_weight):
            m.d.comb += self.cause.eq(Mux(loading, CAUSES.index("weight"), CAUSES.index("weights")))
        with m.Elif(lacks_input):
            m.d.comb += self.cause.eq(
                Mux(self.waiting.layer, CAUSES.index("edge"), CAUSES.index("inputs"))
            )
        with m.Else():
            m.d.comb += self.cause.eq(CAUSES.index("hazard"))
