"""What was recorded, by the nets of a netlist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..mapping.netlist import Net, Netlist
from . import saif
from .circuit import Circuit
from .copies import Recording


@dataclass(frozen=True)
class Nets:
    """``by_module``: toggles in a cycle and duty of the nets of each module, the means over all its
    places. ``count``: nets of the design, constants left out; ``coverage``: the known ones."""

    by_module: Mapping[str, Mapping[Net, tuple[float, float]]]
    count: int
    coverage: float


def recorded(circuit: Circuit, netlists: Mapping[str, Netlist], seen: Recording) -> Nets:
    """By net of each module."""
    by_module, count, known = {}, 0, 0
    for module, places in circuit.places.items():
        nets = _nets(netlists[module])
        found = [net for net in nets if all(circuit.knows((place, net)) for place in places)]
        count += len(nets) * len(places)
        known += len(found) * len(places)
        if found:
            every = [_of(circuit, [(place, net) for net in found], seen) for place in places]
            toggles, high = np.mean(every, axis=0) / seen.cycles
            pairs = zip(toggles.tolist(), (high / 2).tolist(), strict=True)
            by_module[module] = dict(zip(found, pairs, strict=True))
        else:
            by_module[module] = {}
    return Nets(by_module, count, known / count if count else 1.0)


def as_saif(
    circuit: Circuit, netlists: Mapping[str, Netlist], seen: Recording, top: str, period: float
) -> saif.Saif:
    """The recording with the names of the netlist's Verilog, in femtoseconds at a clock of
    ``period`` ns: nets in the scope of their module, and pins in those of cells, which is where
    OpenSTA looks for them. The copies that ran at once follow each other."""
    half = round(period * 1e6 / 2)
    found: dict[tuple[str, ...], saif.Net] = {}
    for module, places in circuit.places.items():
        netlist = netlists[module]
        nets = [net for net in _nets(netlist) if circuit.knows((places[0], net))]
        for place in places:
            rows = _of(circuit, [(place, net) for net in nets], seen).tolist()
            facts = {
                net: saif.Net((2 * seen.cycles - high) * half, high * half, 0, changes)
                for net, changes, high in zip(nets, *rows, strict=True)
            }
            scope = (top, *place.split("/")[:-1])
            found |= {(*scope, netlist.written[net]): each for net, each in facts.items()}
            for instance in (*netlist.instances, *netlist.memories):
                for pin, net in instance.pins.items():
                    if net in facts:
                        found[*scope, instance.name, pin] = facts[net]
    return saif.Saif(2 * seen.cycles * half, found)


def _of(circuit: Circuit, keys: list[tuple[str, Net]], seen: Recording) -> np.ndarray:
    """Rows: transitions, half cycles at 1. The clock, which the simulation does without, rises and
    falls in every cycle."""
    literals = np.array([circuit.literal(key) for key in keys], np.int64)
    rows = seen.place[literals >> 1]
    ones = np.where(literals & 1, seen.cycles - seen.ones[rows], seen.ones[rows])
    clock = literals == circuit.clock
    return np.stack(
        [
            np.where(clock, 2 * seen.cycles, seen.toggles[rows]),
            np.where(clock, seen.cycles, 2 * ones),
        ]
    )


def _nets(netlist: Netlist) -> list[Net]:
    """The nets on pins of cells, each once, in their order."""

    def each() -> Iterator[Net]:
        for instance in (*netlist.instances, *netlist.memories):
            yield from instance.pins.values()

    return [net for net in dict.fromkeys(each()) if not isinstance(net, str)]
