"""The DMA under random traffic, errors, halts and resets; `test_dma.py` runs it."""

from __future__ import annotations

import json
import os
import random

import cocotb
from dma_bench import (
    CHANNELS,
    DECERR,
    SLVERR,
    SPACE,
    Memory,
    Reader,
    Signals,
    Willing,
    Writer,
    random_commands,
    random_writes,
)

from golden.sparse.dma import DmaConfig, ReadClient, Write, WriteClient
from sim.streams import Bench


def the_config() -> DmaConfig:
    plain = json.loads(os.environ["DMA_CONFIG"])
    clients = {
        "reads": tuple(ReadClient(**c) for c in plain["reads"]),
        "writes": tuple(WriteClient(**c) for c in plain["writes"]),
    }
    return DmaConfig(**{**plain, **clients})


CONFIG = the_config()
SEED = int(os.environ["DMA_SEED"])


class Setting:
    """A DMA with a memory and all of its clients."""

    def __init__(self, dut, bench, seed, *, reads=20, writes=200, **memory):
        rng = random.Random(seed)
        self.bench = bench
        self.memory = Memory(dut, CONFIG, seed, **memory)
        self.control = Signals(dut, "halt", "idle", "error")
        self.control["halt"] = 0
        stalls = memory.get("stalls", True)
        self.readers = [
            Reader(
                *(dut, CONFIG, k, self.memory, list(random_commands(rng, CONFIG, k, reads))),
                *(rng.randrange(1000), stalls),
            )
            for k in range(len(CONFIG.reads))
        ]
        self.writers = [
            Writer(
                *(dut, CONFIG, k, self.memory, list(random_writes(rng, CONFIG, k, writes))),
                *(rng.randrange(1000), stalls),
            )
            for k in range(len(CONFIG.writes))
        ]

    @property
    def models(self):
        return (self.memory, *self.readers, *self.writers)

    async def run(self, *clients):
        """Until these clients, or all, are done."""
        clients = clients or (*self.readers, *self.writers)
        await self.bench.until(
            lambda: all(client.done for client in clients),
            *self.models,
            progress=lambda: (
                sum(client.next for client in clients)
                + sum(reader.received for reader in self.readers)
                + sum(self.memory.acknowledged.values())
            ),
            patience=2000,
        )

    async def silence(self):
        """Nothing more comes, and the DMA says that it is idle."""
        await self.bench.cycles(200, *self.models)
        assert not self.memory.busy
        assert self.control["idle"] == 1


def scenario(body):
    async def test(dut):
        bench = Bench(dut, "clk", "rst")
        for client in CONFIG.reads:
            Signals(dut, f"{client.name}_read__valid")[f"{client.name}_read__valid"] = 0
        for client in CONFIG.writes:
            Signals(dut, f"{client.name}_write__valid")[f"{client.name}_write__valid"] = 0
        await bench.start()
        await body(dut, bench)
        bench.stop()

    test.__name__ = test.__qualname__ = body.__name__
    return cocotb.test()(test)


@scenario
async def traffic(dut, bench):
    """All clients at once, back to back: every beat, every mark, every burst as in golden."""
    for trial in range(3):
        latency = (0, 5, 100)[trial]
        setting = Setting(dut, bench, SEED + trial, latency=latency, stalls=trial < 2)
        await setting.run()
        await setting.silence()
        assert setting.control["error"] == 0
        assert setting.memory.most["read"] > 1 and setting.memory.most["write"] > 1


@scenario
async def each_channel_alone(dut, bench):
    """One channel of memory stalls, the others never do."""
    for number, channel in enumerate(CHANNELS):
        setting = Setting(dut, bench, SEED + number, reads=8, writes=60, stalls=False)
        setting.memory.willing[channel] = Willing(SEED + number, True)
        await setting.run()
        await setting.silence()


@scenario
async def errors(dut, bench):
    """The first error response is told, with whose access it answered; the rest goes on."""
    trials = [(kind, code) for kind in ("read", "write") for code in (SLVERR, DECERR)]
    for number, (kind, code) in enumerate(trials * 2):
        setting = Setting(dut, bench, SEED + number, reads=12, writes=250)
        # Later ones of the other code on the same side change nothing.
        setting.memory.faults[kind] = {number: code, number + 1: code ^ 1, number + 2: code}
        await setting.run()
        await setting.silence()
        first = setting.memory.given[0]
        assert first[:2] == (kind, code)
        valid, write, client = 1, int(kind == "write"), first[2]
        expected = valid | code << 1 | write << 3 | client << 4
        assert setting.control["error"] == expected, (setting.control["error"], first)
        await bench.reset(*setting.models)
        await bench.cycles(1, *setting.models)
        assert setting.control["error"] == 0


