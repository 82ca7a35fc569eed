"""What a unit is given while the activity of its netlist is recorded, and what must come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.errors import BadInput
from golden.process import Case, Process
from golden.unit import Beats, Config, Unit
from sim.job import StreamPorts

from .bench import Stream, bits_of, simulate, spread
from .circuit import Circuit
from .copies import Recording
from .ordinary import NORMAL, in_one_mode, ordinary

COPIES = 64
"""Circuits that share the beats of a unit: a machine word."""


@dataclass(frozen=True)
class Workload:
    """Beats for :func:`~synth.gates.bench.simulate`; ``text`` says what they are."""

    text: str
    inputs: dict[str, Stream]
    outputs: dict[str, Stream]
    patience: int
    warm: int | None
    moved = "beats"
    equal = "output beats equal to golden"

    def run(self, circuit: Circuit, reset: str | None, seed: int) -> Recording:
        """Simulate it; see :func:`~synth.gates.bench.simulate`."""
        return simulate(
            circuit,
            reset,
            self.inputs,
            self.outputs,
            patience=self.patience,
            warm=self.warm,
            seed=seed,
        )


def workload(
    config: Config,
    manifest: dict[str, Any],
    *,
    beats: int,
    seed: int,
    tensor: NDArray[np.float64] | None = None,
    name: str = "",
) -> Workload | None:
    """At least ``beats`` recorded beats of ordinary operation; None for what has no streams.

    Of a :class:`Unit`: the numbers of ``tensor`` (called ``name``), else independent ones of a
    normal distribution, quantised to its formats, with accumulators that carry running results. Of
    a :class:`Process`, its random cases. Accelerators have :mod:`.layer`.
    """
    if isinstance(config, Unit):
        return _of_unit(config, manifest, beats, seed, tensor, name)
    return _of_process(config, manifest, beats, seed) if isinstance(config, Process) else None


def of_beats(
    config: Unit, manifest: dict[str, Any], beats: Beats, text: str, copies: int = COPIES
) -> Workload:
    """A workload of given beats, which the copies share."""
    count = len(next(iter(beats.values())))
    bounds = spread(count, min(copies, count))
    if config.stateful:  # each copy begins after reset
        parts = [
            config.compute({name: codes[start:stop] for name, codes in beats.items()})
            for start, stop in pairwise(bounds)
        ]
        results = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    else:
        results = config.compute(beats)
    words = {"i": config.input.pack(beats), "o": config.output.pack(results)}
    ports = {name: StreamPorts.of(manifest, name) for name in words}
    streams = {
        name: Stream(ports[name], bits_of(words[name], ports[name].width), bounds * factor)
        for name, factor in (("i", 1), ("o", config.output_beats))
    }
    patience = 8 * (config.latency + config.interval) + 64
    return Workload(text, {"i": streams["i"]}, {"o": streams["o"]}, patience, _warm(config))


def _warm(config: Unit) -> int:
    """Beats after which a unit is full."""
    return -(-(config.latency + 2) // config.interval) + 1


def _of_unit(
    config: Unit,
    manifest: dict[str, Any],
    beats: int,
    seed: int,
    tensor: NDArray[np.float64] | None,
    name: str,
) -> Workload:
    rng = np.random.default_rng(seed)
    count = COPIES * (-(-beats // COPIES) + _warm(config))
    if type(config).tensors is Unit.tensors:
        if tensor is not None:
            raise BadInput(f"{type(config).__name__} takes no tensor")
        given, text = ordinary(config, rng, count)
        return of_beats(config, manifest, given, text)
    # As many numbers as fill the beats, and the rows of 24 blocks that some units work on; a unit
    # may take several for each lane of its widest field.
    lanes = max(field.lanes for field in config.input.fields)
    for times in (1, 4, 16):
        numbers = times * (count + 48) * lanes
        if tensor is None:
            values, text = np.random.default_rng(seed).standard_normal(numbers), NORMAL
        else:
            values, text = tensor.ravel()[:numbers], f"numbers of {name}"
        given = in_one_mode(config, config.tensors(values, rng))
        found = len(next(iter(given.values())))
        if found >= count or (tensor is not None and numbers >= tensor.size):
            break
    if found <= _warm(config):  # nothing would be recorded
        raise BadInput(f"tensor {name} makes {found} beat(s); allowed: {_warm(config) + 1} or more")
    given = {field: codes[:count] for field, codes in given.items()}
    copies = max(1, min(COPIES, found // (4 * _warm(config))))
    return of_beats(config, manifest, given, text, copies)


def _of_process(config: Process, manifest: dict[str, Any], beats: int, seed: int) -> Workload:
    rng = np.random.default_rng(seed)
    cases, moved = [], 0
    while moved < beats or len(cases) < 2:
        cases.append(config.random(rng))
        moved += sum(len(next(iter(codes.values()))) for codes in cases[-1].values())
    return of_cases(config, manifest, cases, "random cases")


def of_cases(
    config: Process, manifest: dict[str, Any], cases: Sequence[Case], text: str
) -> Workload:
    """A workload of given cases, which the copies share."""
    bounds = spread(len(cases), min(COPIES, len(cases)))
    packed: dict[str, list[list[int]]] = {n: [] for n in (*config.inputs, *config.outputs)}
    for case in cases:
        outputs = config.process(case)
        for name, payload in config.inputs.items():
            packed[name].append(payload.pack(case[name]))
        for name, payload in config.outputs.items():
            packed[name].append(payload.pack(outputs[name]))
    streams = {}
    for name, parts in packed.items():
        ports = StreamPorts.of(manifest, name)
        ends = np.cumsum([0, *map(len, parts)])
        words = [word for part in parts for word in part]
        streams[name] = Stream(ports, bits_of(words, ports.width), ends[bounds])
    inputs = {name: streams[name] for name in config.inputs}
    outputs = {name: streams[name] for name in config.outputs}
    return Workload(text, inputs, outputs, config.patience, None)
