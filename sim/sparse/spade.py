"""Real layers of a frame on the simulated accelerator: every bit compared, every cycle counted."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from golden.errors import BadInput, require
from golden.sparse import image
from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.networks import Network, network_of
from golden.sparse.pillars import grid_of, pillarize
from golden.sparse.program import Program, program
from golden.sparse.quantize import QuantizedNetwork, quantize
from golden.sparse.report import operation
from golden.sparse.run import FeatureMap, LayerRun, run
from golden.sparse.variants import Variant
from hw.catalog import select
from hw.verilog import VERILOG_FOLDER, emit

from .check import build
from .harness import Machine
from .machine import Record, differences, job, outcome
from .steps import Timing

LIMIT = 200_000_000
"""Cycles after which a run is given up."""


@dataclass(frozen=True, eq=False)
class Workload:
    """Part of a network with the map that it begins with, and what golden makes of it."""

    network: Network
    variant: Variant
    start: FeatureMap
    integers: QuantizedNetwork
    runs: tuple[LayerRun, ...]


@dataclass(frozen=True)
class LayerCost:
    """A layer of the network as the machine did it: the records of its descriptors together."""

    name: str
    role: str
    operation: str
    counts: dict[str, int]
    cycles: int
    dense: int
    outputs: int

    @property
    def useful(self) -> int:
        """Cycles in which a rule streamed."""
        return self.counts["useful"]


def workload(points, preset: str, variant: Variant, layers: tuple[str, ...] = ()) -> Workload:
    """The ``layers`` (names or globs; all without) of a preset's network on a frame.

    They must be such that all that they read from outside is one map.
    """
    network = network_of(preset).for_variant(variant)
    integers = quantize(network, variant, grid_of(preset))
    pillars = pillarize(points, integers.grid)
    start = integers.encoder(pillars, integers.grid)
    for pattern in layers:
        known = any(fnmatchcase(layer.name, pattern) for layer in network.layers)
        names = ", ".join(layer.name for layer in network.layers)
        require(known, "LAYERS", pattern, f"names or globs of {names}")
    chosen = [
        layer
        for layer in network.layers
        if not layers or any(fnmatchcase(layer.name, pattern) for pattern in layers)
    ]
    inside = {layer.name for layer in chosen}
    outside = {name for layer in chosen for name in layer.source} - inside
    if len(outside) != 1:
        raise BadInput(
            f"LAYERS reads the maps {', '.join(sorted(outside))} from outside; allowed: one map"
        )
    (begin,) = outside
    runs, first = [], start
    for done in run(network, variant, start, integers.parameters):
        if done.layer.name == begin:
            first = done.output
        if done.layer.name in inside:
            runs.append(done)
        if len(runs) == len(inside):
            break
    part = tuple(
        replace(layer, source=tuple("pillars" if s == begin else s for s in layer.source))
        for layer in chosen
    )
    return Workload(replace(network, layers=part), variant, first, integers, tuple(runs))


def machine(config: AcceleratorConfig, trace: str = "none") -> Machine:
    """The compiled accelerator of the catalog with this configuration."""
    (design,) = select(f"spade_n{config.array}")
    manifest = emit(design, VERILOG_FOLDER)
    return build(manifest.with_suffix(".v"), design.name, config, trace)


@dataclass(frozen=True, eq=False)
class Report:
    """What a run of the machine showed."""

    layers: list[LayerCost]
    cycles: int
    differences: list[str]
    counts: dict[str, int]
    seconds: float

    @property
    def exact(self) -> bool:
        """Whether every coordinate and every feature is golden's."""
        return not self.differences


def simulate(work: Workload, config: AcceleratorConfig, timing: Timing, made: Machine) -> Report:
    """Run ``work`` on the machine and compare what it leaves in memory."""
    shape = work.start.active.shape
    plan = program(work.network, work.variant, shape, config)
    content = image.build(plan, work.start, work.integers.layers)
    begin = time.monotonic()
    result = made.run(job("frame", plan, content, timing=timing, limit=LIMIT))
    seconds = time.monotonic() - begin
    found = outcome(plan, result)
    expected = {done.layer.name: done.output for done in work.runs}
    return Report(
        layers=layer_costs(plan, work, found.records),
        cycles=found.cycles,
        differences=list(differences(expected, found.maps)),
        counts=found.counts,
        seconds=seconds,
    )


def layer_costs(plan: Program, work: Workload, records: list[Record]) -> list[LayerCost]:
    """The records of all descriptors of each layer together."""
    costs = []
    n = plan.config.array
    for done in work.runs:
        mine = [
            record
            for step, record in zip(plan.steps, records, strict=True)
            if step.layer.name == done.layer.name
        ]
        counts = {name: sum(r.counts[name] for r in mine) for name in records[0].counts}
        tiles = [-(-c // n) for c in done.layer.channels]
        sites = done.generated.shape[0] * done.generated.shape[1]
        costs.append(
            LayerCost(
                name=done.layer.name,
                role=done.layer.role,
                operation=operation(done),
                counts=counts,
                cycles=sum(r.cycles for r in mine),
                dense=done.layer.dense_rules(sites) * tiles[0] * tiles[1],
                outputs=len(done.output.active),
            )
        )
    return costs
