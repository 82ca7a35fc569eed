"""A design and the device for it; the address of the result in the cache."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from golden.errors import BadInput

from ..cache import address
from ..mapping import yosys
from ..sources import Source
from .harness import harness
from .result import folder
from .targets import TARGETS, Device, Target

FREQUENCY = 200
"""MHz that placement aims at, out of reach of most units here: it then does what it can."""
#: The files whose text decides what comes out.
_DECIDING = ("synth/fpga/*.py", "synth/mapping/yosys_worker.py")


@dataclass(frozen=True)
class Job:
    """A design, and the device for it."""

    source: Source
    target: Target
    device: str
    seed: int
    build: Path
    timeout: float = 1800.0

    @property
    def chosen(self) -> Device:
        return self.target.device(self.device)

    @property
    def synth(self) -> str:
        """The Yosys command, but for the top module."""
        return f"{self.target.synth} {self.chosen.synth}".rstrip()

    @property
    def nextpnr(self) -> list[str]:
        """Arguments of nextpnr that decide what comes out; none where a design is only mapped."""
        if not self.target.nextpnr:
            return []
        pins = "--lpf-allow-unconstrained" if self.target.name == "ecp5" else ""
        options = [*self.chosen.nextpnr, pins, "--freq", str(FREQUENCY), "--seed", str(self.seed)]
        return [option for option in options if option]

    @property
    def key(self) -> str:
        """The cache's address of the result."""
        facts = {
            "verilog": self.source.sha256,
            "harness": self.harness,
            "top": self.source.name,
            "synth": self.synth,
            "nextpnr": self.nextpnr,
            "tools": tools(self.target),
            "flow": address.of_files(*_DECIDING),
        }
        return address.of_facts(facts)

    @property
    def harness(self) -> str:
        source = self.source
        return harness(source.name, ports(source), source.clock, source.reset)

    @property
    def cached(self) -> Path:
        return self.build / "cache" / "fpga" / f"{self.key}.json"

    @property
    def output(self) -> Path:
        return folder(self.build, self.target.name) / f"{self.source.name}.json"

    @property
    def command(self) -> str:
        """What to type for the same figures (from the project's folder)."""
        parts = [f"python -m synth fpga {self.source.name} --target {self.target.name}"]
        parts.append(f"--device {self.device}")
        return " ".join([*parts, *([f"--seed {self.seed}"] if self.nextpnr else [])])


@cache
def _tools(name: str) -> dict[str, str]:
    found = {"Yosys": yosys.yosys_version()}
    if TARGETS[name].nextpnr:
        found_name, number = package(TARGETS[name])
        found[found_name.removeprefix("yowasp-")] = number
    return found


def package(target: Target) -> tuple[str, str]:
    """The package of nextpnr for a target, and its version."""
    name = target.nextpnr.partition(":")[0].replace("_", "-")
    try:
        return name, version(name)
    except PackageNotFoundError as error:
        raise BadInput(f"{name} is not installed; `make setup` installs it") from error


def tools(target: Target) -> dict[str, str]:
    """The versions of the tools for a target; :class:`BadInput` when one is missing."""
    return _tools(target.name)


def ports(source: Source) -> list[dict[str, Any]]:
    """The ports that the manifest of a source states."""
    path = source.verilog.with_suffix(".json")
    found = json.loads(path.read_text()).get("ports")
    if not found or any({"name", "direction", "width"} - port.keys() for port in found):
        raise BadInput(f"manifest {path} states no ports; allowed: name, direction, width of each")
    return found
