"""Two circuits as one question: pairs of functions that have to be equal.

Registers are matched by the names of their nets, memories by those of their instances. Where both
sides agree on what is in them, they must agree on every output, on what goes into every register
and on every pin of a memory: by induction over cycles they are then the same machine, from any
state in which matched registers agree, and so from the one that reset makes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..gates.circuit import Circuit, Leaves, Unsimulated
from ..gates.graph import ALL, Graph
from ..mapping.netlist import Instance, Netlist

RESET, WATCHED = 4, 64
"""Cycles of reset, and then of random inputs, after which registers are told apart."""
PATTERNS = 64
"""Words of random assignments that are tried first."""


@dataclass(frozen=True)
class Comparison:
    """``pairs``: (what, literal of the netlist, literal of the RTL). ``lost``: registers of the RTL
    that the netlist has not. Where one seems to be a constant, or another register again, that is
    supposed, and is among the pairs; the others are free, as if they could hold anything."""

    graph: Graph
    pairs: list[tuple[str, int, int]]
    lost: list[str]


def compare(
    netlists: Mapping[str, Netlist],
    rtl: Netlist,
    top: str,
    clock: str | None,
    reset: str | None,
) -> Comparison:
    """The question of a mapped netlist and its RTL. Raises :class:`Unsimulated`."""
    guesses: dict[str, int] | None = None
    while True:
        leaves = _Shared(Graph(), guesses or {})
        mapped = Circuit(netlists, top, clock, leaves)
        leaves.known = _names(mapped, netlists)
        leaves.states = {register.state for register in mapped.registers}
        source = Circuit({top: rtl}, top, clock, leaves)
        pairs = _pairs(mapped, source, leaves)
        wrong = differing(leaves.graph, [pair for pair in pairs if pair[0] in leaves.lost])
        if guesses is None and leaves.lost:
            guesses = _guessed(source, leaves, reset)
        elif wrong:
            guesses = {name: guess for name, guess in guesses.items() if name not in wrong}
        else:
            return Comparison(leaves.graph, pairs, leaves.lost)


def _guessed(source: Circuit, leaves: _Shared, reset: str | None) -> dict[str, int]:
    """Lost registers that did the same as a constant or as another register, or the opposite, while
    random inputs were given after a reset."""
    graph = leaves.graph.compiled()
    rng = np.random.default_rng(1)
    states = np.array([register.state for register in source.registers], np.int64)
    after = np.array([register.next for register in source.registers], np.int64)
    pins = {node for *_, node in leaves.graph.gates}
    free = [node for node in range(1, leaves.graph.size) if node not in pins]
    values = np.zeros((graph.rows, 1), np.uint64)
    seen = np.zeros((len(states), WATCHED), np.uint64)
    for cycle in range(-RESET, WATCHED):
        held = graph.read(values, after)
        values[graph.place[free]] = rng.integers(0, 2**64, (len(free), 1), np.uint64)
        own = states > 1
        flip = np.where(states[own] & 1, ALL, np.uint64(0))[:, None]
        values[graph.place[states[own] >> 1]] = held[own] ^ flip
        if reset:
            values[graph.place[source.ports[reset] >> 1]] = ALL if cycle < 0 else 0
        graph.evaluate(values)
        if cycle >= 0:
            seen[:, cycle] = graph.read(values, states)[:, 0]
    lost = {register.place for register in source.registers} - set(leaves.matched)
    known = {bytes(8 * WATCHED): 0, (ALL ^ np.zeros(WATCHED, np.uint64)).tobytes(): 1}
    for register, row in zip(source.registers, seen, strict=True):
        if register.place not in lost:
            known.setdefault(row.tobytes(), register.state)
            known.setdefault((row ^ ALL).tobytes(), register.state ^ 1)
    return {
        leaves.called[register.place]: known[row.tobytes()]
        for register, row in zip(source.registers, seen, strict=True)
        if register.place in lost and row.tobytes() in known
    }


def _pairs(mapped: Circuit, source: Circuit, leaves: _Shared) -> list[tuple[str, int, int]]:
    after = {register.state: register.next for register in mapped.registers}
    pairs = []
    for register in source.registers:
        name = leaves.matched.get(register.place)
        if name is None:
            continue
        state = register.state
        if state >> 1:
            state = after[state & ~1] ^ (state & 1)
        pairs.append((name, state, register.next))  # what is constant stays so
    for name in mapped.ports.keys() & source.ports.keys():
        sides = (circuit.ports[name].tolist() for circuit in (mapped, source))
        both = enumerate(zip(*sides, strict=True))
        pairs += [(f"{name}[{k}]", one, two) for k, (one, two) in both]
    return pairs + _memory_pins(mapped, source)


def differing(graph: Graph, pairs: list[tuple[str, int, int]]) -> list[str]:
    """Pairs that random assignments tell apart."""
    compiled = graph.compiled()
    values = np.random.default_rng(1).integers(
        0, 2**64, (compiled.rows, PATTERNS), np.uint64, endpoint=False
    )
    values[compiled.place[0]] = 0
    compiled.evaluate(values)
    sides = np.array([pair[1:] for pair in pairs], np.int64).reshape(-1, 2).T
    one, two = (compiled.read(values, side) for side in sides)
    return [pairs[k][0] for k in np.flatnonzero((one != two).any(axis=1))]


class _Shared(Leaves):
    """Leaves by name: those that the second circuit asks for are those of the first."""

    def __init__(self, graph: Graph, guesses: Mapping[str, int]):
        super().__init__(graph)
        self.known: dict[str, int] | None = None
        self.states: set[int] = set()
        self._guesses = guesses
        self.called: dict[str, str] = {}  #: register of the RTL that is lost -> its name there
        self.matched: dict[str, str] = {}  #: register of the RTL -> its name in the netlist
        self.lost: list[str] = []
        self._shared: dict[str, int] = {}
        self._aliases: dict[int | str, list[str]] = {}

    def port(self, name: str) -> int:
        return self._by(f"port {name}")

    def memory(self, place: str, instance: Instance, pin: str) -> int:
        return self._by(f"memory {_dotted(place)}{instance.name} {pin}")

    def _by(self, name: str) -> int:
        if name not in self._shared:
            self._shared[name] = self.graph.leaf()
        return self._shared[name]

    def state(self, place: str, netlist: Netlist, instance: Instance) -> int:
        if self.known is None:
            return self.graph.leaf()
        if not self._aliases:
            for label, net in netlist.labels.items():
                self._aliases.setdefault(net, []).append(label)
        labels = self._aliases.get(instance.pins["Q"], [])
        for label in labels:
            literal = self.known.get(label, -1)
            if literal in (0, 1) or literal & ~1 in self.states:
                self.matched[instance.name] = label
                return literal
        name = labels[0] if labels else instance.name
        self.lost.append(name)
        self.called[instance.name] = name
        if name not in self._guesses:
            return self.graph.leaf()
        self.matched[instance.name] = name
        return self._guesses[name]


def _dotted(place: str) -> str:
    return place.replace("/", ".")


def _names(circuit: Circuit, netlists: Mapping[str, Netlist]) -> dict[str, int]:
    """What each name of a net means; names of modules within are joined by dots, as in RTL."""
    return {
        _dotted(place) + label: circuit.literal((place, net))
        for module, places in circuit.places.items()
        for place in places
        for label, net in netlists[module].labels.items()
        if isinstance(net, str) or circuit.knows((place, net))
    }


def _memory_pins(mapped: Circuit, source: Circuit) -> list[tuple[str, int, int]]:
    """Every input of every memory, on both sides; addresses and data where they are enabled."""
    one, two = _inputs(mapped), _inputs(source)
    if one.keys() != two.keys():
        differ = sorted(one.keys() ^ two.keys())
        raise Unsimulated(f"memories differ in {', '.join(differ[:3])}")
    return [(name, one[name], two[name]) for name in one]


def _inputs(circuit: Circuit) -> dict[str, int]:
    found = {}
    for place, instance in circuit.memories:
        pins = {
            pin: circuit.literal((place, instance.pins[pin]))
            for pin in instance.cell.inputs
            if pin in instance.pins and not instance.cell.pins[pin].clock
        }
        facts = json.loads(instance.behaviour)
        for pin, literal in pins.items():
            port, role, bit = pin.split("_")
            enables = facts["wiring"].get(f"{port}_en", []) if role in ("addr", "data") else []
            if role == "data":
                enables = enables[int(bit) :][:1]
            at_once = port.startswith("rd") and facts["clocked"][int(port[2:])] == "0"
            if enables and not at_once:
                on = 0
                for enable in dict.fromkeys(enables):
                    on = circuit.graph.any(on, pins.get(enable, int(enable == "1")))
                literal = circuit.graph.both(literal, on)
            found[f"{_dotted(place)}{instance.name}.{pin}"] = literal
    return found
