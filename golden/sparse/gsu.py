"""The gather-scatter unit and its array: rules gather input vectors, multiply them by a tile of
weights and scatter the products into sums, a rule a cycle.

:class:`EngineModel` is what :class:`hw.sparse.gsu.Engine` does, cycle by cycle at its ports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..formats import INT8
from .accelerator import AcceleratorConfig
from .mxu import WEIGHTS

HAZARD = 2
"""A rule that adds to an output must not be issued within this many cycles after another rule of
the same output and half: the bank would read the sum before it is written. Rules that start an
output (``first``) read nothing and are free of this."""

DRAIN_LATENCY = 2
"""Cycles from ``drain.enable`` to the sums."""


def ended_latency(n: int) -> int:
    """Cycles from the issue of a rule with ``end`` to the one from which its group's sums may be
    drained: once along the rows, once along the columns, and the pipeline."""
    return 2 * n + 3


def overwrite_distance(n: int) -> int:
    """Least cycles from the issue of a rule or a load to a write over the vector that it reads:
    the last bank reads it as many cycles later."""
    return n


Ports = Mapping[str, Mapping[str, int]]
"""Fields by port of what is given in one cycle; a port that is not there is idle."""


@dataclass
class _Weights:
    """Words loaded, the last N of them a tile, last row first."""

    words: list[NDArray[np.int64]]

    def tile(self, n: int) -> NDArray[np.int64]:
        return np.stack(self.words[-1 : -n - 1 : -1])


class EngineModel:
    """Buffers and array under one set of ports a cycle.

    The order of what happens is that of the cycles of issue, as the protocol of
    :class:`hw.sparse.gsu.Engine` grants; a stream of ports that breaks it is not noticed here.
    What was never written is zero here and unknown in hardware.
    """

    def __init__(self, config: AcceleratorConfig, pe: str = "int8"):
        n = config.array
        self.config, self.pe = config, pe
        self.inputs = np.zeros((config.input_vectors, n), np.int64)
        self.weights = np.zeros((config.weight_vectors, n), np.int64)
        self.sums = np.zeros((2, config.tile, n), np.int64)
        self._active = np.zeros((n, n), np.int64)
        self._shadow = _Weights([np.zeros(n, np.int64)] * n)

    def cycle(self, ports: Ports) -> NDArray[np.int64] | None:
        """One cycle; the sums that a drain in it asks for."""
        n = self.config.array
        rule, load, drain = (ports.get(name) for name in ("rule", "load", "drain"))
        drained = None
        if drain:
            drained = self.sums[drain["half"], drain["output"]].copy()
        if rule:
            if rule["swap"]:
                self._active = self._shadow.tile(n)
            before = 0 if rule["first"] else self.sums[rule["half"], rule["output"]]
            products = self.inputs[rule["input"]] @ self._active
            self.sums[rule["half"], rule["output"]] = before + products
        if load:
            self._shadow.words = [
                *self._shadow.words[1 - n :],
                self.weights[load["address"]].copy(),
            ]
        for name, ring, fmt in (
            ("write_input", self.inputs, INT8),
            ("write_weight", self.weights, WEIGHTS[self.pe]),
        ):
            if write := ports.get(name):
                lanes = min(self.config.beat, n)
                if write.get("zero"):
                    ring[write["address"]] = 0
                    continue
                codes = [write["data"] >> 8 * k & (1 << fmt.bits) - 1 for k in range(lanes)]
                place = slice(write["group"] * lanes, (write["group"] + 1) * lanes)
                ring[write["address"], place] = fmt.integer(np.array(codes))
        return drained
