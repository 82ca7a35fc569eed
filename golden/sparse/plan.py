"""The planner: how each layer is cut into tiles, by the cycle model on a reference frame.

A program must not depend on what a frame holds, so tiles are planned on the pillars of another one,
the synthetic scene, and on parts of it: how many outputs are left for the last tile is chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .accelerator import AcceleratorConfig
from .cycles import tilings
from .machine import Machine
from .network import Network
from .program import ACCELERATOR_MEASURES, Program, program
from .tiling import Task, Tiling, tiling
from .variants import Variant
from .workload import Load, Workload

AROUND = 3
"""Descriptors before and after a layer that are simulated with it."""
IDLE = 0.005
"""Share of idle cycles, of a layer and the one after it, below which there is nothing to gain."""
GAIN = 0.001
"""Share of the cycles of a layer and those around it that another tiling must save."""
PARTS = (1.0, 0.6)
"""Of the reference frame's pillars."""
MOST = 100_000
"""Outputs of a layer that are simulated for its tiles; what more of them cost is the same again."""


class Plan:
    """A tiler (see :mod:`golden.sparse.tiling`) with a tiling for each layer that it knows."""

    def __init__(self, known: dict[str, Tiling] | None = None) -> None:
        self.known = known or {}

    def __call__(self, config: AcceleratorConfig, task: Task) -> Tiling:
        return self.known.get(task.layer.name) or tiling(config, task)


def plan(
    network: Network,
    variant: Variant,
    shape: tuple[int, int],
    config: AcceleratorConfig,
    reference: Workload,
    step: Callable[[str], None] = lambda line: None,
) -> Program:
    """The program of ``network`` with tiles that cost least for the frame of ``reference``.

    ``step`` is called with a line after each layer. What the machine has not is as near as may be:
    row buffers are as long as the grid's rows, and L1 stands for L2.
    """
    config = config.replace(columns=max(config.columns, shape[1]))
    if variant.measure not in ACCELERATOR_MEASURES:
        variant = variant.replace(measure=ACCELERATOR_MEASURES[-1])
    base = program(network, variant, shape, config)
    chosen = _Search(base, reference.loads(base)).best(step)
    return program(network, variant, shape, config, tiler=Plan(chosen))


class _Search:
    """Layer by layer, each with the ones around it as they are cut by then."""

    def __init__(self, base: Program, loads: list[Load]) -> None:
        self.config, self.loads = base.config, loads
        self.tilings = tilings(base)

    def best(self, step: Callable[[str], None]) -> dict[str, Tiling]:
        """The tilings by layer that are better than those at first."""
        whole = Machine(self.config, self.loads, self.tilings).run()
        idle = [sum(each.parts.values()) - each.parts["useful"] for each in whole.layers]
        busy = [each.parts["useful"] for each in whole.layers]
        chosen: dict[str, Tiling] = {}
        for name in dict.fromkeys(load.step.layer.name for load in self.loads):
            mine = [
                at
                for at, load in enumerate(self.loads)
                if load.step.layer.name == name and load.work is not None
            ]
            step(name)
            if not mine:
                continue
            near = slice(mine[0], mine[-1] + 2)
            if sum(idle[near]) <= IDLE * sum(busy[near]):
                continue
            default = self.tilings[mine[0]]
            around = self.around(mine)
            least = self.cycles(around)
            for size in candidates(self.config):
                before = self.cut(mine, replace(default, first_tile=size[0], tile=size[1]))
                cycles = self.cycles(around)
                if cycles < (1 - GAIN) * least:
                    least, chosen[name] = cycles, self.tilings[mine[0]]
                else:
                    self.cut(mine, before)
        # Further off there may be more to lose: the rule generator runs layers ahead.
        return chosen if self.whole() < whole.cycles else {}

    def whole(self) -> float:
        """Cycles of the list."""
        return Machine(self.config, self.loads, self.tilings).run().cycles

    def cut(self, mine: list[int], by: Tiling) -> Tiling:
        """Cut the descriptors of a layer; returns how they were."""
        before = self.tilings[mine[0]]
        for at in mine:
            self.tilings[at] = by
        return before

    def around(self, mine: list[int]) -> tuple[int, list[tuple[float, list[Load]]]]:
        """The number of the first descriptor around those of a layer, and all of them in all parts
        of the frame."""
        low, high = max(0, mine[0] - AROUND), mine[-1] + 1 + AROUND
        loads = self.loads[low:high]
        outputs = max(load.work.outputs for load in loads if load.work is not None)
        parts = [part * min(1.0, MOST / max(1, outputs)) for part in PARTS]
        return low, [(part, [load.head(part) for load in loads]) for part in parts]

    def cycles(self, around: tuple[int, list[tuple[float, list[Load]]]]) -> float:
        """Of a layer and those around it, each part of the frame weighed by its size."""
        low, parts = around
        total = 0.0
        for part, loads in parts:
            machine = Machine(self.config, loads, self.tilings[low : low + len(loads)], low)
            total += machine.run().cycles / part
        return total


def candidates(config: AcceleratorConfig) -> list[tuple[int, int]]:
    """First and other tile to try: full tiles after a smaller first, then halves and quarters."""
    sizes = []
    for tile in (config.tile, config.tile // 2, config.tile // 4):
        first = tile
        while first >= min(config.array, tile):
            sizes.append((first, tile))
            first //= 2
    return sizes[1:]
