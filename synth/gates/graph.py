"""Boolean functions as a graph of two-input ANDs and XORs, evaluated for many circuits at once.

A *literal* is twice the number of a node, plus one for its complement; 0 and 1 are the constants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
ALL = np.uint64(2**64 - 1)


class Graph:
    """Nodes, each after what it is made of. Also the algebra of :mod:`synth.library.boolean`."""

    def __init__(self) -> None:
        self._level = [0]  #: by node; node 0 is the constant
        self.gates: list[tuple[bool, int, int, int]] = []
        """Of each: whether it is an XOR, its literals, its node; each after what it is made of."""
        self._known: dict[tuple[bool, int, int], int] = {}

    def leaf(self) -> int:
        """A new node that is given from outside."""
        self._level.append(0)
        return 2 * (len(self._level) - 1)

    @property
    def size(self) -> int:
        """Number of nodes, the constant included."""
        return len(self._level)

    def constant(self, value: bool) -> int:
        return int(value)

    def invert(self, a: int) -> int:
        return a ^ 1

    def both(self, a: int, b: int) -> int:
        if a > b:
            a, b = b, a
        if a == 0 or a == b ^ 1:
            return 0
        return b if a in (1, b) else self._gate(False, a, b)

    def any(self, a: int, b: int) -> int:
        return self.both(a ^ 1, b ^ 1) ^ 1

    def odd(self, a: int, b: int) -> int:
        flip = (a ^ b) & 1
        a, b = sorted((a & ~1, b & ~1))
        if a == b or a == 0:
            return (0 if a == b else b) ^ flip
        return self._gate(True, a, b) ^ flip

    def _gate(self, xor: bool, a: int, b: int) -> int:
        key = (xor, a, b)
        if key not in self._known:
            node = self._known[key] = self.leaf()
            self._level[node // 2] = 1 + max(self._level[a // 2], self._level[b // 2])
            self.gates.append((xor, a, b, node // 2))
        return self._known[key]

    def compiled(self) -> Compiled:
        """The graph as arrays, ready to be evaluated."""
        order = sorted(self.gates, key=lambda gate: (self._level[gate[3]], gate[0]))
        place = np.zeros(len(self._level), np.int64)
        made = {node for *_, node in self.gates}
        leaves = [node for node in range(len(self._level)) if node not in made]
        place[leaves] = np.arange(len(leaves))
        place[[node for *_, node in order]] = len(leaves) + np.arange(len(order))
        steps, start = [], 0
        while start < len(order):
            kind = (self._level[order[start][3]], order[start][0])
            stop = start
            while stop < len(order) and (self._level[order[stop][3]], order[stop][0]) == kind:
                stop += 1
            left, right = np.array([gate[1:3] for gate in order[start:stop]]).T
            steps.append(
                Step(
                    order[start][0],
                    slice(len(leaves) + start, len(leaves) + stop),
                    place[left // 2],
                    place[right // 2],
                    np.where(left & 1, ALL, np.uint64(0))[:, None],
                    np.where(right & 1, ALL, np.uint64(0))[:, None],
                )
            )
            start = stop
        return Compiled(place, len(leaves) + len(order), steps)


@dataclass(frozen=True)
class Step:
    """Gates of one kind that depend on none of each other."""

    xor: bool
    out: slice
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    invert_left: Words
    invert_right: Words


@dataclass(frozen=True)
class Compiled:
    """``place``: the row of each node in an array of values; ``rows``: how many there are."""

    place: NDArray[np.int64]
    rows: int
    steps: list[Step]

    def evaluate(self, values: Words) -> None:
        """Fill in all that depends on the leaves, 64 circuits a word."""
        for step in self.steps:
            left, right = values.take(step.left, axis=0), values.take(step.right, axis=0)
            if step.xor:
                np.bitwise_xor(left, right, out=values[step.out])
            else:
                left ^= step.invert_left
                right ^= step.invert_right
                np.bitwise_and(left, right, out=values[step.out])

    def read(self, values: Words, literals: NDArray[np.int64]) -> Words:
        """The values of literals."""
        found = values[self.place[literals >> 1]]
        return found ^ np.where(literals & 1, ALL, np.uint64(0))[:, None]
