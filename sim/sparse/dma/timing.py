"""How fast a DMA is, as scenarios of cocotb: nothing stalls but what is said."""

from __future__ import annotations

from typing import Any

from golden.sparse.dma import Write

from ..ports import Signals, expect, require
from .memory import DECERR, SLVERR
from .session import Session, scenario
from .traffic import SPACE

QUIET: dict[str, Any] = {"reads": 0, "writes": 0, "jitter": 0, "stalls": False}
BEATS = 1024
LATENCY = 100


@scenario
async def rate(session: Session) -> None:
    """A beat a cycle from memory and to memory at a latency of 100, and a burst a cycle."""
    await _reading(session)
    await _writing(session)
    await _single_beats(session)


async def _reading(session: Session) -> None:
    config = session.config
    number = max(range(len(config.reads)), key=lambda k: config.reads[k].depth)
    setting = session.setting(latency=LATENCY, **QUIET)
    reader = setting.read(number, [(0, BEATS)])
    begin = session.bench.cycle
    await setting.run(reader)
    cycles = reader.times[-1] - reader.times[0] + 1
    session.measure(f"{BEATS} beats read", cycles)
    fits = min(config.reads[number].depth, config.outstanding * config.burst)
    if fits >= LATENCY + 2 * config.burst + 8:
        expect(f"cycles of {BEATS} beats read", cycles, BEATS)
        # From the command being set: 4 cycles to ARREADY, 4 from RVALID to the client.
        late = reader.times[0] - begin
        require(late <= LATENCY + 8, f"the first beat is read after {late} cycles")


async def _writing(session: Session) -> None:
    config = session.config
    number = max(range(len(config.writes)), key=lambda k: config.writes[k].depth)
    client = config.writes[number]
    full, count = (1 << config.beat) - 1, min(BEATS, SPACE // config.beat - 1)
    for latency in (4, LATENCY):
        setting = session.setting(latency=latency, **QUIET)
        await setting.silence()
        base = setting.base(number)
        writes = [Write(base + k * config.beat, k, full, 0, 1, 0) for k in range(count)]
        writes.append(Write(base + count * config.beat, 0, full, 1, 1, 1))
        writer = setting.write(number, writes)
        await setting.run(writer)
        cycles = writer.times[-1] - writer.times[0]
        session.measure(f"{count} beats written at latency {latency}", cycles)
        room = config.outstanding * config.longest(client)
        if client.depth >= config.burst + 8 and room >= latency + 16:
            expect(f"cycles of {count} beats written", cycles, count)


async def _single_beats(session: Session) -> None:
    """Each a burst of its own, with a latency that the bursts under way cover."""
    config = session.config
    if config.outstanding < 16 or not (config.reads[0].sink or config.reads[0].depth >= 16):
        return
    setting = session.setting(latency=6, **QUIET)
    await setting.silence()
    reader = setting.read(0, [(k * config.beat, 1) for k in range(100)])
    await setting.run(reader)
    expect("cycles of 100 bursts", reader.times[-1] - reader.times[0] + 1, 100)


class Probe:
    """When each of some ports is first high."""

    def __init__(self, dut: Any, *names: str):
        self.s, self.names, self.first = Signals(dut, *names), names, dict[str, int]()

    def step(self, cycle: int) -> None:
        for name in self.names:
            if self.s[name]:
                self.first.setdefault(name, cycle)

    def cycles(self, begin: int | str, end: str) -> int:
        """From a cycle, or a port, to a port."""
        for name in (begin, end):
            require(isinstance(name, int) or name in self.first, f"{name} never comes")
        start = begin if isinstance(begin, int) else self.first[begin]
        return self.first[end] - start


@scenario
async def latency(session: Session) -> None:
    """As stated: from a command to ARVALID, from RVALID to its data, from a beat to AWVALID and
    WVALID, from BVALID to its mark, from an error response to the error."""
    for number, client in enumerate(session.config.reads):
        await _of_reader(session, number, f"{client.name}_data__valid", client.sink)
    for number, client in enumerate(session.config.writes):
        await _of_writer(session, number, f"{client.name}_done")


async def _of_reader(session: Session, number: int, data: str, sink: bool) -> None:
    setting = session.setting(latency=20, **QUIET)
    setting.memory.faults["read"] = {0: SLVERR}
    probe = Probe(session.dut, "m_axi_arvalid", "m_axi_rvalid", data, "error")
    reader = setting.read(number, [(0, 1)])
    begin = session.bench.cycle + 1  # the command is offered, and taken
    await session.bench.cycles(60, *setting.models, probe)
    require(reader.done, f"{reader.name}: a beat is not read in 60 cycles")
    expect("cycles from a command to ARVALID", probe.cycles(begin, "m_axi_arvalid"), 3)
    expect("cycles from RVALID to its data", probe.cycles("m_axi_rvalid", data), 1 if sink else 3)
    expect("cycles from RVALID to the error", probe.cycles("m_axi_rvalid", "error"), 2)
    await session.bench.reset(*setting.models)


async def _of_writer(session: Session, number: int, done: str) -> None:
    setting = session.setting(latency=20, **QUIET)
    setting.memory.faults["write"] = {0: DECERR}
    names = ("m_axi_awvalid", "m_axi_wvalid", "m_axi_bvalid", done, "error")
    probe = Probe(session.dut, *names)
    writer = setting.write(number, [Write(setting.base(number), 1, 1, flush=1, vector=1)])
    setting.writers = [writer]  # the others would send a mark each
    begin = session.bench.cycle + 1
    await session.bench.cycles(60, *setting.models, probe)
    require(writer.done, f"{writer.name}: a beat is not written in 60 cycles")
    expect("cycles from a beat to AWVALID", probe.cycles(begin, "m_axi_awvalid"), 2)
    expect("cycles from a beat to WVALID", probe.cycles(begin, "m_axi_wvalid"), 4)
    expect("cycles from BVALID to its marks", probe.cycles("m_axi_bvalid", done), 1)
    expect("cycles from BVALID to the error", probe.cycles("m_axi_bvalid", "error"), 2)
    await session.bench.reset(*setting.models)
