"""What is sent to a unit and expected of it, by its kind: all that a check has to know of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.errors import BadInput, require
from golden.process import Case, Process
from golden.unit import Beats, Config, Unit

from .beats import plan
from .explain import compare, explain
from .job import TIMED, Job, ProcessJob


class Proof(ABC):
    """Beats for one run of a testbench.

    Attributes
    ----------
    testbench:
        Its Python module.
    vectors:
        Input beats.
    origin:
        Of the vectors, by kind.
    expected:
        Output beats that the scenario ``streaming`` compares, at least.
    timeout:
        Seconds after which the simulator must have ended.
    """

    testbench: str
    vectors: int
    origin: dict[str, int]
    expected: int
    timeout: float

    @abstractmethod
    def write(self, folder: Path, manifest: dict[str, Any], seed: int) -> None:
        """Write what the testbench reads."""

    @abstractmethod
    def explain(self, mismatch: dict[str, Any]) -> str:
        """A wrong beat in words, and where it comes from."""


class BeatProof(Proof):
    """Input beats of a :class:`golden.unit.Unit` in a row, and the output beats of each."""

    testbench = "sim.testbench"

    def __init__(self, config: Unit, seed: int, count: int, values: NDArray[np.float64] | None):
        self._config = config
        self._plan = plan(config, seed, count, values)
        self._inputs = config.input.pack(self._plan.beats)
        self._outputs = config.output.pack(config.compute(self._plan.beats))
        self.vectors, self.origin = self._plan.count, self._plan.origin
        self.expected = len(self._outputs)
        self.timeout = 300 + self.expected / 100

    def write(self, folder: Path, manifest: dict[str, Any], seed: int) -> None:
        first = {name: codes[:TIMED] for name, codes in self._plan.beats.items()}
        sooner = (self._config.interval - self._config.intervals(first)).tolist()
        Job.of(manifest, sooner, seed).write(folder, self._inputs, self._outputs)

    def explain(self, mismatch: dict[str, Any]) -> str:
        beat, got = mismatch["beat"], int(mismatch["got"], 16)
        vector = beat // self._config.output_beats
        word, expected = self._inputs[vector], self._outputs[beat]
        return explain(self._config, vector, word, beat, expected, got)


class ProcessProof(Proof):
    """Cases of a :class:`golden.process.Process`: its corners, then random ones until ``count``
    beats go in and out in these."""

    testbench = "sim.process_testbench"

    def __init__(self, config: Process, seed: int, count: int):
        self._config = config
        self._cases: list[dict[str, list[int]]] = []
        self._cycles: list[int | None] = []
        rng = np.random.default_rng(seed)
        self.origin = {"corner": 0, "random": 0, "tensor": 0}
        for case in config.corners():
            self.origin["corner"] += self._add(case)[0]
        beats = 0
        while beats < count or not self._cases:
            taken, given = self._add(config.random(rng))
            self.origin["random"] += taken
            beats += taken + given
        self.vectors = sum(self.origin.values())
        self.expected = sum(len(case[name]) for case in self._cases for name in config.outputs)
        self.timeout = 600 + (self.vectors + self.expected) / 20 + config.patience / 20

    def _add(self, case: Case) -> tuple[int, int]:
        """Take a case; how many beats go in and out in it."""
        inputs = _pack(self._config, "inputs", case)
        outputs = _pack(self._config, "outputs", self._config.process(case))
        taken, given = (sum(map(len, words.values())) for words in (inputs, outputs))
        require(taken > 0, f"case {len(self._cases)}", "empty", "a beat on at least one stream")
        self._cases.append(inputs | outputs)
        self._cycles.append(self._config.cycles(case))
        return taken, given

    def write(self, folder: Path, manifest: dict[str, Any], seed: int) -> None:
        lengths = [{name: len(words) for name, words in case.items()} for case in self._cases]
        job = ProcessJob.of(manifest, lengths, self._cycles, self._config.patience, seed)
        words = {name: [w for case in self._cases for w in case[name]] for name in job.streams}
        job.write(folder, words)

    def explain(self, mismatch: dict[str, Any]) -> str:
        name, number, beat = (mismatch[key] for key in ("stream", "case", "beat"))
        case = self._cases[number]
        beats = ", ".join(f"{len(case[stream])} of {stream}" for stream in self._config.inputs)
        payload, got = self._config.outputs[name], int(mismatch["got"], 16)
        return f"case {number}: beats in: {beats}\n" + compare(
            f"{name} beat {beat} of {len(case[name])}", payload, case[name][beat], got
        )


def proof(config: Config, seed: int, count: int, values: NDArray[np.float64] | None) -> Proof:
    """What is sent and expected; ``values`` are numbers for those that take a tensor."""
    if isinstance(config, Unit):
        return BeatProof(config, seed, count, values)
    assert isinstance(config, Process)
    if values is not None:
        raise BadInput(f"{type(config).__name__} takes no tensor")
    return ProcessProof(config, seed, count)


def _pack(config: Process, side: str, streams: dict[str, Beats]) -> dict[str, list[int]]:
    """Words by stream."""
    payloads = getattr(config, side)
    require(streams.keys() == payloads.keys(), side, sorted(streams), ", ".join(payloads))
    return {name: payload.pack(streams[name]) for name, payload in payloads.items()}
