"""The ends of a DMA under test: clients, and the memory behind it, stepped once a cycle."""

from __future__ import annotations

import random
from collections import deque

from golden.sparse.dma import (
    BORDER,
    Burst,
    DmaConfig,
    Write,
    read_bursts,
    write_bursts,
)
from sim.stalls import ALWAYS, schedule
from sim.streams import Port, Violation

SPACE = 0x10000
"""Bytes that a client has for itself: reader k from k * SPACE, writer k behind all readers."""
OKAY, SLVERR, DECERR = 0, 2, 3


class Signals:
    """Ports as integers, read once a cycle and set for the next one."""

    def __init__(self, dut, *names):
        self._ports = {name: Port(dut, name) for name in names}

    def __getitem__(self, name):
        return int(self._ports[name].get(), 2)

    def __setitem__(self, name, value):
        port = self._ports[name]
        port.set(f"{value:0{port.width}b}")


class Willing:
    """When an end does not stall."""

    def __init__(self, seed, stalls):
        self._pattern = (schedule(seed) if stalls else ALWAYS).input

    def __call__(self, cycle):
        return bool(self._pattern[cycle % len(self._pattern)])


class Reader:
    """Read client ``number``: ``commands`` (address, beats) out, their data back."""

    def __init__(self, dut, config: DmaConfig, number, memory, commands, seed, stalls=True):
        self.client = config.reads[number]
        name = self.client.name
        self.s = Signals(
            dut,
            *(f"{name}_read__{part}" for part in ("payload", "valid", "ready")),
            *(f"{name}_data__{part}" for part in ("payload", "valid", "ready")),
        )
        self.name, self.commands = name, commands
        beat = config.beat
        self.expected = [address + k * beat for address, beats in commands for k in range(beats)]
        self.memory, self.beat = memory, beat
        memory.expect_reads(
            [
                burst
                for address, beats in commands
                for burst in read_bursts(config, config.longest(self.client), address, beats)
            ]
        )
        self.next = self.received = 0
        self.offered = self.taking = False
        self.blocked = False
        self.willing, self.taker = Willing(seed, stalls), Willing(seed + 1, stalls)
        self.s[f"{name}_read__valid"] = 0
        self.s[f"{name}_data__ready"] = 0
        self.times = []

    @property
    def done(self):
        return self.next == len(self.commands) and self.received == len(self.expected)

    def step(self, cycle):
        s, name = self.s, self.name
        if s[f"{name}_data__valid"] and (self.taking or self.client.sink):
            if self.received == len(self.expected):
                raise Violation("surplus", f"{name}: more data than was asked for")
            address = self.expected[self.received]
            got = s[f"{name}_data__payload"]
            if self.memory.data(address) != got:
                raise Violation("wrong", f"{name}: beat {self.received} of address {address:#x}")
            self.received += 1
            self.times.append(cycle)
        if self.offered and s[f"{name}_read__ready"]:
            self.next += 1
            self.offered = False
        if not self.offered and self.next < len(self.commands) and self.willing(cycle):
            address, beats = self.commands[self.next]
            s[f"{name}_read__payload"] = address | beats << 40
            self.offered = True
        s[f"{name}_read__valid"] = int(self.offered)
        # A sink's ready is nobody's business.
        self.taking = not self.client.sink and not self.blocked and self.taker(cycle)
        s[f"{name}_data__ready"] = int(self.taking)


class Writer:
    """Write client ``number``: ``writes`` out, their marks back."""

    def __init__(
        self, dut, config: DmaConfig, number, memory, writes: list[Write], seed, stalls=True
    ):
        client = config.writes[number]
        name = client.name
        self.s = Signals(
            dut, *(f"{name}_write__{p}" for p in ("payload", "valid", "ready")), f"{name}_done"
        )
        self.config, self.name, self.writes, self.memory = config, name, writes, memory
        bursts = list(write_bursts(config, config.longest(client), writes))
        memory.expect_writes(name, bursts, [w for w in writes if w.strobe])
        self.marks = deque()  # bursts that must be acknowledged, vectors, layers
        real = 0
        for burst in bursts:
            real += burst.beats > 0
            if burst.vectors or burst.layer:
                self.marks.append((real, burst.vectors, burst.layer))
        self.next = 0
        self.offered = False
        self.willing = Willing(seed, stalls)
        self.s[f"{name}_write__valid"] = 0
        self.times = []

    @property
    def done(self):
        return self.next == len(self.writes) and not self.marks

    def step(self, cycle):
        s, name, bits = self.s, self.name, self.config.bus_bits
        done = s[f"{name}_done"]
        if done:
            if not self.marks:
                raise Violation("surplus", f"{name}: marks that nobody set")
            bursts, vectors, layer = self.marks.popleft()
            if (done & 255, done >> 8) != (vectors, layer):
                raise Violation("marks", f"{name}: {done & 255} vectors, {vectors} expected")
            if self.memory.acknowledged[name] < bursts:
                raise Violation("early", f"{name}: marks count before the response")
        if self.offered and s[f"{name}_write__ready"]:
            self.next += 1
            self.offered = False
            self.times.append(cycle)
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


