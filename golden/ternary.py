"""Ternary and binary weights: packed, unpacked, and in dot products with integer activations.

Sources: ternary weights of quantised transformers: Kim et al., "Token-Scaled Logit Distillation for
Ternary Weight Generative Language Models" (TSLD, NeurIPS 2023), Huang et al., "Tequila" (arXiv
2509.23809), Wang et al., "MoTE" (arXiv 2506.14435); binary and ternary: Kim et al., "Teacher
Intervention" (EACL 2023). None of them says how weights lie in memory: the packings are our choice
(see ``docs/ternary.md``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .errors import require
from .formats import INT2, INT8, Codes, Int, integer
from .integer_sum import IntegerSum, check_activations, random_integers
from .unit import Beats, Field, Payload, Unit


@dataclass(frozen=True)
class Packing:
    """How weights in {-1, 0, +1} share a code.

    Parameters
    ----------
    name:
        Its name, as configurations give it.
    bits:
        Width of a code.
    weights:
        Weights in a code.
    meaning:
        What a code is, in words.
    """

    name: str
    bits: int
    weights: int
    meaning: str

    @cached_property
    def table(self) -> Codes:
        """The weights of every code, shape ``(2 ** bits, weights)``."""
        codes = np.arange(1 << self.bits)
        if self.name == "binary":
            return 2 * codes[:, None] - 1
        if self.name == "two_bit":
            return np.array([0, 1, 0, -1])[:, None]
        powers = 3 ** np.arange(self.weights)
        if self.name == "base3":
            return np.where(codes[:, None] < 243, codes[:, None] // powers % 3 - 1, 0)
        return (codes[:, None] * powers % 256) * 3 // 256 - 1

    @cached_property
    def valid(self) -> Codes:
        """The codes that :meth:`pack` gives."""
        grid = np.indices((2,) if self.name == "binary" else (3,) * self.weights)
        digits = grid.reshape(self.weights, -1).T - 1
        return np.sort(self.pack(digits * 2 + 1 if self.name == "binary" else digits)[:, 0])

    def pack(self, weights: Codes) -> Codes:
        """Codes of ``weights`` (..., n); a last code that is not full is filled up with zeros
        (binary: every code is full). Returns shape ``(..., ceil(n / weights))``."""
        weights = np.asarray(weights)
        allowed = (-1, 1) if self.name == "binary" else (-1, 0, 1)
        bad = weights[~np.isin(weights, allowed)]
        require(not bad.size, "weight", bad[:1].tolist(), ", ".join(map(str, allowed)))
        short = -weights.shape[-1] % self.weights
        padded = np.concatenate([weights, np.zeros((*weights.shape[:-1], short), int)], axis=-1)
        digits = padded.reshape(*weights.shape[:-1], -1, self.weights)
        if self.name == "binary":
            return (digits[..., 0] > 0).astype(np.int64)
        if self.name == "two_bit":
            return INT2.wrap(digits[..., 0])
        powers = 3 ** np.arange(self.weights)
        if self.name == "base3":
            return ((digits + 1) * powers).sum(axis=-1)
        return -(-((digits + 1) * powers[::-1]).sum(axis=-1) * 256 // 243)


PACKINGS = {
    packing.name: packing
    for packing in (
        Packing("binary", 1, 1, "a weight a bit: 1 is +1, 0 is -1"),
        Packing("two_bit", 2, 1, "a weight as a two-bit integer; the code of -2 is 0"),
        Packing(
            "base3",
            8,
            5,
            "five weights a byte: the sum of (w[k] + 1) * 3**k; 243 to 255 are five zeros",
        ),
        Packing(
            "fraction3",
            8,
            5,
            "five weights a byte: ceil(256 / 243 * the sum of (w[k] + 1) * 3**(4 - k)), so that"
            " each tripling carries the next weight out of the byte",
        ),
    )
}
"""Packings by name."""


def _packing(name: str) -> Packing:
    require(name in PACKINGS, "packing", name, ", ".join(PACKINGS))
    return PACKINGS[name]


def weight_field(packing: Packing, lanes: int) -> Field:
    """The packed weights of ``lanes`` lanes in a payload."""
    fmt = integer(packing.bits, signed=False)
    return Field("w", fmt, f"packed weights: {packing.meaning}", -(-lanes // packing.weights))


def unpack(packing: Packing, codes: Codes, lanes: int) -> Codes:
    """The weights of packed ``codes``, shape ``(beats, lanes)``."""
    weights = packing.table[codes]
    return weights.reshape(len(codes), codes.shape[1] * packing.weights)[:, :lanes]


@dataclass(frozen=True, kw_only=True)
class UnpackerConfig(Unit):
    """``weights[k]`` are the weights that ``w`` packs, as two-bit integers.

    Parameters
    ----------
    packing:
        Name of the packing, of :data:`PACKINGS`.
    lanes:
        Weights a beat, 1 to 1024. What a last code has beyond them is ignored.
    """

    packing: str = "base3"
    lanes: int = 64

    def __post_init__(self) -> None:
        _packing(self.packing)
        require(1 <= self.lanes <= 1024, "lanes", self.lanes, "1 to 1024")
        super().__post_init__()

    @property
    def packed(self) -> Packing:
        """The packing itself."""
        return PACKINGS[self.packing]

    @property
    def stages(self) -> tuple[str, ...]:
        return ("unpack",)

    @property
    def input(self) -> Payload:
        return Payload((weight_field(self.packed, self.lanes),))

    @property
    def output(self) -> Payload:
        return Payload((Field("weights", INT2, "weights: -1, 0 or +1", self.lanes),))

    @property
    def contract(self) -> str:
        return f"weights are those that w packs. {self.packed.meaning}."

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        return {"weights": INT2.wrap(unpack(self.packed, beats["w"], self.lanes))}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every code in every place."""
        field = self.input.fields[0]
        codes = np.arange(1 << field.format.bits)
        yield {"w": (codes[:, None] + np.arange(field.lanes)) % len(codes)}

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        field = self.input.fields[0]
        return {"w": rng.integers(0, 1 << field.format.bits, (count, field.lanes))}


