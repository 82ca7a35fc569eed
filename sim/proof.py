"""What it takes to prove a design by simulation: every kind of unit has its own :class:`Proof`."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cache import CACHE
from .compiler import Trace
from .job import FOLDER, OUTCOME
from .verilator import Run, build, run


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A design to simulate: its ``verilog``, what its ``manifest`` says, the ``folder`` for all
    that comes of it. ``defines``: of the preprocessor."""

    verilog: Path
    manifest: Mapping[str, Any]
    folder: Path
    seed: int
    trace: Trace = "none"
    cache: Path = CACHE
    defines: Mapping[str, object] | None = None


def origins(corner: int = 0, random: int = 0, tensor: int = 0) -> dict[str, int]:
    """Numbers of vectors by where they come from."""
    return {"corner": corner, "random": random, "tensor": tensor}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What came of it; :class:`sim.check.Result` says what each number is."""

    failures: tuple[str, ...]
    origin: dict[str, int] = field(default_factory=origins)
    beats: int = 0
    cycles: int = 0
    stalls: dict[str, int] = field(default_factory=lambda: {"input": 0, "output": 0})
    scenarios: dict[str, str] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: {"build": 0.0, "run": 0.0})


class Proof(ABC):
    """How one design is proved. ``waves``: whether it can write them."""

    waves = False

    @abstractmethod
    def prove(self, setup: Setup) -> Evidence:
        """Compile the Verilog, simulate it and compare it with its golden model. Raises
        :class:`sim.compiler.BuildError` for Verilog that does not compile."""


class TestbenchProof(Proof):
    """By a testbench of cocotb, whose scenarios write what they saw (:mod:`sim.scenario`).

    Attributes
    ----------
    testbench:
        Its Python modules.
    main:
        The scenario that compares most, and how long each side stalled in it.
    expected:
        Output beats that ``main`` compares, at least.
    timeout:
        Seconds after which the simulator must have ended.
    """

    waves = True
    testbench: Sequence[str]
    main: str
    expected: int
    timeout: float

    @abstractmethod
    def write(self, folder: Path, manifest: Mapping[str, Any], seed: int) -> None:
        """Write what the testbench reads."""

    @abstractmethod
    def origin(self, outcome: Mapping[str, Any]) -> dict[str, int]:
        """The vectors by their origin."""

    def details(self, outcome: Mapping[str, Any]) -> dict[str, str]:
        """More on scenarios that failed, by name."""
        return {}

    def prove(self, setup: Setup) -> Evidence:
        model = build(
            setup.verilog,
            top=setup.manifest["top"],
            trace=setup.trace,
            defines=setup.defines,
            cache=setup.cache,
            jobs=1,  # the designs are already parallel
        )
        result = setup.folder / OUTCOME
        result.unlink(missing_ok=True)
        self.write(setup.folder, setup.manifest, setup.seed)
        done = run(
            model,
            self.testbench,
            folder=setup.folder,
            env={FOLDER: str(setup.folder.resolve())},
            seed=setup.seed,
            timeout=self.timeout,
        )
        outcome = json.loads(result.read_text()) if result.exists() else {}
        main = outcome.get(self.main, {})
        return Evidence(
            failures=tuple(self._failures(outcome, done)),
            origin=self.origin(outcome),
            beats=sum(scenario["beats"] for scenario in outcome.values()),
            cycles=sum(scenario["cycles"] for scenario in outcome.values()),
            stalls=main.get("stalls", {"input": 0, "output": 0}),
            scenarios={name: each.get("status", "crashed") for name, each in outcome.items()},
            measured={
                k: v for each in outcome.values() for k, v in each.get("measured", {}).items()
            },
            seconds={"build": round(model.seconds, 2), "run": round(done.seconds, 2)},
        )

    def _failures(self, outcome: Mapping[str, Any], done: Run) -> Iterator[str]:
        """Why the simulation does not prove the design, in words; nothing when it does."""
        failed = [name for name, each in outcome.items() if each.get("status") == "fail"]
        details = self.details(outcome)
        for name in failed:
            lines = (f"{name}: {outcome[name]['message']}", details.get(name, ""))
            yield "\n".join(filter(None, lines))
        if done.error or done.failures > len(failed):
            tail = "\n".join(done.log.strip().splitlines()[-15:])
            yield f"{done.error or 'the testbench itself failed'}; the log ends with:\n{tail}"
        compared = outcome.get(self.main, {}).get("beats", 0)
        if not failed and not done.error and not done.failures and compared < self.expected:
            yield f"{compared} output beats were compared, of {self.expected}"
