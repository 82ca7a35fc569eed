"""Power of a mapped netlist from the Liberty tables, the loads, the slews and an activity.

Per instance (Liberty User Guide, "Modeling Power"):

* switching: C V^2 / 2 for each transition of a net that the instance drives;
* internal: the table energy of each transition of an output (by the slew of the input that caused
  it and the load) and of each transition of an input pin; a rise costs ``rise_power``, a fall
  ``fall_power``, and half of the transitions are rises;
* leakage: the cell's stated average.

The nets that input ports drive are charged by whoever drives the unit, except the clock: the
clock pins of the unit's registers are part of its cost and counted apart, without a clock tree.

Why not OpenSTA's report_power: version 2.0.17 adds rise and fall energy at each transition, so
its internal power is twice what the Liberty file says (a test shows it on one inverter).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import astuple, dataclass

import numpy as np

from ..library import Cell, Library
from ..library.boolean import names, parse, truth_table
from ..library.liberty import Group
from ..mapping.netlist import Instance, Net, Netlist
from ..timing.sta import Timing
from .activity import Activity
from .tables import lookup


@dataclass(frozen=True)
class Power:
    """Watts. ``clock`` is the charging of the register's clock pins; ``total`` is the sum."""

    internal: float
    switching: float
    leakage: float
    clock: float

    @property
    def total(self) -> float:
        return self.internal + self.switching + self.leakage + self.clock

    def __add__(self, other: Power) -> Power:
        return Power(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def power(
    netlist: Netlist,
    timing: Timing,
    activity: Activity,
    *,
    clock: Net | None,
    period: float,
    place: str = "",
) -> Power:
    """Power of ``netlist`` at a clock of ``period`` ns, with energies at ``timing``'s slews.

    ``place``: where in the timed design the netlist is ("a/b/"). Of memories only the nets that
    they drive count.
    """
    library, loads = netlist.library, netlist.loads()
    by_cell: dict[str, list[Instance]] = defaultdict(list)
    for instance in netlist.instances:
        by_cell[instance.cell.name].append(instance)
    internal = leakage = switched = 0.0  # joule a cycle, watt, farad-transitions a cycle
    for name in sorted(by_cell):
        instances = by_cell[name]
        cell = instances[0].cell
        leakage += cell.leakage * len(instances)
        internal += _internal(library, cell, instances, timing, activity, loads, place)
    for instance in (*netlist.instances, *netlist.memories):
        for pin in instance.cell.outputs:
            net = instance.pins.get(pin)
            if net is not None:
                switched += loads.get(net, 0.0) * 1e-12 * activity.toggles(net)
    frequency = 1e9 / period
    half_square = library.voltage**2 / 2
    on_clock = loads.get(clock, 0.0) * 1e-12 * activity.toggles(clock) if clock is not None else 0.0
    return Power(
        internal=internal * frequency,
        switching=half_square * switched * frequency,
        leakage=leakage,
        clock=half_square * on_clock * frequency,
    )


def pin_energy(library: Library, cell: Cell, slew: np.ndarray, load: np.ndarray) -> float:
    """Mean energy in joule of a transition of a cell with one input, at a slew (in the library's
    unit, of both edges) and a load in pF."""
    (pin,) = cell.outputs
    groups = [g for arcs in _arcs(cell.pins[pin].group).values() for g in arcs]
    kinds = ("rise_power", "fall_power")
    slews, loads = np.stack([slew, slew], axis=1), load / library.load_unit
    energies = [lookup(library, g, kind, slews, (0,), loads) for g in groups for kind in kinds]
    return float(np.mean(energies)) * library.energy_unit if energies else 0.0


def _internal(
    library: Library,
    cell: Cell,
    instances: list[Instance],
    timing: Timing,
    activity: Activity,
    loads: dict[Net, float],
    place: str,
) -> float:
    """Internal energy of all instances of one cell, in joule a cycle."""
    unit = library.energy_unit
    load_unit = library.load_unit
    slew_unit = library.time_unit / 1e-9
    rates = {
        pin: np.array([activity.toggles(i.pins.get(pin, "0")) for i in instances], float)
        for pin in (*cell.inputs, *cell.outputs)
    }
    slews = {
        pin: np.array([timing.slews.get(f"{place}{i.name}/{pin}", (0.0, 0.0)) for i in instances])
        / slew_unit
        for pin in cell.inputs
    }
    duties = {
        pin: np.array([activity.duty(i.pins[pin]) if pin in i.pins else 0.5 for i in instances])
        for pin in (*cell.inputs, *cell.outputs)
    }
    total = 0.0
    for pin, facts in cell.pins.items():
        arcs = _arcs(facts.group)
        if not arcs:
            continue
        if facts.direction == "output":
            rate = rates[pin]
            if all(pin not in i.pins for i in instances):  # an unused Q_N moves when Q does
                rate = np.max([rates[other] for other in cell.outputs], axis=0)
            load = np.array([loads.get(i.pins.get(pin, ""), 0.0) for i in instances]) / load_unit
            # Which input caused a transition is not known from rates alone: share by their rates.
            weights = {related: rates[related] for related in arcs if related in rates}
            whole = sum(weights.values()) if weights else np.zeros(len(instances))
            for related, groups in arcs.items():
                if related not in weights:
                    continue
                share = np.divide(
                    weights[related], whole, out=np.zeros_like(whole), where=whole > 0
                )
                rising, falling = _causes(facts.group, related)
                for group, state in _states(groups, duties, whole=False):
                    energy = (
                        lookup(library, group, "rise_power", slews[related], rising, load)
                        + lookup(library, group, "fall_power", slews[related], falling, load)
                    ) / 2
                    total += float(np.sum(rate * share * state * energy))
        else:
            for groups in arcs.values():
                for group, state in _states(groups, duties, whole=True):
                    energy = (
                        lookup(library, group, "rise_power", slews[pin], (0,), None)
                        + lookup(library, group, "fall_power", slews[pin], (1,), None)
                    ) / 2
                    total += float(np.sum(rates[pin] * state * energy))
    return total * unit


def _arcs(pin: Group) -> dict[str, list[Group]]:
    """The pin's power groups by related pin ("" for none)."""
    arcs: dict[str, list[Group]] = defaultdict(list)
    for group in pin.all("internal_power"):
        for related in group.simple.get("related_pin", "").split() or [""]:
            arcs[related].append(group)
    return arcs


def _states(
    groups: list[Group], duties: dict[str, np.ndarray], whole: bool
) -> list[tuple[Group, np.ndarray]]:
    """Each of a pin's power groups with the share of transitions that it holds for.

    A group with a condition (``when``) holds in the states that meet it, which are as likely as the
    duties of the pins in it make them, each by itself. A group without one holds in all others:
    where transitions happen in every state (``whole``, an input pin) for what the conditions leave,
    and else, where the conditions are those in which an output follows its input, only without any.
    """
    stated = [group for group in groups if "when" in group.simple]
    others = [group for group in groups if "when" not in group.simple]
    size = len(next(iter(duties.values())))
    if not stated:
        return [(group, np.full(size, 1 / len(others))) for group in others]
    likely = np.array([_probability(group.simple["when"], duties) for group in stated])
    covered = likely.sum(axis=0)
    rest = np.clip(1 - covered, 0, 1) if whole and others else np.zeros(size)
    # States that never were, or conditions that overlap: shares still add up to one.
    even = np.full_like(likely, 1 / len(stated))
    shares = np.divide(likely * (1 - rest), covered, out=even * (1 - rest), where=covered > 0)
    return [*zip(stated, shares, strict=True), *((g, rest / len(others)) for g in others)]


def _probability(condition: str, duties: dict[str, np.ndarray]) -> np.ndarray:
    """How likely a condition is where pins are 1 for these shares of time, each by itself."""
    tree = parse(condition)
    pins = tuple(names(tree))
    total = np.zeros(len(next(iter(duties.values()))))
    for index, true in enumerate(truth_table(tree, pins)):
        if true:
            each = np.ones_like(total)
            for place, pin in enumerate(pins):
                duty = duties.get(pin, np.full_like(total, 0.5))
                each *= duty if index >> len(pins) - 1 - place & 1 else 1 - duty
            total += each
    return total


def _causes(output: Group, related: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which edges (0 rise, 1 fall) of ``related`` make ``output`` rise, and which make it fall."""
    for arc in output.all("timing"):
        if related in arc.simple.get("related_pin", "").split():
            kind = arc.simple.get("timing_type", "")
            if kind in ("rising_edge", "falling_edge"):
                edge = (int(kind == "falling_edge"),)
                return edge, edge
            sense = arc.simple.get("timing_sense", "")
            if sense == "positive_unate":
                return (0,), (1,)
            if sense == "negative_unate":
                return (1,), (0,)
    return (0, 1), (0, 1)
