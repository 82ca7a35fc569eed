"""What is sent to a unit of streams, and expected of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.errors import require
from golden.process import Case, Process
from golden.unit import Beats, Unit

from .beats import plan
from .explain import compare, explain
from .job import TIMED, Job, ProcessJob
from .proof import TestbenchProof, origins

SHOWN = 3
"""Wrong beats that are explained."""


class StreamProof(TestbenchProof):
    """By beats on streams that are known beforehand."""

    main = "streaming"
    planned: dict[str, int]
    """Of the vectors, by origin."""

    def origin(self, outcome: Mapping[str, Any]) -> dict[str, int]:
        return self.planned

    def details(self, outcome: Mapping[str, Any]) -> dict[str, str]:
        """The wrong beats of one scenario: the others send the same, and explaining them again
        would bury the first."""
        for name, scenario in outcome.items():
            if wrong := scenario.get("mismatches", []):
                text = []
                for each in wrong[:SHOWN]:
                    text.append(f"cycle {each['cycle']}, stalls {each['profile']!r}")
                    text.append(self.explain(each))
                if len(wrong) > SHOWN:
                    text.append(f"... and {len(wrong) - SHOWN} more wrong beats before it gave up")
                return {name: "\n".join(text)}
        return {}

    @abstractmethod
    def explain(self, mismatch: dict[str, Any]) -> str:
        """A wrong beat in words, and where it comes from."""


class BeatProof(StreamProof):
    """Input beats of a :class:`golden.unit.Unit` in a row, and the output beats of each."""

    testbench = ("sim.testbench",)

    def __init__(self, config: Unit, seed: int, count: int, values: NDArray[np.float64] | None):
        self._config = config
        self._plan = plan(config, seed, count, values)
        self._inputs = config.input.pack(self._plan.beats)
        self._outputs = config.output.pack(config.compute(self._plan.beats))
        self.planned = self._plan.origin
        self.expected = len(self._outputs)
        self.timeout = 300 + self.expected / 100

    def write(self, folder: Path, manifest: Mapping[str, Any], seed: int) -> None:
        first = {name: codes[:TIMED] for name, codes in self._plan.beats.items()}
        sooner = (self._config.interval - self._config.intervals(first)).tolist()
        Job.of(manifest, sooner, seed).write(folder, self._inputs, self._outputs)

    def explain(self, mismatch: dict[str, Any]) -> str:
        beat, got = mismatch["beat"], int(mismatch["got"], 16)
        vector = beat // self._config.output_beats
        word, expected = self._inputs[vector], self._outputs[beat]
        return explain(self._config, vector, word, beat, expected, got)


class ProcessProof(StreamProof):
    """Cases of a :class:`golden.process.Process`: its corners, then random ones until ``count``
    beats go in and out in these."""

    testbench = ("sim.process_testbench",)

    def __init__(self, config: Process, seed: int, count: int):
        self._config = config
        self._cases: list[dict[str, list[int]]] = []
        self._cycles: list[int | None] = []
        rng = np.random.default_rng(seed)
        self.planned = origins()
        for case in config.corners():
            self.planned["corner"] += self._add(case)[0]
        beats = 0
        while beats < count or not self._cases:
            taken, given = self._add(config.random(rng))
            self.planned["random"] += taken
            beats += taken + given
        vectors = sum(self.planned.values())
        self.expected = sum(len(case[name]) for case in self._cases for name in config.outputs)
        self.timeout = 600 + (vectors + self.expected) / 20 + config.patience / 20

    def _add(self, case: Case) -> tuple[int, int]:
        """Take a case; how many beats go in and out in it."""
        inputs = _pack(self._config, "inputs", case)
        outputs = _pack(self._config, "outputs", self._config.process(case))
        taken, given = (sum(map(len, words.values())) for words in (inputs, outputs))
        require(taken > 0, f"case {len(self._cases)}", "empty", "a beat on at least one stream")
        self._cases.append(inputs | outputs)
        self._cycles.append(self._config.cycles(case))
        return taken, given

    def write(self, folder: Path, manifest: Mapping[str, Any], seed: int) -> None:
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


def _pack(config: Process, side: str, streams: dict[str, Beats]) -> dict[str, list[int]]:
    """Words by stream."""
    payloads = getattr(config, side)
    require(streams.keys() == payloads.keys(), side, sorted(streams), ", ".join(payloads))
    return {name: payload.pack(streams[name]) for name, payload in payloads.items()}
