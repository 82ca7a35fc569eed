"""The gather-scatter unit and its array on their own: a stream of operations, one of sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import require
from ..formats import FLAG, INT32, integer
from ..process import Case, Process
from ..unit import Beats, Field, Payload
from .accelerator import AcceleratorConfig
from .gsu import EngineModel
from .mxu import SIZES, WEIGHTS

INPUT, ZERO, WEIGHT, LOAD, RULE, DRAIN = range(6)
"""Operations of the unit on streams."""


@dataclass(frozen=True, kw_only=True)
class GsuConfig(Process):
    """Banks and array on streams: a case is a program of operations, a beat each.

    Parameters
    ----------
    array:
        N, lanes of a vector.
    beat:
        Bytes that an operation writes: up to N, a power of two.
    input_vectors, weight_vectors, tile:
        Sizes of the banks: powers of two from 4 N, from 2 N and from N.
    pe:
        Kind of processing element: "int8", "int4", "dint4".
    """

    array: int = 16
    beat: int = 16
    input_vectors: int = 64
    weight_vectors: int = 32
    tile: int = 32
    pe: str = "int8"

    def __post_init__(self) -> None:
        n = self.array
        require(n in SIZES, "array", n, ", ".join(map(str, SIZES)))
        beats = [b for b in (8, 16, 32, 64) if b <= max(n, 8)]
        require(self.beat in beats, "beat", self.beat, ", ".join(map(str, beats)))
        require(self.pe in WEIGHTS, "pe", self.pe, ", ".join(WEIGHTS))
        for name, least in (("input_vectors", 4 * n), ("weight_vectors", 2 * n), ("tile", n)):
            value = getattr(self, name)
            power = isinstance(value, int) and value >= least and value & (value - 1) == 0
            require(power, name, value, f"a power of two, at least {least}")

    @property
    def accelerator(self) -> AcceleratorConfig:
        """The smallest machine with these banks."""
        n = self.array
        return AcceleratorConfig(
            array=n,
            bus_bits=8 * self.beat,
            input_bytes=n * self.input_vectors,
            weight_bytes=n * self.weight_vectors,
            sum_bytes=8 * n * self.tile,
            rule_bytes=54 * self.tile,
        )

    @property
    def inputs(self) -> dict[str, Payload]:
        lanes = min(self.beat, self.array)
        bits = max(self.input_vectors, self.weight_vectors).bit_length() - 1
        group = (self.array // lanes - 1).bit_length()
        sizes = {"operation": 3, "address": bits, "output": self.tile.bit_length() - 1}
        meanings = {
            "operation": "0 write inputs, 1 write a vector of zeros, 2 write weights, 3 load a"
            " tile, 4 rule, 5 drain",
            "address": "of a vector; of a tile's row 0",
            "output": "rule, drain: sum vector",
        }
        fields = [Field(k, integer(b, signed=False), meanings[k]) for k, b in sizes.items()]
        fields += [
            Field("half", FLAG, "rule, drain: of the sums"),
            Field("swap", FLAG, "rule: the tile loaded last counts from here on"),
            Field("first", FLAG, "rule: the sum begins"),
            Field("end", FLAG, "rule: the half's sums are complete"),
        ]
        if group:
            meaning = "write: which part of the vector"
            fields.append(Field("group", integer(group, signed=False), meaning))
        byte = integer(8, signed=False)
        return {"i": Payload((*fields, Field("data", byte, "write: a part of a vector", lanes)))}

    @property
    def outputs(self) -> dict[str, Payload]:
        return {"o": Payload((Field("sums", INT32, "of N channels", self.array),))}

    @property
    def contract(self) -> str:
        return (
            "A rule adds its input vector times the N x N weights to its sum vector, or with first"
            " replaces that, exact; a drain gives a sum vector. The weights are those that the last"
            " load before the last swap took, N rows from its address on; each load is followed by"
            " one swap. The last rule of a half before its drains has end. All that is read has"
            " been written in the same case."
        )

    @property
    def timing(self) -> str:
        return (
            "An operation a cycle. It waits: a write for N cycles from the last rule or load; a"
            " swap for the load, N + 1 cycles; a rule that adds to what one of the 2 cycles before"
            " has changed; a drain for 2 N + 4 cycles from the last end. Sums are offered 5"
            " cycles after their drain transfers."
        )

    def process(self, inputs: Mapping[str, Beats]) -> dict[str, dict[str, Any]]:
        model, n = EngineModel(self.accelerator, self.pe), self.array
        sums = []
        for row in self.inputs["i"].rows(inputs["i"]):
            match row["operation"]:
                case 0 | 1 | 2 as operation:  # INPUT, ZERO, WEIGHT
                    data = row["data"] if isinstance(row["data"], list) else [row["data"]]
                    word = int.from_bytes(bytes(data), "little")
                    place = {"address": row["address"], "group": row.get("group", 0)}
                    name = "write_weight" if operation == WEIGHT else "write_input"
                    model.cycle({name: {**place, "data": word, "zero": operation == ZERO}})
                case 3:  # LOAD
                    for k in reversed(range(n)):
                        model.cycle(
                            {"load": {"address": (row["address"] + k) % self.weight_vectors}}
                        )
                case 4:  # RULE
                    model.cycle({"rule": {**row, "input": row["address"]}})
                case 5:  # DRAIN
                    sums.append(model.cycle({"drain": row}))
        wrapped = INT32.wrap(np.array(sums, np.int64).reshape(-1, n))
        return {"o": {"sums": wrapped}}

    def case(self, groups: list[tuple[list[int], int]], rng: np.random.Generator) -> Case:
        """A program: for each of ``groups`` its taps of so many rules into so many outputs, in
        turn of halves; a group is drained when the next one has begun."""
        lanes = min(self.beat, self.array)
        parts = self.array // lanes
        rows: list[dict[str, Any]] = []

        def write(operation: int, address: int, low: int = 0) -> None:
            for group in range(parts if operation != ZERO else 1):
                data = rng.integers(low, 256, lanes) if rng.random() < 0.9 else [128] * lanes
                rows.append(
                    {
                        "operation": operation,
                        "address": address,
                        "data": list(map(int, data)),
                        **({"group": group} if parts > 1 else {}),
                    }
                )

        known = [int(a) for a in rng.choice(self.input_vectors, 4, replace=False)]
        for address in known:
            write(INPUT, address)
        drains: list[dict[str, Any]] = []
        for number, (taps, count) in enumerate(groups):
            half = number % 2
            outputs = [int(o) for o in rng.choice(self.tile, count, replace=False)]
            begun: set[int] = set()
            for tap, rules in enumerate(taps):
                base = int(rng.integers(self.weight_vectors))
                for k in rng.permutation(self.array):
                    write(WEIGHT, (base + int(k)) % self.weight_vectors)
                rows.append({"operation": LOAD, "address": base})
                for rule in range(rules):
                    output = int(rng.choice(outputs))
                    rows.append(
                        {
                            "operation": RULE,
                            "address": int(rng.choice(known)),
                            "output": output,
                            "half": half,
                            "swap": int(rule == 0),
                            "first": int(output not in begun or rng.random() < 0.05),
                            "end": int(tap == len(taps) - 1 and rule == rules - 1),
                        }
                    )
                    begun.add(output)
                    if rng.random() < 0.05:
                        write(int(rng.choice([INPUT, ZERO])), int(rng.choice(known)))
                rows += drains
                drains = []
            drains = [{"operation": DRAIN, "output": o, "half": half} for o in sorted(begun)]
        return {"i": self.inputs["i"].beats([*rows, *drains])}

    def corners(self) -> Iterator[Case]:
        """Taps of one rule and of about N, one output and many, one group and several."""
        rng, n = np.random.default_rng(0), self.array
        for rules in (1, 2, 3, n - 1, n, n + 1, 2 * n):
            yield self.case([([rules], 1), ([rules, 1], 3)], rng)
            yield self.case([([rules, rules], min(n, rules))], rng)
        yield self.case([([1], 1)] * 5, rng)
        yield self.case([([4 * n], self.tile), ([n, n], n)], rng)

    def random(self, rng: np.random.Generator) -> Case:
        """A few groups with a few taps each."""
        groups = []
        for _ in range(rng.integers(1, 5)):
            taps = rng.integers(1, 2 * self.array, rng.integers(1, 4)).tolist()
            groups.append((taps, int(rng.integers(1, min(8, self.tile + 1)))))
        return self.case(groups, rng)
