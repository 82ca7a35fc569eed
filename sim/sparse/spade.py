"""Real layers of a frame on the simulated accelerator: every bit compared, every cycle counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from golden.errors import BadInput, require
from golden.sparse import image
from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.cycles import Cost, costs
from golden.sparse.frames import Frame
from golden.sparse.network import Layer, Network
from golden.sparse.networks import network_of
from golden.sparse.pillars import grid_of, pillarize
from golden.sparse.plan import plan
from golden.sparse.program import Program
from golden.sparse.quantize import CALIBRATION_SEED, QuantizedNetwork, quantize
from golden.sparse.record import CAUSES
from golden.sparse.report import operation
from golden.sparse.run import FeatureMap, LayerRun, run
from golden.sparse.scene import synthetic_frame
from golden.sparse.variants import Variant
from golden.sparse.workload import Workload
from hw.catalog import select
from hw.verilog import emit

from .check import build
from .harness import Machine
from .machine import Record, differences, job, outcome
from .steps import Timing

LIMIT = 200_000_000
"""Cycles after which a run is given up."""
BACKBONE = ("body", "down", "up")
"""Roles of the layers that utilization is stated of: the backbone with its up-sampling."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Layers of a network on a frame: the map that they begin with, and what golden makes of it."""

    network: Network
    variant: Variant
    start: FeatureMap
    integers: QuantizedNetwork
    runs: tuple[LayerRun, ...]

    @property
    def workload(self) -> Workload:
        """What the cycle model has to know of the runs."""
        made = Workload()
        for done in self.runs:
            made(done)
        return made


@dataclass(frozen=True)
class LayerReport:
    """A layer as the machine did it: the records of its descriptors together, and what the cycle
    model said. ``dense``: cycles of the ideal dense array."""

    name: str
    role: str
    operation: str
    outputs: int
    counts: dict[str, int]
    model: Cost

    @property
    def cycles(self) -> int:
        """From the last rule of the layer before to its own."""
        return sum(self.counts[cause] for cause in CAUSES)

    @property
    def useful(self) -> float:
        """Share of cycles in which a rule streamed."""
        return self.counts["useful"] / self.cycles if self.cycles else 0.0

    @property
    def speedup(self) -> float:
        """Over the ideal dense array of the same size."""
        return self.model.dense / self.cycles if self.cycles else 0.0

    @property
    def deviation(self) -> float:
        """Of the model from the machine, relative."""
        return self.model.cycles / self.cycles - 1 if self.cycles else 0.0


@dataclass(frozen=True, eq=False)
class Report:
    """What a run showed. ``cycles``: from the start of the list to its interrupt."""

    layers: list[LayerReport]
    cycles: int
    differences: list[str]
    counts: dict[str, int]
    seconds: float

    @property
    def exact(self) -> bool:
        """Whether every coordinate and every feature is golden's."""
        return not self.differences

    @property
    def backbone(self) -> list[LayerReport]:
        """The layers of the backbone with its up-sampling."""
        return [layer for layer in self.layers if layer.role in BACKBONE]


def share(layers: list[LayerReport], *causes: str) -> float:
    """Of the cycles of ``layers``, those that went to ``causes``."""
    cycles = sum(layer.cycles for layer in layers)
    return sum(layer.counts[cause] for layer in layers for cause in causes) / max(1, cycles)


