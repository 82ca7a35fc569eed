"""The cycle model: what a layer costs on the accelerator, and why.

:mod:`golden.sparse.machine` runs the descriptors of a program in time, for the pillars and rules of
one frame. A layer's cycles are those from the last rule of the layer before (at first: from the
check of the list) to its own last rule, as the machine counts them in its statistics.
"""

from __future__ import annotations

from dataclasses import dataclass

from .accelerator import AcceleratorConfig
from .descriptor import CONV, DECONV
from .machine import Machine
from .network import Layer as NetworkLayer
from .program import Program
from .state import CAUSES, Layer
from .tiling import Tiling
from .workload import Workload


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cycles of one layer of a network, all its descriptors together, and where they go; the parts
    sum to ``cycles``.

    ``useful``: a rule streams. Else the array waits: ``weight``: for N rows of weights to shift in
    (a tap with fewer than N rules); ``weights``, ``inputs``: for memory to bring them; ``rule``:
    for the rule generator; ``vector``: for the vector unit to free a half of the sums; ``edge``:
    for the layer before, and at the start and the end. ``first_tile``, ``tile``: outputs at most;
    ``tiles``: how many there were. ``bytes_read``, ``bytes_written``: over the bus. ``dense``:
    cycles of the ideal dense N x N array (every tap of every site, no stall of any kind).
    """

    name: str
    first_tile: int
    tile: int
    tiles: int
    useful: int
    weight: int
    weights: int
    inputs: int
    rule: int
    vector: int
    edge: int
    bytes_read: int
    bytes_written: int
    dense: int

    @property
    def parts(self) -> dict[str, int]:
        """Cycles by cause."""
        return {name: getattr(self, name) for name in CAUSES}

    @property
    def cycles(self) -> int:
        """All cycles."""
        return sum(self.parts.values())

    @property
    def binds(self) -> str:
        """What costs most beside the useful cycles, or ``compute`` if that is under 5 %."""
        stalls = {k: v for k, v in self.parts.items() if k != "useful"}
        worst = max(stalls, key=lambda k: stalls[k])
        return worst if stalls[worst] > 0.05 * self.cycles else "compute"

    @property
    def utilization(self) -> float:
        """Share of cycles in which the array does useful MACs."""
        return self.useful / self.cycles if self.cycles else 0.0

    @property
    def speedup(self) -> float:
        """Over the ideal dense array of the same size."""
        return self.dense / self.cycles if self.cycles else float("inf")


def costs(program: Program, workload: Workload, *, ends: bool = False) -> dict[str, Cost]:
    """The cost of each layer of the program's network for the frame of ``workload``, by name.

    ``ends``: the check of the list is part of the first layer, and what follows the last rule of
    the last, so that all layers add up to the whole; else they are nobody's.
    """
    loads = workload.loads(program)
    machine = Machine(program.config, loads, tilings(program)).run()
    if ends:
        computing = [each for each in machine.layers if each.tiles is not None]
        for layer, cycles in zip((computing[0], computing[-1]), machine.ends, strict=True):
            layer.parts["edge"] += cycles
    found = {}
    for layer in program.network.layers:
        mine = [each for each in machine.layers if each.load.step.layer.name == layer.name]
        found[layer.name] = _cost(program.config, layer, mine)
    return found


def tilings(program: Program) -> list[Tiling | None]:
    """How each descriptor is cut; None where nothing is computed."""
    return [
        Tiling(
            first_tile=step.fields["first_tile"],
            tile=step.fields["tile"],
            span=step.fields["span"],
            resident=bool(step.fields["resident"]),
        )
        if step.fields["op"] in (CONV, DECONV)
        else None
        for step in program.steps
    ]


def _cost(config: AcceleratorConfig, layer: NetworkLayer, mine: list[Layer]) -> Cost:
    computing = [each for each in mine if each.tiles is not None]
    parts = {name: sum(each.parts[name] for each in mine) for name in CAUSES}
    dense = 0
    if computing:
        rows, columns = computing[0].fields["rows"], computing[0].fields["columns"]
        convolution = computing[0].load.step.convolution
        assert convolution is not None
        sites = convolution.output_shape((rows, columns))
        inputs, outputs = (-(-channels // config.array) for channels in layer.channels)
        dense = layer.dense_rules(sites[0] * sites[1]) * inputs * outputs
    return Cost(
        name=layer.name,
        first_tile=computing[0].fields["first_tile"] if computing else 0,
        tile=computing[0].fields["tile"] if computing else 0,
        tiles=sum(len(each.tiles) for each in computing if each.tiles is not None),
        bytes_read=round(sum(each.read for each in mine)),
        bytes_written=round(sum(each.written for each in mine)),
        dense=dense,
        **{name: round(value) for name, value in parts.items()},
    )
