"""Many copies of a circuit at once, a bit of a word each, cycle by cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .circuit import Circuit, Unsimulated
from .graph import ALL, Words
from .memory import Memories, Memory

RESET = 4
"""Cycles in which reset is held."""
SETTLED = 16
"""Reads without a clock, one after the other, that a cycle may hold."""


class Mismatch(Exception):
    """A netlist gave something else than the golden model: the message says what, in one line."""


@dataclass(frozen=True)
class Recording:
    """What was seen while recording, in all copies together.

    ``toggles`` and ``ones``: transitions and cycles at 1, by the ``place`` of nodes. ``cycles``
    are those recorded, ``beats`` those of each stream that moved in them, ``accesses`` those of
    each memory of the circuit, ``compared`` the output beats that were compared in the whole run.
    """

    place: NDArray[np.int64]
    toggles: NDArray[np.int64]
    ones: NDArray[np.int64]
    cycles: int
    beats: dict[str, int]
    compared: int
    accesses: list[dict[str, int]]


class Copies:
    """Their values, registers and memories. ``seed`` decides what is in them before reset."""

    def __init__(self, circuit: Circuit, reset: str | None, copies: int, seed: int):
        self.graph = circuit.graph.compiled()
        self.copies = copies
        self.words = -(-self.copies // 64)
        self.values = np.zeros((self.graph.rows, self.words), np.uint64)
        self.reset = circuit.ports[reset] if reset else np.zeros(0, np.int64)
        registers = circuit.registers
        self.states = self.graph.place[np.array([r.state for r in registers], np.int64) >> 1]
        self.next = np.array([r.next for r in registers], np.int64)
        self.off = np.array([lit for r in registers for lit in r.asynchronous], np.int64)
        rng = np.random.default_rng(seed)
        self.values[self.states] = rng.integers(
            0, 2**64, (len(registers), self.words), np.uint64, endpoint=False
        )
        memories = [
            Memory(circuit, place, instance, self.copies, seed + number)
            for number, (place, instance) in enumerate(circuit.memories)
        ]
        self.memories = Memories(memories)
        self.immediate = Memories([memory for memory in memories if memory.immediate])
        self.toggles = np.zeros(self.graph.rows, np.int64)
        self.ones = np.zeros(self.graph.rows, np.int64)
        self.compared = self.cycles = 0

    @property
    def none(self) -> Words:
        """0 in all copies."""
        return np.zeros((1, self.words), np.uint64)

    def start(self) -> Words:
        """Reset all copies; the values of the last cycle of it."""
        self.set(self.reset, self.none | ALL)
        for _ in range(RESET):
            self.settle()
            before = self.values.copy()
            self.step()
        self.set(self.reset, self.none)
        return before

    def recording(self, beats: dict[str, int]) -> Recording:
        """What was recorded, with the beats that moved meanwhile."""
        seen = (self.graph.place, self.toggles, self.ones, self.cycles)
        return Recording(*seen, beats, self.compared, self.memories.accesses)

    def set(self, literals: NDArray[np.int64], words: Words) -> None:
        """Give leaves their values."""
        self.values[self.graph.place[literals >> 1]] = words

    def step(self, seen: NDArray[np.bool_] | None = None) -> None:
        """Let the registers take over what they are given; ``seen``: the copies whose accesses to
        memories are recorded."""
        following = self.graph.read(self.values, self.next)
        if self.memories:
            self.memories.step(self.copies_of, seen)
        self.values[self.states] = following

    def settle(self) -> None:
        """Until nothing changes: once, and again for what memories give without a clock."""
        self.recall(self.memories)
        self.graph.evaluate(self.values)
        for _ in range(SETTLED):
            if not self.recall(self.immediate):
                break
            self.graph.evaluate(self.values)
        else:
            raise Unsimulated("memories that are read without a clock do not settle")
        if self.off.size and self.graph.read(self.values, self.off).any():
            raise Unsimulated("an asynchronous set or reset is in use")

    def recall(self, memories: Memories) -> bool:
        """Put what memories give on their outputs; whether any of it is new."""
        if not memories:
            return False
        words, place = self.packed(memories.data(self.copies_of)), memories.outputs
        changed = bool((self.values[self.graph.place[place >> 1]] != words).any())
        self.set(place, words)
        return changed

    def record(self, before: Words, seen: NDArray[np.bool_]) -> None:
        if not seen.any():
            return
        mask = self.packed(seen[:, None].astype(np.uint8))
        self.toggles += np.bitwise_count((before ^ self.values) & mask).sum(axis=1, dtype=np.int64)
        self.ones += np.bitwise_count(self.values & mask).sum(axis=1, dtype=np.int64)
        self.cycles += int(seen.sum())

    def packed(self, bits: NDArray[np.uint8]) -> Words:
        """Bits ``(copies, width)`` as words ``(width, words)``."""
        whole = np.zeros((bits.shape[1], self.words * 64), np.uint8)
        whole[:, : self.copies] = bits.T
        return np.packbits(whole, axis=1, bitorder="little").view("<u8").astype(np.uint64)

    def copies_of(self, literals: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The inverse, of the values of literals: bits ``(copies, width)``."""
        words = self.graph.read(self.values, literals).astype("<u8")
        return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, : self.copies].T