def excerpt(
    points: Frame,
    preset: str,
    variant: Variant,
    patterns: tuple[str, ...] = (),
    integers: QuantizedNetwork | None = None,
    step: Callable[[str], None] = lambda line: None,
) -> Excerpt:
    """The layers that match ``patterns`` (names or globs; all without) of a preset's network.

    They must be such that all that they read from outside is one map. ``integers``: of the network,
    if they are known. ``step`` is called with a line after each layer.
    """
    network = network_of(preset).for_variant(variant)
    chosen, begin = _choose(network, patterns)
    integers = integers or quantize(network, variant, grid_of(preset))
    first = start = integers.encoder(pillarize(points, integers.grid), integers.grid)
    part = {
        layer.name: replace(
            layer, source=tuple("pillars" if name == begin else name for name in layer.source)
        )
        for layer in chosen
    }
    runs: list[LayerRun] = []
    for done in run(network, variant, start, integers.parameters):
        step(done.layer.name)
        if done.layer.name == begin:
            first = done.output
        if done.layer.name in part:
            runs.append(replace(done, layer=part[done.layer.name]))
        if len(runs) == len(part):
            break
    return Excerpt(
        replace(network, layers=tuple(part.values())), variant, first, integers, tuple(runs)
    )


def _choose(network: Network, patterns: tuple[str, ...]) -> tuple[list[Layer], str]:
    """The layers that match, and the map that they read."""
    names = [layer.name for layer in network.layers]
    for pattern in patterns:
        known = any(fnmatchcase(name, pattern) for name in names)
        require(known, "layers", pattern, f"names or globs of {', '.join(names)}")
    chosen = [
        layer
        for layer in network.layers
        if not patterns or any(fnmatchcase(layer.name, pattern) for pattern in patterns)
    ]
    inside = {layer.name for layer in chosen}
    outside = sorted({name for layer in chosen for name in layer.source} - inside)
    if len(outside) != 1:
        raise BadInput(f"layers read {', '.join(outside)} from outside; allowed: one map")
    return chosen, outside[0]


def planned(
    work: Excerpt,
    preset: str,
    config: AcceleratorConfig,
    patterns: tuple[str, ...] = (),
    step: Callable[[str], None] = lambda line: None,
) -> Program:
    """The program of an excerpt, its tiles planned on a synthetic scene and not on the frame."""
    scene = synthetic_frame(CALIBRATION_SEED, work.integers.grid.intensity)
    reference = excerpt(scene, preset, work.variant, patterns, work.integers).workload
    shape = work.start.active.shape
    return plan(work.network, work.variant, shape, config, reference, step)


def machine(config: AcceleratorConfig, *, sparse: bool = True) -> Machine:
    """The compiled accelerator of the catalog of this size, sparse or dense."""
    (design,) = select(f"{'spade' if sparse else 'dense'}_n{config.array}")
    require(
        design.config.accelerator == config.replace(latency=design.config.accelerator.latency),
        "accelerator",
        config,
        f"that of {design.name} in the catalog",
    )
    return build(emit(design).with_suffix(".v"), design.name, config)


def simulate(
    work: Excerpt, program: Program, timing: Timing, made: Machine, *, lists: bool = True
) -> Report:
    """Carry out ``program`` on the machine and compare what it leaves in memory: a dense machine
    no ``lists``."""
    content = image.build(program, work.start, work.integers.layers)
    begin = time.monotonic()
    result = made.run(job("frame", program, content, timing=timing, limit=LIMIT))
    seconds = time.monotonic() - begin
    found = outcome(program, result, lists=lists)
    expected = {done.layer.name: done.output for done in work.runs}
    return Report(
        layers=_layers(program, work, found.records),
        cycles=found.cycles,
        differences=list(differences(expected, found.maps)),
        counts=found.counts,
        seconds=seconds,
    )


def _layers(program: Program, work: Excerpt, records: list[Record]) -> list[LayerReport]:
    """The records of all descriptors of each layer together, beside the model."""
    model = costs(program, work.workload)
    layers = []
    for done in work.runs:
        mine = [
            record.counts
            for step, record in zip(program.steps, records, strict=True)
            if step.layer.name == done.layer.name
        ]
        layers.append(
            LayerReport(
                name=done.layer.name,
                role=done.layer.role,
                operation=operation(done),
                outputs=len(done.output.active),
                counts={key: sum(counts[key] for counts in mine) for key in records[0].counts},
                model=model[done.layer.name],
            )
        )
    return layers
