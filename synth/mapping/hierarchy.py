"""A mapped design as modules, each with how often it occurs: only one when it is flat."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..metrics import Part
from .netlist import Instance, Netlist


@dataclass(frozen=True)
class Occurrence:
    """A module, how often it is in the design, and one of its places: "" or "a/b/"."""

    netlist: Netlist
    count: int
    path: str

    @property
    def instances(self) -> list[Instance]:
        return self.netlist.instances


def occurrences(netlists: dict[str, Netlist], top: str) -> list[Occurrence]:
    """Every module of the design once, ``top`` first."""
    parents: Counter[str] = Counter()
    reached = [top]
    for name in reached:
        for module in netlists[name].children.values():
            if not parents[module]:
                reached.append(module)
            parents[module] += 1
    counts, places = Counter({top: 1}), {top: ""}
    ready, found = [top], []
    while ready:  # a module when all that contain it have been counted
        name = ready.pop(0)
        found.append(name)
        for instance, module in netlists[name].children.items():
            counts[module] += counts[name]
            places.setdefault(module, f"{places[name]}{instance}/")
            parents[module] -= 1
            if not parents[module]:
                ready.append(module)
    return [Occurrence(netlists[name], counts[name], places[name]) for name in found]


def locate(netlists: dict[str, Netlist], top: str, path: str) -> tuple[Netlist, Instance] | None:
    """The instance at ``path`` ("a/b/u1") and the module that it is in; None for a port."""
    netlist = netlists[top]
    *modules, name = path.split("/")
    for module in modules:
        netlist = netlists[netlist.children[module]]
    instances = (*netlist.instances, *netlist.memories)
    found = next((instance for instance in instances if instance.name == name), None)
    return found and (netlist, found)


def parts(netlists: dict[str, Netlist], top: str) -> list[Part]:
    """Area of cells by submodule of ``top``, with all below it; what is in no submodule, as
    registers and as other logic."""

    def part(name: str, module: str, groups: list[tuple[int, list[Instance]]]) -> Part:
        cells = [(count, instance.cell) for count, group in groups for instance in group]
        return Part(
            name,
            module,
            sum(count for count, _ in cells),
            sum(count for count, cell in cells if cell.kind == "flip-flop"),
            round(sum(count * cell.area for count, cell in cells), 4),
        )

    own = netlists[top].instances
    registers = [i for i in own if i.cell.kind in ("flip-flop", "latch")]
    rest = [i for i in own if i.cell.kind not in ("flip-flop", "latch")]
    below = {
        module: [(each.count, each.instances) for each in occurrences(netlists, module)]
        for module in set(netlists[top].children.values())
    }
    found = [
        part("registers", top, [(1, registers)]),
        part("handshake and glue", top, [(1, rest)]),
        *(
            part(name, module, below[module])
            for name, module in sorted(netlists[top].children.items())
        ),
    ]
    return sorted((p for p in found if p.cells), key=lambda p: (-p.area, p.name))
