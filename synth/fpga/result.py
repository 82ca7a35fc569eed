"""Results on FPGAs: ``build/fpga/TARGET/NAME.json``, one :class:`FpgaResult` each.

:func:`load_all` is what a page of results reads. A design that failed has status "failed" and its
``error``; what it would use is there wherever mapping came that far.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from golden.errors import BadInput
from golden.files import write_json

from ..metrics import Kind, Metric

SCHEMA = "bitpillar-fpga-1"

KINDS = {
    "lut": Kind("LUT", "", "lower", "lookup tables of the design alone, as mapped by Yosys"),
    "lutram": Kind("as memory", "", "lower", "of these, lookup tables used as memory"),
    "carry": Kind("carry", "", "lower", "cells of carry chains beside the lookup tables"),
    "ff": Kind("FF", "", "lower", "flip-flops of the design alone"),
    "mux": Kind("mux", "", "lower", "multiplexers that join lookup tables"),
    "dsp": Kind("DSP", "", "lower", "multiplier blocks"),
    "bram": Kind("BRAM", "", "lower", "memory blocks: of 18 Kbit; of 4 Kbit on ice40"),
    "spram": Kind("SPRAM", "", "lower", "memory blocks of 256 Kbit"),
    "fmax": Kind(
        "fmax",
        "MHz",
        "higher",
        "after routing, between registers at every port",
    ),
}


@dataclass(frozen=True)
class FpgaProvenance:
    """Where all figures of a result come from, and the command that makes them again."""

    tools: dict[str, str]
    target: str
    device: str
    part: str
    synth: str
    """The Yosys command that maps."""
    nextpnr: str
    """The arguments of nextpnr; empty where a design is only mapped."""
    seed: int
    verilog_sha256: str
    command: str

    def line(self) -> str:
        """One line, as shown on hover."""
        tools = ", ".join(f"{name} {version}" for name, version in self.tools.items())
        seed = f"; seed {self.seed}" if self.nextpnr else ""
        return (
            f"{tools}; {self.part}{seed}; Verilog sha256 {self.verilog_sha256[:12]}; {self.command}"
        )


@dataclass(frozen=True)
class FpgaPath:
    """The longest path: ns in cells and on wires, and the cells at which it begins and ends.

    ``harness``: whether it lies in the harness alone, so that the design itself may be faster.
    """

    delay: float
    logic: float
    routing: float
    start: str
    end: str
    harness: bool


@dataclass(frozen=True)
class FpgaResult:
    """What a design uses of a device, and how fast it is on it.

    ``device_use``: by kind of nextpnr's cells, those used and those there are; with the harness.
    """

    design: str
    family: str
    summary: str
    status: str
    error: str
    provenance: FpgaProvenance
    metrics: list[Metric] = field(default_factory=list)
    device_use: dict[str, dict[str, int]] = field(default_factory=dict)
    critical_path: FpgaPath | None = None
    schema: str = SCHEMA

    def get(self, name: str) -> Metric | None:
        return next((metric for metric in self.metrics if metric.name == name), None)


def metric(name: str, value: float, source: str) -> Metric:
    kind = KINDS[name]
    return Metric(name, value, kind.unit, kind.better, source)


def folder(build: Path, target: str) -> Path:
    """Where results of a target lie."""
    return build / "fpga" / target


def save(path: Path, result: FpgaResult) -> Path:
    return write_json(path, to_dict(result))


def to_dict(result: FpgaResult) -> dict:
    return {"schema": result.schema, **asdict(result)}


def load(path: Path) -> FpgaResult:
    """Read one result; :class:`BadInput` when the file is none of this schema."""
    try:
        return from_dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput(
            f"{path} is not a result of schema {SCHEMA} ({error}); run `python -m synth fpga` anew"
        ) from error


def from_dict(data: dict) -> FpgaResult:
    if data.get("schema") != SCHEMA:
        raise ValueError(f"schema is {data.get('schema')!r}")
    path = data["critical_path"]
    return FpgaResult(
        **{
            **data,
            "provenance": FpgaProvenance(**data["provenance"]),
            "metrics": [Metric(**item) for item in data["metrics"]],
            "critical_path": path and FpgaPath(**path),
        }
    )


def load_all(build: Path = Path("build")) -> dict[str, list[FpgaResult]]:
    """By target, the results that there are, in the order of their names; {} without any."""
    found: dict[str, list[FpgaResult]] = {}
    for path in sorted((build / "fpga").glob("*/*.json")):
        found.setdefault(path.parent.name, []).append(load(path))
    return found