@scenario
async def halt(dut, bench):
    """Halted, the DMA starts nothing and comes to rest; then a reset leaves nothing behind."""
    rng = random.Random(SEED)
    for trial in range(8):
        setting = Setting(dut, bench, SEED + trial)
        await bench.cycles(rng.randint(1, 400), *setting.models)
        setting.control["halt"] = 1
        # The cycle in which it takes effect, and a burst that waits for its turn at the bus.
        await bench.cycles(1, *setting.models)
        idle = 0
        for _ in range(2000):
            await bench.cycles(1, *setting.models)
            if setting.control["idle"]:
                idle += 1
                assert not setting.memory.busy, "idle while the bus is busy"
                setting.memory.frozen = True
            else:
                assert not idle, "idle falls again"
            if idle > 50:
                break
        assert idle > 50, "never idle"
        if trial % 2:  # on with it
            setting.memory.frozen = False
            setting.control["halt"] = 0
            await setting.run()
            await setting.silence()
        else:
            for client in (*setting.readers, *setting.writers):
                client.commands, client.writes = [], []
            await bench.reset()


@scenario
async def reset(dut, bench):
    """A reset of DMA and memory together, at any moment."""
    rng = random.Random(SEED)
    for trial in range(8):
        setting = Setting(dut, bench, SEED + trial)
        await bench.cycles(rng.randint(1, 400), *setting.models)
        await bench.reset()
        setting = Setting(dut, bench, SEED + trial + 50, reads=4, writes=40)
        await setting.run()
        await setting.silence()
        await bench.reset()


@scenario
async def many_marks(dut, bench):
    """More marks of beats without strobe than a burst can carry."""
    setting = Setting(dut, bench, SEED, stalls=False)
    base = len(CONFIG.reads) * SPACE
    writes = [Write(base, 5, 1, vector=1)]
    writes += [Write(base + CONFIG.beat, vector=1)] * 600
    writes += [Write(base + CONFIG.beat, 6, 1, flush=1, vector=1, layer=1)]
    setting.writers[0] = Writer(dut, CONFIG, 0, setting.memory, writes, 0, False)
    await setting.run()
    await setting.silence()


@scenario
async def turns(dut, bench):
    """Sinks that want all of the bus share it in turns, or the first one has it."""
    sinks = [k for k, client in enumerate(CONFIG.reads) if client.sink]
    if len(sinks) < 2:
        return
    setting = Setting(dut, bench, SEED, reads=0, writes=0, stalls=False)
    for k in sinks:
        commands = [(k * SPACE, 1000)]
        setting.readers[k] = Reader(dut, CONFIG, k, setting.memory, commands, 0, False)
    await bench.cycles(500, *setting.models)
    received = [setting.readers[k].received for k in sinks]
    assert sum(received) > 400
    if CONFIG.round_robin:
        assert max(received) - min(received) <= 2 * CONFIG.burst
    else:
        assert received[0] > 400
    await setting.run()
    await setting.silence()


@scenario
async def isolation(dut, bench):
    """A client that does not go on keeps no other from it."""
    for number, reader in enumerate(CONFIG.reads):
        if reader.sink:
            continue
        setting = Setting(dut, bench, SEED + number)
        setting.readers[number].blocked = True
        others = [r for r in setting.readers if r.client != reader]
        await setting.run(*others, *setting.writers)
        setting.readers[number].blocked = False
        await setting.run()
        await setting.silence()
    for number in range(len(CONFIG.writes)):
        setting = Setting(dut, bench, SEED + number)
        writer = setting.writers[number]
        writes, writer.writes = writer.writes, writer.writes[:50]  # a burst stays open
        others = [w for w in setting.writers if w is not writer]
        await setting.run(*others, *setting.readers)
        writer.writes = writes
        await setting.run()
        await setting.silence()


