"""A small discrete-event simulator for the cycle model: processes, and a bus that they share."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Generator

Process = Generator  # yields a time to sleep until, or an Event or Job to wait for


class Event:
    """What processes wait for; whoever changes a condition calls :meth:`Timeline.fire`."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[Process] = []


class Job:
    """``total`` beats over the bus, in the order of their queue. ``served``: so far."""

    __slots__ = ("begun", "done", "served", "total", "waiting")

    def __init__(self, total: float) -> None:
        self.total = total
        self.served = 0.0
        self.done = -1.0  # when, once it is
        self.waiting: list[tuple[float, Process]] = []


class Timeline:
    """Runs processes in the order of time (cycles, from 0)."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Process]] = []
        self._number = 0

    def start(self, process: Process, at: float = 0.0) -> None:
        """Run ``process`` at time ``at``."""
        self._number += 1
        heapq.heappush(self._queue, (at, self._number, process))

    def fire(self, event: Event) -> None:
        """Wake all that wait for ``event``."""
        if event.waiting:
            for process in event.waiting:
                self.start(process, self.now)
            event.waiting = []

    def run(self) -> None:
        """Until nothing is left to do."""
        queue = self._queue
        while queue:
            self.now, _, process = heapq.heappop(queue)
            wanted = next(process, None)
            if wanted is None:
                continue
            if isinstance(wanted, Event):
                wanted.waiting.append(process)
            elif isinstance(wanted, tuple):
                job, amount = wanted
                job.waiting.append((amount, process))
                self.bus.plan()
            else:
                self.start(process, max(wanted, self.now))

    bus: Bus


class Bus:
    """One beat a cycle, reads and writes in turn where both want it; each in order."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        timeline.bus = self
        self.queues: tuple[deque[Job], deque[Job]] = (deque(), deque())
        self.busy = 0.0
        self._last = 0.0
        self._version = 0

    def add(self, job: Job, kind: int) -> Job:
        """Queue a read (kind 0) or write (kind 1)."""
        self._advance()
        if job.total <= 0:
            job.done = self.timeline.now
            return job
        self.queues[kind].append(job)
        if len(self.queues[kind]) == 1:
            self.plan()
        return job

    def _later(self, job: Job, kind: int, at: float) -> Process:
        yield at
        self.add(job, kind)

    def read(self, beats: float, at: float) -> Job:
        """A read whose first beat comes at ``at`` at the earliest."""
        job = Job(beats)
        self.timeline.start(self._later_now(job), at)
        return job

    def _later_now(self, job: Job) -> Process:
        self.add(job, 0)
        return
        yield

    def _advance(self) -> None:
        now = self.timeline.now
        passed = now - self._last
        self._last = now
        active = [q for q in self.queues if q]
        if not active or passed <= 0:
            return
        share = passed / len(active)
        self.busy += passed
        for queue in active:
            queue[0].served += share

    def plan(self) -> None:
        """Find the next moment at which a job ends or has brought what someone waits for."""
        self._advance()
        timeline = self.timeline
        changed = True
        while changed:
            changed = False
            for queue in self.queues:
                if not queue:
                    continue
                job = queue[0]
                if job.served >= job.total - 1e-6:
                    job.served = job.total
                    job.done = timeline.now
                    queue.popleft()
                    for _, process in job.waiting:
                        timeline.start(process, timeline.now)
                    job.waiting = []
                    changed = True
                elif job.waiting:
                    still = []
                    for amount, process in job.waiting:
                        if job.served >= amount - 1e-6:
                            timeline.start(process, timeline.now)
                        else:
                            still.append((amount, process))
                    job.waiting = still
        active = [q for q in self.queues if q]
        if not active:
            return
        least = min(
            min([job.total, *(a for a, _ in job.waiting)]) - job.served
            for job in (q[0] for q in active)
        )
        self._version += 1
        timeline.start(self._wake(self._version), timeline.now + least * len(active))

    def _wake(self, version: int) -> Process:
        if version == self._version:
            self.plan()
        return
        yield
