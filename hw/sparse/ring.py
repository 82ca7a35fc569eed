"""The space of a ring buffer as the loader (:mod:`.loader`) takes it."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value

from .layout import POSITION_BITS


class Ring:
    """The space of a ring buffer: positions taken and given back, and where a pass finds its own.

    ``position``: of the present pass's share. ``taken``: up to which the ring has been taken.
    """

    def __init__(self, m: Module, name: str, size: int, freed: Value):
        self._size = size
        self.taken = Signal(POSITION_BITS, name=f"{name}_taken")
        self.position = Signal(POSITION_BITS, name=f"{name}_position")
        self._kept = Signal(POSITION_BITS, name=f"{name}_kept")
        self._given = Signal(POSITION_BITS, name=f"{name}_given")
        m.d.sync += self._given.eq(self._given + freed)

    def room(self, count: Value) -> Value:
        """Whether ``count`` more fit."""
        return (self.taken - self._given)[:POSITION_BITS] + count <= self._size

    def take(self, m: Module, first: Value, count: Value) -> None:
        """Take space for a pass; ``first``: what is kept for later passes begins here."""
        m.d.sync += [self.position.eq(self.taken), self.taken.eq(self.taken + count)]
        with m.If(first):
            m.d.sync += self._kept.eq(self.taken)

    def go_on(self, m: Module, again: Value, count: Value) -> None:
        """The pass finds what was kept: after the last pass's ``count``, or from its start."""
        m.d.sync += self.position.eq(Mux(again, self._kept, self.position + count))
