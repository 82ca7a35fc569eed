"""What memories of a netlist do, for many copies of it at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count

import numpy as np
from numpy.typing import NDArray

from ..mapping.netlist import Instance
from .circuit import Circuit, Unsimulated

Bits = NDArray[np.uint8]
Read = Callable[[NDArray[np.int64]], Bits]
"""Values of literals, ``(copies, literals)``."""


class Memory:
    """A memory with any ports that read, at once or after the clock edge, and any that write.

    A read of a word in the cycle in which it is written gives the old word, unless the port is
    transparent to that one.
    """

    def __init__(self, circuit: Circuit, place: str, instance: Instance, copies: int, seed: int):
        if not instance.behaviour:
            raise Unsimulated(f"it is not known what memory {place}{instance.name} does")
        facts = json.loads(instance.behaviour)
        wiring = facts["wiring"]
        if any(set(bits) != {"0"} for name, bits in wiring.items() if name.endswith("rst")):
            raise Unsimulated(f"memory {place}{instance.name} has reads that can be reset")

        def literals(name: str) -> NDArray[np.int64]:
            bits = [
                circuit.literal((place, instance.pins[bit])) if bit in instance.pins else bit == "1"
                for bit in wiring.get(name, ())
            ]
            return np.array(bits, np.int64)

        width = facts["width"]
        self._reads, self._writes = [], []
        for index in count():
            if f"rd{index}_addr" not in wiring:
                break
            pins = [f"rd{index}_data_{bit}" for bit in range(width)]
            used = [bit for bit, pin in enumerate(pins) if pin in instance.pins]
            out = [circuit.literal((place, instance.pins[pins[bit]])) for bit in used]
            self._reads.append(
                (
                    facts["clocked"][index] == "1",
                    literals(f"rd{index}_addr"),
                    literals(f"rd{index}_en"),
                    np.array(used, np.int64),
                    np.array(out, np.int64),
                )
            )
        for index in count():
            if f"wr{index}_addr" not in wiring:
                break
            roles = ("addr", "data", "en")
            self._writes.append(tuple(literals(f"wr{index}_{role}") for role in roles))
        self._transparent = facts["transparent"]
        rng = np.random.default_rng(seed)
        shape = (copies, facts["words"], width)
        self._words = rng.integers(0, 2, shape, np.uint8)
        if facts["initial"]:
            known = np.array(list(facts["initial"])).reshape(shape[1:])
            self._words[:, known != "x"] = (known == "1").astype(np.uint8)[known != "x"]
        self._registers = [rng.integers(0, 2, (copies, width), np.uint8) for _ in self._reads]

    def outputs(self, read: Read) -> list[tuple[NDArray[np.int64], Bits]]:
        """Literals of data and what they are, for what is clocked and for the rest."""
        found = []
        for (clocked, address, _, used, out), register in zip(
            self._reads, self._registers, strict=True
        ):
            data = register if clocked else self._at(self._address(read, address))
            found.append((out, data[:, used]))
        return found

    @property
    def immediate(self) -> bool:
        """Whether a read happens without a clock."""
        return not all(clocked for clocked, *_ in self._reads)

    def step(self, read: Read) -> None:
        """The clock edge."""
        before = [self._at(self._address(read, address)) for _, address, *_ in self._reads]
        rows = np.arange(len(self._words))
        writes = []
        for address, data, enable in self._writes:
            place, mask, bits = self._address(read, address), read(enable), read(data)
            inside = place < self._words.shape[1]
            writes.append((np.where(inside, place, 0), mask & inside[:, None], bits))
        for place, mask, bits in writes:
            old = self._words[rows, place]
            self._words[rows, place] = np.where(mask, bits, old)
        for number, (clocked, address, enable, *_) in enumerate(self._reads):
            if not clocked:
                continue
            data = before[number]
            for port, (place, mask, bits) in enumerate(writes):
                if self._transparent[number * len(writes) + port] == "1":
                    same = (place == self._address(read, address))[:, None]
                    data = np.where(same & mask.astype(bool), bits, data)
            on = read(enable)[:, :1].astype(bool)
            self._registers[number] = np.where(on, data, self._registers[number])

    @staticmethod
    def _address(read: Read, literals: NDArray[np.int64]) -> NDArray[np.int64]:
        return read(literals).astype(np.int64) @ (1 << np.arange(len(literals), dtype=np.int64))

    def _at(self, places: NDArray[np.int64]) -> Bits:
        inside = np.minimum(places, self._words.shape[1] - 1)
        return self._words[np.arange(len(self._words)), inside]
