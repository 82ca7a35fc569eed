"""A DMA under simulation, its memory and clients, and the scenarios that they go through."""

from __future__ import annotations

import json
import os
import random
from functools import cache
from pathlib import Path
from typing import Any

from golden.sparse.dma import DmaConfig, Write

from ...job import FOLDER, JOB
from ...scenario import scenarios
from ...streams import Bench, Violation
from ..ports import Signals, expect, require
from .clients import Reader, Writer
from .memory import Memory
from .traffic import SPACE, random_commands, random_writes

PATIENCE = 2000
"""Cycles in which something moves."""


class Session:
    """A DMA at the start of a scenario, and all that goes through it.

    ``config``, ``seed``, ``count``: of the job. ``memories``, ``readers``, ``writers``: of every
    setting so far.
    """

    def __init__(self, dut: Any):
        self.dut = dut
        self.config, self.seed, self.count = _load()
        self.bench = Bench(dut, "clk", "rst")
        self.report: dict[str, Any] = {}
        self.memories: list[Memory] = []
        self.readers: list[Reader] = []
        self.writers: list[Writer] = []
        valids = [f"{client.name}_read__valid" for client in self.config.reads]
        valids += [f"{client.name}_write__valid" for client in self.config.writes]
        quiet = Signals(dut, *valids)
        for name in valids:
            quiet[name] = 0

    @property
    def beats(self) -> int:
        """Beats compared so far: those read, and those written."""
        read = sum(reader.received for reader in self.readers)
        return read + sum(memory.written for memory in self.memories)

    def tally(self) -> dict[str, Any]:
        """What the scenario amounts to: its vectors are reads, and beats to write."""
        clients = [*self.readers, *self.writers]
        waited = sum(each.waited for each in [*clients, *self.memories])
        stalled = sum(each.stalled for each in [*self.readers, *self.memories])
        return {
            "beats": self.beats,
            "vectors": sum(client.next for client in clients),
            "stalls": {"input": waited, "output": stalled},
        }

    def measure(self, name: str, value: Any) -> None:
        """Report a measured number."""
        self.report.setdefault("measured", {})[name] = value

    def setting(
        self, offset: int = 0, *, reads: int = 20, writes: int = 200, **memory: Any
    ) -> Setting:
        """A new memory and new clients, with so many random accesses each; ``memory``: see
        :class:`Memory`. Seeds differ by ``offset``."""
        return Setting(self, self.seed + offset, reads, writes, memory)


class Setting:
    """A DMA with a memory and all of its clients."""

    def __init__(
        self, session: Session, seed: int, reads: int, writes: int, memory: dict[str, Any]
    ):
        rng = random.Random(seed)
        self.session, self.bench, config = session, session.bench, session.config
        self.memory = Memory(session.dut, config, seed, **memory)
        session.memories.append(self.memory)
        self.control = Signals(session.dut, "halt", "idle", "error")
        self.control["halt"] = 0
        stalls = memory.get("stalls", True)
        self.readers: list[Reader] = []
        self.writers: list[Writer] = []
        for k in range(len(config.reads)):
            commands = list(random_commands(rng, config, k, reads))
            self.readers.append(self._reader(k, commands, rng.randrange(1000), stalls))
        for k in range(len(config.writes)):
            beats = list(random_writes(rng, config, k, writes))
            self.writers.append(self._writer(k, beats, rng.randrange(1000), stalls))

    def _reader(self, *of: Any) -> Reader:
        number, *more = of
        made = Reader(self.session.dut, self.session.config, number, self.memory, *more)
        self.session.readers.append(made)
        return made

    def _writer(self, *of: Any) -> Writer:
        number, *more = of
        made = Writer(self.session.dut, self.session.config, number, self.memory, *more)
        self.session.writers.append(made)
        return made

    def read(self, number: int, commands: list[tuple[int, int]]) -> Reader:
        """These reads, of offset within the client's space and beats, instead of those of reader
        ``number``; nothing stalls."""
        base = number * SPACE
        made = self._reader(number, [(base + a, beats) for a, beats in commands], 0, False)
        self.readers[number] = made
        return made

    def write(self, number: int, writes: list[Write]) -> Writer:
        """These writes instead of those of writer ``number``; nothing stalls."""
        self.writers[number] = self._writer(number, writes, 0, False)
        return self.writers[number]

    def base(self, writer: int) -> int:
        """Where the space of a writer begins."""
        return (len(self.session.config.reads) + writer) * SPACE

    @property
    def models(self) -> tuple[Any, ...]:
        """What lives beside the DMA."""
        return (self.memory, *self.readers, *self.writers)

    async def run(self, *clients: Reader | Writer) -> None:
        """Until these clients, or all, are done."""
        clients = clients or (*self.readers, *self.writers)
        try:
            await self.bench.until(
                lambda: all(client.done for client in clients),
                *self.models,
                progress=lambda: (
                    sum(client.next for client in clients)
                    + sum(reader.received for reader in self.readers)
                    + sum(self.memory.acknowledged.values())
                ),
                patience=PATIENCE,
            )
        except Violation as broken:
            if broken.kind != "dead":
                raise
            names = ", ".join(client.name for client in clients if not client.done)
            raise Violation("stuck", f"{broken}; not done: {names}", **broken.where) from None

    async def silence(self) -> None:
        """Nothing more comes, and the DMA says that it is idle."""
        await self.bench.cycles(200, *self.models)
        require(not self.memory.busy, "the bus is busy after the last access")
        expect("idle after the last access", self.control["idle"], 1)


@cache
def _load() -> tuple[DmaConfig, int, int]:
    """Configuration, seed and count of the job that the environment names."""
    job = json.loads((Path(os.environ[FOLDER]) / JOB).read_text())
    return DmaConfig.of(job["config"]), job["seed"], job["count"]


scenario = scenarios(Session)