@scenario
async def rate(dut, bench):
    """A beat a cycle from memory and to memory at a latency of 100, and a burst a cycle."""
    latency = 100
    beats = 1024
    number = max(range(len(CONFIG.reads)), key=lambda k: CONFIG.reads[k].depth)
    setting = Setting(dut, bench, SEED, reads=0, writes=0, latency=latency, jitter=0, stalls=False)
    fits = min(CONFIG.reads[number].depth, CONFIG.outstanding * CONFIG.burst)
    commands = [(number * SPACE, beats)]
    reader = Reader(dut, CONFIG, number, setting.memory, commands, 0, False)
    setting.readers[number] = reader
    begin = bench.cycle
    await setting.run(reader)
    if fits >= latency + 2 * CONFIG.burst + 8:
        assert reader.times[-1] - reader.times[0] == beats - 1
        # From the command being set: 4 cycles to ARREADY, 4 from RVALID to the client.
        assert reader.times[0] - begin <= latency + 8

    number = max(range(len(CONFIG.writes)), key=lambda k: CONFIG.writes[k].depth)
    base = (len(CONFIG.reads) + number) * SPACE
    full = (1 << CONFIG.beat) - 1
    count = min(beats, (SPACE - CONFIG.beat) // CONFIG.beat)
    writes = [Write(base + k * CONFIG.beat, k, full, 0, 1, 0) for k in range(count)]
    writes.append(Write(base + count * CONFIG.beat, 0, full, 1, 1, 1))
    for latency in (4, 100):
        setting = Setting(
            dut, bench, SEED, reads=0, writes=0, latency=latency, jitter=0, stalls=False
        )
        await setting.silence()
        writer = Writer(dut, CONFIG, number, setting.memory, writes, 0, False)
        setting.writers[number] = writer
        await setting.run(writer)
        room = CONFIG.outstanding * min(CONFIG.burst, CONFIG.writes[number].depth)
        if CONFIG.writes[number].depth >= CONFIG.burst + 8 and room >= latency + 16:
            assert writer.times[-1] - writer.times[0] == count

    # Single beats, each a burst of its own, with a latency that the bursts under way cover.
    if CONFIG.outstanding < 16 or not (CONFIG.reads[0].sink or CONFIG.reads[0].depth >= 16):
        return
    setting = Setting(dut, bench, SEED, reads=0, writes=0, latency=6, jitter=0, stalls=False)
    await setting.silence()
    commands = [(k * CONFIG.beat, 1) for k in range(100)]
    reader = Reader(dut, CONFIG, 0, setting.memory, commands, 0, False)
    setting.readers[0] = reader
    await setting.run(reader)
    assert reader.times[-1] - reader.times[0] == 99


class Probe:
    """When each of some ports is first high."""

    def __init__(self, dut, *names):
        self.s, self.names, self.first = Signals(dut, *names), names, {}

    def step(self, cycle):
        for name in self.names:
            if self.s[name]:
                self.first.setdefault(name, cycle)


@scenario
async def latency(dut, bench):
    """As stated: from a command to ARVALID, from RVALID to its data, from a beat to AWVALID and
    WVALID, from BVALID to its mark, from an error response to the error."""
    quiet = {"reads": 0, "writes": 0, "latency": 20, "jitter": 0, "stalls": False}
    for number, client in enumerate(CONFIG.reads):
        setting = Setting(dut, bench, SEED, **quiet)
        setting.memory.faults["read"] = {0: SLVERR}
        probe = Probe(dut, "m_axi_arvalid", "m_axi_rvalid", f"{client.name}_data__valid", "error")
        reader = Reader(dut, CONFIG, number, setting.memory, [(number * SPACE, 1)], 0, False)
        setting.readers[number] = reader
        begin = bench.cycle + 1  # the command is offered, and taken
        await bench.cycles(60, *setting.models, probe)
        address, data, result, error = (probe.first[name] for name in probe.names)
        assert reader.done
        assert address - begin == 3
        assert result - data == (1 if client.sink else 3)
        assert error - data == 2
        await bench.reset(*setting.models)
    for number, client in enumerate(CONFIG.writes):
        setting = Setting(dut, bench, SEED, **quiet)
        setting.memory.faults["write"] = {0: DECERR}
        names = ("m_axi_awvalid", "m_axi_wvalid", "m_axi_bvalid", f"{client.name}_done", "error")
        probe = Probe(dut, *names)
        base = (len(CONFIG.reads) + number) * SPACE
        writes = [Write(base, 1, 1, flush=1, vector=1)]
        writer = Writer(dut, CONFIG, number, setting.memory, writes, 0, False)
        setting.writers = [writer]  # the others would send a mark each
        begin = bench.cycle + 1
        await bench.cycles(60, *setting.models, probe)
        assert writer.done
        address, data, response, done, error = (probe.first[name] for name in names)
        assert (address - begin, data - begin) == (2, 4)
        assert done - response == 1
        assert error - response == 2
        await bench.reset(*setting.models)
