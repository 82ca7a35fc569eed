"""The cocotb testbench of every unit that takes beats from stream ``i`` and gives beats on ``o``.

It is told which ports to drive, which beats to send and which to expect (:mod:`sim.job`), and
writes what it saw: per scenario the cycles, the beats compared, and the rule that was broken.
"""

from __future__ import annotations

import json
import os
import random
from functools import cache
from pathlib import Path
from typing import Any

from .diagnose import WORDS, diagnose
from .job import EXPECTED, FOLDER, INPUTS, JOB, TIMED, Job, read_bits
from .scenario import scenarios
from .stalls import ALWAYS, SEGMENT, Schedule, schedule
from .streams import MISMATCHES, Bench, Sink, Source, Violation

NEVER = bytes(SEGMENT)


class Session:
    """A unit under test with its beats, at the start of a scenario."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.job, self.inputs, self.expected = _load()
        self.bench = Bench(dut, self.job.clock, self.job.reset)
        self.compared = 0
        self.report: dict[str, Any] = {}

    def tally(self) -> dict[str, Any]:
        """What the scenario amounts to."""
        return {"beats": self.compared}

    @property
    def settle(self) -> int:
        """Cycles after which a unit that is not stalled has given all that it ever will."""
        return self.job.latency + self.job.interval * 4 + 16

    def ends(
        self, stalls: Schedule, *, first: int = 0, count: int | None = None, blocked: bool = False
    ) -> tuple[Source, Sink]:
        """A source of beats ``first`` onwards, and a sink for what becomes of them."""
        stop = len(self.inputs) if count is None else first + count
        beats = self.job.output_beats
        at_once = self.job.latency == 0  # a beat that is offered is answered before it transfers
        source = Source(self.dut, self.job.input, self.inputs[:stop], stalls.input, first)
        sink = Sink(
            self.dut,
            self.job.output,
            self.expected[: stop * beats],
            NEVER if blocked else stalls.output,
            lambda: (source.next + (at_once and not source.idle)) * beats,
            first * beats,
        )
        return source, sink

    async def finish(self, source: Source, sink: Sink, stalls: Schedule) -> None:
        """Until every expected beat has come and the unit is seen to be silent after it."""
        goal = sink.goal
        try:
            await self.bench.until(
                lambda: sink.received >= goal or len(sink.mismatches) >= MISMATCHES,
                *(source, sink),
                progress=lambda: source.next + sink.received,
                patience=8 * (SEGMENT + self.job.latency + self.job.interval),
            )
            if not sink.mismatches:
                await self.bench.cycles(self.settle, source, sink)
        except Violation as stuck:
            if stuck.kind == "dead" and not sink.mismatches:
                raise Violation(
                    "missing",
                    f"beat {sink.received} never came: {sink.received - sink.first} of"
                    f" {goal - sink.first} beats, then {stuck}",
                    beat=sink.received,
                ) from None
            if not sink.mismatches:  # else the wrong beats say more than how it ended
                raise
        finally:
            self.compared += len(sink.words)
        if sink.mismatches:
            self.report["mismatches"] = [
                {
                    "beat": beat,
                    "cycle": cycle,
                    "profile": stalls.profile(cycle).name,
                    "got": f"{int(sink.words[beat - sink.first], 2):x}",
                }
                for beat, cycle in sink.mismatches
            ]
            beat = sink.mismatches[0][0]
            kind = diagnose(
                self.expected[sink.first : goal],
                sink.words,
                beat - sink.first,
                max(4, self.job.output_beats),
            )
            raise Violation(kind, f"beat {beat}: {WORDS[kind]}", beat=beat)


@cache
def _load() -> tuple[Job, list[str], list[str]]:
    """The job that the environment names."""
    folder = Path(os.environ[FOLDER])
    job = Job.read(json.loads((folder / JOB).read_text()))
    inputs = read_bits(folder / INPUTS, job.input.width)
    expected = read_bits(folder / EXPECTED, job.output.width)
    if len(expected) != len(inputs) * job.output_beats:
        raise ValueError(f"{len(expected)} expected beats for {len(inputs)} inputs")
    return job, inputs, expected


scenario = scenarios(Session)


@scenario
async def streaming(session: Session) -> None:
    """All beats in order, under stalls on both sides that change their habits."""
    stalls = schedule(session.job.seed)
    source, sink = session.ends(stalls)
    try:
        await session.finish(source, sink, stalls)
    finally:
        session.report["stalls"] = {"input": source.stalled, "output": sink.stalled}


@scenario
async def latency(session: Session) -> None:
    """A beat into an empty unit comes out after exactly the stated number of cycles."""
    for first in range(min(8, len(session.inputs))):
        source, sink = session.ends(ALWAYS, first=first, count=1)
        await session.finish(source, sink, ALWAYS)
        measured = sink.offers[0] - source.transfers[0]
        stated = session.job.latency - session.job.sooner[first]
        if measured != stated:
            raise Violation("latency", f"latency is {measured} cycles, stated {stated}")


@scenario
async def interval(session: Session) -> None:
    """Without stalls each beat keeps the next one waiting for exactly as long as stated."""
    count = min(TIMED, len(session.inputs))
    source, sink = session.ends(ALWAYS, count=count)
    await session.finish(source, sink, ALWAYS)
    # The first beats fill the unit and may come faster.
    steady = source.transfers[count // 2 :]
    cycles, beats = steady[-1] - steady[0], len(steady) - 1
    stated = beats * session.job.interval - sum(session.job.sooner[count // 2 : count - 1])
    if cycles != stated:
        raise Violation("interval", f"{beats} beats are taken in {cycles} cycles, stated {stated}")


@scenario
async def valid_before_ready(session: Session) -> None:
    """The unit offers its beat to a sink that is not ready, holds it, and loses none."""
    count = min(16, len(session.inputs))
    source, sink = session.ends(ALWAYS, count=count, blocked=True)
    await session.bench.cycles(session.settle * 2, source, sink)
    if not sink.offers:
        raise Violation(
            "waits",
            f"{session.job.output.valid} waits for {session.job.output.ready}: nothing is"
            f" offered for {session.settle * 2} cycles while it is low",
        )
    sink.unblock()
    await session.finish(source, sink, ALWAYS)


@scenario
async def reset(session: Session) -> None:
    """Reset at any moment leaves nothing behind: silence, then correct beats."""
    rng = random.Random(session.job.seed)
    stalls = schedule(session.job.seed + 1)
    count = len(session.inputs)
    for trial in range(16):
        # Full, and blocked, in every other trial; else at some moment of ordinary life.
        source, sink = session.ends(stalls, first=rng.randrange(count), blocked=trial % 2 == 0)
        await session.bench.cycles(rng.randint(1, session.settle), source, sink)
        await session.bench.reset()
        try:
            again = 0 if session.job.stateful else rng.randrange(count)
            source, sink = session.ends(stalls, first=again, count=min(4, count - again))
            source.hold = True
            await session.bench.cycles(session.settle, source, sink)
            source.hold = False
            await session.finish(source, sink, stalls)
        except Violation as broken:
            raise Violation("reset", f"after reset: {broken}", **broken.where) from None
