"""What a testbench is told: a job file, and a file of packed beats for each stream.

The simulator is another process, which knows nothing of configurations: it drives ports by name
and compares words. Beats are hexadecimal, one a line, as ``$readmemh`` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from golden.files import write_atomic, write_json

INPUTS, EXPECTED, JOB, OUTCOME = "inputs.hex", "expected.hex", "job.json", "outcome.json"
STREAMS = "streams"
"""Folder of the beats of a process."""
TIMED = 64
"""Beats, from the first one on, whose latency or interval may be measured."""
FOLDER = "BITPILLAR_JOB"
"""Environment variable that names the folder of the job."""


@dataclass(frozen=True)
class StreamPorts:
    """Port names of a stream, and the width of its payload."""

    payload: str
    valid: str
    ready: str
    width: int

    @classmethod
    def of(cls, manifest: Mapping[str, Any], name: str) -> StreamPorts:
        """Those of stream ``name`` of a manifest."""
        stream = next(s for s in manifest["streams"] if s["name"] == name)
        return cls(*(stream[key] for key in ("payload", "valid", "ready", "width")))


@dataclass(frozen=True)
class Job:
    """Everything the testbench needs besides the beats. Times are in cycles."""

    clock: str
    reset: str
    input: StreamPorts
    output: StreamPorts
    latency: int
    interval: int
    output_beats: int
    stateful: bool
    sooner: tuple[int, ...]  # than interval and latency say, by beat, of the first TIMED ones
    seed: int

    @classmethod
    def of(cls, manifest: Mapping[str, Any], sooner: Iterable[int], seed: int) -> Job:
        """The job that a manifest describes; its beats are done ``sooner`` by so many cycles."""
        return cls(
            clock=manifest["clock"]["port"],
            reset=manifest["reset"]["port"],
            input=StreamPorts.of(manifest, "i"),
            output=StreamPorts.of(manifest, "o"),
            sooner=tuple(sooner),
            seed=seed,
            **{key: manifest[key] for key in ("latency", "interval", "output_beats", "stateful")},
        )

    def write(self, folder: Path, inputs: Iterable[int], expected: Iterable[int]) -> None:
        """Write the job and its beats."""
        write_words(folder / INPUTS, inputs, self.input.width)
        write_words(folder / EXPECTED, expected, self.output.width)
        write_json(folder / JOB, asdict(self))

    @classmethod
    def read(cls, value: dict[str, Any]) -> Job:
        """The inverse of what :meth:`write` put into the job file."""
        ports = {name: StreamPorts(**value[name]) for name in ("input", "output")}
        return cls(**(value | ports | {"sooner": tuple(value["sooner"])}))


@dataclass(frozen=True)
class ProcessJob:
    """Everything the testbench of a process needs besides the beats. Times are in cycles."""

    clock: str
    reset: str
    inputs: dict[str, StreamPorts]
    outputs: dict[str, StreamPorts]
    cases: tuple[dict[str, int], ...]  # beats of each stream
    cycles: tuple[int | None, ...]  # that each case may take alone without stalls, if stated
    patience: int  # cycles in which no beat moves
    seed: int

    @classmethod
    def of(
        cls,
        manifest: Mapping[str, Any],
        cases: Iterable[dict[str, int]],
        cycles: Iterable[int | None],
        patience: int,
        seed: int,
    ) -> ProcessJob:
        """The job that a manifest describes, for cases of so many beats."""

        def ports(direction: str) -> dict[str, StreamPorts]:
            streams = [s for s in manifest["streams"] if s["direction"] == direction]
            return {s["name"]: StreamPorts.of(manifest, s["name"]) for s in streams}

        return cls(
            clock=manifest["clock"]["port"],
            reset=manifest["reset"]["port"],
            inputs=ports("in"),
            outputs=ports("out"),
            cases=tuple(cases),
            cycles=tuple(cycles),
            patience=patience,
            seed=seed,
        )

    @property
    def streams(self) -> dict[str, StreamPorts]:
        """All streams."""
        return self.inputs | self.outputs

    def write(self, folder: Path, words: Mapping[str, Iterable[int]]) -> None:
        """Write the job and the beats of each stream, those of all cases in order."""
        for name, ports in self.streams.items():
            write_words(folder / STREAMS / f"{name}.hex", words[name], ports.width)
        write_json(folder / JOB, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> ProcessJob:
        """The inverse of what :meth:`write` put into the job file."""
        value = json.loads((folder / JOB).read_text())
        for side in ("inputs", "outputs"):
            value[side] = {name: StreamPorts(**ports) for name, ports in value[side].items()}
        return cls(**(value | {key: tuple(value[key]) for key in ("cases", "cycles")}))

    def words(self, folder: Path) -> list[dict[str, list[str]]]:
        """The beats of each case by stream, as :func:`read_bits` gives them."""
        cases: list[dict[str, list[str]]] = [{} for _ in self.cases]
        for name, ports in self.streams.items():
            words, start = read_bits(folder / STREAMS / f"{name}.hex", ports.width), 0
            for lengths, case in zip(self.cases, cases, strict=True):
                case[name] = words[start : start + lengths[name]]
                start += lengths[name]
        return cases


def write_words(path: Path, words: Iterable[int], width: int) -> None:
    """One word a line, hexadecimal, of ``width`` bits."""
    digits = -(-width // 4)
    write_atomic(path, "".join(f"{word:0{digits}x}\n" for word in words))


def read_bits(path: Path, width: int) -> list[str]:
    """The words as strings of ``width`` binary digits: what cocotb's ports take and give."""
    return [f"{int(line, 16):0{width}b}" for line in path.read_text().split()]
