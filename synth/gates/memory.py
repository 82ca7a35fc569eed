"""What memories of a netlist do, for many copies of it at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
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

    ``pins``: literals of what goes in; ``outputs``: of the data that come out. A read of a word in
    the cycle in which it is written gives the old word, unless the port is transparent to that one.
    """

    def __init__(self, circuit: Circuit, place: str, instance: Instance, copies: int, seed: int):
        if not instance.behaviour:
            raise Unsimulated(f"it is not known what memory {place}{instance.name} does")
        facts = json.loads(instance.behaviour)
        wiring = facts["wiring"]
        if any(set(bits) != {"0"} for name, bits in wiring.items() if name.endswith("rst")):
            raise Unsimulated(f"memory {place}{instance.name} has reads that can be reset")
        pins: list[int] = []

        def among_pins(name: str) -> slice:
            pins.extend(
                circuit.literal((place, instance.pins[bit])) if bit in instance.pins else bit == "1"
                for bit in wiring.get(name, ())
            )
            return slice(len(pins) - len(wiring.get(name, ())), len(pins))

        width = facts["width"]
        outputs: list[int] = []
        self._reads, self._writes = [], []
        for index in count():
            if f"rd{index}_addr" not in wiring:
                break
            names = [f"rd{index}_data_{bit}" for bit in range(width)]
            used = [bit for bit, pin in enumerate(names) if pin in instance.pins]
            outputs += [circuit.literal((place, instance.pins[names[bit]])) for bit in used]
            self._reads.append(
                (
                    facts["clocked"][index] == "1",
                    among_pins(f"rd{index}_addr"),
                    among_pins(f"rd{index}_en"),
                    np.array(used, np.int64),
                )
            )
        for index in count():
            if f"wr{index}_addr" not in wiring:
                break
            roles = ("addr", "data", "en")
            self._writes.append(tuple(among_pins(f"wr{index}_{role}") for role in roles))
        self.pins, self.outputs = np.array(pins, np.int64), np.array(outputs, np.int64)
        self._transparent = facts["transparent"]
        rng = np.random.default_rng(seed)
        shape = (copies, facts["words"], width)
        self._words = rng.integers(0, 2, shape, np.uint8)
        if facts["initial"]:
            known = np.array(list(facts["initial"])).reshape(shape[1:])
            self._words[:, known != "x"] = (known == "1").astype(np.uint8)[known != "x"]
        self._registers = [rng.integers(0, 2, (copies, width), np.uint8) for _ in self._reads]
        self.accesses = {"read": 0, "write": 0}
        """Of all ports, in the cycles that were counted. A read without a clock is one a cycle."""

    def count(self, pins: Bits, seen: NDArray[np.bool_]) -> None:
        """Add what is done with these pins, in the copies that are ``seen``."""
        for clocked, _, enable, _ in self._reads:
            on = pins[:, enable].any(axis=1) if clocked else np.ones(len(seen), bool)
            self.accesses["read"] += int(np.sum(on & seen))
        for _, _, enable in self._writes:
            self.accesses["write"] += int(np.sum(pins[:, enable].any(axis=1) & seen))

    def data(self, pins: Bits) -> Bits:
        """What is on the outputs; of ``pins`` only reads that happen at once need to know."""
        found = [
            (register if clocked else self._at(_address(pins[:, address])))[:, used]
            for (clocked, address, _, used), register in zip(
                self._reads, self._registers, strict=True
            )
        ]
        return np.concatenate(found, axis=1) if found else np.zeros((len(self._words), 0), np.uint8)

    @property
    def immediate(self) -> bool:
        """Whether a read happens without a clock."""
        return not all(clocked for clocked, *_ in self._reads)

    def step(self, pins: Bits) -> None:
        """The clock edge."""
        rows = np.arange(len(self._words))
        reads = [
            (number, _address(pins[:, address]), pins[:, enable][:, :1].astype(bool))
            for number, (clocked, address, enable, _) in enumerate(self._reads)
            if clocked and pins[:, enable].any()
        ]
        before = [self._at(places) for _, places, _ in reads]
        writes = {}
        for number, (address, data, enable) in enumerate(self._writes):
            mask = pins[:, enable]
            if mask.any():
                places = _address(pins[:, address])
                inside = places < self._words.shape[1]
                mask = mask & inside[:, None]
                writes[number] = np.where(inside, places, 0), mask, pins[:, data]
        for places, mask, bits in writes.values():
            old = self._words[rows, places]
            self._words[rows, places] = np.where(mask, bits, old)
        for (number, address, on), data in zip(reads, before, strict=True):
            for port, (places, mask, bits) in writes.items():
                if self._transparent[number * len(self._writes) + port] == "1":
                    same = (places == address)[:, None]
                    data = np.where(same & mask.astype(bool), bits, data)
            self._registers[number] = np.where(on, data, self._registers[number])

    def _at(self, places: NDArray[np.int64]) -> Bits:
        inside = np.minimum(places, self._words.shape[1] - 1)
        return self._words[np.arange(len(self._words)), inside]


class Memories:
    """Several at once: ``outputs`` are the literals that all of them drive."""

    def __init__(self, members: Sequence[Memory]):
        self._members = members
        self._pins = _joined([memory.pins for memory in members])
        self.outputs = _joined([memory.outputs for memory in members])
        ends = np.cumsum([len(memory.pins) for memory in members]).tolist()
        self._slices = [slice(*pair) for pair in zip([0, *ends], ends, strict=False)]

    def data(self, read: Read) -> Bits:
        """What is on their outputs."""
        pins = read(self._pins)
        parts = zip(self._members, self._slices, strict=True)
        return np.concatenate([memory.data(pins[:, part]) for memory, part in parts], axis=1)

    def step(self, read: Read, seen: NDArray[np.bool_] | None = None) -> None:
        """The clock edge; accesses of the copies that are ``seen`` are counted."""
        pins = read(self._pins)
        for memory, part in zip(self._members, self._slices, strict=True):
            if seen is not None:
                memory.count(pins[:, part], seen)
            memory.step(pins[:, part])

    @property
    def accesses(self) -> list[dict[str, int]]:
        """Of each."""
        return [memory.accesses for memory in self._members]

    def __bool__(self) -> bool:
        return bool(self._members)


def _joined(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _address(bits: Bits) -> NDArray[np.int64]:
    return bits.astype(np.int64) @ (1 << np.arange(bits.shape[1], dtype=np.int64))
