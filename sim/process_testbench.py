"""The cocotb testbench of every process: streams of any number that go their own ways.

It is told which ports to drive, which beats to send in which case and which to expect
(:mod:`sim.job`), and writes what it saw. Every stream stalls on a schedule of its own.
"""

from __future__ import annotations

import os
import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from .diagnose import WORDS, diagnose
from .job import FOLDER, ProcessJob
from .scenario import scenarios
from .stalls import ALWAYS, PROFILES, SEGMENT, Schedule, schedule
from .streams import MISMATCHES, Bench, Sink, Source, Violation

TIMED = 16
"""Cases that are timed one by one."""
STREAMED = 4 * len(PROFILES) * SEGMENT
"""Cycles for which streams stall, at least, unless there are few cases: then all of them, in
another order each time, up to :data:`PASSES` times."""
PASSES = 12
RESETS = 8


class Session:
    """A process under test with its cases, at the start of a scenario."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.job, self.cases = _load()
        self.bench = Bench(dut, self.job.clock, self.job.reset)
        self.random = random.Random(self.job.seed)
        self.compared = 0
        self.report: dict[str, Any] = {}

    def tally(self) -> dict[str, Any]:
        """What the scenario amounts to."""
        return {"beats": self.compared}

    def run(self, cases: Sequence[int], seed: int | None = None) -> Streams:
        """All streams for ``cases``, back to back; they stall if there is a ``seed``."""
        return Streams(self, cases, seed)

    def having(self, stream: str) -> list[int]:
        """Cases in which the stream has beats."""
        return [k for k, lengths in enumerate(self.job.cases) if lengths[stream]]


class Streams:
    """Models for both ends of every stream while some cases run, and what goes through them."""

    def __init__(self, session: Session, cases: Sequence[int], seed: int | None) -> None:
        self._session, self._cases, job = session, cases, session.job
        names = list(job.streams)
        self._stalls: dict[str, Schedule] = {
            name: ALWAYS if seed is None else schedule(seed * len(names) + k)
            for k, name in enumerate(names)
        }
        self._ends = {
            name: [0, *accumulate(job.cases[case][name] for case in cases)] for name in names
        }
        words = {
            name: [word for case in cases for word in session.cases[case][name]] for name in names
        }
        self._expected = words
        self.sources = {
            name: Source(session.dut, ports, words[name], self._stalls[name].input)
            for name, ports in job.inputs.items()
        }
        self.sinks = {
            name: Sink(
                session.dut, ports, words[name], self._stalls[name].output, self._asked(name)
            )
            for name, ports in job.outputs.items()
        }

    @property
    def models(self) -> list[Source | Sink]:
        """What lives beside the process."""
        return [*self.sources.values(), *self.sinks.values()]

    def moved(self) -> int:
        """Beats that have transferred."""
        given = sum(source.next for source in self.sources.values())
        return given + sum(sink.received for sink in self.sinks.values())

    def complete(self) -> bool:
        """Whether every beat of every stream has transferred."""
        sources, sinks = self.sources.values(), self.sinks.values()
        return all(s.next >= s.goal for s in sources) and all(s.received >= s.goal for s in sinks)

    def wrong(self) -> bool:
        """Whether a stream gives so many wrong beats that there is no use in going on."""
        return any(len(sink.mismatches) >= MISMATCHES for sink in self.sinks.values())

    async def until(self, done: Callable[[], bool], patience: int) -> None:
        """Until ``done()``; :class:`Violation` when nothing moves for ``patience`` cycles."""
        bench = self._session.bench
        try:
            await bench.until(done, *self.models, progress=self.moved, patience=patience)
        except Violation as broken:
            if broken.kind != "dead":
                raise
            raise Violation("stuck", f"{broken}; {self._owed()}", cycle=bench.cycle) from None

    async def finish(self, silence: int | None = None) -> None:
        """Until every beat has transferred, and then no other for ``silence`` cycles."""
        bench, patience = self._session.bench, self._session.job.patience
        try:
            await self.until(lambda: self.complete() or self.wrong(), 2 * patience + 8 * SEGMENT)
            if self.complete():
                await bench.cycles(patience if silence is None else silence, *self.models)
        except Violation:
            # Wrong beats say more than how it ended.
            if not any(sink.mismatches for sink in self.sinks.values()):
                raise
        finally:
            self._session.compared += sum(len(sink.words) for sink in self.sinks.values())
        self._judge()

    def _asked(self, name: str) -> Callable[[], int]:
        """Beats of an output by the end of the last case of which a beat has been offered. It may
        be a cycle late: sources are stepped first."""

        def asked() -> int:
            begun = max(
                bisect_left(self._ends[k], source.next + (not source.idle), hi=len(self._cases))
                for k, source in self.sources.items()
            )
            return self._ends[name][begun]

        return asked

    def _place(self, name: str, beat: int) -> tuple[int, int]:
        """The case of a beat of all the cases that run, and which one it is in that case."""
        ends = self._ends[name]
        place = min(bisect_left(ends, beat + 1), len(self._cases)) - 1
        return self._cases[place], beat - ends[place]

    def _owed(self) -> str:
        """Which beats are outstanding, in words."""
        owed = []
        for name, source in self.sources.items():
            if source.next < source.goal:
                state = "not offered" if source.idle else "offered"
                owed.append(f"{name} takes no {self._ordinal(name, source.next)} ({state})")
        for name, sink in self.sinks.items():
            if sink.received < sink.goal:
                state = "offered" if sink.waiting else "not offered"
                owed.append(f"{name} gives no {self._ordinal(name, sink.received)} ({state})")
        return ", ".join(owed)

    def _ordinal(self, name: str, beat: int) -> str:
        case, place = self._place(name, beat)
        return f"beat {place} of {self._session.job.cases[case][name]} of case {case}"

    def _judge(self) -> None:
        """:class:`Violation` for wrong beats; the first of all streams names it."""
        wrong = sorted(
            (cycle, name, beat)
            for name, sink in self.sinks.items()
            for beat, cycle in sink.mismatches
        )
        if not wrong:
            return
        mismatches = []
        for cycle, name, beat in wrong:
            case, place = self._place(name, beat)
            mismatches.append(
                {
                    "stream": name,
                    "case": case,
                    "beat": place,
                    "cycle": cycle,
                    "profile": self._stalls[name].profile(cycle).name,
                    "got": f"{int(self.sinks[name].words[beat], 2):x}",
                }
            )
        self._session.report["mismatches"] = mismatches
        _, name, beat = wrong[0]
        kind = diagnose(self._expected[name], self.sinks[name].words, beat)
        case, place = self._place(name, beat)
        raise Violation(kind, f"{name}, case {case}, beat {place}: {WORDS[kind]}", case=case)


@cache
def _load() -> tuple[ProcessJob, list[dict[str, list[str]]]]:
    """The job that the environment names, and its cases."""
    folder = Path(os.environ[FOLDER])
    job = ProcessJob.read(folder)
    return job, job.words(folder)


scenario = scenarios(Session)


@scenario
async def streaming(session: Session) -> None:
    """All cases back to back, first in order and then in others, while every stream stalls on a
    schedule of its own."""
    stalls = {"input": 0, "output": 0}
    session.report["stalls"] = stalls
    order = list(range(len(session.cases)))
    for turn in range(PASSES):
        streams = session.run(order, session.job.seed * PASSES + turn)
        try:
            await streams.finish()
        finally:
            stalls["input"] += sum(source.stalled for source in streams.sources.values())
            stalls["output"] += sum(sink.stalled for sink in streams.sinks.values())
        if session.bench.cycle >= STREAMED:
            break
        session.random.shuffle(order)


@scenario
async def flowing(session: Session) -> None:
    """All cases back to back without stalls."""
    start = session.bench.cycle
    streams = session.run(range(len(session.cases)))
    await streams.finish(silence=0)
    flow = {"cases": len(session.cases), "cycles": session.bench.cycle - start}
    session.report["measured"] = {"flow": flow}
    await streams.finish()


@scenario
async def timing(session: Session) -> None:
    """A case alone, without stalls, takes no more cycles than stated; those that it takes."""
    measured: list[dict[str, Any]] = []
    session.report["measured"] = {"cases": measured}
    count = len(session.cases)
    for case in sorted({k * count // TIMED for k in range(TIMED)}):
        streams, start = session.run([case]), session.bench.cycle
        # The sources offer their first beats in the cycle after this one.
        await streams.finish(silence=0)
        cycles, stated = session.bench.cycle - start - 1, session.job.cycles[case]
        measured.append({"case": case, "cycles": cycles, "stated": stated})
        if stated is not None and cycles > stated:
            raise Violation("late", f"case {case} takes {cycles} cycles, stated {stated}")
        await session.bench.cycles(16, *streams.models)


@scenario
async def blocked(session: Session) -> None:
    """Whichever stream comes to a stand, at its first beat or later: an output's beat is offered
    though it is not taken, and when it goes on nothing is lost."""
    patience = session.job.patience + SEGMENT
    for name in session.job.streams:
        for late in (False, True):
            cases = session.having(name)
            if not cases:
                continue
            case = session.random.choice(cases)
            at = session.random.randrange(session.job.cases[case][name]) if late else 0
            streams = session.run([case, session.random.choice(cases)])
            try:
                await _block(streams, name, at, patience)
                await streams.finish()
            except Violation as broken:
                message = f"{name} blocked at beat {at} of case {case}: {broken}"
                raise Violation(broken.kind, message, **broken.where) from None


async def _block(streams: Streams, name: str, at: int, patience: int) -> None:
    """Let everything move but stream ``name``, from its beat ``at`` on, until nothing does."""
    if source := streams.sources.get(name):
        source.hold = at == 0
        await streams.until(lambda: source.next >= at, 2 * patience)
        source.hold = True
        await _standstill(streams, patience)
        source.hold = False
        return
    sink = streams.sinks[name]
    if at:
        await streams.until(lambda: sink.received >= at, 2 * patience)
    sink.block()
    await _standstill(streams, patience)
    if sink.received < sink.goal and not sink.waiting:
        raise Violation("waits", f"nothing is offered for {patience} cycles while ready is low")
    sink.unblock()


async def _standstill(streams: Streams, patience: int) -> None:
    try:
        await streams.until(lambda: False, patience)
    except Violation as still:
        if still.kind != "stuck":
            raise


@scenario
async def reset(session: Session) -> None:
    """Reset at any moment leaves nothing behind: silence, then a whole case, every beat right."""
    for trial in range(RESETS):
        cases = [session.random.randrange(len(session.cases)) for _ in range(2)]
        beats = sum(sum(session.job.cases[case].values()) for case in cases)
        streams = session.run(cases, session.job.seed + trial)
        for sink in streams.sinks.values():
            if trial % 2:  # full, as far as it goes
                sink.block()
        await session.bench.cycles(session.random.randint(1, beats + 4), *streams.models)
        await session.bench.reset()
        streams = session.run([session.random.choice(cases)], session.job.seed + trial)
        try:
            for source in streams.sources.values():
                source.hold = True
            await session.bench.cycles(session.job.patience, *streams.models)
            for source in streams.sources.values():
                source.hold = False
            await streams.finish()
        except Violation as broken:
            raise Violation(broken.kind, f"after reset: {broken}", **broken.where) from None
