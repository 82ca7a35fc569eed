"""Gates: what a change may cost, as rules in a TOML file (docs/compare.md)."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from golden.errors import BadInput, require

from ..metrics import KINDS
from .changes import COMPARED, Change, worsened


@dataclass(frozen=True)
class Gate:
    """Breaks where ``metric`` of a design that matches ``designs`` is worse by more than ``worse``
    percent; with ``trade``, only where nothing else got better for it beyond the noise."""

    metric: str
    worse: float
    designs: tuple[str, ...] = ("*",)
    trade: bool = False


@dataclass(frozen=True)
class Rules:
    """``noise``: bands in percent that replace those of :data:`~.changes.NOISE`; ``gone``: whether
    a design may disappear."""

    gates: tuple[Gate, ...] = ()
    noise: dict[str, float] = field(default_factory=dict)
    gone: bool = True

    def broken(self, change: Change) -> list[str]:
        """A line for each gate that ``change`` breaks; a design that fails anew breaks all."""
        name = change.design
        if change.verdict == "failed":
            return [f"{name} failed: {change.after.error}"]
        if change.verdict == "gone":
            return [] if self.gone else [f"{name} is gone"]
        lines = []
        for gate in self.gates:
            if gate.metric not in change.percent or not any(
                fnmatchcase(name, glob) for glob in gate.designs
            ):
                continue
            by = worsened(gate.metric, change.percent[gate.metric])
            if by > gate.worse and not (gate.trade and change.better):
                title = KINDS[gate.metric].title
                lines.append(f"{name}: {title} is {by:.1f} % worse; allowed: {gate.worse:g} %")
        return lines


def read(path: Path) -> Rules:
    """The rules of a file; :class:`BadInput` names what is wrong in it."""
    try:
        data = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(f"rules {path} cannot be read ({error})") from error
    where = f"rules {path}: "
    _known(where, data, ("gate", "noise", "gone"))
    noise = data.get("noise", {})
    require(isinstance(noise, dict), f"{where}noise", noise, "a table of percents")
    _known(f"{where}noise: ", noise, COMPARED)
    for name, band in noise.items():
        _percent(f"{where}noise of {name}", band)
    gone = data.get("gone", True)
    require(isinstance(gone, bool), f"{where}gone", gone, "true or false")
    gates = data.get("gate", [])
    require(isinstance(gates, list), f"{where}gate", gates, "[[gate]] tables")
    return Rules(tuple(_gate(where, gate) for gate in gates), noise, gone)


def _gate(where: str, data: Any) -> Gate:
    require(isinstance(data, dict), f"{where}gate", data, "a [[gate]] table")
    _known(f"{where}gate: ", data, ("metric", "worse", "designs", "trade"))
    for name in ("metric", "worse"):
        require(name in data, f"{where}gate", data, f"one with {name!r}")
    names = [name for name, kind in KINDS.items() if kind.better]
    require(data["metric"] in names, f"{where}metric", data["metric"], ", ".join(names))
    _percent(f"{where}worse", data["worse"])
    designs = data.get("designs", ["*"])
    globs = isinstance(designs, list) and designs and all(isinstance(g, str) for g in designs)
    require(bool(globs), f"{where}designs", designs, "a list of names or globs")
    trade = data.get("trade", False)
    require(isinstance(trade, bool), f"{where}trade", trade, "true or false")
    return Gate(data["metric"], float(data["worse"]), tuple(designs), trade)


def _known(where: str, data: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in data:
        require(name in names, f"{where}key", name, ", ".join(names))


def _percent(what: str, value: Any) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    require(good and math.isfinite(value) and value >= 0, what, value, "a percentage from 0")
