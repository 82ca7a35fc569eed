"""The cycle model: what a layer costs on the accelerator, and why.

The machine, and what is assumed of it:

* A *pass* is one (output tile, output-channel tile, input-channel tile): the rules of each tap
  stream, one a cycle, while the next tap's N x N weights shift in; a tap with r rules takes
  max(r, N) cycles, a tap with none is skipped.
* While a pass computes, the memory fetches the next pass's weights and inputs, and stores what an
  earlier one finished. The bus moves one beat a cycle, reads and writes together. Features lie in
  memory in planes of N channels, so that a run of pillars is contiguous. Bursts overlap, so latency
  shows only where there is nothing to overlap with: at the start and at the end of a layer.
* After the last input-channel tile, the vector unit finishes one output vector of N channels a
  cycle, beside the next pass.
* Switching tiles costs 2N cycles, until the array has drained.
* The rule generator makes a tile's rules one output pillar a cycle (and an empty row a cycle),
  while the tile before computes. Only where the output set depends on features (SD-Conv, or input
  that was pruned) must it wait for the layer before to end, and the first tile's rules show.
* Weights of the first pass are fetched during the layer before. Inputs are not: they do not exist.
* Concatenation costs only the zeros that it must write: the layers before write in place.
* Exact top-k pruning reads and writes the kept vectors once more, for compaction.

Two loop orders: ``tile`` (for each tile, for each output-channel tile, for each input-channel tile)
and ``channel`` (the first two exchanged), which keeps weights instead of inputs. In either, a tile
fetches the one run of inputs from its first to its last; or, ``by row``, a run for each row of the
kernel in turn, which is less on a map whose rows are longer than a tile, and needs less buffer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .accelerator import AcceleratorConfig
from .run import LayerRun
from .work import Work

ORDERS = ("tile", "channel", "tile by row", "channel by row")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cycles of one layer, and where they go; the parts sum to ``cycles``.

    ``useful``: cycles in which a rule streams. ``weight``: idle while weights shift in (a tap with
    fewer than N rules). ``memory``: waiting for the bus. ``vector``: waiting for the vector unit.
    ``rule``: waiting for the rule generator. ``edge``: fill and drain, of tiles and of the layer.
    ``bytes_read``, ``bytes_written``: over the bus. ``dense``: cycles of the ideal dense N x N
    array (every tap of every site, no stall of any kind).
    """

    name: str
    tile: int
    tiles: int
    order: str
    useful: int
    weight: int
    memory: int
    vector: int
    rule: int
    edge: int
    bytes_read: int
    bytes_written: int
    dense: int

    @property
    def parts(self) -> dict[str, int]:
        """Cycles by cause."""
        names = ("useful", "weight", "memory", "vector", "rule", "edge")
        return {name: getattr(self, name) for name in names}

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


def fits(config: AcceleratorConfig, work: Work, order: str) -> bool:
    """Whether every tile of ``work`` (see :meth:`Work.tiled`) fits the buffers in ``order``."""
    span = (work.spans if order.endswith("by row") else work.span).max(initial=0)
    return work.granule <= config.tile_limit(work.taps) and span <= config.range_limit


