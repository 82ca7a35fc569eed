"""Which beats a simulation sends: directed corners, random ones, and numbers of a tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.formats import Codes
from golden.unit import Unit, concatenate

from .tensors import activations

LEAST = 32
"""Beats that every run has at least: the directed scenarios need some."""


@dataclass(frozen=True)
class Plan:
    """Input beats with their number by origin."""

    beats: dict[str, Codes]
    origin: dict[str, int]

    @property
    def count(self) -> int:
        """Number of input beats."""
        return sum(self.origin.values())


def plan(config: Unit, seed: int, count: int, tensor: NDArray[np.float64] | None = None) -> Plan:
    """All corners, then ``count`` random beats and an eighth as many of the synthetic activations
    (:func:`sim.tensors.activations`); or, with a ``tensor``, up to ``count`` beats of that."""
    rng = np.random.default_rng(seed)
    parts = [("corner", beats) for beats in config.corners()]
    if tensor is None:
        parts.append(("random", config.random(rng, count)))
        if type(config).tensors is not Unit.tensors:
            parts += _of_tensor(config, activations(seed), rng, -(-count // 8))
    else:
        parts += _of_tensor(config, tensor, rng, count)
    origin = dict.fromkeys(("corner", "random", "tensor"), 0)
    for kind, beats in parts:
        origin[kind] += _count(beats)
    missing = max(0, LEAST - sum(origin.values()))
    parts.append(("random", config.random(rng, missing)))
    origin["random"] += missing
    return Plan(concatenate(*(beats for _, beats in parts)), origin)


def _of_tensor(
    config: Unit, values: NDArray[np.float64], rng: np.random.Generator, count: int
) -> Iterator[tuple[str, dict[str, Codes]]]:
    if not count:
        return
    # A unit quantises all that it gets: give it no more than the beats that are wanted, and no
    # less than a unit that works on whole rows may need.
    most = max(count, 64) * max(field.lanes for field in config.input.fields)
    beats = config.tensors(values.ravel()[:most], rng)
    yield "tensor", {name: codes[:count] for name, codes in beats.items()}


def _count(beats: dict[str, Codes]) -> int:
    return len(next(iter(beats.values())))
