"""Dot products and multiply-accumulates of integers, minifloats and MX blocks.

One configuration covers the family: a MAC is a dot product of one lane.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from . import dot_vectors
from .errors import require
from .exact import sum_exact
from .formats import E8M0, FLAG, Codes, Float, Format, Int, integer
from .one_of import OneOf
from .posit import Posit
from .unit import Beats, Field, Payload, Unit


@dataclass(frozen=True, kw_only=True)
class DotConfig(Unit):
    """``result = acc + 2**(a_scale + w_scale) * sum(a[k] * w[k])``.

    Parameters
    ----------
    a, w:
        Element formats of the two operands, of eight bits or fewer; they may differ. A ``OneOf``
        leaves the choice to the field ``a_format`` or ``w_format`` of each beat.
    lanes:
        Products a beat: 1 (a MAC) to 1024.
    scale:
        Format of the two block scales (E8M0), or None for operands without scales.
    accumulator:
        Format of the incoming accumulator and of the result: an ``Int`` (integer operands without
        scales; the sum wraps modulo its width), a ``Float`` (one rounding to nearest even), or None
        for the bare exact sum, as an integer that is wide enough never to wrap.
    """

    a: Format
    w: Format
    lanes: int = 32
    scale: Float | None = None
    accumulator: Int | Float | None = None

    def __post_init__(self) -> None:
        for name in ("a", "w"):
            fmt = getattr(self, name)
            for each in fmt.formats if isinstance(fmt, OneOf) else (fmt,):
                kinds = Int | Float | Posit
                require(isinstance(each, kinds), name, each, "an integer, float or posit format")
                require(each.bits <= 8, f"{name}.bits", each.bits, "1 to 8")
                require(
                    not (isinstance(each, Float) and not each.subnormals),
                    name,
                    each.name,
                    "a format that has a zero",
                )
        require(1 <= self.lanes <= 1024, "lanes", self.lanes, "1 to 1024")
        require(self.scale in (None, E8M0), "scale", self.scale, "None or E8M0")
        floats = isinstance(self.accumulator, Float)
        require(
            not floats or (self.accumulator.specials == "ieee" and self.accumulator.signed),
            "accumulator",
            self.accumulator,
            "a signed format with IEEE specials",
        )
        require(
            floats or self.scale is None, "scale", self.scale, "None without a float accumulator"
        )
        if isinstance(self.accumulator, Int):
            whole = all(isinstance(f, Int) and f.fraction_bits == 0 for f in (self.a, self.w))
            require(
                whole,
                "accumulator",
                self.accumulator.name,
                "a float for operands not whole numbers",
            )
            require(
                self.accumulator.bits <= 62, "accumulator.bits", self.accumulator.bits, "1 to 62"
            )
        super().__post_init__()

    @property
    def unit_exponent(self) -> int:
        """The exact sum of products is an integer times two to this."""
        return self.a.unit_exponent + self.w.unit_exponent

    @property
    def sum_range(self) -> tuple[int, int]:
        """Least and greatest exact sum, in units of ``2 ** unit_exponent``."""
        (a_low, a_high), (w_low, w_high) = self.a.integer_range, self.w.integer_range
        products = [a * w for a in (a_low, a_high) for w in (w_low, w_high)]
        return self.lanes * min(products), self.lanes * max(products)

    @property
    def sum_bits(self) -> int:
        """Width of the exact sum as a signed integer: no choice of operands overflows it."""
        low, high = self.sum_range
        return max(high.bit_length(), (~low).bit_length() if low < 0 else 0) + 1

    @property
    def magnitude_bits(self) -> int:
        """Width of the greatest absolute value of the exact sum."""
        return max(abs(bound) for bound in self.sum_range).bit_length()

    @property
    def sum_format(self) -> Int:
        """Format of the exact sum."""
        return integer(self.sum_bits, fraction_bits=-self.unit_exponent)

    @property
    def has_specials(self) -> bool:
        """Whether an element can be NaN or infinite."""
        return self.a.has_specials or self.w.has_specials

    @property
    def stages(self) -> tuple[str, ...]:
        if isinstance(self.accumulator, Float):
            return ("products", "tree", "sum", "normalise", "align", "add", "renormalise", "round")
        return ("products", "tree", "sum")

    @property
    def input(self) -> Payload:
        fields = []
        for name, place in (("a", "first"), ("w", "second")):
            fmt, meaning = getattr(self, name), f"elements of the {place} operand"
            fields.append(Field(name, getattr(fmt, "code", fmt), meaning, self.lanes))
            if isinstance(fmt, OneOf):
                names = ", ".join(f"{k}: {f.name}" for k, f in enumerate(fmt.formats))
                fields.append(Field(f"{name}_format", fmt.tag, f"format of {name} ({names})"))
        if self.scale is not None:
            fields.append(Field("a_scale", self.scale, "shared scale of a"))
            fields.append(Field("w_scale", self.scale, "shared scale of w"))
        if self.accumulator is not None:
            fields.append(Field("acc", self.accumulator, "incoming accumulator"))
        return Payload(tuple(fields))

    @property
    def output(self) -> Payload:
        if self.accumulator is not None:
            return Payload((Field("result", self.accumulator, "acc plus the dot product"),))
        fields = [Field("sum", self.sum_format, "exact dot product")]
        if self.has_specials:
            fields.append(Field("nan", FLAG, "the dot product is NaN; sum is meaningless"))
            fields.append(Field("inf", FLAG, "it is infinite, with the sign of negative"))
            fields.append(Field("negative", FLAG, "sign of the infinity"))
        return Payload(tuple(fields))

    @property
    def contract(self) -> str:
        scaled = "2**(a_scale + w_scale - 254) * " if self.scale is not None else ""
        dot = f"{scaled}sum over {self.lanes} lanes of a[k] * w[k]"
        chosen = [n for n, f in (("a", self.a), ("w", self.w)) if isinstance(f, OneOf)]
        names = " and ".join(f"{name}_format" for name in chosen)
        return self._contract(dot) + (
            f" {names} choose the formats of {' and '.join(chosen)} for each beat: bits above a"
            " narrower code are ignored, and a position at which there is no format makes its"
            " operand NaN."
            if chosen
            else ""
        )

    def _contract(self, dot: str) -> str:
        """The contract, whatever the formats of the operands."""
        if self.accumulator is None:
            special = (
                " nan is set when a lane is NaN or infinity times zero, or infinities of both signs"
                " meet; inf when products are infinite, all of one sign (negative); either way sum"
                " is 0."
                if self.has_specials
                else ""
            )
            return f"sum is {dot}, exact: it never rounds and never wraps.{special}"
        if isinstance(self.accumulator, Int):
            return f"result is acc + {dot}, modulo 2**{self.accumulator.bits} (it wraps)."
        return (
            f"result is acc + {dot}, computed exactly and rounded once to {self.accumulator.name},"
            " to nearest even. Subnormals are kept; overflow gives infinity. A sum that is"
            " exactly zero is +0; one that rounds to zero keeps its sign. NaN (positive, quiet)"
            " comes from a NaN operand or scale, infinity times zero, and infinities of both"
            " signs; otherwise an infinite operand gives infinity."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        a, w = (
            fmt.tagged(beats[name], beats[f"{name}_format"])
            if isinstance(fmt, OneOf)
            else beats[name]
            for name, fmt in (("a", self.a), ("w", self.w))
        )
        # Object arrays hold Python's integers, which do not wrap, where int64 could.
        exact = np.int64 if self.sum_bits <= 62 else object
        total = (self.a.integer(a).astype(exact) * self.w.integer(w).astype(exact)).sum(axis=1)
        if isinstance(self.accumulator, Int):
            acc, _ = self.accumulator.split(beats["acc"][:, 0])
            return {"result": self.accumulator.wrap(acc + total)[:, None]}
        nan, plus, minus = self._specials(a, w)
        if self.accumulator is None:
            outputs = {"sum": self.sum_format.wrap(np.where(nan | plus | minus, 0, total))}
            if self.has_specials:
                nan |= plus & minus
                inf = (plus | minus) & ~nan
                outputs |= {"nan": nan, "inf": inf, "negative": minus & inf}
            return {name: codes.astype(exact)[:, None] for name, codes in outputs.items()}
        return {"result": self._rounded(beats, total, nan, plus, minus)[:, None]}

    def corners(self) -> Iterator[dict[str, Codes]]:
        return dot_vectors.corners(self)

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        return dot_vectors.random(self, rng, count)

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        return dot_vectors.tensors(self, values, rng)

    def _specials(self, a: Codes, w: Codes) -> tuple[Codes, Codes, Codes]:
        """Per beat: a product is NaN; one is +infinity; one is -infinity."""
        zero = (self.a.integer(a) == 0) | (self.w.integer(w) == 0)
        nan = self.a.is_nan(a) | self.w.is_nan(w)
        inf = self.a.is_inf(a) | self.w.is_inf(w)
        negative = self.a.is_negative(a) ^ self.w.is_negative(w)
        number = inf & ~nan & ~zero
        nan = nan | (inf & zero)
        return nan.any(axis=1), (number & ~negative).any(axis=1), (number & negative).any(axis=1)

    def _rounded(self, beats: Beats, total: Codes, nan: Codes, plus: Codes, minus: Codes) -> Codes:
        """The result of a floating-point accumulator, specials included."""
        fmt = self.accumulator
        assert isinstance(fmt, Float) and fmt.nan_code is not None and fmt.inf_code is not None
        acc = beats["acc"][:, 0]
        exponent = np.full(len(acc), self.unit_exponent)
        nan = nan | fmt.is_nan(acc)
        if self.scale is not None:
            for name in ("a_scale", "w_scale"):
                code = beats[name][:, 0]
                exponent += code - self.scale.bias
                nan = nan | self.scale.is_nan(code)
        plus = plus | (fmt.is_inf(acc) & ~fmt.is_negative(acc))
        minus = minus | (fmt.is_inf(acc) & fmt.is_negative(acc))
        result = sum_exact((total, exponent), fmt.split(acc), fmt)
        result = np.where(plus, fmt.inf_code, result)
        result = np.where(minus, fmt.inf_code | fmt.sign_bit, result)
        return np.where(nan | (plus & minus), fmt.nan_code, result)
