"""One of several requests a cycle."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.arith import named


class Arbiter(wiring.Component):
    """Grants one of ``count`` requests, in the same cycle.

    Bit 0 goes first; with ``round_robin``, the bits after the one that was taken last do.

    Attributes
    ----------
    requests : In(count)
    taken : In(1)
        The grant is made use of. Round robin goes on; without it, unused.
    grants : Out(count)
        One bit of ``requests``, or none when there is none.
    """

    def __init__(self, count: int, *, round_robin: bool = False):
        self.round_robin = round_robin
        super().__init__({"requests": In(count), "taken": In(1), "grants": Out(count)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first = named(m, "first", lowest(self.requests))
        if not self.round_robin:
            m.d.comb += self.grants.eq(first)
            return m
        later = Signal.like(self.requests)  # bits after the one that was taken last
        waiting = named(m, "waiting", self.requests & later)
        with m.If(waiting.any()):
            m.d.comb += self.grants.eq(lowest(waiting))
        with m.Else():
            m.d.comb += self.grants.eq(first)
        with m.If(self.taken):
            m.d.sync += later.eq(~(self.grants | (self.grants - 1)))
        return m


def lowest(bits: Value) -> Value:
    """The lowest one of ``bits`` alone."""
    return (bits & (~bits + 1))[: len(bits)]


def one_of(select: Value, choices: Sequence[ValueLike]) -> Value:
    """The choice whose bit of ``select`` (one-hot) is set; 0 when none is."""
    total: Value | None = None
    for bit, choice in zip(select, choices, strict=True):
        value = Value.cast(choice)
        masked = value & bit.replicate(len(value))
        total = masked if total is None else total | masked
    assert total is not None
    return total
