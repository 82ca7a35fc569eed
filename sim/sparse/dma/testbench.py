"""What a DMA does under random traffic, errors, halts and resets, as scenarios of cocotb."""

from __future__ import annotations

import random

from golden.sparse.dma import Write

from ..ports import Willing, expect, require
from .memory import CHANNELS, DECERR, SLVERR
from .session import Session, scenario

ROUNDS = ((0, True), (5, True), (100, False))
"""Latency of the memory, and whether anybody stalls, in turns."""


@scenario
async def traffic(session: Session) -> None:
    """All clients at once, back to back: every beat, every mark, every burst as in golden."""
    trial = 0
    while trial < len(ROUNDS) or session.beats < session.count:
        latency, stalls = ROUNDS[trial % len(ROUNDS)]
        setting = session.setting(trial, latency=latency, stalls=stalls)
        await setting.run()
        await setting.silence()
        expect("error", setting.control["error"], 0)
        trial += 1
    for kind in ("read", "write"):
        most = max(memory.most[kind] for memory in session.memories)
        require(most > 1, f"never two {kind} bursts are under way")


@scenario
async def each_channel_alone(session: Session) -> None:
    """One channel of memory stalls, the others never do."""
    for number, channel in enumerate(CHANNELS):
        setting = session.setting(number, reads=8, writes=60, stalls=False)
        setting.memory.willing[channel] = Willing(session.seed + number, True)
        await setting.run()
        await setting.silence()


@scenario
async def errors(session: Session) -> None:
    """The first error response is told, with whose access it answered; the rest goes on."""
    trials = [(kind, code) for kind in ("read", "write") for code in (SLVERR, DECERR)]
    for number, (kind, code) in enumerate(trials * 2):
        setting = session.setting(number, reads=12, writes=250)
        # Later ones of the other code on the same side change nothing.
        setting.memory.faults[kind] = {number: code, number + 1: code ^ 1, number + 2: code}
        await setting.run()
        await setting.silence()
        assert setting.memory.given, "no burst was answered with an error"
        first, valid = setting.memory.given[0], 1
        assert first[:2] == (kind, code)
        wanted = valid | code << 1 | int(kind == "write") << 3 | first[2] << 4
        expect(f"error after {first}", setting.control["error"], wanted)
        await session.bench.reset(*setting.models)
        await session.bench.cycles(1, *setting.models)
        expect("error after reset", setting.control["error"], 0)


@scenario
async def halt(session: Session) -> None:
    """Halted, the DMA starts nothing and comes to rest; then a reset leaves nothing behind."""
    rng, bench = random.Random(session.seed), session.bench
    for trial in range(8):
        setting = session.setting(trial)
        await bench.cycles(rng.randint(1, 400), *setting.models)
        setting.control["halt"] = 1
        # The cycle in which it takes effect, and a burst that waits for its turn at the bus.
        await bench.cycles(1, *setting.models)
        idle = 0
        for _ in range(2000):
            await bench.cycles(1, *setting.models)
            if setting.control["idle"]:
                idle += 1
                require(not setting.memory.busy, "idle while the bus is busy")
                setting.memory.frozen = True
            else:
                require(not idle, "idle falls again while halted")
            if idle > 50:
                break
        require(idle > 50, "never idle after halt")
        if trial % 2:  # on with it
            setting.memory.frozen = False
            setting.control["halt"] = 0
            await setting.run()
            await setting.silence()
        else:
            await bench.reset()


@scenario
async def reset(session: Session) -> None:
    """A reset of DMA and memory together, at any moment."""
    rng = random.Random(session.seed)
    for trial in range(8):
        setting = session.setting(trial)
        await session.bench.cycles(rng.randint(1, 400), *setting.models)
        await session.bench.reset()
        setting = session.setting(trial + 50, reads=4, writes=40)
        await setting.run()
        await setting.silence()
        await session.bench.reset()


@scenario
async def many_marks(session: Session) -> None:
    """More marks of beats without strobe than a burst can carry."""
    setting = session.setting(stalls=False)
    base, beat = setting.base(0), session.config.beat
    writes = [Write(base, 5, 1, vector=1)]
    writes += [Write(base + beat, vector=1)] * 600
    writes += [Write(base + beat, 6, 1, flush=1, vector=1, layer=1)]
    setting.write(0, writes)
    await setting.run()
    await setting.silence()


@scenario
async def turns(session: Session) -> None:
    """Sinks that want all of the bus share it in turns, or the first one has it."""
    config = session.config
    sinks = [k for k, client in enumerate(config.reads) if client.sink]
    if len(sinks) < 2:
        return
    setting = session.setting(reads=0, writes=0, stalls=False)
    readers = [setting.read(k, [(0, 1000)]) for k in sinks]
    await session.bench.cycles(500, *setting.models)
    received = [reader.received for reader in readers]
    require(sum(received) > 400, f"{received} beats in 500 cycles")
    if config.round_robin:
        apart = max(received) - min(received)
        require(apart <= 2 * config.burst, f"{received} beats in turns")
    else:
        require(received[0] > 400, f"{received} beats, the first client first")
    await setting.run()
    await setting.silence()


@scenario
async def isolation(session: Session) -> None:
    """A client that does not go on keeps no other from it."""
    for number, client in enumerate(session.config.reads):
        if client.sink:
            continue
        setting = session.setting(number)
        reader = setting.readers[number]
        reader.blocked = True
        others = [each for each in setting.readers if each is not reader]
        await setting.run(*others, *setting.writers)
        reader.blocked = False
        await setting.run()
        await setting.silence()
    for number in range(len(session.config.writes)):
        setting = session.setting(number)
        writer = setting.writers[number]
        writes, writer.writes = writer.writes, writer.writes[:50]  # a burst stays open
        others = [each for each in setting.writers if each is not writer]
        await setting.run(*others, *setting.readers)
        writer.writes = writes
        await setting.run()
        await setting.silence()