def layer_cost(config: AcceleratorConfig, work: Work, order: str) -> Cost:
    """The cost of ``work``, tiled as it is, in loop ``order``."""
    n, beat = config.array, config.beat
    ci, co = (-(-c // n) for c in work.channels)
    tiles = len(work.counts)
    dense = work.dense_rules * ci * co
    if not work.rules:
        return Cost(
            name=work.name,
            tile=work.granule,
            tiles=0,
            order=order,
            useful=0,
            weight=0,
            memory=0,
            vector=0,
            rule=0,
            edge=2 * config.latency,
            bytes_read=0,
            bytes_written=0,
            dense=dense,
        )
    stream = work.counts.sum(axis=1)
    busy = np.where(work.counts > 0, np.maximum(work.counts, n), 0).sum(axis=1)
    span = work.spans.sum(axis=1) if order.endswith("by row") else work.span
    weights = (work.counts > 0).sum(axis=1) * n * n  # bytes of one pass
    inputs, outputs = span * n, work.made * n
    index = 2 * (span + work.made)  # bytes of the columns of the CPR lists, once a tile

    half_weights, half_inputs = config.weight_bytes // 2, config.input_bytes // 2
    if order.startswith("tile"):
        keep_weights = work.taps * n * n * ci * co <= config.weight_bytes
        keep_inputs = inputs * ci <= half_inputs
        weight_loads = np.zeros((co, tiles), bool) if keep_weights else np.ones((co, tiles), bool)
        weight_loads[:, 0] = True
        input_loads = np.ones((co, tiles), bool)
        input_loads[1:, keep_inputs] = False
    else:
        keep_weights = work.taps * n * n * ci <= half_weights
        weight_loads = np.ones((co, tiles), bool)
        if keep_weights:
            weight_loads[:, 1:] = False
        input_loads = np.ones((co, tiles), bool)
        if work.inputs * n * ci <= config.input_bytes:
            input_loads[1:] = False
    load = (weight_loads * weights + input_loads * inputs) / beat  # cycles of one pass, (co, tiles)
    store = outputs / beat + np.zeros((co, 1))
    store[0] += index / beat
    # The passes of one (tile, output-channel tile): the last also stores what is finished.
    middle = (ci - 1) * np.maximum(load, busy) + np.maximum(load + store, busy)
    vector = np.maximum(work.made - middle, 0)
    compute = int(busy.sum()) * ci * co
    memory = float((middle - ci * busy).sum())
    vector_wait = float(vector.sum())
    spent = (middle + vector).sum(axis=0)
    # The generator works on the next tile meanwhile.
    generate = work.made + work.rows / tiles
    rule_wait = float(np.maximum(generate[1:] - spent[:-1], 0).sum())
    if work.waits:
        rule_wait += float(generate[0])
    drains = 2 * n * (tiles if order.startswith("tile") else tiles * co)
    first = float(inputs[0]) / beat
    edge = drains + 2 * config.latency + first + float(outputs[-1]) / beat
    copy = work.compacted * work.channels[1]
    memory += 2 * copy / beat
    useful = int(stream.sum()) * ci * co
    return Cost(
        name=work.name,
        tile=work.granule,
        tiles=tiles,
        order=order,
        useful=useful,
        weight=compute - useful,
        memory=round(memory),
        vector=round(vector_wait),
        rule=round(rule_wait),
        edge=round(edge),
        bytes_read=int((weight_loads * weights + input_loads * inputs).sum()) * ci
        + copy
        + 2 * int(span.sum()),
        bytes_written=int(outputs.sum()) * co + copy + 2 * int(work.made.sum()),
        dense=dense,
    )


def concat_cost(config: AcceleratorConfig, run: LayerRun, present: int) -> Cost:
    """A concatenation: the zeros that no layer before has written. ``present``: bytes that are."""
    missing = len(run.output.active) * run.layer.channels[1] - present
    cycles = -(-missing // config.beat)
    return Cost(
        name=run.layer.name,
        tile=0,
        tiles=0,
        order="-",
        useful=0,
        weight=0,
        memory=cycles,
        vector=0,
        rule=0,
        edge=0,
        bytes_read=0,
        bytes_written=missing,
        dense=0,
    )


def ideal_loop(work: Work, array: int, beat: int) -> tuple[int, float]:
    """``(useful, total)`` cycles of the bare loop, an upper bound for every machine of this kind.

    max(rules, N) a tap; the bus at one beat a cycle, inputs fetched for each output-channel tile,
    weights for each tile; the larger of the two a tile, and 2N cycles of drain.
    """
    ci, co = (-(-c // array) for c in work.channels)
    busy = np.where(work.counts > 0, np.maximum(work.counts, array), 0).sum(axis=1) * ci * co
    weights = work.taps * work.channels[0] * work.channels[1]
    moved = work.span * work.channels[0] * co + weights + work.made * work.channels[1]
    total = np.maximum(busy, moved / beat) + 2 * array
    return int(work.rules) * ci * co, float(total.sum())
