"""Dot products of low-bit weights by shift and add, dequantised once a group.

Sources: Zhang et al., "MixPE" (arXiv 2411.16158: multiplication by shift and add; scale and zero
point after the dot product of a group; W4A8 and W4A16); Lin et al., "QServe" (MLSys 2025:
progressive group quantization, whose inner scale is an integer, so a group returns an integer).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import require
from .exact import sum_exact
from .formats import FP16, FP32, INT8, Codes, Float, Int, integer
from .integer_sum import is_activation, random_integers
from .unit import Beats, Field, Payload, Unit, in_each_lane


@dataclass(frozen=True, kw_only=True)
class MixpeConfig(Unit):
    """``result = acc + scale * sum(a[k] * (w[k] - zero))`` over the lanes of a group.

    Parameters
    ----------
    a:
        Format of the activations: a signed integer of 2 to 16 bits, or FP16.
    w_bits:
        Width of the weights and of the zero point, unsigned: 2, 3 or 4.
    lanes:
        Weights of a group, 2 to 256.
    scale:
        Format of the scale of a group: FP16 or BF16 (with a float accumulator), an integer of up to
        8 bits (QServe), or None for 1.
    accumulator:
        Format of the incoming accumulator and of the result: a ``Float`` (one rounding to nearest
        even), or an ``Int`` (wraps).
    """

    a: Int | Float = INT8
    w_bits: int = 4
    lanes: int = 32
    scale: Int | Float | None = FP16
    accumulator: Int | Float = FP32

    def __post_init__(self) -> None:
        a, scale, acc = self.a, self.scale, self.accumulator
        require(is_activation(a) or a == FP16, "a", a, "a signed integer of 2 to 16 bits, or FP16")
        require(self.w_bits in (2, 3, 4), "w_bits", self.w_bits, "2, 3, 4")
        require(2 <= self.lanes <= 256, "lanes", self.lanes, "2 to 256")
        floating = isinstance(acc, Float) and acc.specials == "ieee" and acc.signed
        fixed = isinstance(acc, Int) and acc.bits <= 62 and not acc.fraction_bits
        require(
            floating or fixed,
            "accumulator",
            acc,
            "a signed float with IEEE specials, or an integer of 1 to 62 bits",
        )
        half = isinstance(scale, Float) and scale.bits == 16 and scale.specials == "ieee"
        small = isinstance(scale, Int) and scale.bits <= 8 and not scale.fraction_bits
        require(
            scale is None or half or small,
            "scale",
            scale,
            "None, FP16, BF16, or an integer of up to 8 bits",
        )
        require(
            floating or not (half or isinstance(a, Float)),
            "accumulator",
            acc,
            "a float where activations or scale are floats",
        )
        super().__post_init__()

    @property
    def floating(self) -> bool:
        """Whether the result is a floating-point number."""
        return isinstance(self.accumulator, Float)

    @property
    def a_top(self) -> int:
        """Greatest magnitude of an activation, in units."""
        return int(self.a.integer(self.a.max_code)) if self.a == FP16 else -self.a.minimum

    @property
    def group_bits(self) -> int:
        """Width of the dot product of a group, before its scale, in two's complement."""
        return (self.lanes * self.a_top * ((1 << self.w_bits) - 1)).bit_length() + 1

    @property
    def scale_top(self) -> int:
        """Greatest magnitude of the significand of a scale."""
        if self.scale is None:
            return 1
        if isinstance(self.scale, Float):
            return (2 << self.scale.mantissa_bits) - 1
        return max(-self.scale.minimum, self.scale.maximum)

    @property
    def magnitude_bits(self) -> int:
        """Width of the greatest magnitude of the dequantised sum, without the scale's exponent."""
        group = self.lanes * self.a_top * ((1 << self.w_bits) - 1)
        return (group * self.scale_top).bit_length()

    @property
    def unit_exponent(self) -> int:
        """Weight of the sum's last place when the scale is subnormal or an integer."""
        return self.a.unit_exponent + (self.scale.unit_exponent if self.scale else 0)

    @property
    def stages(self) -> tuple[str, ...]:
        if self.floating:
            rest = ("normalise", "align", "add", "renormalise", "round")
            return ("tree", "dequantize", "scale", *rest)
        return ("tree", "dequantize", "scale")

    @property
    def input(self) -> Payload:
        weight = integer(self.w_bits, signed=False)
        fields = [
            Field("w", weight, "weights", self.lanes),
            Field("a", self.a, "activations", self.lanes),
            Field("zero", weight, "zero point of the group"),
        ]
        if self.scale is not None:
            fields.append(Field("scale", self.scale, "scale of the group"))
        return Payload((*fields, Field("acc", self.accumulator, "incoming accumulator")))

    @property
    def output(self) -> Payload:
        return Payload((Field("result", self.accumulator, "acc plus the dequantised sum"),))

    @property
    def contract(self) -> str:
        scale = "scale * " if self.scale is not None else ""
        dot = f"{scale}sum over {self.lanes} lanes of a[k] * (w[k] - zero)"
        if not self.floating:
            return f"result is acc + {dot}, modulo 2**{self.accumulator.bits} (it wraps)."
        return (
            f"result is acc + {dot}, computed exactly and rounded once to {self.accumulator.name},"
            " to nearest even. Subnormals are kept; overflow gives infinity. A sum that is exactly"
            " zero is +0. A NaN or an infinity among activations and scale gives NaN (positive,"
            " quiet), as does a NaN accumulator; an infinite accumulator stays."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        acc = beats["acc"][:, 0]
        weights = beats["w"] - beats["zero"]
        # Objects are Python's integers: FP16 by FP16 needs more than 63 bits.
        total = (self.a.integer(beats["a"]).astype(object) * weights).sum(axis=1)
        exponent = np.full(len(acc), self.a.unit_exponent)
        if self.scale is not None:
            significand, of_scale = self.scale.split(beats["scale"][:, 0])
            total, exponent = total * significand, exponent + of_scale
        if not self.floating:
            return {
                "result": self.accumulator.wrap(total + self.accumulator.split(acc)[0])[:, None]
            }
        fmt = self.accumulator
        result = sum_exact((total, exponent), fmt.split(acc), fmt)
        result = np.where(fmt.is_inf(acc), acc, result)
        bad = (self.a.is_nan(beats["a"]) | self.a.is_inf(beats["a"])).any(axis=1) | fmt.is_nan(acc)
        if self.scale is not None:
            scale = beats["scale"][:, 0]
            bad |= self.scale.is_nan(scale) | self.scale.is_inf(scale)
        return {"result": np.where(bad, fmt.nan_code, result)[:, None]}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every pair of weight and activation (of eight bits) in some lane, with every zero point;
        all elements at their extremes, with special scales and accumulators; of floats, each
        extreme alone in each lane."""
        rng = np.random.default_rng(0)
        top = 1 << self.w_bits
        if self.a.bits <= 8:
            pairs = np.indices((top, 1 << self.a.bits)).reshape(2, -1)
            pairs = np.pad(pairs, ((0, 0), (0, -pairs.shape[1] % self.lanes)))
            w, a = pairs.reshape(2, -1, self.lanes)
            for zero in range(top):
                yield self._beats(rng, w, a, np.full((len(w), 1), zero))
        ends = _ends(self.a)
        for w, zero in ((0, top - 1), (top - 1, 0), (top - 1, top - 1), (0, 0), (1, 2)):
            count = len(ends) * 16
            codes = np.repeat(np.tile(ends, 16)[:, None], self.lanes, axis=1)
            weights = np.full((count, self.lanes), w)
            yield self._beats(rng, weights, codes, np.full((count, 1), zero))
        if isinstance(self.a, Float):
            a = in_each_lane(_ends(self.a), self.a.encode(rng.standard_normal((16, self.lanes))))
            zero = rng.integers(0, top, (len(a), 1))
            yield self._beats(rng, rng.integers(0, top, a.shape), a, zero)

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        weight = integer(self.w_bits, signed=False)
        w = random_integers(weight, rng, count, self.lanes)
        zero = rng.integers(0, 1 << self.w_bits, (count, 1))
        if isinstance(self.a, Int):
            a = random_integers(self.a, rng, count, self.lanes)
        else:
            a = self.a.encode(
                rng.standard_normal((count, self.lanes))
                * 2.0 ** rng.integers(-24, 14, (count, 1))
                * 2.0 ** rng.integers(-6, 2, (count, self.lanes))
            )
            special = rng.random(count) < 0.03
            a[special, 0] = rng.choice(_ends(self.a), special.sum())
        return self._beats(rng, w, a, zero)

    def _beats(self, rng: np.random.Generator, w: Codes, a: Codes, zero: Codes) -> dict[str, Codes]:
        """Beats of these elements; scale and accumulator random, special, or nearly cancelling."""
        count = len(w)
        beats = {"w": w, "a": a, "zero": zero}
        if isinstance(self.scale, Int):
            beats["scale"] = random_integers(self.scale, rng, count, 1)
        elif self.scale is not None:
            scale = self.scale.encode(2.0 ** rng.uniform(-12, 3, count))
            kind = rng.integers(0, 8, count)
            scale = np.where(kind == 0, rng.integers(0, 1 << 16, count), scale)
            scale = np.where(kind == 1, rng.choice(_ends(self.scale), count), scale)
            beats["scale"] = scale[:, None]
        if isinstance(self.accumulator, Int):
            return beats | {"acc": random_integers(self.accumulator, rng, count, 1)}
        fmt = self.accumulator
        sum_only = self.compute(beats | {"acc": np.zeros((count, 1), np.int64)})["result"]
        near = (sum_only ^ fmt.sign_bit) & ((1 << fmt.bits) - 1)
        field = fmt.magnitude(sum_only) >> fmt.mantissa_bits
        off = np.clip(field + rng.integers(-60, 60, (count, 1)), 0, (1 << fmt.exponent_bits) - 2)
        mantissa = rng.choice([0, 1, 1 << fmt.mantissa_bits - 1, (1 << fmt.mantissa_bits) - 1])
        sign = rng.integers(0, 2, (count, 1)) * fmt.sign_bit
        kind = rng.integers(0, 8, (count, 1))
        acc = np.select(
            [kind == 0, kind == 1, kind == 2, kind < 6],
            [
                np.zeros((count, 1), np.int64),
                near,
                rng.choice(_ends(fmt), (count, 1)),
                sign | off << fmt.mantissa_bits | mantissa,
            ],
            rng.integers(0, 1 << fmt.bits, (count, 1)),
        )
        return beats | {"acc": acc}


def _ends(fmt: Int | Float) -> Codes:
    """Zero, the extremes of either sign, and the special codes."""
    if isinstance(fmt, Int):
        return fmt.wrap(np.array([0, 1, -1, fmt.minimum, fmt.maximum]))
    assert fmt.inf_code is not None and fmt.nan_code is not None
    least_normal = 1 << fmt.mantissa_bits
    codes = [0, 1, least_normal - 1, least_normal, fmt.max_code, fmt.inf_code, fmt.nan_code]
    return np.array([code | sign for code in codes for sign in (0, fmt.sign_bit)])
