"""A mapped netlist, of one module or of many, as a graph of Boolean functions between registers.

Cells do what their Liberty functions say; wires and cells take no time, so a net changes at most
once a cycle: there are no glitches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..library import Cell
from ..library.boolean import Tree, evaluate, names, parse
from ..mapping.netlist import Instance, Net, Netlist
from .graph import Graph

Key = tuple[str, Net]
"""A net: the place of its module ("" or "a/b/") and its name there."""


class Unsimulated(Exception):
    """A netlist holds what cannot be simulated here: the message says what, in one line."""


@dataclass(frozen=True)
class Register:
    """Literals of its state, of what that is after the clock edge, and of those that act without
    a clock: they must be 0."""

    place: str
    state: int
    next: int
    asynchronous: tuple[int, ...]


class Leaves:
    """Where what is not computed comes from: here, new leaves of a graph."""

    def __init__(self, graph: Graph):
        self.graph = graph

    def port(self, name: str) -> int:
        """The literal of a bit of an input port, such as ``i__payload[3]``."""
        return self.graph.leaf()

    def state(self, place: str, netlist: Netlist, instance: Instance) -> int:
        """The literal of the state of a flip-flop."""
        return self.graph.leaf()

    def memory(self, place: str, instance: Instance, pin: str) -> int:
        """The literal of an output of a memory."""
        return self.graph.leaf()


class Circuit:
    """``ports``: literals by name. ``places``: where each module is. ``clock``: a literal, -1 for
    none."""

    def __init__(
        self,
        netlists: Mapping[str, Netlist],
        top: str,
        clock: str | None,
        leaves: Leaves | None = None,
    ):
        self._leaves = leaves or Leaves(Graph())
        self.graph = self._leaves.graph
        self.places: dict[str, list[str]] = {}
        self.memories: list[tuple[str, Instance]] = []
        self._literals: dict[Key, int] = {}
        self._alias: dict[Key, Key] = {}
        self._drivers: dict[Key, tuple[str, Instance, Tree]] = {}
        self._cells: dict[str, dict[str, Tree]] = {}  #: functions of outputs by cell
        flops: list[tuple[str, Instance, int]] = []
        for port in netlists[top].ports:
            if port.direction == "input":
                for index, bit in enumerate(port.bits):
                    self._literals["", bit] = self._leaves.port(f"{port.name}[{index}]")
        ready = [("", netlists[top])]
        for place, netlist in ready:
            self.places.setdefault(netlist.name, []).append(place)
            self._connect(place, netlist, netlists, ready)
            for instance in netlist.memories:
                self.memories.append((place, instance))
                for pin in instance.cell.outputs:
                    if pin in instance.pins:
                        found = self._leaves.memory(place, instance, pin)
                        self._literals[place, instance.pins[pin]] = found
            for instance in netlist.instances:
                if instance.cell.kind == "flip-flop":
                    flops.append((place, instance, self._state(place, netlist, instance)))
                    continue
                for pin, tree in self._functions(instance.cell).items():
                    if pin in instance.pins:
                        self._drivers[place, instance.pins[pin]] = place, instance, tree
        for key in self._drivers:
            self.literal(key)
        self.ports = {
            port.name: np.array([self.literal(("", bit)) for bit in port.bits], np.int64)
            for port in netlists[top].ports
        }
        self.inputs = {p.name for p in netlists[top].ports if p.direction == "input"}
        self.clock = int(self.ports[clock][0]) if clock else -1
        source = next((p.bits[0] for p in netlists[top].ports if p.name == clock), None)
        self.registers = [self._register(*flop, ("", source)) for flop in flops]

    def _connect(
        self,
        place: str,
        netlist: Netlist,
        netlists: Mapping[str, Netlist],
        ready: list[tuple[str, Netlist]],
    ) -> None:
        """Make the nets on a border one, for each module in ``netlist``."""
        for name, module in netlist.children.items():
            child, inside = netlists[module], f"{place}{name}/"
            for port in child.ports:
                outer = netlist.links[name].get(port.name, ())
                for mine, its in zip(outer, port.bits, strict=False):
                    if port.direction == "input":
                        self._alias[inside, its] = place, mine
                    else:
                        self._alias[place, mine] = inside, its
            ready.append((inside, child))

    def _state(self, place: str, netlist: Netlist, instance: Instance) -> int:
        """The state of a flip-flop, from which its outputs follow."""
        state = self._leaves.state(place, netlist, instance)
        for pin, tree in self._functions(instance.cell).items():
            if pin in instance.pins:
                found = evaluate(tree, _held(instance.cell, state), self.graph)
                self._literals[place, instance.pins[pin]] = found
        return state

    def _register(self, place: str, instance: Instance, state: int, source: Key) -> Register:
        cell, facts = instance.cell, _register_of(instance.cell)
        values = _held(cell, state)
        for pin in cell.inputs:
            values[pin] = self.literal((place, instance.pins.get(pin, "0")))
        kind, clock = facts["clocked_on"][0], facts["clocked_on"][-1]
        if kind != "name" or self._root((place, instance.pins[clock])) != source:
            raise Unsimulated(f"{place}{instance.name} ({cell.name}) is not clocked by the clock")
        off = tuple(
            evaluate(facts[name], values, self.graph)
            for name in ("clear", "preset")
            if name in facts
        )
        after = evaluate(facts["next_state"], values, self.graph)
        return Register(f"{place}{instance.name}", state, after, off)

    def _functions(self, cell: Cell) -> dict[str, Tree]:
        """The functions of a cell's outputs; :class:`Unsimulated` where the library states none."""
        if cell.name not in self._cells:
            stated = {pin: cell.pins[pin].function for pin in cell.outputs}
            if cell.kind in ("latch", "other") or None in stated.values():
                raise Unsimulated(f"cell {cell.name} has no function that is known here")
            self._cells[cell.name] = {pin: parse(text) for pin, text in stated.items()}
        return self._cells[cell.name]

    def _root(self, key: Key) -> Key:
        while key in self._alias:
            key = self._alias[key]
        return key

    def knows(self, key: Key) -> bool:
        """Whether it is known what a net is."""
        return key in self._literals

    def literal(self, key: Key) -> int:
        """What a net is; :class:`Unsimulated` where it depends on itself or nothing drives it."""
        if isinstance(key[1], str):
            return int(key[1] == "1")
        waiting, open_ = [key], set()
        while waiting:
            here = waiting[-1]
            if here in self._literals:
                waiting.pop()
                continue
            needs, finish = self._needs(here)
            missing = [need for need in needs if need not in self._literals]
            if not missing:
                self._literals[here] = finish()
                open_.discard(waiting.pop())
            elif here in open_:
                raise Unsimulated(f"net {here[0]}{here[1]} is in a combinational loop")
            else:
                open_.add(here)
                waiting += missing
        return self._literals[key]

    def _needs(self, key: Key):
        """The nets that a net is made of, and how it is made when they are known."""
        if isinstance(key[1], str):
            return [], lambda: int(key[1] == "1")
        if key in self._alias:
            other = self._alias[key]
            return [other], lambda: self._literals[other]
        if key not in self._drivers:
            raise Unsimulated(f"nothing drives net {key[0]}{key[1]}")
        place, instance, tree = self._drivers[key]
        nets = {name: (place, instance.pins.get(name, "0")) for name in names(tree)}

        def finish() -> int:
            values = {name: self._literals[net] for name, net in nets.items()}
            return evaluate(tree, values, self.graph)

        return list(nets.values()), finish


def _register_of(cell: Cell) -> dict[str, Tree]:
    """The functions of the ``ff`` group of a flip-flop."""
    group = next(g for g in cell.group.groups if g.kind in ("ff", "ff_bank"))
    wanted = ("next_state", "clocked_on", "clear", "preset")
    return {name: parse(group.simple[name]) for name in wanted if name in group.simple}


def _held(cell: Cell, state: int) -> dict[str, int]:
    """The two variables of a flip-flop: its state and the complement."""
    group = next(g for g in cell.group.groups if g.kind in ("ff", "ff_bank"))
    return dict(zip(group.names, (state, state ^ 1), strict=False))
