"""Units that take several cycles a beat: a front that offers steps, a back that gathers them.

::

    i ─> Steps ─> stage ─> [register] ─> ... ─> stage ─> Gather ─> o
         n steps a beat                         their sum, when the last one has come

Between the two everything is an ordinary :class:`hw.pipeline.Datapath`: a step is a beat of its
stages. A beat of n steps is offered n - 1 cycles later than one of a single step, and keeps the
next one waiting for n cycles.
"""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .arith import carry_save, named, prefix_add

MARKS: dict[str, ShapeLike] = {"first": unsigned(1), "last": unsigned(1)}
"""Fields that tell the steps of a beat apart, from :class:`Steps` to :class:`Gather`."""


class Steps(wiring.Component):
    """Holds a beat and offers it in steps. The next beat enters as the last step leaves.

    What a step looks like is up to the subclass.

    Attributes
    ----------
    i : In(stream.Signature(i))
    o : Out(stream.Signature(o))
    """

    def __init__(
        self, i: data.StructLayout, o: data.StructLayout, most: int, state: data.StructLayout
    ):
        """``most``: the most steps that a beat takes; ``state``: what is held from step to step."""
        self._most, self._state = most, state
        super().__init__({"i": In(stream.Signature(i)), "o": Out(stream.Signature(o))})

    def further(self, m: Module, beat: data.View) -> Value:
        """Steps of ``beat`` after the first one."""
        return Const(self._most - 1)

    def load(self, m: Module, beat: data.View) -> Mapping[str, Value]:
        """The state for the first step of ``beat``, by field."""
        return {name: getattr(beat, name) for name in self._state.members}

    def advance(self, m: Module, state: data.View) -> Mapping[str, Value]:
        """The fields of the state that change to the next step."""
        raise NotImplementedError

    def offer(self, m: Module, state: data.View, first: Value, last: Value) -> Mapping[str, Value]:
        """The fields of a step."""
        raise NotImplementedError

    def elaborate(self, platform: object) -> Module:
        m = Module()
        state = Signal(self._state, reset_less=True)
        left = Signal(range(max(2, self._most)))  # steps after the one on offer
        first, valid = Signal(), Signal()
        last = named(m, "last", ~left.any())
        m.d.comb += [
            self.i.ready.eq(~valid | (self.o.ready & last)),
            self.o.valid.eq(valid),
        ]
        for name, value in self.offer(m, state, first, last).items():
            m.d.comb += Value.cast(getattr(self.o.payload, name)).eq(value)
        beat = self.i.payload
        loaded, advanced = self.load(m, beat), self.advance(m, state)
        further = named(m, "further", self.further(m, beat))
        with m.If(self.i.ready):
            m.d.sync += valid.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += [
                    *(Value.cast(getattr(state, n)).eq(value) for n, value in loaded.items()),
                    left.eq(further),
                    first.eq(1),
                ]
        with m.Elif(self.o.ready):
            m.d.sync += [
                *(Value.cast(getattr(state, n)).eq(value) for n, value in advanced.items()),
                left.eq(left - 1),
                first.eq(0),
            ]
        return m


def gather_layout(
    bits: int,
    acc_bits: int = 0,
    results: int = 1,
    beside: Mapping[str, ShapeLike] | None = None,
) -> data.StructLayout:
    """What :class:`Gather` takes: sums of a step in carry-save form, their accumulators, and what
    goes by ``beside`` them."""
    fields: dict[str, ShapeLike] = {
        "total": unsigned(bits * results),
        "carry": unsigned(bits * results),
        "carry_in": unsigned(results),
    }
    if acc_bits:
        acc = unsigned(acc_bits)
        fields["acc"] = acc if results == 1 else data.ArrayLayout(acc, results)
    return data.StructLayout(fields | dict(beside or {}) | MARKS)


class Gather(wiring.Component):
    """Adds up the steps of a beat modulo ``2 ** bits`` and offers their sum after the last one.

    The running sum joins the step in carry-save form: one carry propagates a cycle. An incoming
    accumulator is where it begins; or, with ``double``, the running sum is doubled before each
    further step (the most significant bits came first), and what is to be added to the result has
    to be part of the last step. A beat may carry several sums (``results``).

    Attributes
    ----------
    i : In(stream.Signature(gather_layout(bits, acc_bits, results, beside)))
    o : Out(stream.Signature(o))
        The sums: those bits of each that stand above its ``halved`` lowest ones. Above them the
        fields ``beside``, as the last step has them.
    """

    def __init__(
        self,
        o: data.StructLayout,
        bits: int,
        acc_bits: int = 0,
        *,
        results: int = 1,
        double: bool = False,
        halved: int = 0,
        beside: Mapping[str, ShapeLike] | None = None,
    ):
        assert not (double and acc_bits)
        self._bits, self._acc_bits, self._results = bits, acc_bits, results
        self._double, self._halved, self._beside = double, halved, tuple(beside or ())
        super().__init__(
            {
                "i": In(stream.Signature(gather_layout(bits, acc_bits, results, beside))),
                "o": Out(stream.Signature(o)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, step = self._bits, self.i.payload
        valid = Signal()
        m.d.comb += [self.i.ready.eq(~valid | self.o.ready), self.o.valid.eq(valid)]
        with m.If(self.i.ready):
            m.d.sync += valid.eq(self.i.valid & step.last)
        for name in self._beside:
            field = Value.cast(getattr(step, name))
            kept = Signal(len(field), reset_less=True, name=f"kept_{name}")
            m.d.comb += Value.cast(getattr(self.o.payload, name)).eq(kept)
            with m.If(self.i.ready & self.i.valid):
                m.d.sync += kept.eq(field)
        for k in range(self._results):
            total = Signal(bits, reset_less=True, name=f"total{k}")
            kept = bits - self._halved
            m.d.comb += self.o.payload.as_value().word_select(k, kept).eq(total[self._halved :])
            before = Cat(Const(0, 1), total)[:bits] if self._double else total
            start: Value = Const(0, bits)
            if self._acc_bits:
                start = Value.cast(step.acc).word_select(k, self._acc_bits)
            rows = [
                step.total.word_select(k, bits),
                step.carry.word_select(k, bits),
                named(m, f"before{k}", Mux(step.first, start, before)),
            ]
            left, right, one = carry_save(m, rows, [step.carry_in[k]], bits, f"csa{k}")
            with m.If(self.i.ready & self.i.valid):
                m.d.sync += total.eq(prefix_add(m, left, right, one, bits, f"add{k}"))
        return m
