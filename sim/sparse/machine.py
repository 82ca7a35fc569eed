"""The accelerator under simulation: programs become jobs, and what they leave is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.sparse.image import Image, read_back
from golden.sparse.memory import Memory
from golden.sparse.program import Program
from golden.sparse.record import CAUSES, RECORD, RECORD_WORDS
from golden.sparse.registers import REGISTERS
from golden.sparse.run import FeatureMap

from .steps import Job, Result, Timing

OFFSETS = {register.name: register.offset for register in REGISTERS}
START, SOFT_RESET, INTERRUPT = 1, 2, 4
BUSY, DONE, ERROR, STOPPED = 1, 2, 4, 8
PAGE = 4096


@dataclass(frozen=True)
class Record:
    """Statistics of a layer as the machine wrote them; see :mod:`golden.sparse.record`."""

    counts: dict[str, int]

    @property
    def cycles(self) -> int:
        """Cycles of the layer: all causes together."""
        return sum(self.counts[name] for name in CAUSES)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a program left: ``maps`` by layer, a record a descriptor, cycles from start to end."""

    maps: dict[str, FeatureMap]
    records: list[Record]
    cycles: int
    counts: dict[str, int]
    memory: Memory


def job(
    name: str,
    program: Program,
    image: Image,
    *,
    timing: Timing | None = None,
    seed: int = 0,
    limit: int = 1_000_000,
) -> Job:
    """The job that carries ``program`` out on the memory ``image``."""
    return perform(prepared(name, program, image, timing=timing, seed=seed), program, limit)


def prepared(
    name: str, program: Program, image: Image, *, timing: Timing | None = None, seed: int = 0
) -> Job:
    """A job in whose memory ``image`` is, which the machine may use as ``program`` does."""
    made = Job(name, program.size + PAGE, base=program.base, seed=seed, timing=timing or Timing())
    for address, data in image:
        made.load(address, data)
    return allow(made, program)


def allow(made: Job, program: Program) -> Job:
    """Let the machine read its regions, and write those that are for it."""
    for region in program.regions:
        made.readable(region.address, region.size)
        if region.output:
            made.writable(region.address, region.size)
    return made


def start(made: Job, program: Program) -> Job:
    """Start the list."""
    for register, value in (
        ("list", program.list_address),
        ("statistics", program.statistics_address),
    ):
        made.write(OFFSETS[f"{register}_low"], value & 0xFFFF_FFFF)
        made.write(OFFSETS[f"{register}_high"], value >> 32)
    made.write(OFFSETS["count"], len(program.steps))
    return made.write(OFFSETS["control"], START | INTERRUPT)


def perform(made: Job, program: Program, limit: int, label: str = "") -> Job:
    """Start the list, wait for its end, and read what became of it, under names that begin with
    ``label``."""
    start(made, program)
    made.wait_irq(limit, label + "irq")
    for register in ("status", "error", "detail", "cycles_low", "cycles_high", "layers_done"):
        made.read(OFFSETS[register], label + register)
    return made.dump(program.base, program.size, label + "memory")


def outcome(program: Program, result: Result, label: str = "", *, lists: bool = True) -> Outcome:
    """What ``result`` holds; RuntimeError if the machine did not end well. Without ``lists``: of a
    dense machine, which leaves no coordinates."""
    if result.error:
        raise RuntimeError(f"{result.name}: {result.error}")
    values = {name: result.values[label + name] for name in ("status", "error", "detail")}
    if values["status"] != DONE:
        raise RuntimeError(f"{result.name}: the machine stopped with {values}")
    memory = Memory(program.base, program.size)
    memory.write(program.base, result.dumps[label + "memory"])
    return Outcome(
        maps=read_back(program, memory, lists=lists),
        records=list(records(program, memory)),
        cycles=result.values[label + "cycles_low"] + (result.values[label + "cycles_high"] << 32),
        counts=result.counts,
        memory=memory,
    )


def records(program: Program, memory: Memory) -> Iterator[Record]:
    """The statistics in memory, a record a descriptor."""
    size = RECORD_WORDS * 4
    for number in range(len(program.steps)):
        words = memory.read(program.statistics_address + number * size, size).view(np.uint32)
        yield Record(dict(zip(RECORD, words.tolist(), strict=False)))


def differences(
    expected: Mapping[str, FeatureMap], found: Mapping[str, FeatureMap]
) -> Iterator[str]:
    """In words, where maps differ: coordinates first, then features."""
    for name, want in expected.items():
        got = found[name]
        if want.active != got.active:
            missing = np.setdiff1d(want.active.keys, got.active.keys)
            surplus = np.setdiff1d(got.active.keys, want.active.keys)
            yield (
                f"{name}: coordinates differ: {len(want.active)} pillars expected,"
                f" {len(got.active)} found, {len(missing)} missing ({_few(missing)}),"
                f" {len(surplus)} surplus ({_few(surplus)})"
            )
        elif not np.array_equal(want.features, got.features):
            wrong = want.features != got.features
            pillar, channel = np.argwhere(wrong)[0]
            yield (
                f"{name}: {int(wrong.sum())} of {wrong.size} features differ in"
                f" {int(wrong.any(axis=1).sum())} of {len(wrong)} pillars; the first is pillar"
                f" {pillar}, channel {channel}: {want.features[pillar, channel]} expected,"
                f" {got.features[pillar, channel]} found"
            )


def _few(keys: NDArray[np.int64]) -> str:
    return ", ".join(map(str, keys[:4].tolist())) + (", ..." if len(keys) > 4 else "")
