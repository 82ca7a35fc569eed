"""The one schema of results. Tables, plots and pages are drawn from it and from nothing else.

``build/synth/NAME/metrics.json`` is a :class:`Result`: what the design is, where its figures come
from (``provenance``, common to all its figures), the figures, and breakdowns of them. A design that
could not be synthesised has ``status`` "failed", its ``error`` and no figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .kinds import KINDS

SCHEMA = "bitpillar-metrics-1"


@dataclass(frozen=True)
class Metric:
    """One figure. ``source``: the tool that gave it and how."""

    name: str
    value: float
    unit: str
    better: str
    source: str


def metric(name: str, value: float, source: str) -> Metric:
    """A metric of a known kind; six significant digits, more than any tool here warrants."""
    kind = KINDS[name]
    return Metric(name, float(f"{value:.6g}"), kind.unit, kind.better, source)


@dataclass(frozen=True)
class Recording:
    """The switching activity that power comes from: recorded in ``cycles`` of the netlist while
    ``beats`` (or what else ``moved``) of ``stimulus`` went in; ``compared`` output beats were those
    of the golden model, every bit (or what else was ``equal``). ``coverage``: the share of ``nets``
    whose activity is known."""

    stimulus: str
    seed: int
    beats: int
    cycles: int
    compared: int
    nets: int
    coverage: float
    moved: str = "beats"
    equal: str = "output beats equal to golden"

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
    power: float | None = None
    """mW of its cells: of a module that occurs elsewhere too, the mean of all. None where it comes
    from default activity."""


@dataclass(frozen=True)
class MemoryUse:
    """A kind of memory in a design. Area in um2, energies in pJ an access, leakage in uW: of each
    of ``count``. ``macro``: of which macros of the user's each is made, "" for the model."""

    words: int
    width: int
    reads: int
    writes: int
    count: int
    area: float
    read_energy: float
    write_energy: float
    leakage: float
    macro: str = ""

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
