"""Area against delay of one design: what ``python -m synth fmax`` leaves and pictures are drawn of.

``build/fmax/NAME/curve.json`` is a :class:`Curve`; :func:`load` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from golden.errors import BadInput
from golden.files import write_json

from ..metrics.front import front as pareto

SCHEMA = "bitpillar-curve-1"
#: The metrics of a result that a point keeps.
KEPT = (
    "critical_path",
    "slack",
    "corner_path",
    "corner_slack",
    "area",
    "area_nand2",
    "energy",
    "leakage",
)


@dataclass(frozen=True)
class Point:
    """One run: ``recipe`` aiming for a delay of ``target`` ns (None: the least there is), judged at
    a clock of ``period`` ns. ``metrics``: name -> value, in the units of
    :data:`synth.metrics.KINDS`; empty for a run that failed, whose ``error`` says why. ``command``
    makes the same netlist."""

    recipe: str
    target: float | None
    period: float
    metrics: dict[str, float]
    error: str
    command: str

    @property
    def delay(self) -> float:
        """The critical path in ns, in the slowest corner where there are several."""
        return self.metrics.get("corner_path", self.metrics["critical_path"])

    @property
    def area(self) -> float:
        """The cell area in um2."""
        return self.metrics["area"]

    @property
    def met(self) -> bool:
        """Whether OpenSTA found no negative slack at ``period``, in any corner."""
        return self.metrics.get("corner_slack", self.metrics.get("slack", -1.0)) >= 0


@dataclass(frozen=True)
class Curve:
    """All runs of a design. ``fmax``: the fastest clock that a run met, in MHz; None when none."""

    design: str
    summary: str
    library: str
    corner: str
    tools: dict[str, str]
    verilog_sha256: str
    command: str
    fmax: float | None
    points: list[Point]
    schema: str = SCHEMA

    @property
    def good(self) -> list[Point]:
        """The runs that did not fail."""
        return [point for point in self.points if not point.error]

    @property
    def front(self) -> list[Point]:
        """The Pareto front, fastest first: no run is both faster and smaller than one of these."""
        return front(self.good)

    def smallest_at(self, period: float) -> Point | None:
        """The run of least area that is fast enough for ``period`` ns; None when there is none."""
        enough = [point for point in self.good if point.delay <= period]
        return min(enough, key=lambda point: (point.area, point.delay), default=None)


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no other is as good as in delay and in area, fastest first."""
    figures = [(point.delay, point.area) for point in points]
    return [points[index] for index in pareto(figures, ("lower", "lower"), repeats=False)]


def save(path: Path, curve: Curve) -> Path:
    """Write the curve; points say whether they met their period and lie on the front."""
    best = {id(point) for point in curve.front}
    points = [
        {**asdict(point), "met": point.met, "front": id(point) in best} for point in curve.points
    ]
    return write_json(path, {"schema": curve.schema, **asdict(curve), "points": points})


def load(path: Path) -> Curve:
    """Read ``curve.json``; :class:`BadInput` when it is none of this schema."""
    try:
        data: dict[str, Any] = json.loads(path.read_text())
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema is {data['schema']!r}")
        names = Point.__dataclass_fields__
        points = [Point(**{name: point[name] for name in names}) for point in data["points"]]
        return Curve(**{**data, "points": points})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput(
            f"{path} is not a curve of schema {SCHEMA} ({error}); `python -m synth fmax` makes one"
        ) from error
