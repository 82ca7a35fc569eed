"""Memory macros in a user's Liberty files, in place of the model: what a compiler says of its own.

A cell is a macro when it has a ``memory`` group (Liberty User Guide, "Describing Memory"):
``address_width``, ``word_width``. Its ports are told apart by the address in their ``memory_read``
and ``memory_write`` groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from golden.errors import BadInput

from .liberty import Group, parse
from .library import Units, read_bytes


@dataclass(frozen=True)
class Macro:
    """A cell. ``reads``, ``writes``: ports that can; ``ports``: all. ``area`` in um2, ``leakage``
    in uW. ``energy``: pJ of an access, which is the clock pin's: of its groups of internal power
    the one that takes most for a rise and a fall. ``access``, ``setup``: ns, the worst of their
    tables."""

    name: str
    file: str
    words: int
    width: int
    reads: int
    writes: int
    ports: int
    area: float
    leakage: float
    energy: float
    access: float
    setup: float

    def tiles(self, words: int, width: int) -> tuple[int, int]:
        """How many of it, above and beside each other, make a memory."""
        return -(-words // self.words), -(-width // self.width)

    def fits(self, reads: int, writes: int) -> bool:
        """Whether it has these ports, each by itself."""
        return self.reads >= reads and self.writes >= writes and self.ports >= reads + writes


def read(path: Path) -> list[Macro]:
    """The macros of a Liberty file; :class:`BadInput` for none, or for one that lacks a figure."""
    try:
        root = parse(read_bytes(path).decode(), path.name)
        units = Units(root)
        found = [
            _macro(cell, memory, units, path.name)
            for cell in root.all("cell")
            for memory in cell.all("memory")
        ]
    except (UnicodeDecodeError, ValueError, KeyError, IndexError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"memory macros {path.name} cannot be understood: {error!r}") from error
    if not found:
        raise BadInput(f"memory macros {path.name}: no cell has a group `memory`")
    return found


def _macro(cell: Group, memory: Group, units: Units, file: str) -> Macro:
    name = cell.names[0]
    pins = [group for group in _below(cell) if group.kind in ("pin", "bus", "bundle")]

    def addresses(kind: str) -> set[str]:
        return {g.simple["address"] for pin in pins for g in pin.all(kind)}

    reads, writes = addresses("memory_read"), addresses("memory_write")
    clocks = [pin for pin in pins if pin.flag("clock")]
    timing = [group for pin in pins for group in pin.all("timing")]
    figures = {
        "address_width": memory.number("address_width"),
        "word_width": memory.number("word_width"),
        "area": cell.number("area"),
        "memory_read or memory_write": float(len(reads | writes)) or None,
        "internal_power of its clock": max(
            (_power(group) for pin in clocks for group in pin.all("internal_power")), default=None
        ),
        "time from the clock to data": _worst(timing, ("cell_rise", "cell_fall"), "_edge"),
        "setup time": _worst(timing, ("rise_constraint", "fall_constraint"), "setup"),
    }
    missing = [what for what, value in figures.items() if value is None]
    if missing:
        raise BadInput(f"memory macro {name} of {file} has no {', no '.join(missing)}")
    address, width, area, _, energy, access, setup = figures.values()
    leakage = cell.number("cell_leakage_power", 0.0) or 0.0
    nanoseconds = units.time_unit / 1e-9
    return Macro(
        name,
        file,
        words=2 ** int(address),
        width=int(width),
        reads=len(reads),
        writes=len(writes),
        ports=len(reads | writes),
        area=area,
        leakage=leakage * units.watts / 1e-6,
        energy=energy * units.energy_unit / 1e-12,
        access=access * nanoseconds,
        setup=setup * nanoseconds,
    )


def _below(group: Group) -> Iterator[Group]:
    for inner in group.groups:
        yield inner
        yield from _below(inner)


def _power(group: Group) -> float:
    """Of a rise and a fall."""
    both = list(group.all("power"))
    edges = [both or list(group.all(f"{edge}_power")) for edge in ("rise", "fall")]
    return sum(max((max(t.table) for t in tables), default=0.0) for tables in edges)


def _worst(timing: list[Group], tables: tuple[str, ...], kind: str) -> float | None:
    """The largest number in these tables of the arcs of a kind."""
    chosen = [arc for arc in timing if kind in arc.simple.get("timing_type", "")]
    return max(
        (max(table.table) for arc in chosen for name in tables for table in arc.all(name)),
        default=None,
    )
