"""Dot products and multiply-accumulates of integers, minifloats and blocks with shared scales.

One configuration covers the family: a MAC is a dot product of one lane.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import require
from ..formats import FLAG, Codes, DInt, Float, Format, Int, integer
from ..one_of import OneOf
from ..posit import Posit
from ..unit import Beats, Field, Payload, Unit
from . import vectors
from .compute import compute
from .contract import contract


@dataclass(frozen=True, kw_only=True)
class DotConfig(Unit):
    """``result = acc + tensor_scale * sum(a_scale * a[k] * w_scale * w[k])``.

    Parameters
    ----------
    a, w:
        Element formats of the two operands, of eight bits or fewer; they may differ. A ``OneOf``
        leaves the choice to the field ``a_format`` or ``w_format`` of each beat.
    lanes:
        Products a beat: 1 (a MAC) to 1024.
    scale:
        Format of the block scales (E8M0; E4M3 and UE5M3 of NVFP4; E5M2 of AMXFP4), or None for
        operands without scales. A scale is a magnitude: its sign bit, if the format has one, is
        ignored, and one that is NaN or infinite makes the result NaN.
    asymmetric:
        Operands with two scales, one for the elements without and one for those with the sign
        bit (lanes 0 and 1 of the field): ``"none"``, ``"a"``, or ``"both"``.
    tensor_scale:
        Format of one more factor, the product of what the blocks of each tensor share, or None.
    accumulator:
        Format of the incoming accumulator and of the result: an ``Int`` (integer operands without
        scales, of the same unit; the sum wraps modulo its width), a ``Float`` (one rounding to
        nearest even), or None.
    output_format:
        Without an accumulator: a ``Float`` to which the dot product is rounded once, or None for
        the bare exact sum of products, as an integer that is wide enough never to wrap.
    multiplier:
        How two numbers are multiplied, which changes no result: ``"rows"``, integers as rows of a
        Booth digit each that all lanes' tree adds up, significands as rows of a bit each; or
        ``"operator"``, by ``*`` in the Verilog, for FPGAs, whose multipliers synthesis then finds.
    """

    a: Format
    w: Format
    lanes: int = 32
    scale: Float | None = None
    asymmetric: Literal["none", "a", "both"] = "none"
    tensor_scale: Float | None = None
    accumulator: Int | Float | None = None
    output_format: Float | None = None
    multiplier: Literal["rows", "operator"] = "rows"

    def __post_init__(self) -> None:
        for name in ("a", "w"):
            fmt = getattr(self, name)
            for each in fmt.formats if isinstance(fmt, OneOf) else (fmt,):
                kinds = Int | Float | DInt | Posit
                require(isinstance(each, kinds), name, each, "an integer, float or posit format")
                require(each.bits <= 8, f"{name}.bits", each.bits, "1 to 8")
                require(
                    not (isinstance(each, Float) and not each.subnormals),
                    name,
                    each.name,
                    "a format that has a zero",
                )
        require(1 <= self.lanes <= 1024, "lanes", self.lanes, "1 to 1024")
        for name, integers in (("accumulator", ", an integer"), ("output_format", "")):
            fmt = getattr(self, name)
            require(
                fmt is None
                or (isinstance(fmt, Int) and bool(integers))
                or (isinstance(fmt, Float) and fmt.specials == "ieee" and fmt.signed),
                name,
                fmt,
                f"None{integers}, or a signed float with IEEE specials",
            )
        require(
            self.output_format is None or self.accumulator is None,
            "output_format",
            self.output_format,
            "None with an accumulator, whose format is that of the result",
        )
        kinds = ("rows", "operator")
        require(self.multiplier in kinds, "multiplier", self.multiplier, ", ".join(kinds))
        self._check_scales()
        if isinstance(self.accumulator, Int):
            whole = not any(isinstance(f, Float) for f in (self.a, self.w))
            require(
                whole and self.accumulator.unit_exponent == self.unit_exponent,
                "accumulator",
                self.accumulator.name,
                f"an integer in units of 2**{self.unit_exponent} for integers, a float for others",
            )
            require(
                self.accumulator.bits <= 62, "accumulator.bits", self.accumulator.bits, "1 to 62"
            )
        super().__post_init__()

    def _check_scales(self) -> None:
        for name, bits in (("scale", 8), ("tensor_scale", 32)):
            fmt = getattr(self, name)
            allowed = fmt is None or (isinstance(fmt, Float) and fmt.bits <= bits)
            require(allowed, name, fmt, f"None or a floating-point format of up to {bits} bits")
            require(
                fmt is None or self.floating is not None, name, fmt.name if fmt else None,
                "None without a float accumulator or output_format",
            )  # fmt: skip
        sides = ("none", "a", "both")
        require(self.asymmetric in sides, "asymmetric", self.asymmetric, ", ".join(sides))
        signed = self.a.signed and (self.w.signed or self.asymmetric == "a")
        possible = self.scale is not None and signed and not self.has_specials
        require(
            self.asymmetric == "none" or possible,
            "asymmetric",
            self.asymmetric,
            "none, but for scaled elements that have a sign and neither infinity nor NaN",
        )

    @property
    def floating(self) -> Float | None:
        """Format of a result that is a floating-point number."""
        return self.accumulator if isinstance(self.accumulator, Float) else self.output_format

    @property
    def scales(self) -> dict[str, Float]:
        """Format of every scale, by field."""
        named = {"a_scale": self.scale, "w_scale": self.scale, "tensor_scale": self.tensor_scale}
        return {name: fmt for name, fmt in named.items() if fmt is not None}

    @property
    def has_factor(self) -> bool:
        """Whether a scale can be something else than a power of two, or one of several."""
        fractions = any(fmt.mantissa_bits for fmt in self.scales.values())
        return fractions or self.asymmetric != "none"

    def sides(self, name: str) -> int:
        """Scales of operand ``"a"`` or ``"w"``: two if it is asymmetric."""
        return 2 if self.asymmetric == "both" or self.asymmetric == name else 1

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
        stages = ("products", "tree", "sum", *(("scale",) if self.has_factor else ()))
        if isinstance(self.accumulator, Float):
            return (*stages, "normalise", "align", "add", "renormalise", "round")
        return (*stages, "normalise", "round") if self.output_format is not None else stages

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
            for name in ("a", "w"):
                two = self.sides(name) == 2
                meaning = f"shared scale{'s' if two else ''} of {name}"
                meaning += ": of its positive, of its negative elements" if two else ""
                fields.append(Field(f"{name}_scale", self.scale, meaning, 2 if two else 1))
        if self.tensor_scale is not None:
            fields.append(Field("tensor_scale", self.tensor_scale, "product of the tensor scales"))
        if self.accumulator is not None:
            fields.append(Field("acc", self.accumulator, "incoming accumulator"))
        return Payload(tuple(fields))

    @property
    def output(self) -> Payload:
        if self.accumulator is not None:
            return Payload((Field("result", self.accumulator, "acc plus the dot product"),))
        if self.output_format is not None:
            return Payload((Field("result", self.output_format, "the dot product"),))
        fields = [Field("sum", self.sum_format, "exact dot product")]
        if self.has_specials:
            fields.append(Field("nan", FLAG, "the dot product is NaN; sum is meaningless"))
            fields.append(Field("inf", FLAG, "it is infinite, with the sign of negative"))
            fields.append(Field("negative", FLAG, "sign of the infinity"))
        return Payload(tuple(fields))

    @property
    def contract(self) -> str:
        return contract(self)

    def compute(self, beats: Beats) -> dict[str, Codes]:
        return compute(self, self.input.check(beats))

    def corners(self) -> Iterator[dict[str, Codes]]:
        return vectors.corners(self)

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        return vectors.random(self, rng, count)

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        return vectors.tensors(self, values, rng)
