"""The figures of power, from whatever activity is known."""

from __future__ import annotations

from collections.abc import Callable

from ..library import Library
from ..mapping.hierarchy import Occurrence
from ..mapping.netlist import Netlist
from ..metrics import Metric, metric
from ..timing.sta import Timing
from .activity import Activity
from .cells import Power, power
from .clock_tree import FANOUT, clock_tree


def metrics(
    library: Library,
    found: list[Occurrence],
    timing: Timing,
    activity: Callable[[Netlist], Activity],
    *,
    clock: str | None,
    period: float,
    operations: float | None,
) -> list[Metric]:
    """Power of all modules, whose clocks have the name of that of the top; ``activity`` is that
    of each module, ``operations`` are those of a cycle, where known."""
    watts = Power(0.0, 0.0, 0.0, 0.0)
    pins, load = 0, 0.0
    for each in found:
        net = each.netlist.port(clock)
        one = power(
            each.netlist,
            timing,
            activity(each.netlist),
            clock=net,
            period=period,
            place=each.path,
        )
        watts += one * each.count
        for instance in each.instances:
            for pin, wire in instance.pins.items():
                if wire == net and net is not None and pin in instance.cell.inputs:
                    pins += each.count
                    load += each.count * instance.cell.pins[pin].capacitance
    source = f"Liberty tables at OpenSTA's slews; {activity(found[0].netlist).source}"
    energy = (watts.total - watts.leakage) * period * 1e3
    figures = [
        metric("power", watts.total * 1e3, source),
        metric("power_internal", watts.internal * 1e3, source),
        metric("power_switching", watts.switching * 1e3, source),
        metric("power_clock", watts.clock * 1e3, source),
        metric("leakage", watts.leakage * 1e6, f"cell_leakage_power of {library.name}"),
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
