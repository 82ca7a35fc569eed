"""A circuit that is given what a machine of the same ports was given, cycle by cycle, and has to do
the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .circuit import Circuit
from .copies import Copies, Mismatch, Recording


@dataclass(frozen=True, eq=False)
class Replay:
    """``ports``: bits on each port in each cycle after reset, ``(cycles, at least its width)``.
    ``beats``: how often what is called ``moved`` did so inside. ``text`` says what it is."""

    text: str
    ports: Mapping[str, NDArray[np.uint8]]
    moved: str
    beats: int
    equal = "cycles with the outputs of the RTL, whose results are golden's"

    def run(self, circuit: Circuit, reset: str | None, seed: int) -> Recording:
        """Simulate all cycles, and record each.

        Outputs must be what they were: of an AXI channel, its payload in the cycles in which it is
        valid, and of the data of a write the bytes that are written. Raises :class:`Mismatch`.
        """
        machine = Copies(circuit, reset, 1, seed)
        names = [name for name in self.ports if name in circuit.ports and name != reset]
        inputs = [name for name in names if name in circuit.inputs]
        outputs = [name for name in names if name not in circuit.inputs]
        given, pins = self._rows(circuit, inputs)
        wanted, seen = self._rows(circuit, outputs)
        masks = np.concatenate([self._mask(circuit, name) for name in outputs], axis=1)
        machine.set(pins, machine.packed(np.zeros((1, len(pins)), np.uint8)))
        before, every = machine.start(), np.ones(1, bool)
        for cycle, row in enumerate(given):
            machine.set(pins, machine.packed(row[None]))
            machine.settle()
            wrong = (machine.copies_of(seen)[0] ^ wanted[cycle]) & masks[cycle]
            if wrong.any():
                at = int(np.flatnonzero(wrong)[0])
                ends = np.cumsum([len(circuit.ports[name]) for name in outputs])
                name = outputs[int(np.searchsorted(ends, at, side="right"))]
                raise Mismatch(f"{name} differs from the RTL's in cycle {cycle}")
            machine.compared += int(masks[cycle].any())
            machine.record(before, every)
            np.copyto(before, machine.values)
            machine.step(every)
        return machine.recording({self.moved: self.beats})

    def _rows(
        self, circuit: Circuit, names: list[str]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """All bits of a cycle in a row, and their literals."""
        found = [self.ports[name][:, : len(circuit.ports[name])] for name in names]
        return np.concatenate(found, axis=1), np.concatenate([circuit.ports[n] for n in names])

    def _mask(self, circuit: Circuit, name: str) -> NDArray[np.uint8]:
        """The bits of an output that mean something."""
        shape = (len(self.ports[name]), len(circuit.ports[name]))
        bus, _, signal = name.rpartition("_")
        channel = next((c for c in ("aw", "ar", "w", "b", "r") if signal.startswith(c)), "")
        if not channel or signal.endswith(("valid", "ready")):
            return np.ones(shape, np.uint8)
        mask = np.repeat(self.ports[f"{bus}_{channel}valid"][:, :1], shape[1], axis=1)
        if signal == "wdata":
            strobe = self.ports[f"{bus}_wstrb"][:, : shape[1] // 8]
            mask = mask & np.repeat(strobe, 8, axis=1)
        return mask
