"""Both ends of a stream, as models that are stepped once a cycle.

One coroutine wakes at each rising edge and steps every model (:class:`Bench`): it samples the cycle
that ends there, in which everything had settled, and sets what the next one begins with. So a cycle
costs a single trigger, and the order of events does not depend on a scheduler. Words are strings of
binary digits, as the simulator gives and takes them: comparing them needs no conversion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from cocotb.clock import Clock
from cocotb.handle import _GPISetAction

from .job import StreamPorts

PERIOD_NS = 10
MISMATCHES = 16
"""Wrong beats after which a sink gives up."""


class Violation(AssertionError):
    """A unit broke a rule; ``kind`` names it."""

    def __init__(self, kind: str, message: str, **where: Any) -> None:
        super().__init__(message)
        self.kind, self.where = kind, where


class Port:
    """A port of the unit under test.

    Reads and writes the simulator's own strings. cocotb's ``handle.value`` checks and converts
    each access, which costs more than the simulation of a small unit.
    """

    def __init__(self, dut: Any, name: str) -> None:
        handle = getattr(dut, name)
        self.name, self.width = name, len(handle)
        self.get: Callable[[], str] = handle._handle.get_signal_val_binstr
        self._set = handle._handle.set_signal_val_binstr
        self._deposit = _GPISetAction.DEPOSIT.value

    def set(self, bits: str) -> None:
        """Set the port at the end of this time step."""
        self._set(self._deposit, bits)


class Model(Protocol):
    """Something that lives beside the unit."""

    def step(self, cycle: int) -> None:
        """Sample cycle ``cycle``, which ends now, and set the ports for the next one."""


class Source:
    """Offers words in order on an input stream, whenever ``willing`` says so.

    An offered word holds until it transfers. While nothing is offered the payload is wrong on
    purpose (the complement of the next word), for units that look at it without valid.
    """

    def __init__(
        self, dut: Any, ports: StreamPorts, words: Sequence[str], willing: bytes, first: int = 0
    ) -> None:
        self._payload, self._valid, self._ready = (
            Port(dut, name) for name in (ports.payload, ports.valid, ports.ready)
        )
        self._words, self._willing, self._period = words, willing, len(willing)
        self._offering = False
        self.hold = False
        """Set to offer nothing new."""
        self.next = first
        """Index of the word that is or will be offered."""
        self.transfers: list[int] = []
        """Cycle of each transfer."""
        self.stalled = 0
        """Cycles in which a word was offered and not taken."""
        self._rest()

    @property
    def idle(self) -> bool:
        """Whether nothing is offered."""
        return not self._offering

    @property
    def goal(self) -> int:
        """Index after that of the last word to go."""
        return len(self._words)

    def step(self, cycle: int) -> None:
        if self._offering:
            if self._ready.get() == "0":
                self.stalled += 1
                return
            self.transfers.append(cycle)
            self.next += 1
        if (
            self.next < len(self._words)
            and self._willing[(cycle + 1) % self._period]
            and not self.hold
        ):
            self._payload.set(self._words[self.next])
            if not self._offering:
                self._valid.set("1")
                self._offering = True
        elif self._offering:
            self._rest()

    def _rest(self) -> None:
        self._valid.set("0")
        if self._words:
            word = self._words[min(self.next, len(self._words) - 1)]
            self._payload.set(word.translate(_COMPLEMENT))
        self._offering = False


class Sink:
    """Takes words from an output stream, whenever ``willing`` says so, and compares them.

    Raises :class:`Violation` when a word is withdrawn or changes before it transfers, and when one
    is offered that nobody asked for: more words than ``asked()`` (those whose input has been
    taken). Wrong words are collected in ``mismatches``, up to :data:`MISMATCHES`.
    """

    def __init__(
        self,
        dut: Any,
        ports: StreamPorts,
        expected: Sequence[str],
        willing: bytes,
        asked: Callable[[], int],
        first: int = 0,
    ) -> None:
        self._payload, self._valid, self._ready = (
            Port(dut, name) for name in (ports.payload, ports.valid, ports.ready)
        )
        self._expected, self._willing, self._period = expected, willing, len(willing)
        self._asked = asked
        self._taking = False
        self._held: str | None = None  # the word that was offered and not taken
        self.first, self.received = first, first
        self.words: list[str] = []
        """Every word taken, in order."""
        self.offers: list[int] = []
        """Cycle in which each word was first offered."""
        self.mismatches: list[tuple[int, int]] = []
        """Index and cycle of each wrong word."""
        self.stalled = 0
        """Cycles in which a word was offered and not taken."""
        self._ready.set("0")

    @property
    def goal(self) -> int:
        """Index after that of the last word to come."""
        return len(self._expected)

    @property
    def waiting(self) -> bool:
        """Whether a word was offered and not taken."""
        return self._held is not None

    def block(self) -> None:
        """Be never willing from now on."""
        self._willing, self._period = b"\0", 1

    def unblock(self) -> None:
        """Be always willing from now on."""
        self._willing, self._period = b"\1", 1

    def step(self, cycle: int) -> None:
        if self._valid.get() == "1":
            word = self._payload.get()
            if self._held is None:
                self.offers.append(cycle)
                self._ask(cycle, word)
            elif word != self._held:
                raise Violation(
                    "unstable",
                    f"{self._payload.name} changes before it transfers: beat {self.received}"
                    f" was {_hex(self._held)}, then {_hex(word)}",
                    beat=self.received,
                    cycle=cycle,
                )
            if self._taking:
                if word != self._expected[self.received]:
                    self.mismatches.append((self.received, cycle))
                self.words.append(word)
                self.received += 1
                self._held = None
            else:
                self._held = word
                self.stalled += 1
        elif self._held is not None:
            raise Violation(
                "withdrawn",
                f"{self._valid.name} falls before beat {self.received} transfers",
                beat=self.received,
                cycle=cycle,
            )
        taking = bool(self._willing[(cycle + 1) % self._period])
        if taking != self._taking:
            self._ready.set("1" if taking else "0")
            self._taking = taking

    def _ask(self, cycle: int, word: str) -> None:
        asked = min(self._asked(), len(self._expected))
        if self.received >= asked:
            raise Violation(
                "surplus",
                f"beat {self.received} ({_hex(word)}) is offered when only {asked} were asked for",
                beat=self.received,
                cycle=cycle,
            )


class Bench:
    """The clock, the reset and the cycles of a unit under test."""

    def __init__(self, dut: Any, clock: str, reset: str) -> None:
        self._clock = getattr(dut, clock)
        self._edge = self._clock.rising_edge
        self._reset = Port(dut, reset)
        self.cycle = 0
        """Number of the cycle that is running."""
        self._driver = Clock(self._clock, PERIOD_NS, "ns")

    async def start(self) -> None:
        """Start the clock, with reset for two cycles."""
        self._reset.set("1")
        self._driver.start(start_high=False)
        await self.cycles(2)
        self._reset.set("0")

    def stop(self) -> None:
        """Stop the clock."""
        self._driver.stop()

    async def reset(self, *models: Model) -> None:
        """Reset for one cycle, in which ``models`` are stepped too."""
        self._reset.set("1")
        await self.cycles(1, *models)
        self._reset.set("0")

    async def cycles(self, count: int, *models: Model) -> None:
        """``count`` cycles."""
        for _ in range(count):
            await self._edge
            for model in models:
                model.step(self.cycle)
            self.cycle += 1

    async def until(
        self, done: Callable[[], bool], *models: Model, progress: Callable[[], int], patience: int
    ) -> None:
        """Cycles until ``done()``; :class:`Violation` when ``progress()``, a number of beats,
        stays the same for ``patience`` cycles."""
        seen, last = progress(), self.cycle
        while not done():
            await self._edge
            cycle = self.cycle
            for model in models:
                model.step(cycle)
            self.cycle = cycle + 1
            if cycle - last >= patience:
                now = progress()
                if now == seen:
                    raise Violation("dead", f"no beat moved for {cycle - last} cycles", cycle=cycle)
                seen, last = now, cycle


_COMPLEMENT = str.maketrans("01", "10")


def _hex(bits: str) -> str:
    return f"0x{int(bits, 2):0{-(-len(bits) // 4)}x}"
