"""What changed between two sets of figures: new, gone, better, worse, within the noise, traded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden.errors import BadInput

from .. import metrics
from ..metrics import KINDS, Result

BASELINE_SCHEMA = "bitpillar-baseline-1"
#: What designs are compared by, where both sides have it.
COMPARED = ("area", "critical_path", "energy", "memory_area")
#: Percent by which a figure moves although nothing of the design has changed but names: the largest
#: deviation that `python -m synth noise` found, rounded up (docs/compare.md).
NOISE = {"area": 0.5, "critical_path": 7.0, "energy": 0.4, "memory_area": 0.0}


@dataclass(frozen=True)
class Figures:
    """One side of a design. ``setting``: library, corner, recipe and clock of its figures."""

    design: str
    status: str
    error: str
    setting: str
    values: dict[str, float]

    @classmethod
    def of(cls, result: Result) -> Figures:
        p = result.provenance
        setting = f"{p.library} ({p.corner}), recipe {p.recipe}{p.mapping}, {p.period_ns:g} ns"
        values = {m.name: m.value for m in result.metrics}
        return cls(result.design, result.status, result.error, setting, values)


@dataclass(frozen=True)
class Change:
    """A design on both sides. ``percent``: metric -> change, positive for more.

    ``verdict``: "new", "gone", "failed" (it did not before), "mended", "same", "noise", "better",
    "worse" (the one side dominates the other beyond the noise) or "trade".
    """

    before: Figures | None
    after: Figures | None
    percent: dict[str, float]
    better: tuple[str, ...]
    worse: tuple[str, ...]
    verdict: str

    @property
    def design(self) -> str:
        names = dict.fromkeys(side.design for side in (self.before, self.after) if side)
        return " -> ".join(names)

    @property
    def settings_differ(self) -> bool:
        return bool(self.before and self.after and self.before.setting != self.after.setting)


def compare(
    before: list[Figures], after: list[Figures], noise: dict[str, float] | None = None
) -> list[Change]:
    """The changes, design by design; ``noise`` overrides :data:`NOISE`, in percent.

    One design against one other is compared whatever their names are.
    """
    band = NOISE | (noise or {})
    if len(before) == len(after) == 1:
        return [_change(before[0], after[0], band)]
    old = {figures.design: figures for figures in before}
    new = {figures.design: figures for figures in after}
    return [_change(old.get(name), new.get(name), band) for name in dict.fromkeys([*old, *new])]


def _change(before: Figures | None, after: Figures | None, noise: dict[str, float]) -> Change:
    if before is None or after is None:
        return Change(before, after, {}, (), (), "new" if before is None else "gone")
    if "failed" in (before.status, after.status):
        verdict = (
            "same"
            if before.status == after.status
            else ("failed" if after.status == "failed" else "mended")
        )
        return Change(before, after, {}, (), (), verdict)
    percent = {
        name: percents(before.values[name], after.values[name])
        for name in before.values.keys() & after.values.keys() & KINDS.keys()
    }
    worsening = {name: worsened(name, percent[name]) for name in COMPARED if name in percent}
    better = tuple(name for name, by in worsening.items() if -by > noise[name])
    worse = tuple(name for name, by in worsening.items() if by > noise[name])
    if better and worse:
        verdict = "trade"
    elif better or worse:
        verdict = "better" if better else "worse"
    else:
        verdict = "noise" if any(worsening.values()) else "same"
    return Change(before, after, percent, better, worse, verdict)


def percents(before: float, after: float) -> float:
    """The change in percent of ``before``; infinite where something came from nothing."""
    if before == after:
        return 0.0
    return 100 * (after - before) / abs(before) if before else float("inf") * (after - before)


def worsened(name: str, percent: float) -> float:
    """The change of a metric in percent, positive for the worse."""
    return -percent if KINDS[name].better == "higher" else percent


def load(path: Path) -> list[Figures]:
    """The figures of a ``metrics.json``, of a file of golden metrics, or of all ``metrics.json``
    below a folder. Raises :class:`BadInput` where there are none, or two of one design."""
    if not path.is_dir():
        return _read(path)
    found: dict[str, Path] = {}
    figures = []
    for file in sorted(path.rglob("metrics.json")):
        for each in _read(file):
            if each.design in found:
                raise BadInput(
                    f"{path} holds two results of {each.design}: {found[each.design]} and {file};"
                    " allowed: a folder with one of each design"
                )
            found[each.design] = file
            figures.append(each)
    if not figures:
        raise BadInput(f"{path} holds no metrics.json; `python -m synth run` makes them")
    return figures


def _read(path: Path) -> list[Figures]:
    try:
        data: Any = json.loads(path.read_text())
        if isinstance(data, dict) and data.get("schema") == BASELINE_SCHEMA:
            return [
                Figures(name, "ok", "", data["setting"], {k: float(v) for k, v in of.items()})
                for name, of in data["designs"].items()
            ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(f"{path} is not a file of metrics ({error})") from error
    return [Figures.of(metrics.load(path))]


def baseline(figures: list[Figures], command: str) -> dict[str, Any]:
    """Figures as a file of golden metrics, small enough to be kept beside the source."""
    settings = {each.setting for each in figures}
    failed = [each.design for each in figures if each.status != "ok"]
    if failed or len(settings) != 1:
        raise BadInput(f"golden metrics are of designs that work ({failed} failed) in one setting")
    return {
        "schema": BASELINE_SCHEMA,
        "command": command,
        "setting": settings.pop(),
        "designs": {
            each.design: {name: each.values[name] for name in COMPARED if name in each.values}
            for each in figures
        },
    }
