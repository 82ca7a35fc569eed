"""The fastest clock of a design, and its area against delay, by search over the period.

At each period every recipe is run anew, aiming for that period; OpenSTA's slack says whether the
netlist meets it. Mapping and sizing reckon with simpler delays than OpenSTA's, so a recipe that
misses, or that has slack to give back, aims once more, by as much as it was off. No figure is
extrapolated: fmax is the clock of a run whose slack was not negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..flow.options import Setup
from ..mapping.recipes import Recipe
from ..metrics import Result
from ..sources import Source
from . import curve
from .curve import Curve, Point

#: A target that nothing needs to be hurried for, in ns.
_LEISURE = 1000.0
#: Slack, as a share of the period, that is worth another try.
_WORTH = 0.03
#: How much more than it was off a recipe aims that missed.
_MARGIN = 0.99
#: How much slower than the fastest a recipe may be that the search for the fastest clock tries.
_HOPEFUL = 1.15
#: The first step of that search, as a share of the period, and the aims at each of its periods.
_FIRST_STEP = 0.04
_AIMS = (1.0, 0.85)


def search(
    setup: Setup, source: Source, recipes: list[Recipe], *, points: int, tolerance: float
) -> Curve:
    """The curve of ``source``, also written to ``build/fmax/NAME/curve.json``.

    ``points``: periods between the fastest and the smallest netlist; ``tolerance``: the share of
    the period to which fmax is found.
    """
    runs = _Runs(setup, source, recipes)
    runs.add([_Try(recipe, aim, setup.period) for recipe in recipes for aim in (None, _LEISURE)])
    if runs.good:
        _trace(runs, points)
        _hasten(runs, tolerance)
        _confirm(runs)
    found = runs.curve(points, tolerance)
    curve.save(setup.build / "fmax" / source.name / "curve.json", found)
    return found


@dataclass(frozen=True)
class _Try:
    recipe: Recipe
    target: float | None
    period: float


@dataclass
class _Runs:
    """The runs of one design so far."""

    setup: Setup
    source: Source
    recipes: list[Recipe]
    points: list[Point] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def add(self, tries: list[_Try]) -> list[Point]:
        """Run; the points of ``tries`` in order."""
        jobs = [
            self.setup.job(
                self.source, t.recipe.at(t.target), period=t.period, place=None, parts=False
            )
            for t in tries
        ]
        results = self.setup.run(jobs, label=f"fmax {self.source.name}")
        fresh = [
            Point(
                t.recipe.name,
                t.target,
                t.period,
                {m.name: m.value for m in result.metrics if m.name in curve.KEPT},
                result.error,
                result.provenance.command,
            )
            for t, result in zip(tries, results, strict=True)
        ]
        self.points += fresh
        self.results += results
        return fresh

    @property
    def good(self) -> list[Point]:
        return [p for p in self.points if not p.error and "critical_path" in p.metrics]

    def of(self, recipe: Recipe) -> list[Point]:
        return [point for point in self.good if point.recipe == recipe.name]

    def curve(self, points: int, tolerance: float) -> Curve:
        provenance = self.results[0].provenance
        recipes = " ".join(f"--recipe {recipe.name}" for recipe in self.recipes)
        met = [point.period for point in self.good if point.met]
        job = self.setup.job(self.source, self.recipes[0])
        # What a run has to be told beside the recipe and the period, the search has to be told too.
        told = job.command.partition(f" --recipe {job.recipe.name}")[2]
        options = told.removesuffix(" --activity default")
        return Curve(
            design=self.source.name,
            summary=self.source.summary,
            library=provenance.library,
            corner=provenance.corner,
            tools=provenance.tools,
            verilog_sha256=provenance.verilog_sha256,
            command=f"python -m synth fmax {self.source.name} {recipes}{options}"
            f" --points {points} --tolerance {100 * tolerance:g}",
            fmax=float(f"{1e3 / min(met):.6g}") if met else None,
            points=self.points,
        )


def _trace(runs: _Runs, number: int) -> None:
    """Try ``number`` periods from the least delay to that of the least area."""
    fastest = min(point.delay for point in runs.good)
    smallest = min(runs.good, key=lambda point: (point.area, point.delay)).delay
    ratio = max(smallest / fastest, 1.0)
    periods = [_ps(fastest * ratio ** (i / (number - 1))) for i in range(number)]
    tries = [
        _Try(recipe, period, period)
        for period in periods
        for recipe in runs.recipes
        if runs.of(recipe) and _may_help(runs, recipe, period)
    ]
    fresh = runs.add(tries)
    again = []
    for tried, point in zip(tries, fresh, strict=True):
        if point.error:
            continue
        off = tried.period / point.delay
        if off < 1:
            off *= _MARGIN
        reachable = min(p.delay for p in runs.of(tried.recipe)) <= tried.period
        if (off < 1 and reachable) or off > 1 + _WORTH:
            again.append(_Try(tried.recipe, _ps(tried.target * off), tried.period))
    runs.add([t for t in again if _may_help(runs, t.recipe, t.period)])


def _may_help(runs: _Runs, recipe: Recipe, period: float) -> bool:
    """Whether ``recipe`` may meet ``period`` with less area than what meets it already."""
    own = runs.of(recipe)
    if min(point.delay for point in own) > period * (1 + _WORTH):
        return False
    enough = [point.area for point in runs.good if point.delay <= period]
    return not enough or min(point.area for point in own) < min(enough)


def _hasten(runs: _Runs, tolerance: float) -> None:
    """Shorten the period for as long as any recipe meets it, in ever smaller steps."""
    step = max(_FIRST_STEP, tolerance)
    while step >= tolerance:
        best = min(point.delay for point in runs.good)
        period = _ps(best * (1 - step))
        fresh = runs.add(
            [
                _Try(recipe, _ps(period * aim), period)
                for recipe in runs.recipes
                if runs.of(recipe)
                and min(point.delay for point in runs.of(recipe)) <= best * _HOPEFUL
                for aim in _AIMS
            ]
        )
        if not any(point.met for point in fresh):
            step /= 2


def _confirm(runs: _Runs) -> None:
    """Run the fastest netlist once more at the clock that it gives."""
    best = min(runs.good, key=lambda point: point.delay)
    recipe = next(recipe for recipe in runs.recipes if recipe.name == best.recipe)
    runs.add([_Try(recipe, best.target, math.ceil(1e3 * best.delay - 1e-6) / 1e3)])


def _ps(time: float) -> float:
    """A time in ns to whole picoseconds."""
    return round(time, 3)
