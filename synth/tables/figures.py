"""Figures as tables show them, and the columns of a table of results."""

from __future__ import annotations

from ..metrics import KINDS, Result

COLUMNS = (
    "area",
    "area_nand2",
    "cells",
    "flip_flops",
    "critical_path",
    "fmax",
    "power",
    "energy",
    "energy_operation",
)
#: What switching activity decides.
POWER_COLUMNS = ("power", "energy", "energy_operation")
#: After these, where netlists were timed in several corners.
CORNER_COLUMNS = ("corner_path", "corner_slack")
#: After these, where a design has memories.
MEMORY_COLUMNS = ("memory_bits", "memory_area")


def columns(results: list[Result]) -> tuple[str, ...]:
    """The metrics that a table of ``results`` has a column for."""
    memories = any(result.memories for result in results)
    corners = any(result.corners for result in results)
    return COLUMNS + (CORNER_COLUMNS if corners else ()) + (MEMORY_COLUMNS if memories else ())


def shown(value: float) -> str:
    """Three significant digits, whole numbers in full: what such a flow can warrant."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def figure(result: Result, name: str) -> str:
    """A metric in a table: "~" before power that is estimated, the operation after its energy."""
    found = result.get(name)
    if not found:
        return "-"
    about = "~" if name in POWER_COLUMNS and not result.provenance.measured else ""
    after = f" / {result.provenance.operation}" if name == "energy_operation" else ""
    return f"{about}{shown(found.value)}{after}"


def heading(name: str) -> str:
    kind = KINDS[name]
    return f"{kind.title}\n{kind.unit}"
