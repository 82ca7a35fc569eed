"""The clients of a DMA under test, stepped once a cycle."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from golden.sparse.dma import Burst, DmaConfig, Write, read_bursts, write_bursts

from ...streams import Violation
from ..ports import Signals, Willing


class Behind(Protocol):
    """What clients want of a memory."""

    acknowledged: dict[str, int]
    """Bursts of each writer that it has answered."""

    def data(self, address: int) -> int:
        """The beat at an address that nobody writes."""

    def expect_reads(self, bursts: Sequence[Burst]) -> None:
        """These bursts of a reader will come."""

    def expect_writes(self, name: str, bursts: Sequence[Burst], writes: Sequence[Write]) -> None:
        """These bursts of a writer, with these beats."""


class Reader:
    """Read client ``number``: ``commands`` (address, beats) out, their data back.

    ``next``: commands taken. ``received``: beats of data. ``waited``: cycles in which a command was
    not taken. ``stalled``: in which data was offered to nobody. ``times``: of each beat.
    """

    def __init__(
        self,
        dut: Any,
        config: DmaConfig,
        number: int,
        memory: Behind,
        commands: Sequence[tuple[int, int]],
        seed: int,
        stalls: bool = True,
    ):
        self.client = config.reads[number]
        self.name, self.commands, self.memory = self.client.name, commands, memory
        self.s = Signals(
            dut,
            *(f"{self.name}_read__{part}" for part in ("payload", "valid", "ready")),
            *(f"{self.name}_data__{part}" for part in ("payload", "valid", "ready")),
        )
        self.expected = [a + k * config.beat for a, beats in commands for k in range(beats)]
        longest = config.longest(self.client)
        memory.expect_reads([b for c in commands for b in read_bursts(config, longest, *c)])
        self.next = self.received = self.waited = self.stalled = 0
        self.offered = self.taking = False
        self.blocked = False
        self.willing, self.taker = Willing(seed, stalls), Willing(seed + 1, stalls)
        self.s[f"{self.name}_read__valid"] = 0
        self.s[f"{self.name}_data__ready"] = 0
        self.times: list[int] = []

    @property
    def done(self) -> bool:
        """Whether all data is here."""
        return self.next == len(self.commands) and self.received == len(self.expected)

    def step(self, cycle: int) -> None:
        s, name = self.s, self.name
        if s[f"{name}_data__valid"]:
            if self.taking or self.client.sink:
                self._take(cycle)
            else:
                self.stalled += 1
        if self.offered and s[f"{name}_read__ready"]:
            self.next += 1
            self.offered = False
        self.waited += self.offered
        if not self.offered and self.next < len(self.commands) and self.willing(cycle):
            address, beats = self.commands[self.next]
            s[f"{name}_read__payload"] = address | beats << 40
            self.offered = True
        s[f"{name}_read__valid"] = int(self.offered)
        # A sink's ready is nobody's business.
        self.taking = not self.client.sink and not self.blocked and self.taker(cycle)
        s[f"{name}_data__ready"] = int(self.taking)

    def _take(self, cycle: int) -> None:
        if self.received == len(self.expected):
            raise Violation("surplus", f"{self.name}: more data than was asked for")
        address, got = self.expected[self.received], self.s[f"{self.name}_data__payload"]
        if (wanted := self.memory.data(address)) != got:
            message = f"{self.name}: beat {self.received}, of address {address:#x}, is"
            raise Violation("wrong", f"{message} {got:#x}, not {wanted:#x}")
        self.received += 1
        self.times.append(cycle)


class Writer:
    """Write client ``number``: ``writes`` out, their marks back.

    ``next``: beats taken. ``waited``: cycles in which one was not taken. ``times``: of each beat.
    """

    def __init__(
        self,
        dut: Any,
        config: DmaConfig,
        number: int,
        memory: Behind,
        writes: Sequence[Write],
        seed: int,
        stalls: bool = True,
    ):
        client = config.writes[number]
        self.config, self.name, self.writes, self.memory = config, client.name, writes, memory
        parts = ("write__payload", "write__valid", "write__ready", "done")
        self.s = Signals(dut, *(f"{self.name}_{part}" for part in parts))
        bursts = list(write_bursts(config, config.longest(client), writes))
        memory.expect_writes(self.name, bursts, [w for w in writes if w.strobe])
        self.marks: deque[tuple[int, int, int]] = deque()
        """Bursts that must be acknowledged, vectors, layers."""
        real = 0
        for burst in bursts:
            real += burst.beats > 0
            if burst.vectors or burst.layer:
                self.marks.append((real, burst.vectors, burst.layer))
        self.next = self.waited = 0
        self.offered = False
        self.willing = Willing(seed, stalls)
        self.s[f"{self.name}_write__valid"] = 0
        self.times: list[int] = []

    @property
    def done(self) -> bool:
        """Whether all is written and every mark here."""
        return self.next == len(self.writes) and not self.marks

    def step(self, cycle: int) -> None:
        s, name, bits = self.s, self.name, self.config.bus_bits
        if done := s[f"{name}_done"]:
            self._count(done & 255, done >> 8)
        if self.offered and s[f"{name}_write__ready"]:
            self.next += 1
            self.offered = False
            self.times.append(cycle)
        self.waited += self.offered
        if not self.offered and self.next < len(self.writes) and self.willing(cycle):
            w, beat = self.writes[self.next], self.config.beat
            s[f"{name}_write__payload"] = (
                w.address
                | w.data << 40
                | w.strobe << 40 + bits
                | (w.flush | w.vector << 1 | w.layer << 2) << 40 + bits + beat
            )
            self.offered = True
        s[f"{name}_write__valid"] = int(self.offered)

    def _count(self, *got: int) -> None:
        if not self.marks:
            raise Violation("surplus", f"{self.name}: marks that nobody set")
        bursts, *wanted = self.marks.popleft()
        if [*got] != wanted:
            message = "{}: {} vectors and {} layers are done, not {} and {}"
            raise Violation("marks", message.format(self.name, *got, *wanted))
        if self.memory.acknowledged[self.name] < bursts:
            raise Violation("early", f"{self.name}: marks count before the response")