@dataclass(frozen=True, kw_only=True)
class TernaryConfig(IntegerSum):
    """``result = acc + sum(a[k] * weight[k])`` with weights in {-1, 0, +1}, unpacked from ``w``.

    Parameters
    ----------
    a:
        Format of the activations: a signed integer of 2 to 16 bits.
    packing:
        Name of the packing, of :data:`PACKINGS`; ``"binary"`` has weights in {-1, +1}.
    lanes:
        Products a beat, 1 to 1024.
    """

    a: Int = INT8
    packing: str = "base3"
    lanes: int = 64

    def __post_init__(self) -> None:
        _packing(self.packing)
        check_activations(self.a)
        require(1 <= self.lanes <= 1024, "lanes", self.lanes, "1 to 1024")
        super().__post_init__()

    @property
    def packed(self) -> Packing:
        """The packing itself."""
        return PACKINGS[self.packing]

    @property
    def sum_range(self) -> tuple[int, int]:
        return self.lanes * self.a.minimum, self.lanes * -self.a.minimum

    @property
    def stages(self) -> tuple[str, ...]:
        return ("unpack", "tree", "sum")

    @property
    def input(self) -> Payload:
        weights = weight_field(self.packed, self.lanes)
        return Payload(
            (weights, Field("a", self.a, "activations", self.lanes), *self.accumulator_fields)
        )

    @property
    def output(self) -> Payload:
        return Payload((self.result_field,))

    @property
    def contract(self) -> str:
        dot = f"the sum over {self.lanes} lanes of a[k] * weight[k]"
        return f"{self.stated(dot)} w packs the weights. {self.packed.meaning}."

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        weights = unpack(self.packed, beats["w"], self.lanes)
        return self.finish(beats, (self.a.integer(beats["a"]) * weights).sum(axis=1))

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every weight code in every place (activations random), and every activation (of eight
        bits; the extremes of wider ones) against every weight in every lane."""
        places = self.input.fields[0].lanes
        count = 1 << self.packed.bits
        rng = np.random.default_rng(0)
        w = (np.arange(count)[:, None] + np.arange(places)) % count
        a = random_integers(self.a, rng, count, self.lanes)
        yield {"w": w, "a": a, **self.acc_beats(count, rng)}
        ends = self.a.wrap(np.array([self.a.minimum, self.a.maximum, -1, 0, 1]))
        ends = self.a.all_codes() if self.a.bits <= 8 else ends
        for weight in sorted(set(self.packed.table.ravel().tolist())):
            w = np.repeat(self.packed.pack(np.full((1, self.lanes), weight)), len(ends), axis=0)
            a = np.repeat(ends[:, None], self.lanes, axis=1)
            yield {"w": w, "a": a, **self.acc_beats(len(ends), rng)}

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        places = self.input.fields[0].lanes
        return {
            "w": rng.integers(0, 1 << self.packed.bits, (count, places)),
            "a": random_integers(self.a, rng, count, self.lanes),
            **self.acc_beats(count, rng),
        }
