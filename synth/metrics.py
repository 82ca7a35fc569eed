"""The one schema of results. Tables, plots and pages are drawn from it and from nothing else.

``build/synth/NAME/metrics.json`` is a :class:`Result`: what the design is, where its figures come
from (``provenance``, common to all its figures), the figures, and breakdowns of them. A design that
could not be synthesised has ``status`` "failed", its ``error`` and no figures.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from golden.errors import BadInput
from golden.files import write_json

SCHEMA = "bitpillar-metrics-1"


@dataclass(frozen=True)
class Kind:
    """What a metric means: heading, unit, which direction is better ("" for neither), meaning."""

    title: str
    unit: str
    better: str
    meaning: str


KINDS = {
    "area": Kind(
        "area", "um2", "lower", "sum of the cell areas of the netlist, no wiring, no memories"
    ),
    "area_nand2": Kind("area", "NAND2", "lower", "area in units of the library's smallest NAND2"),
    "area_sequential": Kind("register area", "um2", "lower", "area of flip-flops and latches"),
    "area_buffers": Kind("buffer area", "um2", "lower", "area of buffers and inverters"),
    "cells": Kind("cells", "", "lower", "library cells in the netlist"),
    "flip_flops": Kind("flip-flops", "", "lower", "flip-flops in the netlist"),
    "critical_path": Kind(
        "critical path",
        "ns",
        "lower",
        "the longest path: between registers with the set-up time, or from an input that arrives"
        " at the clock edge, or to an output",
    ),
    "register_path": Kind(
        "register to register", "ns", "lower", "the longest path between registers, with set-up"
    ),
    "fmax": Kind(
        "fmax",
        "MHz",
        "higher",
        "1 / critical path: ideal clock without skew, no wires, this recipe's one netlist",
    ),
    "corner_path": Kind(
        "slowest corner", "ns", "lower", "the critical path in the slowest of all timing corners"
    ),
    "corner_slack": Kind(
        "worst slack", "ns", "higher", "clock period less the critical path of the slowest corner"
    ),
    "slack": Kind("slack", "ns", "higher", "clock period less critical path; negative: too slow"),
    "power": Kind("power", "mW", "lower", "internal + switching + clock pins + leakage"),
    "power_internal": Kind("internal", "mW", "lower", "energy inside the cells, from the library"),
    "power_switching": Kind("switching", "mW", "lower", "C V^2 / 2 for each transition of a net"),
    "power_clock": Kind(
        "clock pins", "mW", "lower", "charging of the registers' clock pins; no clock tree"
    ),
    "leakage": Kind("leakage", "uW", "lower", "the cells' stated mean leakage"),
    "energy": Kind(
        "energy a cycle", "pJ", "lower", "(power less leakage) x clock period: the clock cancels"
    ),
    "energy_operation": Kind(
        "energy an operation",
        "pJ",
        "lower",
        "energy a cycle over the operations of a cycle: a MAC, a block, or what else it is said to"
        " be; without leakage, clock tree and memories",
    ),
    "power_opensta": Kind(
        "OpenSTA's power",
        "mW",
        "lower",
        "internal + switching + leakage by an OpenSTA that reads SAIF, on the same activity: a"
        " check, where there is one",
    ),
    "power_clock_tree": Kind(
        "clock tree",
        "mW",
        "lower",
        "an estimate: buffers that drive the clock pins at a fan-out of 16, without wires; not part"
        " of the power",
    ),
    "memory_bits": Kind("memory", "bit", "lower", "bits of memories that are not of flip-flops"),
    "memory_area": Kind(
        "memory area", "um2", "lower", "a model of memory macros; not part of the area of cells"
    ),
    "memory_energy": Kind(
        "memory energy",
        "pJ",
        "lower",
        "a model: of a cycle in which every port of every memory is used; not part of the power",
    ),
    "memory_leakage": Kind("memory leakage", "uW", "lower", "a model; not part of the leakage"),
}


@dataclass(frozen=True)
class Metric:
    """One figure. ``source``: the tool that gave it and how."""

    name: str
    value: float
    unit: str
    better: str
    source: str


@dataclass(frozen=True)
class Recording:
    """The switching activity that power comes from: recorded in ``cycles`` of the netlist while
    ``beats`` of ``stimulus`` went in; ``compared`` output beats were those of the golden model,
    every bit. ``coverage``: the share of ``nets`` whose activity is known."""

    stimulus: str
    seed: int
    beats: int
    cycles: int
    compared: int
    nets: int
    coverage: float

    @property
    def measured(self) -> bool:
        """Whether figures may be called measured: else they are estimates."""
        return self.coverage >= MEASURED


#: The least coverage of activity at which power is called measured.
MEASURED = 0.99


@dataclass(frozen=True)
class Provenance:
    """Where all figures of a result come from, and the command that makes them again."""

    tools: dict[str, str]
    library: str
    library_file: str
    library_sha256: str
    corner: str
    dont_use: int
    recipe: str
    recipe_steps: dict[str, Any]
    period_ns: float
    driving_cell: str
    output_load_pf: float
    clock_slew_ns: float
    activity: str
    verilog_sha256: str
    command: str
    memories: str = ""
    """Where the figures of memories come from; empty without any."""
    recording: Recording | None = None
    """None where power comes from default activity."""
    operation: str = ""
    """What energy an operation is of."""
    hierarchical: bool = False
    """Whether each module was mapped by itself, once, and figures are sums over its occurrences."""

    @property
    def measured(self) -> bool:
        """Whether power is measured, not estimated."""
        return self.recording is not None and self.recording.measured

    @property
    def mapping(self) -> str:
        """What is to be said of the netlist, beside the recipe."""
        target = self.recipe_steps.get("target_ns")
        aimed = f" aiming for {target:g} ns" if target is not None else ""
        return aimed + (", modules mapped once each and summed" if self.hierarchical else "")

    def line(self) -> str:
        """One line, as shown on hover."""
        tools = ", ".join(f"{name} {version}" for name, version in self.tools.items())
        return (
            f"{tools}; {self.library} ({self.corner}); recipe {self.recipe}{self.mapping};"
            f" clock {self.period_ns:g} ns; power: {self.activity}; Verilog sha256"
            f" {self.verilog_sha256[:12]}; {self.command}"
        )


@dataclass(frozen=True)
class Part:
    """Area of one submodule, from the netlist in which submodules kept their borders."""

    name: str
    module: str
    cells: int
    flip_flops: int
    area: float


@dataclass(frozen=True)
class Branch:
    """A module of a design whose modules were kept, with all below it, and ``count`` - 1 more of it
    beside it; figures are of all of these. ``path``: "" is the design, else "a/b". ``delay``: ns of
    the longest path that ends in it, from ``start`` to ``end``; None without any."""

    path: str
    module: str
    count: int
    cells: int
    flip_flops: int
    area: float
    memory_bits: int
    memory_area: float
    delay: float | None
    start: str
    end: str


@dataclass(frozen=True)
class MemoryUse:
    """A kind of memory in a design. Area in um2, energies in pJ an access, leakage in uW: of each
    of ``count``."""

    words: int
    width: int
    reads: int
    writes: int
    count: int
    area: float
    read_energy: float
    write_energy: float
    leakage: float

    @property
    def shape(self) -> str:
        """In words: "64 x 32, 1 read, 1 write"."""
        return f"{self.words} x {self.width}, {self.reads} read, {self.writes} write"


@dataclass(frozen=True)
class Corner:
    """Timing of the netlist with another Liberty file of the same cells; delays in ns."""

    library: str
    file: str
    sha256: str
    corner: str
    critical_path: float
    slack: float


@dataclass(frozen=True)
class Stage:
    """One cell on a path: in at ``from_pin``, out at ``to_pin`` at ``arrival`` ns."""

    instance: str
    cell: str
    from_pin: str
    to_pin: str
    delay: float
    arrival: float


@dataclass(frozen=True)
class CriticalPath:
    """``start`` and ``end`` are the nets of the registers or the ports; delays in ns."""

    kind: str
    start: str
    end: str
    delay: float
    stages: list[Stage]


@dataclass(frozen=True)
class Step:
    """What a path spends in a submodule of the top, in ns; "" is outside of all."""

    name: str
    delay: float


@dataclass(frozen=True)
class Equivalence:
    """Whether the netlist is its RTL. ``status``: "proven"; "simulated" (``beats`` output beats of
    the unit's whole test set are those of the golden model) where no proof was found within
    ``budget`` seconds; "failed"; "open" where there is no test set either."""

    status: str
    detail: str
    beats: int
    budget: float

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return f"simulated ({self.beats:,} beats)" if self.status == "simulated" else self.status


@dataclass(frozen=True)
class Result:
    """All that is known of the cost of a design."""

    design: str
    family: str
    summary: str
    config: Any
    status: str
    error: str
    provenance: Provenance
    metrics: list[Metric] = field(default_factory=list)
    cells_by_type: dict[str, dict[str, float]] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    memories: list[MemoryUse] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    """The tree of modules, each before what it contains; empty where they were dissolved."""
    critical_path: CriticalPath | None = None
    path_by_part: list[Step] = field(default_factory=list)
    """The longest path of the netlist in which submodules kept their borders, in order; set-up of
    the last register included. Empty where that netlist was not made."""
    corners: list[Corner] = field(default_factory=list)
    """Further timing corners than that of the library of the mapping."""
    equivalence: Equivalence | None = None
    """None where it has not been looked into: ``python -m synth equiv``."""
    schema: str = SCHEMA

    def __getitem__(self, name: str) -> float:
        return next(metric.value for metric in self.metrics if metric.name == name)

    def get(self, name: str) -> Metric | None:
        return next((metric for metric in self.metrics if metric.name == name), None)


def metric(name: str, value: float, source: str) -> Metric:
    """A metric of a known kind; six significant digits, more than any tool here warrants."""
    kind = KINDS[name]
    return Metric(name, float(f"{value:.6g}"), kind.unit, kind.better, source)


def save(path: Path, result: Result) -> Path:
    return write_json(path, {"schema": result.schema, **asdict(result)})


def load(path: Path) -> Result:
    """Read ``metrics.json``; :class:`BadInput` when it is none of this schema."""
    try:
        return from_dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(
            f"{path} is not a metrics file of schema {SCHEMA} ({error}); synthesise it anew"
        ) from error


def from_dict(data: dict[str, Any]) -> Result:
    if data.get("schema") != SCHEMA:
        raise ValueError(f"schema is {data.get('schema')!r}")
    path, provenance = data["critical_path"], data["provenance"]
    recording, equivalence = provenance.get("recording"), data.get("equivalence")
    return Result(
        **{
            **data,
            "provenance": Provenance(
                **{**provenance, "recording": recording and Recording(**recording)}
            ),
            "metrics": [Metric(**item) for item in data["metrics"]],
            "parts": [Part(**item) for item in data["parts"]],
            "memories": [MemoryUse(**item) for item in data.get("memories", [])],
            "branches": [Branch(**item) for item in data.get("branches", [])],
            "path_by_part": [Step(**item) for item in data.get("path_by_part", [])],
            "corners": [Corner(**item) for item in data.get("corners", [])],
            "equivalence": equivalence and Equivalence(**equivalence),
            "critical_path": path
            and CriticalPath(**{**path, "stages": [Stage(**stage) for stage in path["stages"]]}),
        }
    )
