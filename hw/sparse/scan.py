"""Where a tile's inputs lie in each map of a union, as the loader (:mod:`.loader`) finds it."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value

from golden.sparse.descriptor import INDEX_BITS, SOURCES

from ..arith import named
from .layout import POSITION_BITS


class Presence:
    """Ranks and counts of a tile's inputs in each source of a union, by a scan of presence bits.

    ``ranks``: of each source, how many are present before the tile's first input; ``counts``: how
    many of its inputs are.
    """

    def __init__(self, m: Module, address: Signal, bits: Signal):
        self._address, self._bits = address, bits
        self.ranks = [Signal(INDEX_BITS, name=f"rank{s}") for s in range(SOURCES)]
        self.counts = [Signal(POSITION_BITS, name=f"present{s}") for s in range(SOURCES)]
        self._at = Signal(INDEX_BITS + 1, name="scan_at")
        self._asked = Signal(name="scan_asked")
        self._within = Signal(name="scan_within")

    def begin(self, m: Module, afresh: Value, low: Value) -> None:
        """Before each scan; ``afresh`` in a new layer."""
        m.d.sync += [count.eq(0) for count in self.counts]
        # A tile may begin before the one above it did: its ranks are counted anew.
        with m.If(afresh | (low < self._at)):
            m.d.sync += self._at.eq(0)
            m.d.sync += [rank.eq(0) for rank in self.ranks]

    def scan(self, m: Module, low: Value, stop: Value) -> Value:
        """Step through the bits up to ``stop``; whether that is done. A bit comes a cycle after it
        was asked for."""
        more = named(m, "scan_more", self._at != stop)
        m.d.comb += self._address.eq(self._at)
        m.d.sync += [self._asked.eq(more), self._within.eq(self._at >= low)]
        with m.If(more):
            m.d.sync += self._at.eq(self._at + 1)
        with m.If(self._asked):
            for s in range(SOURCES):
                with m.If(self._within):
                    m.d.sync += self.counts[s].eq(self.counts[s] + self._bits[s])
                with m.Else():
                    m.d.sync += self.ranks[s].eq(self.ranks[s] + self._bits[s])
        done = named(m, "scan_done", ~more & ~self._asked)
        with m.If(done):
            m.d.sync += self._at.eq(low)  # where the ranks hold
        return done
