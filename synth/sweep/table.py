"""The table of a sweep: a row a point, tidy; and the pictures that may be made from its columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet

from golden.errors import BadInput
from golden.files import write_atomic
from golden.version import __version__

from ..metrics import KINDS
from .points import Point

SCHEMA = "bitpillar-sweep-1"
_FIRST = ("status", "stage", "error", "label", "kind", "base", "design")
_SETTINGS = ("recipe", "target_ns", "period_ns", "library", "corner")
_PROVENANCE = (
    "tools", "library_sha256", "activity", "memories", "hierarchical", "verilog_sha256",
    "point_sha256", "bitpillar", "command",
)  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class Plot:
    """Columns across and up, each a column or one divided by others ("area / lanes"); columns that
    choose colour, mark and panel, "" for none. The Pareto front is that of each panel."""

    x: str = "critical_path"
    y: str = "area"
    colour: str = ""
    marker: str = ""
    panel: str = ""

    @property
    def name(self) -> str:
        """What its file is called."""
        parts = [self.y, self.x, *([self.panel] if self.panel else [])]
        return re.sub(r"[^a-z0-9]+", "-", "-by-".join(parts).lower())

    @property
    def column(self) -> str:
        """The column that says which points are on its front."""
        return f"front_{self.name.replace('-', '_')}"

    @property
    def directed(self) -> bool:
        """Whether both axes have a better end, so that there is a front."""
        return bool(better(self.x) and better(self.y))


def better(expression: str) -> str:
    """ "lower", "higher", or "" for a column that is no figure."""
    kind = KINDS.get(_terms(expression)[0])
    return kind.better if kind else ""


def unit(expression: str) -> str:
    """The unit of an axis, as a label has it: "um2 / lanes"."""
    first, *others = _terms(expression)
    kind = KINDS.get(first)
    title = f"{kind.title}, {kind.unit}" if kind and kind.unit else kind.title if kind else first
    return " / ".join([title.replace("um2", "µm²"), *others])


def evaluate(expression: str, row: Mapping[str, Any]) -> float | None:
    """The figure in a row; None where one of its columns is empty."""
    first, *others = (row.get(name) for name in _terms(expression))
    if first is None or not all(others):
        return None
    value = float(first)
    for other in others:
        value /= other
    return value


def _terms(expression: str) -> list[str]:
    return [term.strip() for term in expression.split("/")]


def check_plots(tables: list[dict[str, Any]], points: Sequence[Point]) -> list[Plot]:
    """The plots that a sweep file asks for, over columns that its table will have."""
    texts = {"label", "kind", "base", "recipe", "library", "design"}
    numbers = {*KINDS, "period_ns", "target_ns"}
    for point in points:
        for name, value in point.fields.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            (numbers if number else texts).add(name)
    plots = []
    for number, given in enumerate(tables, 1):
        for key, value in given.items():
            if key not in Plot.__dataclass_fields__:
                allowed = ", ".join(Plot.__dataclass_fields__)
                raise BadInput(f"plot {number}: {key!r} is not known; allowed: {allowed}")
            axis = key in ("x", "y")
            allowed = numbers if axis else texts | numbers
            names = _terms(value) if axis and isinstance(value, str) else [value]
            for name in names:
                if name not in allowed:
                    columns = ", ".join(sorted(allowed))
                    raise BadInput(f"plot {number}: {key} is {value!r}; allowed: {columns}")
        plots.append(Plot(**given))
    names = [plot.name for plot in plots]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise BadInput(f"plot {number + 1} has the axes of an earlier one; allowed: others")
    return plots


def row(point: Point, record: Mapping[str, Any], command: str) -> Row:
    """One row. ``record``: what :mod:`.work` found of the point."""
    result = record.get("result") or {}
    provenance = result.get("provenance", {})
    tools = ", ".join(f"{name} {v}" for name, v in provenance.get("tools", {}).items())
    found: Row = {
        "status": record["status"],
        "stage": record["stage"],
        "error": record["error"],
        "label": point.label,
        "kind": point.kind,
        "base": point.base,
        "design": point.design.name if point.design else "",
        **{_field(name): value for name, value in point.fields.items()},
        "recipe": point.recipe.name,
        "target_ns": point.recipe.target_ns,
        "period_ns": point.period,
        "library": point.library.name,
        "corner": provenance.get("corner"),
    }
    found |= {metric["name"]: float(metric["value"]) for metric in result.get("metrics", [])}
    found |= {name: provenance.get(name) for name in _PROVENANCE}
    return found | {
        "tools": tools or None,
        "point_sha256": record.get("key"),
        "bitpillar": __version__,
        "command": command,
    }


def _field(name: str) -> str:
    """The column of a configuration's field: its name, unless another column has it."""
    taken = name in KINDS or name in (*_FIRST, *_SETTINGS, *_PROVENANCE)
    return f"config_{name}" if taken else name


def table(rows: Sequence[Row], text: str) -> pa.Table:
    """The rows as an Arrow table. Columns of figures say their unit, which direction is better and
    what they mean; ``text``, the sweep file, is in the table's metadata."""
    last = (*_SETTINGS, *KINDS, *_PROVENANCE)
    names = list(dict.fromkeys(name for each in rows for name in each))
    metrics = [name for name in names if name in KINDS]
    fronts = [name for name in names if name.startswith("front_")]
    config = [name for name in names if name not in (*_FIRST, *last, *fronts)]
    fields, columns = [], []
    for name in (*_FIRST, *config, *_SETTINGS, *metrics, *fronts, *_PROVENANCE):
        values = [each.get(name) for each in rows]
        if name not in KINDS:
            values, kind = _of_one_type(values)
        else:
            kind = pa.float64()
        about = KINDS.get(name)
        facts = about and {"unit": about.unit, "better": about.better, "meaning": about.meaning}
        fields.append(pa.field(name, kind, metadata=facts))
        columns.append(pa.array(values, kind))
    metadata = {"schema": SCHEMA, "sweep": text}
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=metadata))


def _of_one_type(values: list[Any]) -> tuple[list[Any], pa.DataType]:
    present = {type(value) for value in values if value is not None}
    for types, kind in (
        ({bool}, pa.bool_()),
        ({int}, pa.int64()),
        ({int, float}, pa.float64()),
    ):
        if present and present <= types:
            return values, kind
    return [value if value is None else str(value) for value in values], pa.string()


def write(folder: Path, found: pa.Table) -> Iterable[Path]:
    """``points.parquet`` and ``points.csv``."""
    sink = pa.BufferOutputStream()
    parquet.write_table(found, sink)
    yield write_atomic(folder / "points.parquet", sink.getvalue().to_pybytes())
    sink = pa.BufferOutputStream()
    csv.write_csv(found, sink)
    yield write_atomic(folder / "points.csv", sink.getvalue().to_pybytes())
