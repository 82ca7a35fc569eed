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
    """``total`` beats over the bus. ``served``: so far; ``done``: when it was, or -1."""

    __slots__ = ("done", "served", "total", "waiting")

    def __init__(self, total: float) -> None:
        self.total = total
        self.served = 0.0
        self.done = -1.0
        self.waiting: list[tuple[float, Process]] = []

    def has(self, amount: float) -> bool:
        """Whether ``amount`` beats have passed."""
        return self.served >= min(amount, self.total) - NEARLY


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
        self._queues: tuple[deque[Job], deque[Job]] = (deque(), deque())  # reads, writes
        self._rates = (rate, 1.0)
        self._last = 0.0
        self._version = 0

    def read(self, beats: float, at: float) -> Job:
        """A read whose first beat comes at ``at`` at the earliest."""
        job = Job(beats)
        self.timeline.start(self._later(job), at)
        return job

    def write(self, beats: float) -> Job:
        """A write, from now on."""
        job = Job(beats)
        self._add(job, 1)
        return job

    def until(self, job: Job, amount: float) -> Process:
        """Waits until ``amount`` beats of ``job`` have passed."""
        while not job.has(amount):
            self._plan(job, amount)
            yield (job, amount)

    def _later(self, job: Job) -> Process:
        self._add(job, 0)
        return
        yield  # a process

    def _add(self, job: Job, kind: int) -> None:
        self._advance()
        self._queues[kind].append(job)
        self._plan()

    def _shares(self) -> list[tuple[deque[Job], float]]:
        """The queues that have something, and beats a cycle of each."""
        busy = [(q, rate) for q, rate in zip(self._queues, self._rates, strict=True) if q]
        return [(q, min(rate, 1 / len(busy))) for q, rate in busy]

    def _advance(self) -> None:
        passed = self.timeline.now - self._last
        self._last = self.timeline.now
        if passed > 0:
            for queue, share in self._shares():
                queue[0].served += passed * share

    def _plan(self, job: Job | None = None, amount: float = 0.0) -> None:
        """Take note of what has passed, and find when the next job ends or has brought what
        someone waits for (``amount`` of ``job``, among others)."""
        self._advance()
        for queue in self._queues:
            while queue and queue[0].has(queue[0].total):
                done = queue.popleft()
                done.served, done.done = done.total, self.timeline.now
                self._wake(done)
            if queue:
                self._wake(queue[0])
        times = []
        for queue, share in self._shares():
            wanted = [a for a, _ in queue[0].waiting]
            if queue[0] is job:
                wanted.append(amount)
            times.append((min([queue[0].total, *wanted]) - queue[0].served) / share)
        if times:
            self._version += 1
            self.timeline.start(self._again(self._version), self.timeline.now + max(0, min(times)))

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
