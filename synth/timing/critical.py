"""The longest path, cell by cell, in names that a reader of the source knows."""

from __future__ import annotations

from ..mapping.hierarchy import locate
from ..mapping.netlist import Netlist
from ..metrics import CriticalPath, Stage, Step
from .sta import Timing


def named(netlists: dict[str, Netlist], top: str, pin: str) -> str:
    """A register's pin by the net that the register drives; a memory's and a port by itself."""
    owner, _, local = pin.rpartition("/")
    found = locate(netlists, top, owner) if owner else None
    if not found or found[1].cell.kind == "memory":
        return pin
    netlist, instance = found
    place = owner.removesuffix(instance.name)
    nets = [instance.pins.get(name) for name in instance.cell.outputs]
    return next(
        (place + netlist.names[net] for net in nets if net in netlist.names),
        f"{owner}/{local}",
    )


def critical_path(netlists: dict[str, Netlist], top: str, timing: Timing) -> CriticalPath | None:
    """The longest path of a timed design; None when it has none."""
    path = timing.longest
    if path is None:
        return None

    stages, entered, before = [], "", 0.0
    for pin, arrival in path.points:
        owner, _, local = pin.rpartition("/")
        found = locate(netlists, top, owner) if owner else None
        if not found:
            continue
        cell = found[1].cell
        if local in cell.outputs:
            delay = round(arrival - before, 6)
            stages.append(Stage(owner, cell.name, entered, local, delay, round(arrival, 6)))
            before = arrival
        entered = local
    return CriticalPath(
        path.kind,
        named(netlists, top, path.points[0][0]),
        named(netlists, top, path.points[-1][0]),
        path.delay,
        stages,
    )


def by_part(timing: Timing) -> list[Step]:
    """The longest path of a design whose submodules kept their borders, by submodule of the top."""
    path = timing.longest
    found: list[Step] = []
    before = 0.0
    for pin, arrival in [*path.points, (path.points[-1][0], path.delay)] if path else []:
        owner = pin.split("/")
        name = owner[0] if len(owner) > 2 else ""  # else a port, or a cell of the top itself
        if found and found[-1].name == name:
            found[-1] = Step(name, found[-1].delay + arrival - before)
        else:
            found.append(Step(name, arrival - before))
        before = arrival
    return [Step(step.name, round(step.delay, 6)) for step in found if step.delay > 5e-7]
