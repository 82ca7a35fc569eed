"""A job for a simulated machine, step by step, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from golden.errors import require

CHANNELS = ("ar", "r", "aw", "w", "b")
SLVERR, DECERR = 2, 3

Bytes = bytes | bytearray | memoryview | np.ndarray


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How memory and registers behave. Times are in cycles.

    ``read_latency``: from the handshake of an address to its first beat. ``write_latency``: from
    the last beat of a burst to its response. ``jitter``: up to so much more, at random, for each
    burst; order stays. ``shared``: read and write beats together are at most one a cycle, as in
    DRAM; else each. ``stalls``: per cent of cycles in which each channel (``ar``, ``r``, ``aw``,
    ``w``, ``b``) stalls, in habits that change; one number is for all. ``decode_error``: accesses
    outside of the job's regions are answered with DECERR; else they fail the job. ``lite_delay``:
    a register access takes up to so many more cycles at random, its channels in any order.
    """

    read_latency: int = 100
    write_latency: int = 100
    jitter: int = 0
    shared: bool = True
    stalls: int | dict[str, int] = 0
    decode_error: bool = False
    lite_delay: int = 0

    def line(self) -> str:
        """The step that sets it."""
        stalls = self.stalls
        if isinstance(stalls, int):
            stalls = dict.fromkeys(CHANNELS, stalls)
        for name, value in stalls.items():
            require(name in CHANNELS, "stalls", name, ", ".join(CHANNELS))
            require(0 <= value < 100, f"stalls of {name}", value, "0 to 99 per cent")
        numbers = (
            *(self.read_latency, self.write_latency, self.jitter),
            *(int(self.shared), int(self.decode_error)),
            *(stalls.get(name, 0) for name in CHANNELS),
            self.lite_delay,
        )
        return " ".join(map(str, ("timing", *numbers)))


