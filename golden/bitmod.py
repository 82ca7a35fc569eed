"""BitMoD: bit-serial weights of several data types against FP16.

A weight is a row of terms ``(-1)**sign * 2**exponent * man``; a cycle multiplies one term of each
lane's weight by its activation, which is a shift. Weights are counted in halves, so that FP4's 0.5
is whole.

Source: Chen et al., "BitMoD: Bit-serial Mixture-of-Datatype LLM Acceleration" (HPCA 2025), table IV
(data types), section IV (terms, processing element).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import require
from .formats import FLAG, UINT3, UINT8, Codes, Float, Int, integer
from .integer_sum import random_integers
from .unit import Beats, Field, Payload, Unit

ACTIVATION = Float("FP16 without specials", 5, 10, bias=15)
"""FP16 whose topmost exponent is one like any other: the units here have no NaN and no infinity."""

DTYPES = ("INT8", "INT6", "INT4", "FP4", "FP3")
"""Data types of weights by the number of field ``dtype``; 5 to 7 are read as FP3."""
TOP_EXPONENT = 8
"""Greatest exponent of a term, in halves: that of twice the top digit of INT8."""
BITS = (8, 6, 4, 4, 3)
"""Bits of a weight of each; it has half as many terms, rounded up."""
FP4, FP3 = 3, 4
MAGNITUDES = {FP4: (0, 1, 2, 3, 4, 6, 8, 12), FP3: (0, 2, 4, 8)}
"""Magnitudes of the floating-point weights in halves, by the bits below the sign."""
SPECIALS = {FP4: (5, 10, 16), FP3: (6, 10, 12)}
"""Special values in halves, by field ``special``: 2.5, 5 and 8; 3, 5 and 6. Its number 3 is 0."""


def magnitudes(dtype: int) -> Codes:
    """Magnitudes of a floating-point weight in halves, by the bits below its sign."""
    return np.array(MAGNITUDES[dtype])


def weights(codes: Codes, dtype: Codes, special: Codes) -> Codes:
    """Weight ``codes`` (bits above the data type's are ignored) as numbers of halves."""
    dtype = np.minimum(dtype, FP3)
    result = np.zeros(np.broadcast_shapes(np.shape(codes), np.shape(dtype)), np.int64)
    for kind, bits in enumerate(BITS):
        kept = codes & ((1 << bits) - 1)
        top = kept >> (bits - 1)
        if kind in MAGNITUDES:
            number = magnitudes(kind)[kept & ((1 << bits - 1) - 1)] * (1 - 2 * top)
            value = np.array([*SPECIALS[kind], 0])[special & 3] * (1 - 2 * (special >> 2))
            number = np.where(kept == 1 << bits - 1, value, number)
        else:
            number = 2 * (kept - (top << bits))
        result = np.where(dtype == kind, number, result)
    return result


def terms(weight: int, dtype: int) -> list[int]:
    """The terms of a weight (in halves), each 0 or a power of two with a sign, in order."""
    if dtype not in MAGNITUDES:
        # Booth: the digit of two bits and the one below them, -2 to 2.
        digits = (0, 1, 1, 2, -2, -1, -1, 0)
        padded = weight  # twice the integer: its lowest bit is the 0 below the first digit
        return [2 * digits[padded >> 2 * k & 7] * 4**k for k in range(BITS[dtype] // 2)]
    sign, rest = (-1 if weight < 0 else 1), abs(weight)
    found = []
    for _ in range(2):
        top = 1 << rest.bit_length() >> 1
        found.append(sign * top)
        rest -= top
    return found


@dataclass(frozen=True, kw_only=True)
class BitmodConfig(Unit):
    """``result = acc + sum(a[k] * w[k])`` over the lanes, in two to four cycles.

    Parameters
    ----------
    lanes:
        Products a beat, 1 to 64.
    group:
        Weights that are accumulated before they are dequantised: makes the exact accumulator wide
        enough. A multiple of ``lanes``, up to 4096.
    accumulator:
        Fixed-point format of accumulator and result; None for the one that is exact for a group.
        In a narrower one each term is cut (towards zero) to its fraction bits, and the sum wraps.
    given:
        Take a term of each weight instead of the weights: a beat is one cycle of the above, and
        what makes the terms can be shared by many elements.
    """

    lanes: int = 4
    group: int = 128
    accumulator: Int | None = None
    given: bool = False

    def __post_init__(self) -> None:
        require(1 <= self.lanes <= 64, "lanes", self.lanes, "1 to 64")
        require(
            0 < self.group <= 4096 and self.group % self.lanes == 0,
            "group",
            self.group,
            f"a multiple of {self.lanes}, up to 4096",
        )
        acc = self.accumulator
        require(
            acc is None
            or (isinstance(acc, Int) and acc.signed and 8 <= acc.bits <= 80
                and 0 <= acc.fraction_bits <= self.fraction),
            "accumulator",
            acc,
            f"None or a signed integer of 8 to 80 bits with up to {self.fraction} fraction bits",
        )  # fmt: skip
        super().__post_init__()

    @property
    def fraction(self) -> int:
        """Fraction bits of every product."""
        return 1 - ACTIVATION.unit_exponent

    @property
    def exact(self) -> Int:
        """The format that holds the sum of any group."""
        top = int(ACTIVATION.integer(ACTIVATION.max_code)) * 256 * self.group
        return integer(top.bit_length() + 1, fraction_bits=self.fraction)

    @property
    def result_format(self) -> Int:
        """Format of accumulator and result."""
        return self.accumulator or self.exact

    @property
    def dropped(self) -> int:
        """Low bits of a product that the accumulator has no place for."""
        return self.fraction - self.result_format.fraction_bits

    @property
    def stages(self) -> tuple[str, ...]:
        return ("multiply", "tree", *(("sum",) if self.given else ()))

    @property
    def magnitude_bits(self) -> int:
        """Width of the magnitude of the greatest term times the greatest activation."""
        return int(ACTIVATION.integer(ACTIVATION.max_code)).bit_length() + TOP_EXPONENT

    @property
    def interval(self) -> int:
        return 1 if self.given else 4

    @property
    def latency(self) -> int:
        return super().latency - 1 + self.interval

    def intervals(self, beats: Beats) -> NDArray[np.int64]:
        """Half as many cycles as a weight has bits, rounded up; of given terms one."""
        if self.given:
            return super().intervals(beats)
        cycles = -(-np.array(BITS) // 2)
        return cycles[np.minimum(beats["dtype"], FP3)][:, 0]

    @property
    def input(self) -> Payload:
        if self.given:
            return Payload(
                (
                    Field("sign", FLAG, "signs of the terms", self.lanes),
                    Field("man", FLAG, "whether there is a term", self.lanes),
                    Field(
                        "exponent",
                        integer(4, signed=False),
                        "their exponents, of halves: 0 to 8",
                        self.lanes,
                    ),
                    Field("a", ACTIVATION, "activations", self.lanes),
                    Field("acc", self.result_format, "incoming accumulator"),
                )
            )
        return Payload(
            (
                Field("w", UINT8, "weights, in the low bits of each", self.lanes),
                Field("a", ACTIVATION, "activations", self.lanes),
                Field("dtype", UINT3, "data type of the weights: " + ", ".join(DTYPES)),
                Field("special", UINT3, "special value of the group, its sign above"),
                Field("acc", self.result_format, "incoming accumulator"),
            )
        )

    @property
    def output(self) -> Payload:
        return Payload((Field("result", self.result_format, "acc plus the dot product"),))

    @property
    def contract(self) -> str:
        fmt = self.result_format
        cut = (
            f"exact: no group of {self.group} overflows it."
            if self.accumulator is None
            else f"each term of a product cut towards zero to {fmt.fraction_bits} fraction bits;"
            f" the sum wraps modulo 2**{fmt.bits} units."
        )
        if self.given:
            return (
                f"result is acc + the sum over {self.lanes} lanes of a[k] * (-1)**sign[k] * man[k]"
                f" * 2**(exponent[k] - 1), a fixed-point number of {fmt.bits} bits with"
                f" {fmt.fraction_bits} fraction bits, {cut} Activations are FP16 without NaN and"
                " infinity (exponent 31 is one like any other). No weight has an exponent above"
                f" {TOP_EXPONENT}: of such a product the bits from the {self.magnitude_bits}th on"
                " are lost."
            )
        return (
            f"result is acc + the sum over {self.lanes} lanes of a[k] * w[k], a fixed-point number"
            f" of {fmt.bits} bits with {fmt.fraction_bits} fraction bits, {cut} Activations are"
            " FP16 without NaN and infinity (exponent 31 is one like any other). The code of -0 of"
            " FP4 and FP3 is the special value: 2.5, 5, 8 or 0 and 3, 5, 6 or 0 for the low bits of"
            " special, negative if its top bit is set. A beat takes 4, 3, 2, 2, 2 cycles for INT8,"
            " INT6, INT4, FP4, FP3."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        if self.given:
            return self._compute_terms(beats)
        fmt, dtype = self.result_format, beats["dtype"]
        number = weights(beats["w"], dtype, beats["special"])
        a = ACTIVATION.integer(beats["a"]).astype(object)
        if self.dropped:
            # Term by term, because each one is cut.
            total = np.zeros(len(a), object)
            parts = np.frompyfunc(lambda w, d: [*terms(w, d), 0, 0], 2, 1)(
                number, np.broadcast_to(np.minimum(dtype, FP3), number.shape)
            )
            for step in range(4):
                product = np.frompyfunc(lambda t, s=step: t[s], 1, 1)(parts) * a
                cut = np.where(product < 0, -(-product >> self.dropped), product >> self.dropped)
                total = total + cut.sum(axis=1)
        else:
            total = (a * number).sum(axis=1)
        acc = fmt.split(beats["acc"][:, 0])[0]
        return {"result": fmt.wrap(total + acc)[:, None]}

    def _compute_terms(self, beats: Beats) -> dict[str, Codes]:
        fmt, a = self.result_format, ACTIVATION.integer(beats["a"]).astype(object)
        magnitude = abs(a) * beats["man"] << beats["exponent"].astype(object)
        magnitude = (magnitude & ((1 << self.magnitude_bits) - 1)) >> self.dropped
        negative = ACTIVATION.is_negative(beats["a"]) ^ (beats["sign"] == 1)
        total = np.where(negative, -magnitude, magnitude).sum(axis=1)
        acc = fmt.split(beats["acc"][:, 0])[0]
        return {"result": fmt.wrap(total + acc)[:, None]}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every data type, special value and weight code, in every lane, with activations at their
        extremes and random ones."""
        rng = np.random.default_rng(0)
        if self.given:
            terms = np.indices((2, 2, 16)).reshape(3, -1).T
            terms = np.repeat(terms, 8, axis=0)[:, None, :].repeat(self.lanes, axis=1)
            lane = rng.permuted(terms, axis=0)
            beats = self._beats(rng, np.zeros((len(lane), 2), np.int64))
            yield self._given(beats, lane)
            return
        modes = np.indices((len(DTYPES) + 3, 8)).reshape(2, -1).T
        yield self._beats(rng, rng.permutation(np.repeat(modes, 4, axis=0)))
        for kind, bits in enumerate(BITS):
            codes = np.arange(1 << bits)
            specials = range(8) if kind in MAGNITUDES else (0,)
            for special in specials:
                mode = np.tile([kind, special], (len(codes), 1))
                w = (codes[:, None] + np.arange(self.lanes)) % len(codes)
                yield self._beats(rng, mode) | {"w": w}

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        beats = self._beats(rng, rng.integers(0, (len(DTYPES), 8), (count, 2)))
        if self.given:
            lanes = (count, self.lanes, 3)
            beats = self._given(beats, rng.integers(0, (2, 2, TOP_EXPONENT + 1), lanes))
        return beats

    def _given(self, beats: Beats, terms: Codes) -> dict[str, Codes]:
        """``beats`` with terms (sign, man, exponent) instead of weights."""
        named = dict(zip(("sign", "man", "exponent"), np.moveaxis(terms, -1, 0), strict=True))
        return named | {name: beats[name] for name in ("a", "acc")}

    def _beats(self, rng: np.random.Generator, modes: Codes) -> dict[str, Codes]:
        """Beats in ``modes`` (dtype, special): activations uniform, of one size, or extreme."""
        count, fmt = len(modes), self.result_format
        a = rng.integers(0, 1 << 16, (count, self.lanes))
        kind = rng.integers(0, 3, (count, 1))
        near = ACTIVATION.encode(rng.standard_normal((count, self.lanes)))
        ends = rng.choice([0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x7FFF, 0xFFFF], a.shape)
        a = np.select([kind == 0, kind == 1], [near, ends], a)
        w = random_integers(UINT8, rng, count, self.lanes)
        acc = rng.integers(0, 1 << 62, (count, 1)).astype(object) << 18
        acc = acc >> rng.integers(0, 80, (count, 1)) & ((1 << fmt.bits) - 1)
        acc = np.where(rng.random((count, 1)) < 0.2, ((1 << fmt.bits) - 1) ^ acc, acc)
        acc = acc.astype(np.int64 if fmt.bits <= 62 else object)
        return {"w": w, "a": a, "dtype": modes[:, :1], "special": modes[:, 1:], "acc": acc}
