"""The points of a sweep: configurations with a recipe, a period and a library each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, get_type_hints

from golden.errors import BadInput
from golden.formats import Format
from golden.unit import Config
from hw.catalog import CATALOG, COMPONENTS, Design

from ..mapping.recipes import Recipe
from .values import columns, convert

KINDS: dict[str, type[Config]] = {kind.__name__: kind for kind in COMPONENTS}
"""Configurations that a sweep can go over, by name."""


@dataclass(frozen=True)
class Point:
    """One row of the table. ``design`` is None where no configuration has these ``fields``: then
    ``error`` says why. ``fields``: columns of the configuration."""

    kind: str
    base: str
    label: str
    fields: Mapping[str, Any]
    recipe: Recipe
    period: float
    library: Path
    design: Design | None
    error: str = ""


@dataclass(frozen=True)
class Grid:
    """All combinations of ``cases`` (fields that change together), of ``axes`` (fields by
    themselves), and of recipes, periods and libraries."""

    where: str
    kind: type[Config]
    base: Design | None
    hierarchical: bool
    cases: list[tuple[str, dict[str, Any]]]
    axes: dict[str, list[Any]]
    recipes: list[Recipe]
    periods: list[float]
    libraries: list[Path]
    start: dict[str, Any] = field(default_factory=dict)

    def points(self) -> Iterator[Point]:
        """The points in order: cases outermost, libraries innermost."""
        combinations = product(
            self.cases,
            *([(name, value) for value in values] for name, values in self.axes.items()),
        )
        for (label, case), *axes in combinations:
            changes = nested([*case.items(), *axes])
            values, error = self.start | changes, ""
            design = None
            try:
                config = self.kind(**_applied(self.start, changes))
                values = {f.name: getattr(config, f.name) for f in fields(config)}
                design = design_of(config, self.hierarchical)
            except (ValueError, TypeError, ArithmeticError) as problem:
                error = " ".join(str(problem).split()) or repr(problem)
            for recipe, period, library in product(self.recipes, self.periods, self.libraries):
                yield Point(
                    kind=self.kind.__name__,
                    base=self.base.name if self.base else "",
                    label=label,
                    fields=columns(values),
                    recipe=recipe,
                    period=period,
                    library=library,
                    design=design,
                    error=error,
                )


def starting_values(kind: type[Config], base: Design | None) -> dict[str, Any]:
    """The fields of ``base``, or the defaults of ``kind``: what a grid's changes are made to."""
    if base:
        return {f.name: getattr(base.config, f.name) for f in fields(base.config)}
    found = {}
    for f in fields(kind):
        if f.default is not MISSING:
            found[f.name] = f.default
        elif f.default_factory is not MISSING:
            found[f.name] = f.default_factory()
    return found


def leaf(kind: type, path: str, start: Mapping[str, Any], value: Any) -> Any:
    """``value`` converted to the field of ``kind`` at ``path``, "field" or "part.field" and so on.

    :class:`BadInput`: "PATH is VALUE; allowed: ...".
    """
    parts = path.split(".")
    current, at = kind, start.get(parts[0])
    for depth, part in enumerate(parts):
        known = [f.name for f in fields(current)]
        if part not in known:
            raise BadInput(
                f"field {path!r} is not one of {current.__name__}; allowed: {', '.join(known)}"
            )
        hint = _hints(current)[part]
        if depth < len(parts) - 1:
            if not is_dataclass(at) or isinstance(at, Format):
                raise BadInput(f"field {path!r} has no parts; allowed: {part}")
            current, at = type(at), getattr(at, parts[depth + 1], None)
    try:
        return convert(value, hint)
    except BadInput as error:
        raise BadInput(f"{path} is {value!r}; allowed: {error}") from error


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def nested(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """``{"a": 1, "b.c": 2}`` as ``{"a": 1, "b": {"c": 2}}``."""
    found: dict[str, Any] = {}
    for path, value in items:
        *parts, name = path.split(".")
        into = found
        for part in parts:
            into = into.setdefault(part, {})
        into[name] = value
    return found


def _applied(start: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``start`` with ``changes``, those of a part in a copy of the part."""
    found = dict(start)
    for name, value in changes.items():
        if isinstance(value, dict):
            part = found[name]
            inner = {f.name: getattr(part, f.name) for f in fields(part)}
            value = replace(part, **{k: _applied(inner, value)[k] for k in value})
        found[name] = value
    return found


def design_of(config: Config, hierarchical: bool) -> Design:
    """The design of the catalog that ``config`` is, or one under a name made from it, so that the
    same configuration has the same Verilog wherever it turns up."""
    for design in _catalog(type(config)):
        if design.config == config and design.hierarchical == hierarchical:
            return design
    kind = type(config).__name__
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.removesuffix("Config")).lower()
    digest = hashlib.sha256(repr(config).encode()).hexdigest()[:10]
    values = columns({f.name: getattr(config, f.name) for f in fields(config)})
    return Design(
        f"{snake}_{digest}",
        config,
        f"{kind}: " + ", ".join(f"{name} {value}" for name, value in values.items()),
        "a point of a sweep",
        "sweep",
        hierarchical,
    )


@cache
def _catalog(kind: type[Config]) -> tuple[Design, ...]:
    return tuple(design for design in CATALOG if type(design.config) is kind)