@dataclass
class Job:
    """What happens to a machine from power-up on: a list of steps, which the methods append to.

    ``size`` bytes of memory from byte address ``base`` are zero at first; pages that nobody
    touches take no room on the host. Nothing is readable or writable until :meth:`readable` and
    :meth:`writable` say so. ``seed``: of undefined values, jitter and stalls. The machine is in
    reset for four cycles before the first step. ``trace``: from which to which cycle to record
    waves, by a machine that was built for it. ``ports``: whether what is on all ports is recorded,
    from the end of that reset on: :mod:`sim.sparse.ports_file` reads ``NAME.ports``.
    """

    name: str
    size: int
    base: int = 0
    seed: int = 0
    timing: Timing = Timing()
    trace: tuple[int, int] | None = None
    ports: bool = False
    _steps: list[tuple[Any, ...]] = field(default_factory=list)
    _labels: list[str | None] = field(default_factory=list)  # of steps that give a value
    _dumps: dict[str, int] = field(default_factory=dict)  # bytes by name

    def __post_init__(self) -> None:
        fits = bool(self.name) and all(c.isalnum() or c in "_-." for c in self.name)
        require(fits, "job name", self.name, "letters, digits, '_', '-', '.'")
        require(self.size > 0, "size", self.size, "at least 1")

    def _add(self, *words: Any) -> Self:
        self._steps.append(words)
        return self

    def load(self, address: int, content: Bytes) -> Self:
        """Put ``content`` (bytes, or an array in C order) into memory."""
        return self._add("load", address, content)

    def readable(self, address: int, size: int) -> Self:
        """Allow reads here; of the beats at either end, all of the beat."""
        return self._add("readable", address, address + size)

    def writable(self, address: int, size: int) -> Self:
        """Allow writes here, to the byte."""
        return self._add("writable", address, address + size)

    def forbid(self) -> Self:
        """Nothing is readable or writable any more."""
        return self._add("forbid")

    def set_timing(self, timing: Timing) -> Self:
        """From here on, another timing."""
        return self._add("line", timing.line())

    def fault(self, kind: Literal["read", "write"], nth: int = 0, code: int = SLVERR) -> Self:
        """Answer the burst of ``kind`` that comes after ``nth`` more with ``code``. Of a read one
        beat has it, and all have random data; a write does not happen."""
        require(kind in ("read", "write"), "kind", kind, "read, write")
        require(code in (SLVERR, DECERR), "code", code, "2 (SLVERR), 3 (DECERR)")
        return self._add("fault", kind, nth, code)

    def write(self, address: int, value: int) -> Self:
        """Write a register."""
        self._labels.append(None)
        return self._add("write", address, value)

    def read(self, address: int, label: str) -> Self:
        """Read a register, into ``Result.values[label]``."""
        self._labels.append(label)
        return self._add("read", address)

    def poll(
        self, address: int, mask: int, value: int, limit: int, label: str | None = None
    ) -> Self:
        """Read a register until its bits of ``mask`` are ``value``; the job fails if they are not
        after ``limit`` cycles."""
        self._labels.append(label)
        return self._add("poll", address, mask, value, limit)

    def wait(self, cycles: int) -> Self:
        """Let ``cycles`` pass."""
        return self._add("wait", cycles)

    def wait_irq(self, limit: int, label: str | None = None, *, required: bool = True) -> Self:
        """Until ``irq`` is high. After ``limit`` cycles the job fails, unless not ``required``;
        the value is whether it came, 1 or 0."""
        self._labels.append(label)
        return self._add("irq", limit, int(required))

    def reset(self, cycles: int = 4) -> Self:
        """Reset the machine by its pin; what is under way on the bus is forgotten."""
        return self._add("reset", cycles)

    def dump(self, address: int, size: int, name: str) -> Self:
        """Memory as it is now, into ``Result.dumps[name]``."""
        require(name not in self._dumps, "dump", name, "another name in the same job")
        self._dumps[name] = size
        return self._add("dump", address, size)

    def lines(self, number: int, blob: IO[bytes]) -> Iterator[str]:
        """The text that the harness reads; what is to be loaded goes to ``blob``."""
        yield f"job {self.name} {self.base} {self.size} {self.seed}"
        yield self.timing.line()
        if self.trace:
            yield f"trace {self.trace[0]} {self.trace[1]}"
        if self.ports:
            yield f"record {self.name}.ports"
        for op, *words in self._steps:
            match op:
                case "load":
                    content = (
                        np.ascontiguousarray(words[1])
                        if isinstance(words[1], np.ndarray)
                        else words[1]
                    )
                    view = memoryview(content).cast("B") if len(content) else b""
                    yield f"load {words[0]} {len(view)} image {blob.tell()}"
                    blob.write(view)
                case "dump":
                    yield f"dump {words[0]} {words[1]} dump{number}"
                case "line":
                    yield words[0]
                case _:
                    yield " ".join(map(str, (op, *words)))
        yield "end"

    def result(self, number: int, report: dict[str, Any], folder: Path) -> Result:
        """What the harness reported, under the names of this job."""
        values, cycles = {}, {}
        # A job that failed has not come to all of its steps.
        for label, step in zip(self._labels, report["steps"], strict=False):
            if label is not None:
                values[label], cycles[label] = step["value"], step["cycle"]
        dumps: dict[str, NDArray[np.uint8]] = {}
        path = folder / f"dump{number}"
        if self._dumps and path.exists():
            content, start = np.fromfile(path, np.uint8), 0
            for name, size in self._dumps.items():
                if start + size <= len(content):
                    dumps[name] = content[start : start + size]
                start += size
        return Result(
            name=self.name,
            error=report["error"],
            cycles=report["cycles"],
            idle=report["idle"],
            values=values,
            at=cycles,
            counts=report["counts"],
            responses=tuple(step["response"] for step in report["steps"]),
            dumps=dumps,
        )


@dataclass(frozen=True)
class Result:
    """What became of a job.

    ``error``: why it ended before its last step, or empty. ``cycles``: from power-up on.
    ``idle``: nothing was under way on the bus at the end. ``values``, ``at``: of the steps with a
    label, the value and the cycle in which they were done. ``counts``: bursts, beats and bytes
    read and written, cycles in which the machine let R wait (``read_waits``) or memory W
    (``write_waits``), error responses, most bursts at a time. ``responses``: of all register
    accesses and waits, in order; 0 is OKAY.
    """

    name: str
    error: str
    cycles: int
    idle: bool
    values: dict[str, int]
    at: dict[str, int]
    counts: dict[str, int]
    responses: tuple[int, ...]
    dumps: dict[str, NDArray[np.uint8]]
