"""The figures of power, from whatever activity is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..library import Library
from ..mapping.hierarchy import Occurrence
from ..mapping.netlist import Netlist
from ..metrics import Metric, metric
from ..timing.sta import Timing
from .activity import Activity
from .cells import Power, power
from .clock_tree import FANOUT, clock_tree


def by_module(
    found: list[Occurrence],
    timing: Timing,
    activity: Callable[[Netlist], Activity],
    *,
    clock: str | None,
    period: float,
) -> dict[str, Power]:
    """Power of one of each module, with all below it; the clocks have the name of that of the top.
    ``activity`` is that of each module."""
    own = {
        each.netlist.name: power(
            each.netlist,
            timing,
            activity(each.netlist),
            clock=each.netlist.port(clock),
            period=period,
            place=each.path,
        )
        for each in found
    }
    whole: dict[str, Power] = {}
    for each in reversed(found):  # what a module contains comes after it
        name = each.netlist.name
        whole[name] = sum((whole[child] for child in each.netlist.children.values()), own[name])
    return whole


def metrics(
    library: Library,
    found: list[Occurrence],
    watts: Mapping[str, Power],
    activity: str,
    *,
    clock: str | None,
    period: float,
    operations: float | None,
) -> list[Metric]:
    """The figures of a design, the first of ``found``: ``watts`` are those of :func:`by_module`,
    ``activity`` what they come from, ``operations`` those of a cycle, where known."""
    total = watts[found[0].netlist.name]
    pins, load = 0, 0.0
    for each in found:
        net = each.netlist.port(clock)
        for instance in each.instances:
            for pin, wire in instance.pins.items():
                if wire == net and net is not None and pin in instance.cell.inputs:
                    pins += each.count
                    load += each.count * instance.cell.pins[pin].capacitance
    source = f"Liberty tables at OpenSTA's slews; {activity}"
    energy = (total.total - total.leakage) * period * 1e3
    figures = [
        metric("power", total.total * 1e3, source),
        metric("power_internal", total.internal * 1e3, source),
        metric("power_switching", total.switching * 1e3, source),
        metric("power_clock", total.clock * 1e3, source),
        metric("leakage", total.leakage * 1e6, f"cell_leakage_power of {library.name}"),
        metric("energy", energy, source),
    ]
    if operations:
        figures.append(metric("energy_operation", energy / operations, source))
    tree = clock_tree(library, pins, load)
    if tree:
        how = (
            f"an estimate: {tree.buffers} {tree.cell}, fan-out {FANOUT}, no wires, for {pins}"
            f" clock pins of {load:.3g} pF"
        )
        figures.append(metric("power_clock_tree", tree.energy * 1e12 / period, how))
    return figures
