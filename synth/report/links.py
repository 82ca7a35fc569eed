"""Other results of a design: its curves of area against delay, and its rows on FPGAs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..fmax import curve
from ..fmax.curve import Curve
from ..fpga.result import FpgaResult, load_all


@dataclass(frozen=True)
class Links:
    """``fpga``: by target, in the order of their names."""

    curve: Curve | None = None
    fpga: dict[str, FpgaResult] = field(default_factory=dict)


def load_curves(build: Path) -> dict[str, Curve]:
    """The curves by design; :class:`BadInput` for one that cannot be read."""
    paths = sorted((build / "fmax").glob("*/curve.json"))
    return {found.design: found for found in map(curve.load, paths)}


def load_fpga(build: Path) -> dict[str, dict[str, FpgaResult]]:
    """By design and target."""
    found: dict[str, dict[str, FpgaResult]] = {}
    for target, results in load_all(build).items():
        for result in results:
            found.setdefault(result.design, {})[target] = result
    return found


def links(build: Path) -> dict[str, Links]:
    """What else is known of each design."""
    curves, devices = load_curves(build), load_fpga(build)
    return {name: Links(curves.get(name), devices.get(name, {})) for name in {*curves, *devices}}
