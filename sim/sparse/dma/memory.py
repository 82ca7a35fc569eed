"""The memory behind a DMA under test, stepped once a cycle."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import Any

from golden.sparse.dma import BORDER, Burst, DmaConfig, Write

from ...streams import Violation
from ..ports import Signals, Willing
from .traffic import SPACE

OKAY, SLVERR, DECERR = 0, 2, 3
CHANNELS = ("ar", "r", "aw", "w", "b")
ADDRESS = ("addr", "len", "size", "burst")


class Memory:
    """An AXI4 slave that knows which bursts of whom may come, and checks every beat.

    ``latency``, up to ``jitter`` more: cycles to the first beat, and to a response. ``willing``: by
    channel, when it does not stall. ``faults``: by kind, the response code of bursts by number.
    ``given``: kind, code and client of each such response. ``frozen``: no new burst may start.
    ``most``: bursts under way at a time. ``written``: beats. ``stalled``: cycles in which the DMA
    offered something that was not taken; ``waited``: in which it did not take something.
    """

    def __init__(
        self,
        dut: Any,
        config: DmaConfig,
        seed: int,
        latency: int = 0,
        jitter: int = 20,
        stalls: bool = True,
    ):
        self.s = Signals(
            dut,
            *(f"m_axi_{c}{part}" for c in ("ar", "aw") for part in (*ADDRESS, "valid", "ready")),
            *(f"m_axi_r{part}" for part in ("data", "resp", "last", "valid", "ready")),
            *(f"m_axi_w{part}" for part in ("data", "strb", "last", "valid", "ready")),
            *(f"m_axi_b{part}" for part in ("resp", "valid", "ready")),
        )
        self.config, self.rng = config, random.Random(seed)
        self.latency, self.jitter = latency, jitter
        self.willing = {c: Willing(seed * 5 + k, stalls) for k, c in enumerate(CHANNELS)}
        self.salt = self.rng.getrandbits(config.bus_bits)
        self.reads: dict[int, deque[Burst]] = {}  # that are to come, by space
        self.writes: dict[int, tuple[str, deque[Burst], deque[Write]]] = {}
        self.acknowledged: dict[str, int] = {}
        self.read_queue: deque[tuple[int, int, int, bool]] = deque()  # due, address, code, last
        self.addresses: deque[tuple[str, int, int, int]] = deque()  # name, space, address, beats
        self.beats: deque[tuple[int, int, int]] = deque()
        self.responses: deque[tuple[int, str, int]] = deque()  # due, name, code
        self.faults: dict[str, dict[int, int]] = {"read": {}, "write": {}}
        self.counts = {"read": 0, "write": 0}
        self.given: list[tuple[str, int, int]] = []
        self.frozen = False
        self.offers = {"r": False, "b": False}
        self.ready = dict.fromkeys(("ar", "aw", "w"), False)
        self.held: dict[str, tuple[int, ...]] = {}
        self.most = {"read": 0, "write": 0}
        self.written = self.stalled = self.waited = 0
        self._drive(0)

    def data(self, address: int) -> int:
        """What a beat of memory holds that nobody writes."""
        return (address // self.config.beat * 0x9E3779B97F4A7C15F39CC0605CEDC835 ^ self.salt) % (
            1 << self.config.bus_bits
        )

    def expect_reads(self, bursts: Sequence[Burst]) -> None:
        """These bursts of a reader will come."""
        if bursts:
            self.reads[bursts[0].address // SPACE] = deque(bursts)

    def expect_writes(self, name: str, bursts: Sequence[Burst], writes: Sequence[Write]) -> None:
        """These bursts of a writer, with these beats."""
        real = deque(burst for burst in bursts if burst.beats)
        self.acknowledged[name] = 0
        if real:
            self.writes[real[0].address // SPACE] = (name, real, deque(writes))

    @property
    def busy(self) -> bool:
        """Whether something is under way on the bus."""
        queues = (self.read_queue, self.addresses, self.beats, self.responses)
        return any(queues) or any(self.offers.values())

    def step(self, cycle: int) -> None:
        s = self.s
        for channel in self.offers:
            if self.offers[channel] and s[f"m_axi_{channel}ready"]:
                self.offers[channel] = False
                if channel == "b":
                    self.acknowledged[self.offering] += 1
        self.waited += any(self.offers.values())
        for channel, parts in (("ar", ADDRESS), ("aw", ADDRESS), ("w", ("data", "strb", "last"))):
            if not s[f"m_axi_{channel}valid"]:
                if channel in self.held:
                    raise Violation("withdrawn", f"{channel}valid falls")
                continue
            payload = tuple(s[f"m_axi_{channel}{part}"] for part in parts)
            if self.held.setdefault(channel, payload) != payload:
                raise Violation("unstable", f"the payload of {channel} changes")
            if self.ready[channel]:
                del self.held[channel]
                getattr(self, f"_{channel}")(cycle, *payload)
        self.stalled += bool(self.held)
        self._drive(cycle)

    def _drive(self, cycle: int) -> None:
        s = self.s
        for channel in self.ready:
            self.ready[channel] = self.willing[channel](cycle)
            s[f"m_axi_{channel}ready"] = int(self.ready[channel])
        queue = self.read_queue
        if not self.offers["r"] and queue and queue[0][0] <= cycle and self.willing["r"](cycle):
            _, address, code, last = queue.popleft()
            s["m_axi_rdata"], s["m_axi_rresp"] = self.data(address), code
            s["m_axi_rlast"] = int(last)
            self.offers["r"] = True
        answers = self.responses
        if not self.offers["b"] and answers and answers[0][0] <= cycle and self.willing["b"](cycle):
            _, self.offering, code = answers.popleft()
            s["m_axi_bresp"] = code
            self.offers["b"] = True
        for channel, offered in self.offers.items():
            s[f"m_axi_{channel}valid"] = int(offered)

    def _check(self, channel: str, address: int, length: int, size: int, burst: int) -> int:
        """Beats of a burst that obeys the specification: A3.4.1 and table A3-2."""
        beat = self.config.beat
        beats = length + 1
        if (1 << size, burst, address % beat) != (beat, 1, 0):
            raise Violation("burst", f"{channel}: size {size}, burst {burst}, {address:#x}")
        if address // BORDER != (address + beats * beat - 1) // BORDER:
            raise Violation("border", f"{channel}: {beats} beats at {address:#x}")
        if self.frozen:
            raise Violation("halt", f"{channel}: a burst starts although the DMA is halted")
        return beats

    def _due(self, cycle: int, last: int) -> int:
        return max(cycle + self.latency + self.rng.randint(0, self.jitter), last)

    def _answer(self, kind: str, client: int) -> int:
        """The response code of a burst."""
        code = self.faults[kind].get(self.counts[kind], OKAY)
        self.counts[kind] += 1
        if code:
            self.given.append((kind, code, client))
        return code

    def _limit(self, kind: str, under_way: int) -> None:
        self.most[kind] = max(self.most[kind], under_way)
        if under_way > self.config.outstanding:
            raise Violation("outstanding", f"{kind}: {under_way} bursts")

    def _ar(self, cycle: int, address: int, *shape: int) -> None:
        beats = self._check("ar", address, *shape)
        client = address // SPACE
        queue = self.reads.get(client)
        if not queue or queue.popleft() != Burst(address, beats):
            raise Violation("burst", f"ar: {beats} beats at {address:#x} were not asked for")
        code, bad = self._answer("read", client), self.rng.randrange(beats)
        due = self._due(cycle, self.read_queue[-1][0] if self.read_queue else 0)
        for k in range(beats):
            here = address + k * self.config.beat
            self.read_queue.append((due, here, code if k == bad else OKAY, k == beats - 1))
        self._limit("read", sum(last for *_, last in self.read_queue))

    def _aw(self, cycle: int, address: int, *shape: int) -> None:
        beats = self._check("aw", address, *shape)
        number = address // SPACE
        if number not in self.writes:
            raise Violation("region", f"aw: {address:#x} belongs to nobody")
        name, bursts, _ = self.writes[number]
        expected = bursts.popleft() if bursts else None
        if expected is None or (expected.address, expected.beats) != (address, beats):
            raise Violation("burst", f"aw: {beats} beats at {address:#x}, not {expected}")
        self.addresses.append((name, number, address, beats))
        self._limit("write", len(self.addresses) + len(self.responses))
        self._match(cycle)

    def _w(self, cycle: int, data: int, strobe: int, last: int) -> None:
        self.beats.append((data, strobe, last))
        self._match(cycle)

    def _match(self, cycle: int) -> None:
        while self.addresses and self.beats:
            name, number, address, beats = self.addresses.popleft()
            data, strobe, last = self.beats.popleft()
            write = self.writes[number][2].popleft()
            if (write.address, write.data, write.strobe) != (address, data, strobe):
                raise Violation("wrong", f"w: {data:#x} to {address:#x}, not {write}")
            if last != (beats == 1):
                raise Violation("last", f"w: last is {last} with {beats} beats to go")
            self.written += 1
            if not last:
                self.addresses.appendleft((name, number, address + self.config.beat, beats - 1))
                continue
            code = self._answer("write", number - len(self.config.reads))
            due = self._due(cycle, self.responses[-1][0] if self.responses else 0)
            self.responses.append((due, name, code))
