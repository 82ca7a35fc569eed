"""Energies in the power tables of a Liberty file, between their points and beyond them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from ..library import Library
from ..library.liberty import Group, numbers
from ..mapping.yosys import Failed


def lookup(
    library: Library,
    group: Group,
    kind: str,
    slews: np.ndarray,
    edges: tuple[int, ...],
    load: np.ndarray | None,
) -> np.ndarray:
    """The table's energies, the mean over the edges that may be the cause."""
    tables = list(group.all(kind)) or list(group.all("power"))
    if not tables:
        return np.zeros(len(slews))
    slew_axis, load_axis, values = reader(library)(tables[0])
    here = [_interpolate(slew_axis, load_axis, values, slews[:, edge], load) for edge in edges]
    return np.mean(here, axis=0)


@cache
def reader(library: Library) -> Callable[[Group], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """A reader of the library's power tables: (slew axis, load axis, values[slew, load]).

    An axis that a table has not is one point, 0.
    """
    templates = {g.names[0]: g for g in library.root.all("power_lut_template") if g.names}
    known: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def read(table: Group) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if id(table) not in known:  # the library keeps its groups alive: an id stays one group's
            try:
                known[id(table)] = _table(table, templates.get((*table.names, "")[0]))
            except (ValueError, KeyError) as error:
                raise Failed(
                    f"library {library.name}: a table {table.kind} ({', '.join(table.names)})"
                    f" cannot be read: {error}"
                ) from error
        return known[id(table)]

    return read


def _table(table: Group, template: Group | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = np.array(table.table)
    axes: dict[str, np.ndarray] = {"slew": np.zeros(1), "load": np.zeros(1)}
    order = []
    for index in ("1", "2"):
        variable = template.simple.get(f"variable_{index}") if template else None
        if variable and values.size > 1:
            axis = "load" if "capacitance" in variable else "slew"
            stated = table.lists.get(f"index_{index}") or template.lists[f"index_{index}"]
            axes[axis] = np.array(numbers(stated))
            order.append(axis)
    values = values.reshape([axes[axis].size for axis in order] or [1])
    if order == ["load", "slew"]:
        values = values.T
    elif order == ["load"]:
        values = values[None, :]
    elif len(order) < 2:
        values = values[:, None]
    return axes["slew"], axes["load"], values


def _interpolate(
    slew_axis: np.ndarray,
    load_axis: np.ndarray,
    values: np.ndarray,
    slew: np.ndarray,
    load: np.ndarray | None,
) -> np.ndarray:
    """Bilinear between the points of the table and, as timing tools do, linear beyond its edges."""
    row, across = _place(slew_axis, slew)
    column, along = _place(load_axis, load if load is not None else np.zeros_like(slew))
    below = np.minimum(row + 1, len(slew_axis) - 1)
    right = np.minimum(column + 1, len(load_axis) - 1)
    upper = values[row, column] * (1 - along) + values[row, right] * along
    lower = values[below, column] * (1 - along) + values[below, right] * along
    return upper * (1 - across) + lower * across


def _place(axis: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(index of the point before, fraction of the way to the next), for each of ``at``."""
    if len(axis) == 1:
        return np.zeros(len(at), dtype=int), np.zeros(len(at))
    index = np.clip(np.searchsorted(axis, at, side="right") - 1, 0, len(axis) - 2)
    return index, (at - axis[index]) / (axis[index + 1] - axis[index])
