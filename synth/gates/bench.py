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

from .circuit import Circuit
from .copies import Copies, Mismatch, Recording
from .graph import ALL


@dataclass(frozen=True)
class Stream:
    """A stream of all copies: bits ``(beats, width)``, and which of them each copy has:
    ``bounds[c]`` to ``bounds[c + 1]``."""

    ports: StreamPorts
    bits: NDArray[np.uint8]
    bounds: NDArray[np.int64]


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


class _Bench(Copies):
    def __init__(
        self,
        circuit: Circuit,
        reset: str | None,
        inputs: Mapping[str, Stream],
        outputs: Mapping[str, Stream],
        seed: int,
    ):
        copies = len(next(iter((inputs | outputs).values())).bounds) - 1
        super().__init__(circuit, reset, copies, seed)
        self.inputs = [_End(circuit, *each) for each in inputs.items()]
        self.outputs = [_End(circuit, *each) for each in outputs.items()]

    def run(self, patience: int, warm: int | None) -> Recording:
        for end in self.inputs:
            self.set(end.valid, self.none)
        for end in self.outputs:
            self.set(end.ready, self.none | ALL)
        before = self.start()
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
            self.step(seen)
        return self.recording(beats)

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


def spread(count: int, copies: int) -> NDArray[np.int64]:
    """Bounds of ``count`` beats over ``copies``, as even as can be."""
    return np.arange(copies + 1) * count // copies


def bits_of(words: Sequence[int], width: int) -> NDArray[np.uint8]:
    """Packed beats as bits ``(beats, width)``."""
    size = -(-width // 8)
    data = b"".join(word.to_bytes(size, "little") for word in words)
    rows = np.frombuffer(data, np.uint8).reshape(len(words), size)
    return np.unpackbits(rows, axis=1, bitorder="little")[:, :width]
