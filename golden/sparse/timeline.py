"""A small discrete-event simulator: processes in time, and a bus that they share."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Generator

NEARLY = 1e-6


class Event:
    """What processes wait for; whoever changes what they look at says :meth:`Timeline.fire`."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[Process] = []


class Job:
    """``total`` beats over the bus. ``served``: so far; ``done``: when it was, or -1. ``density``:
    share of the beats that are read; the others are made on the chip, in their turn."""

    __slots__ = ("density", "done", "served", "total", "waiting")

    def __init__(self, total: float, density: float = 1.0) -> None:
        self.total = total
        self.density = density
        self.served = 0.0
        self.done = -1.0
        self.waiting: list[tuple[float, Process]] = []

    def has(self, amount: float) -> bool:
        """Whether ``amount`` beats have passed."""
        return self.done >= 0 or self.served >= amount - NEARLY


Process = Generator["float | Event | tuple[Job, float]", None, None]
"""Yields the time to sleep until, an event, or how many beats of a job to wait for."""


class Timeline:
    """Runs processes in the order of time, in cycles from 0."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Process]] = []
        self._number = 0

    def start(self, process: Process, at: float) -> None:
        """Run ``process`` from time ``at``."""
        self._number += 1
        heapq.heappush(self._queue, (max(at, self.now), self._number, process))

    def fire(self, event: Event) -> None:
        """Wake all that wait for ``event``."""
        waiting, event.waiting = event.waiting, []
        for process in waiting:
            self.start(process, self.now)

    def run(self) -> None:
        """Until nothing is left to do."""
        while self._queue:
            self.now, _, process = heapq.heappop(self._queue)
            wanted = next(process, None)
            if wanted is None:
                continue
            if isinstance(wanted, Event):
                wanted.waiting.append(process)
            elif isinstance(wanted, tuple):
                wanted[0].waiting.append((wanted[1], process))
            else:
                self.start(process, wanted)


class Bus:
    """A beat a cycle; where reads and writes both want it, they take turns. Each are served in the
    order in which they come. ``rate``: most beats a cycle of reads."""

    def __init__(self, timeline: Timeline, rate: float = 1.0) -> None:
        self.timeline = timeline
        self._reads: deque[Job] = deque()
        self._writes: deque[Job] = deque()
        self._rate = rate
        self._last = 0.0
        self._version = 0

    def read(self, beats: float, at: float, density: float = 1.0) -> Job:
        """A read whose first beat comes at ``at`` at the earliest."""
        job = Job(beats, density)
        self.timeline.start(self._later(job), at)
        return job

    def write(self, beats: float) -> Job:
        """A write, from now on."""
        job = Job(beats)
        self._add(job, self._writes)
        return job

    def until(self, job: Job, amount: float) -> Process:
        """Waits until ``amount`` beats of ``job`` have passed."""
        while not job.has(amount):
            self._plan(job, amount)
            yield (job, amount)

    def _later(self, job: Job) -> Process:
        self._add(job, self._reads)
        return
        yield  # a process

    def _add(self, job: Job, queue: deque[Job]) -> None:
        self._advance()
        queue.append(job)
        if len(queue) == 1:  # else it changes nothing yet
            self._plan()

    def _rates(self) -> tuple[float, float]:
        """Beats a cycle of reads and of writes."""
        if not self._writes:
            return self._rate, 0.0
        if not self._reads:
            return 0.0, 1.0
        density = self._reads[0].density
        reads = min(self._rate, 0.5 / density if density > 0.5 else 1.0)
        return reads, 1 - reads * density if density <= 0.5 else 0.5

    def _advance(self) -> None:
        """Take note of what has passed."""
        now = self.timeline.now
        passed, self._last = now - self._last, now
        if passed > 0:
            reads, writes = self._rates()
            if self._reads:
                self._reads[0].served += passed * reads
            if self._writes:
                self._writes[0].served += passed * writes

    def _plan(self, job: Job | None = None, amount: float = 0.0) -> None:
        """Find when the next job ends or has brought what someone waits for (``amount`` of ``job``,
        among others)."""
        self._advance()
        now = self.timeline.now
        for queue in (self._reads, self._writes):
            while queue:
                first = queue[0]
                done = first.served >= first.total - NEARLY
                if done:
                    queue.popleft()
                    first.served, first.done = first.total, now
                if first.waiting:
                    self._wake(first)
                if not done:
                    break
        soonest = -1.0
        for queue, rate in zip((self._reads, self._writes), self._rates(), strict=True):
            if not queue:
                continue
            first = queue[0]
            wanted = first.total
            for each, _ in first.waiting:
                wanted = min(wanted, each)
            if first is job:
                wanted = min(wanted, amount)
            time = max(0.0, (wanted - first.served) / rate)
            soonest = time if soonest < 0 else min(soonest, time)
        if soonest >= 0:
            self._version += 1
            self.timeline.start(self._again(self._version), now + soonest)

    def _wake(self, job: Job) -> None:
        ready = [process for amount, process in job.waiting if job.has(amount)]
        job.waiting = [(amount, process) for amount, process in job.waiting if not job.has(amount)]
        for process in ready:
            self.timeline.start(process, self.timeline.now)

    def _again(self, version: int) -> Process:
        if version == self._version:
            self._plan()
        return
        yield  # a process
