"""Datapaths: combinational stages in a row, with registers where the configuration wants them.

::

    i ─> front ─> stage ─> [register] ─> stage ─> ... ─> stage ─> back ─> o

``front`` holds the input beat and ``back`` the output beat, so that both ports of a unit are
registered and every path that a timing report shows begins and ends inside it. The stages are
modules of their own: the hierarchy of the Verilog is the block diagram, and reports break area
down by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

from amaranth.hdl import ClockSignal, Module, ResetSignal, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.unit import Config, Payload, Unit


def layout(payload: Payload) -> data.StructLayout:
    """The hardware layout of a payload: codes as unsigned numbers, lanes as arrays."""
    return data.StructLayout(
        {
            f.name: unsigned(f.format.bits)
            if f.lanes == 1
            else data.ArrayLayout(unsigned(f.format.bits), f.lanes)
            for f in payload.fields
        }
    )


def streams(config: Config) -> dict[str, wiring.Member]:
    """The members of a component that has the streams of a configuration, under their names."""
    inputs = {n: In(stream.Signature(layout(p))) for n, p in config.inputs.items()}
    outputs = {n: Out(stream.Signature(layout(p))) for n, p in config.outputs.items()}
    return inputs | outputs


def lanes_of(field: Value | data.View, count: int) -> list[Value]:
    """The ``count`` lanes of a field, which is an array only if there are several."""
    return [field] if count == 1 else [field[lane] for lane in range(count)]


class Stage(wiring.Component):
    """A combinational piece of a datapath.

    Attributes
    ----------
    i : In(i_layout)
    o : Out(o_layout)
        A function of ``i``.
    delay : int
        Rough number of gates on its longest path: where the pipeline is cut depends on it, what
        the unit computes does not.
    """

    delay = 1

    def __init__(self, i: data.StructLayout, o: data.StructLayout):
        super().__init__({"i": In(i), "o": Out(o)})

    def pass_on(self, m: Module) -> None:
        """Connect the fields that bear the same name and shape on both sides."""
        for name, field in self.o.shape().members.items():
            if self.i.shape().members.get(name) == field:
                m.d.comb += getattr(self.o, name).eq(getattr(self.i, name))


class Register(wiring.Component):
    """A stream register: one beat of storage, one cycle of latency, a beat every cycle.

    Attributes
    ----------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))
        ``i.ready`` depends combinationally on ``o.ready``; nothing else crosses.
    """

    def __init__(self, shape: data.StructLayout):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Only `valid` is reset: a payload that nobody looks at needs no reset tree.
        payload = Signal(self.o.payload.shape(), reset_less=True)
        valid = Signal()
        m.d.comb += [
            self.i.ready.eq(~valid | self.o.ready),
            self.o.valid.eq(valid),
            self.o.payload.eq(payload),
        ]
        with m.If(self.i.ready):
            m.d.sync += valid.eq(self.i.valid)
            with m.If(self.i.valid):  # an idle register does not toggle
                m.d.sync += payload.eq(self.i.payload)
        return m


class Datapath(wiring.Component):
    """A unit made of ``stages``: stream ``i`` in, stream ``o`` out.

    ``config.pipeline`` registers stand between the stages, where they make the longest stretch
    shortest. Latency, interval and contract are those of the configuration. A unit that takes
    several cycles a beat brings a ``front`` that offers the beat in steps, or a ``back`` that
    gathers them (:mod:`hw.steps`); either is a register like those that it replaces, and so is what
    stands ``after`` the stage of a name. A ``config.combinational`` one has none of them.

    Attributes
    ----------
    i : In(stream.Signature(layout(config.input)))
    o : Out(stream.Signature(layout(config.output)))
    """

    def __init__(
        self,
        config: Unit,
        stages: Sequence[Stage],
        front: wiring.Component | None = None,
        back: wiring.Component | None = None,
        after: Mapping[str, wiring.Component] | None = None,
    ):
        self.config, self._after = config, dict(after or {})
        self._stages = tuple(stages)
        assert len(self._stages) == len(config.stages)
        registers = not config.combinational
        self._front = front or (Register(layout(config.input)) if registers else None)
        self._back = back or (Register(layout(config.output)) if registers else None)
        super().__init__(streams(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source = _Wire(self.i.payload, self.i)
        if self._front:
            m.submodules.front = self._front
            wiring.connect(m, wiring.flipped(self.i), self._front.i)
            source = self._front.o
        else:
            unused = Signal()  # every unit has these ports, so that one can stand for another
            m.d.comb += unused.eq(ClockSignal() & ResetSignal())
        named = list(zip(self.config.stages, self._stages, strict=True))
        fixed = frozenset(k for k, (name, _) in enumerate(named, 1) if name in self._after)
        delays = [stage.delay for stage in self._stages]
        cuts = balanced_cuts(delays, self.config.pipeline, fixed)
        for index, (name, stage) in enumerate(named):
            m.submodules[name] = stage
            m.d.comb += stage.i.eq(source.payload)
            last = index == len(named) - 1
            if not self._back if last else index + 1 not in cuts:
                # The beat itself goes straight on; its handshake waits for the next register.
                source = _Wire(stage.o, source)
                continue
            register = self._back if last else self._after.get(name) or Register(stage.o.shape())
            m.submodules["back" if last else f"after_{name}"] = register
            m.d.comb += [
                register.i.payload.eq(stage.o),
                register.i.valid.eq(source.valid),
                source.ready.eq(register.i.ready),
            ]
            source = register.o
        m.d.comb += [
            self.o.payload.eq(source.payload),
            self.o.valid.eq(source.valid),
            source.ready.eq(self.o.ready),
        ]
        return m


class _Wire:
    """A payload that moves under the handshake of an earlier stream."""

    def __init__(self, payload: data.View, handshake: object):
        self.payload = payload
        self.valid = handshake.valid
        self.ready = handshake.ready


def balanced_cuts(
    delays: Sequence[int], count: int, fixed: frozenset[int] = frozenset()
) -> frozenset[int]:
    """Which ``count`` boundaries to cut so that the longest stretch is as short as it can be.

    Boundary ``k`` lies before item ``k``; those ``fixed`` are cut anyway. Of equally good choices
    the earliest is taken, so that the same configuration always gives the same hardware.
    """

    def longest(cuts: tuple[int, ...]) -> int:
        edges = sorted({0, *cuts, *fixed, len(delays)})
        return max(sum(delays[a:b]) for a, b in pairwise(edges))

    free = [k for k in range(1, len(delays)) if k not in fixed]
    return frozenset(min(combinations(free, count), key=longest)) | fixed
