"""A sweep file: TOML that says which points, and which pictures of them. docs/synthesis.md has the
whole of it. Everything in it is checked before anything is run, with one line for what is wrong."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from golden.errors import BadInput, require
from hw.catalog import CATALOG

from ..flow.options import DEFAULT_PERIOD, positive
from ..flow.stimulus import Stimulus
from ..library import DEFAULT_LIBERTY
from ..mapping import recipes
from .points import KINDS, Grid, Point, leaf, starting_values
from .table import Plot, check_plots

TIMEOUT = 1800.0
_GRID = {
    "base", "config", "fields", "cases", "hierarchical", "recipe", "target", "period", "library",
}  # fmt: skip
_SETTINGS = {"recipe", "target", "period", "library"}
_TOP = {"title", "timeout", "activity", "beats", "seed", "grid", "plot", *_SETTINGS}
_ACTIVITIES = ("default", "vectors")


@dataclass(frozen=True)
class Sweep:
    """A sweep file, read. ``timeout``: seconds that one tool may take for one point; ``stimulus``:
    what power's activity is recorded from, None for default activity."""

    name: str
    title: str
    text: str
    path: Path
    points: list[Point]
    plots: list[Plot]
    timeout: float
    stimulus: Stimulus | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that tell one point from another."""
        rows = [
            {"label": p.label}
            | dict(p.fields)
            | {"recipe": p.recipe.name, "target_ns": p.recipe.target_ns}
            | {"period_ns": p.period, "library": p.library.name}
            for p in self.points
        ]
        names = dict.fromkeys(name for row in rows for name in row)
        return [name for name in names if len({row.get(name) for row in rows}) > 1]


def read(path: Path) -> Sweep:
    """The sweep that the file describes; :class:`BadInput` with what is wrong in it, where."""
    try:
        text = path.read_text()
        data = tomllib.loads(text)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    except ValueError as error:  # of TOML's grammar, or of UTF-8
        raise BadInput(f"{path} is not TOML: {error}") from error
    if not re.fullmatch(r"[A-Za-z0-9_-]+", path.stem):
        raise BadInput(f"sweep file is {path.name!r}; allowed: letters, digits, _ and -, .toml")
    try:
        return _sweep(path, text, data)
    except BadInput as error:
        raise BadInput(f"{path.name}: {error}") from error


def _sweep(path: Path, text: str, data: dict[str, Any]) -> Sweep:
    _known(data, _TOP, "")
    timeout = data.get("timeout", TIMEOUT)
    if not _number(timeout) or not 1 <= timeout < math.inf:
        raise BadInput(f"timeout is {timeout!r}; allowed: seconds, 1 or more")
    title = data.get("title", path.stem)
    if not isinstance(title, str):
        raise BadInput(f"title is {title!r}; allowed: a string")
    grids = _tables(data, "grid")
    if not grids:
        raise BadInput("there is no [[grid]]; allowed: one or more")
    common = {name: data[name] for name in _SETTINGS & data.keys()}
    points: dict[Any, Point] = {}
    for number, grid in enumerate(grids, 1):
        where = f"grid {number}"
        _known(grid, _GRID, f"{where}: ")
        for point in _grid(where, common | grid, path.parent).points():
            what = point.design or (point.kind, tuple(point.fields.items()))
            points.setdefault((what, point.recipe, point.period, point.library), point)
    found = list(points.values())
    plots = check_plots(_tables(data, "plot") or [{}], found)
    return Sweep(path.stem, title, text, path, found, plots, float(timeout), _stimulus(data))


def _stimulus(data: Mapping[str, Any]) -> Stimulus | None:
    activity = data.get("activity", "default")
    require(activity in _ACTIVITIES, "activity", activity, ", ".join(_ACTIVITIES))
    given = {name: data[name] for name in ("beats", "seed") if name in data}
    for name, value in given.items():
        good = isinstance(value, int) and not isinstance(value, bool) and value >= (name == "beats")
        require(good, name, value, "an integer, 1 or more" if name == "beats" else "0 or more")
        require(activity == "vectors", name, value, 'none without activity = "vectors"')
    return Stimulus(**given) if activity == "vectors" else None


def _grid(where: str, data: dict[str, Any], folder: Path) -> Grid:
    base = kind = None
    if ("base" in data) == ("config" in data):
        raise BadInput(f"{where}: allowed: either base (a design) or config (a kind)")
    if "base" in data:
        base = next((d for d in CATALOG if d.name == data["base"]), None)
        if base is None:
            raise BadInput(
                f"{where}: base is {data['base']!r}; allowed: a design of `python -m hw list`"
            )
        kind = type(base.config)
    else:
        kind = KINDS.get(str(data["config"]))
        if kind is None:
            raise BadInput(f"{where}: config is {data['config']!r}; allowed: {', '.join(KINDS)}")
    hierarchical = data.get("hierarchical", base.hierarchical if base else False)
    if not isinstance(hierarchical, bool):
        raise BadInput(f"{where}: hierarchical is {hierarchical!r}; allowed: true, false")
    start = starting_values(kind, base)

    def value(path: str, given: Any) -> Any:
        try:
            return leaf(kind, path, start, given)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from error

    axes = {}
    for path, given in _flat(_table(data, "fields", where)).items():
        values = given if isinstance(given, list) else [given]
        if not values:
            raise BadInput(f"{where}: {path} is []; allowed: one value or more")
        axes[path] = [value(path, each) for each in values]
    cases: list[tuple[str, dict[str, Any]]] = []
    if data.get("cases") == []:
        raise BadInput(f"{where}: cases is []; allowed: one or more")
    for number, case in enumerate(_tables(data, "cases", where), 1):
        label = case.pop("label", "")
        if not isinstance(label, str):
            raise BadInput(f"{where}: label of case {number} is {label!r}; allowed: a string")
        flat = {path: value(path, given) for path, given in _flat(case).items()}
        both = sorted(flat.keys() & axes.keys())
        if both:
            raise BadInput(f"{where}: {both[0]} is in a case and in fields; allowed: one of them")
        cases.append((label, flat))
    cases = cases or [("", {})]
    for f in fields(kind):
        required = f.default is MISSING and f.default_factory is MISSING and base is None
        if required and f.name not in axes and not all(f.name in case for _, case in cases):
            raise BadInput(f"{where}: {kind.__name__} needs {f.name}, which is not in every case")
    return Grid(
        where=where,
        kind=kind,
        base=base,
        hierarchical=hierarchical,
        cases=cases,
        axes=axes,
        recipes=[
            recipes.find(name).at(target)
            for name in _strings(data, "recipe", where, recipes.DEFAULT)
            for target in _times(data, "target", where, "none")
        ],
        periods=_times(data, "period", where, DEFAULT_PERIOD),
        libraries=[
            (folder / name).resolve()
            for name in _strings(data, "library", where, str(DEFAULT_LIBERTY))
        ],
        start=start,
    )


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A table of tables by path: what TOML makes of ``part.field = 1``."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _times(
    data: Mapping[str, Any], name: str, where: str, default: float | str
) -> list[float | None]:
    """Times in ns; None for "none", where that is the default."""
    given = data.get(name, default)
    found = given if isinstance(given, list) else [given]
    if not found:
        raise BadInput(f"{where}: {name} is []; allowed: one value or more")
    times: list[float | None] = []
    for each in found:
        if each == default == "none":
            times.append(None)
        elif _number(each):
            positive(f"{where}: {name}", float(each))
            times.append(float(each))
        else:
            raise BadInput(f"{where}: {name} is {each!r}; allowed: ns")
    return times


def _strings(data: Mapping[str, Any], name: str, where: str, default: str) -> list[str]:
    given = data.get(name, default)
    found = given if isinstance(given, list) else [given]
    if not found or not all(isinstance(each, str) for each in found):
        raise BadInput(f"{where}: {name} is {given!r}; allowed: a string, or a list of them")
    return found


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _known(table: Mapping[str, Any], names: set[str], where: str) -> None:
    for name in table:
        if name not in names:
            raise BadInput(f"{where}{name!r} is not known; allowed: {', '.join(sorted(names))}")


def _table(data: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    found = data.get(name, {})
    if not isinstance(found, dict):
        raise BadInput(f"{where}: {name} is {found!r}; allowed: a table")
    return found


def _tables(data: Mapping[str, Any], name: str, where: str = "") -> list[dict[str, Any]]:
    found = data.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadInput(f"{where}{': ' * bool(where)}{name} is {found!r}; allowed: a list of tables")
    return [dict(each) for each in found]
