"""A test bench that streams beats through a circuit and records what its nets do.

Many copies of the circuit run at once, each bit of a word one of them, and each on beats of its
own: all begin after reset, none is ever stalled, and each output beat is compared, every bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.job import StreamPorts

from .circuit import Circuit, Unsimulated
from .graph import ALL, Words
from .memory import Memory

RESET = 4
"""Cycles in which reset is held."""
SETTLED = 16
"""Reads without a clock, one after the other, that a cycle may hold."""


class Mismatch(Exception):
    """A netlist gave something else than the golden model: the message says what, in one line."""


@dataclass(frozen=True)
class Stream:
    """A stream of all copies: bits ``(beats, width)``, and which of them each copy has:
    ``bounds[c]`` to ``bounds[c + 1]``."""

    ports: StreamPorts
    bits: NDArray[np.uint8]
    bounds: NDArray[np.int64]


@dataclass(frozen=True)
class Recording:
    """What was seen while recording, in all copies together.

    ``toggles`` and ``ones``: transitions and cycles at 1, by the ``place`` of nodes. ``cycles``
    are those recorded, ``beats`` those of each stream that moved in them, ``compared`` the output
    beats that were compared in the whole run.
    """

    place: NDArray[np.int64]
    toggles: NDArray[np.int64]
    ones: NDArray[np.int64]
    cycles: int
    beats: dict[str, int]
    compared: int


def simulate(
    circuit: Circuit,
    reset: str | None,
    inputs: Mapping[str, Stream],
    outputs: Mapping[str, Stream],
    *,
    patience: int,
    warm: int | None,
    seed: int,
) -> Recording:
    """Run all beats.

    Recording covers, in each copy, the cycles that begin with beat ``warm`` of its input and end
    with its last one; where ``warm`` is None, all from its first beat in to its last one out.
    ``seed`` decides the state of registers before reset. Raises :class:`Mismatch`, also when no
    beat moves for ``patience`` cycles.
    """
    return _Bench(circuit, reset, inputs, outputs, seed).run(patience, warm)


class _End:
    """One end of a stream: where each copy is in its beats."""

    def __init__(self, circuit: Circuit, name: str, stream: Stream):
        ports = stream.ports
        self.name, self.bits = name, stream.bits
        self.payload = circuit.ports[ports.payload]
        self.valid, self.ready = circuit.ports[ports.valid], circuit.ports[ports.ready]
        self.at, self.stop = stream.bounds[:-1].copy(), stream.bounds[1:]

    @property
    def left(self) -> NDArray[np.bool_]:
        """The copies that have beats left."""
        return self.at < self.stop


class _Bench:
    def __init__(
        self,
        circuit: Circuit,
        reset: str | None,
        inputs: Mapping[str, Stream],
        outputs: Mapping[str, Stream],
        seed: int,
    ):
        self.graph = circuit.graph.compiled()
        self.copies = len(next(iter((inputs | outputs).values())).bounds) - 1
        self.words = -(-self.copies // 64)
        self.values = np.zeros((self.graph.rows, self.words), np.uint64)
        self.inputs = [_End(circuit, *each) for each in inputs.items()]
        self.outputs = [_End(circuit, *each) for each in outputs.items()]
        self.reset = circuit.ports[reset] if reset else np.zeros(0, np.int64)
        registers = circuit.registers
        self.states = self.graph.place[np.array([r.state for r in registers], np.int64) >> 1]
        self.next = np.array([r.next for r in registers], np.int64)
        self.off = np.array([lit for r in registers for lit in r.asynchronous], np.int64)
        rng = np.random.default_rng(seed)
        self.values[self.states] = rng.integers(
            0, 2**64, (len(registers), self.words), np.uint64, endpoint=False
        )
        self.memories = [
            Memory(circuit, place, instance, self.copies, seed + number)
            for number, (place, instance) in enumerate(circuit.memories)
        ]
        self.immediate = [memory for memory in self.memories if memory.immediate]
        self.toggles = np.zeros(self.graph.rows, np.int64)
        self.ones = np.zeros(self.graph.rows, np.int64)
        self.compared = self.cycles = 0

    def set(self, literals: NDArray[np.int64], words: Words) -> None:
        """Give leaves their values."""
        self.values[self.graph.place[literals >> 1]] = words

    def step(self) -> None:
        """Let the registers take over what they are given."""
        following = self.graph.read(self.values, self.next)
        for memory in self.memories:
            memory.step(self.copies_of)
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

    def recall(self, memories: list[Memory]) -> bool:
        """Put what memories give on their outputs; whether any of it is new."""
        changed = False
        for memory in memories:
            for literals, bits in memory.outputs(self.copies_of):
                words = self.packed(bits)
                changed |= bool((self.values[self.graph.place[literals >> 1]] != words).any())
                self.set(literals, words)
        return changed

    def run(self, patience: int, warm: int | None) -> Recording:
        none = np.zeros((1, self.words), np.uint64)
        for end in self.inputs:
            self.set(end.valid, none)
        for end in self.outputs:
            self.set(end.ready, none | ALL)
        self.set(self.reset, none | ALL)
        before = np.zeros_like(self.values)
        for _ in range(RESET):
            self.settle()
            np.copyto(before, self.values)
            self.step()
        self.set(self.reset, none)
        first = self.inputs[0]
        start = first.at.copy()
        beats = {end.name: 0 for end in (*self.inputs, *self.outputs)}
        begun = np.zeros(self.copies, bool)
        still = 0
        while any(end.left.any() for end in (*self.inputs, *self.outputs)):
            for end in self.inputs:
                self.offer(end)
            self.settle()
            if warm is None:
                left = np.any([end.left for end in (*self.inputs, *self.outputs)], axis=0)
                seen = left & begun
                begun |= left
            else:
                seen = first.left & (first.at - start >= warm)
            self.record(before, seen)
            moved = False
            for end in self.inputs:
                taken = end.left & self.copies_of(end.ready)[:, 0]
                beats[end.name] += int(np.sum(taken & seen))
                end.at += taken
                moved |= bool(taken.any())
            for end in self.outputs:
                given = self.compare(end)
                beats[end.name] += int(np.sum(given & seen))
                moved |= bool(given.any())
            still = 0 if moved else still + 1
            if still > patience:
                raise Mismatch(f"no beat moves for {patience} cycles; {self.compared} were right")
            np.copyto(before, self.values)
            self.step()
        return Recording(
            self.graph.place, self.toggles, self.ones, self.cycles, beats, self.compared
        )

    def offer(self, end: _End) -> None:
        """Show each copy its next beat; one that has none left still shows its last."""
        left = end.left
        rows = end.bits[np.minimum(end.at, len(end.bits) - 1)]
        self.set(end.payload, self.packed(rows))
        self.set(end.valid, self.packed(left[:, None].astype(np.uint8)))

    def compare(self, end: _End) -> NDArray[np.bool_]:
        """Take what each copy offers, and say which did."""
        given = self.copies_of(end.valid)[:, 0].astype(bool)
        if not given.any():
            return given
        more = given & ~end.left
        if more.any():
            raise Mismatch(f"{end.name}: a beat that nobody asked for, after {self.compared}")
        got, expected = self.copies_of(end.payload)[given], end.bits[end.at[given]]
        wrong = np.flatnonzero((got != expected).any(axis=1))
        if wrong.size:
            beat, bits = end.at[given][wrong[0]], (got ^ expected)[wrong[0]]
            raise Mismatch(
                f"{end.name}: beat {beat} differs from the golden model in bits"
                f" {', '.join(map(str, np.flatnonzero(bits)[:8]))}; {self.compared} were right"
            )
        self.compared += int(given.sum())
        end.at += given
        return given

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


def spread(count: int, copies: int) -> NDArray[np.int64]:
    """Bounds of ``count`` beats over ``copies``, as even as can be."""
    return np.arange(copies + 1) * count // copies


def bits_of(words: Sequence[int], width: int) -> NDArray[np.uint8]:
    """Packed beats as bits ``(beats, width)``."""
    size = -(-width // 8)
    data = b"".join(word.to_bytes(size, "little") for word in words)
    rows = np.frombuffer(data, np.uint8).reshape(len(words), size)
    return np.unpackbits(rows, axis=1, bitorder="little")[:, :width]