class Memory:
    """An AXI4 slave that knows which bursts of whom may come, and checks every beat."""

    def __init__(self, dut, config: DmaConfig, seed, latency=0, jitter=20, stalls=True):
        address = ("addr", "len", "size", "burst", "valid", "ready")
        self.s = Signals(
            dut,
            *(f"m_axi_{channel}{part}" for channel in ("ar", "aw") for part in address),
            *(f"m_axi_r{part}" for part in ("data", "resp", "last", "valid", "ready")),
            *(f"m_axi_w{part}" for part in ("data", "strb", "last", "valid", "ready")),
            *(f"m_axi_b{part}" for part in ("resp", "valid", "ready")),
        )
        self.config, self.rng = config, random.Random(seed)
        self.latency, self.jitter = latency, jitter
        self.willing = {c: Willing(seed * 5 + k, stalls) for k, c in enumerate(CHANNELS)}
        self.salt = self.rng.getrandbits(config.bus_bits)
        self.written = {}  # byte by address
        self.reads: dict[int, deque[Burst]] = {}  # that are to come, by space
        self.writes: dict[int, tuple[str, deque[Burst], deque[Write]]] = {}
        self.acknowledged: dict[str, int] = {}
        self.read_queue, self.addresses, self.beats = deque(), deque(), deque()
        self.responses = deque()
        self.faults = {"read": {}, "write": {}}  # burst number to code
        self.counts = {"read": 0, "write": 0}
        self.given = []  # error responses: kind, code, client
        self.frozen = False  # no new burst may start
        self.offers = dict.fromkeys(CHANNELS, False)
        self.ready = dict.fromkeys(("ar", "aw", "w"), False)
        self.held = {}
        self.most = {"read": 0, "write": 0}
        for name in ("m_axi_rvalid", "m_axi_bvalid"):
            self.s[name] = 0
        self._drive(0)

    def data(self, address):
        """What a beat of memory holds that nobody writes."""
        return (address // self.config.beat * 0x9E3779B97F4A7C15F39CC0605CEDC835 ^ self.salt) % (
            1 << self.config.bus_bits
        )

    def expect_reads(self, bursts):
        """These bursts of a reader will come."""
        if bursts:
            self.reads[bursts[0].address // SPACE] = deque(b for b in bursts)

    def expect_writes(self, name, bursts, writes):
        """These bursts of a writer, with these beats."""
        bursts = deque(burst for burst in bursts if burst.beats)
        self.acknowledged[name] = 0
        if bursts:
            self.writes[bursts[0].address // SPACE] = (name, bursts, deque(writes))

    @property
    def busy(self):
        """Whether something is under way on the bus."""
        return bool(
            self.read_queue
            or self.addresses
            or self.beats
            or self.responses
            or self.offers["r"]
            or self.offers["b"]
        )

    def step(self, cycle):
        s = self.s
        if self.offers["r"] and s["m_axi_rready"]:
            self.offers["r"] = False
        if self.offers["b"] and s["m_axi_bready"]:
            self.offers["b"] = False
            self.acknowledged[self.offering] += 1
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
                getattr(self, channel)(cycle, *payload)
        self._drive(cycle)

    def _drive(self, cycle):
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
        queue = self.responses
        if not self.offers["b"] and queue and queue[0][0] <= cycle and self.willing["b"](cycle):
            _, self.offering, code = queue.popleft()
            s["m_axi_bresp"] = code
            self.offers["b"] = True
        s["m_axi_rvalid"], s["m_axi_bvalid"] = int(self.offers["r"]), int(self.offers["b"])

    def _check(self, channel, address, length, size, burst):
        """Of the specification: A3.4.1 and table A3-2."""
        beat = self.config.beat
        beats = length + 1
        if (1 << size, burst, address % beat) != (beat, 1, 0):
            raise Violation("burst", f"{channel}: size {size}, burst {burst}, {address:#x}")
        if address // BORDER != (address + beats * beat - 1) // BORDER:
            raise Violation("border", f"{channel}: {beats} beats at {address:#x}")
        if self.frozen:
            raise Violation("halt", f"{channel}: a burst starts although the DMA is halted")
        return beats

    def _due(self, cycle, queue):
        due = cycle + self.latency + self.rng.randint(0, self.jitter)
        return max(due, queue[-1][0] if queue else 0)

    def ar(self, cycle, address, length, size, burst):
        beats = self._check("ar", address, length, size, burst)
        client = address // SPACE
        if self.reads[client].popleft() != Burst(address, beats):
            raise Violation("burst", f"ar: {beats} beats at {address:#x} were not asked for")
        code = self.faults["read"].get(self.counts["read"], OKAY)
        self.counts["read"] += 1
        bad = self.rng.randrange(beats)
        if code:
            self.given.append(("read", code, client))
        due = self._due(cycle, self.read_queue)
        for k in range(beats):
            here = address + k * self.config.beat
            self.read_queue.append((due, here, code if k == bad else OKAY, k == beats - 1))
        under_way = sum(last for *_, last in self.read_queue)
        self._limit("read", under_way)

    def _limit(self, kind, under_way):
        self.most[kind] = max(self.most[kind], under_way)
        if under_way > self.config.outstanding:
            raise Violation("outstanding", f"{kind}: {under_way} bursts")

    def aw(self, cycle, address, length, size, burst):
        beats = self._check("aw", address, length, size, burst)
        number = address // SPACE
        if number not in self.writes:
            raise Violation("region", f"aw: {address:#x} belongs to nobody")
        name, bursts, _ = self.writes[number]
        expected = bursts.popleft()
        if (expected.address, expected.beats) != (address, beats):
            raise Violation("burst", f"aw: {beats} beats at {address:#x}, not {expected}")
        self.addresses.append([name, number, address, beats])
        self._limit("write", len(self.addresses) + len(self.responses))
        self._match(cycle)

    def w(self, cycle, data, strobe, last):
        self.beats.append((data, strobe, last))
        self._match(cycle)

    def _match(self, cycle):
        while self.addresses and self.beats:
            name, number, address, beats = self.addresses[0]
            data, strobe, last = self.beats.popleft()
            write = self.writes[number][2].popleft()
            if (write.address, write.data, write.strobe) != (address, data, strobe):
                raise Violation("wrong", f"w: {data:#x} to {address:#x}, not {write}")
            if last != (beats == 1):
                raise Violation("last", f"w: last is {last} with {beats} beats to go")
            self.addresses[0][2:] = address + self.config.beat, beats - 1
            if last:
                self.addresses.popleft()
                code = self.faults["write"].get(self.counts["write"], OKAY)
                self.counts["write"] += 1
                if code:
                    self.given.append(("write", code, number - len(self.config.reads)))
                self.responses.append((self._due(cycle, self.responses), name, code))


CHANNELS = ("ar", "r", "aw", "w", "b")
ADDRESS = ("addr", "len", "size", "burst")


def random_commands(rng: random.Random, config: DmaConfig, number, count):
    """Reads of reader ``number``: lengths about those of bursts, often near a border."""
    lengths = (0, 1, 1, 2, config.burst - 1, config.burst, config.burst + 1, 100)
    for _ in range(count):
        beats = rng.choice(lengths)
        if rng.random() < 0.5:
            place = rng.randrange(BORDER, SPACE - BORDER * 2, BORDER)
            place -= rng.randint(0, 2 * config.burst) * config.beat
        else:
            place = rng.randrange(0, SPACE - 100 * config.beat, config.beat)
        yield number * SPACE + place, beats


def random_writes(rng: random.Random, config: DmaConfig, number, count):
    """Beats of writer ``number``; the last one closes what is open."""
    base = (len(config.reads) + number) * SPACE
    address = base
    flush, empty = rng.choice(((0.02, 0), (0.1, 0.1), (0.6, 0.3), (0.02, 0.9)))
    full = (1 << config.beat) - 1
    for _ in range(count):
        if rng.random() < 0.05:  # a jump, often to just before a border
            address = base + rng.randrange(BORDER, SPACE - BORDER, BORDER)
            address -= rng.randint(0, config.burst + 2) * config.beat
        layer = rng.random() < 0.03
        strobe = full if rng.random() < 0.7 else rng.randint(1, full)
        if rng.random() < empty:
            strobe = 0
        yield Write(
            address=address,
            data=rng.getrandbits(config.bus_bits),
            strobe=strobe,
            flush=int(layer or rng.random() < flush),
            vector=int(rng.random() < 0.7),
            layer=int(layer),
        )
        if strobe:
            address = base + (address + config.beat - base) % (SPACE - 2 * BORDER)
    yield Write(address, 0, 0, flush=1, vector=1, layer=1)
