"""Encoders: blocks of BF16 or FP32 numbers to a shared scale and elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from . import encoder_vectors, lfsr
from .block import POLICIES, BlockFormat, max_exponent, max_number, significand_bits
from .errors import require
from .formats import BF16, E8M0, Codes, Float, Int
from .unit import Beats, Field, Payload, Unit

POWERS = ("floor", "ceil", "even", "up")
"""Policies under which a scale is a power of two that follows from the peak's exponent, and from
one comparison of its mantissa."""


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(Unit):
    """``elements[k] = round(values[k] / 2**(scale - 127))`` with one scale for the block.

    Parameters
    ----------
    format:
        Block format: elements, their number, policy of the scale, ties, whether integers use their
        most negative code. Its scale is E8M0.
    input_format:
        Format of the values: BF16, FP32, or another signed one with their eight exponent bits.
    stochastic:
        Round up with the probability of the fraction that is lost, instead of to nearest.
    subnormals:
        Of the input: ``"keep"`` them, or ``"flush"`` them to zeros of their sign.
    zero_scale:
        Scale of a block of zeros: ``"one"`` (code 127), as the block format has it, or ``"least"``
        (code 0), for which nobody has to look for a zero block.
    random_bits:
        Random bits an element for stochastic rounding; lost bits below these are dropped.
    seed:
        State of the shift register (:mod:`golden.lfsr`) after reset. Block n since then takes the
        bits from ``n * block * random_bits`` on, ``random_bits`` a lane, the first ones least
        significant.
    """

    format: BlockFormat
    input_format: Float = BF16
    stochastic: bool = False
    subnormals: Literal["keep", "flush"] = "keep"
    zero_scale: Literal["one", "least"] = "one"
    random_bits: int = 8
    seed: int = lfsr.SEED

    def __post_init__(self) -> None:
        fmt, source = self.format, self.input_format
        require(isinstance(fmt, BlockFormat), "format", fmt, "a block format")
        element = fmt.element
        require(
            fmt.scale == E8M0 and not fmt.asymmetric and fmt.tensor_scale is None,
            "format",
            fmt.name,
            "one with a single E8M0 scale",
        )
        require(fmt.policy in POWERS, "policy", fmt.policy, ", ".join(POWERS))
        number = isinstance(element, Int) or (isinstance(element, Float) and element.subnormals)
        require(
            number and element.signed and 2 <= element.bits <= 8,
            "element",
            element.name,
            "a signed integer or floating-point format of 2 to 8 bits that has a zero",
        )
        require(max_exponent(element) >= 0, "element", element.name, "one that reaches 1")
        mantissa = element.mantissa_bits if isinstance(element, Float) else 1
        bias = element.bias if isinstance(element, Float) else 1
        require(
            1 <= mantissa <= 5 and bias >= 1,
            "element",
            element.name,
            "one of 1 to 5 mantissa bits whose exponent bias is 1 or more",
        )
        ieee = isinstance(source, Float) and source.signed and source.specials == "ieee"
        require(
            ieee and (source.exponent_bits, source.bias) == (8, 127) and source.mantissa_bits >= 7,
            "input_format",
            source,
            "a signed format with IEEE specials and the exponent of BF16, of 16 bits or more",
        )
        for name, allowed in (
            ("stochastic", (False, True)),
            ("subnormals", ("keep", "flush")),
            ("zero_scale", ("one", "least")),
        ):
            value = getattr(self, name)
            require(value in allowed, name, value, ", ".join(map(str, allowed)))
        require(1 <= self.random_bits <= 24, "random_bits", self.random_bits, "1 to 24")
        top = (1 << lfsr.DEGREE) - 1
        require(1 <= self.seed <= top, "seed", self.seed, f"1 to 2**{lfsr.DEGREE} - 1")
        super().__post_init__()

    @property
    def threshold(self) -> tuple[Fraction, bool] | None:
        """``(t, reached)``: the scale is twice that of ``"floor"`` when the peak, divided by the
        greatest power of two not above it, is beyond t, or just reaches t if ``reached``."""
        element, policy = self.format.element, self.format.policy
        if policy == "ceil":
            return Fraction(1), False
        if policy == "up":
            return Fraction(max_number(element)) / Fraction(2) ** max_exponent(element), False
        if policy == "even":
            return 2 - Fraction(1, 1 << significand_bits(element)), True
        return None

    @property
    def stateful(self) -> bool:
        return self.stochastic

    @property
    def stages(self) -> tuple[str, ...]:
        return ("peak", "scale", "align", "round")

    @property
    def input(self) -> Payload:
        block = self.format.block
        return Payload((Field("values", self.input_format, "values of the block", block),))

    @property
    def output(self) -> Payload:
        fmt = self.format
        return Payload(
            (
                Field("elements", fmt.element, "elements of the block", fmt.block),
                Field("scale", fmt.scale, "shared scale of the block"),
            )
        )

    @property
    def contract(self) -> str:
        fmt = self.format
        ties = {"even": "to even", "away": "away from zero"}[fmt.rounding]
        rounding = f"to nearest, ties {ties}"
        if self.stochastic:
            rounding = (
                f"down, or up if the first {self.random_bits} lost bits and as many random bits"
                " add up to a carry"
            )
        flush = " Subnormal values count as zeros." if self.subnormals == "flush" else ""
        lowest = isinstance(fmt.element, Int) and not fmt.full_range
        symmetric = " The most negative code is not used." if lowest else ""
        zero = "1" if self.zero_scale == "one" else "2**-127"
        return (
            f"2**(scale - 127) is {POLICIES[fmt.policy]}, where peak is the largest magnitude and"
            f" emax is {max_exponent(fmt.element)}, kept within 2**-127 and 2**127. elements[k] is"
            f" values[k] / 2**(scale - 127), its magnitude rounded {rounding}, and"
            f" saturated.{symmetric}{flush} Zeros keep their sign where the element format has"
            f" one. A block of zeros has scale {zero}; one that holds NaN or an infinity has the"
            " NaN scale, elements zero."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        values = self.input_format.decode(self.input.check(beats)["values"])
        if self.subnormals == "flush":
            tiny = np.abs(values) < 2.0**self.input_format.min_exponent
            values = np.where(tiny, np.copysign(0.0, values), values)
        rounding = self._random_rounding(len(values)) if self.stochastic else None
        scale, elements = self.format.quantize(values, rounding=rounding)
        if self.zero_scale == "least":
            scale = np.where((values == 0).all(axis=1), 0, scale)
        return {"elements": elements, "scale": scale[:, None]}

    def _random_rounding(self, blocks: int):
        """The rounding of ``blocks`` blocks since reset."""
        shape = (blocks, self.format.block, self.random_bits)
        bits = lfsr.sequence(self.seed, int(np.prod(shape))).reshape(shape)
        random = bits @ (1 << np.arange(self.random_bits))
        one = 1 << self.random_bits
        return lambda quanta: np.floor((np.floor(quanta * one) + random) / one)

    def corners(self) -> Iterator[dict[str, Codes]]:
        return encoder_vectors.corners(self)

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        return encoder_vectors.random(self, rng, count)

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """The numbers of the tensor, block by block."""
        block = self.format.block
        blocks = len(values) // block
        require(blocks >= 1, "numbers in the tensor", len(values), f"{block} or more")
        return {"values": self.input_format.encode(values[: blocks * block].reshape(-1, block))}

    def describe(self) -> dict[str, object]:
        return super().describe() | {"format": self.format.describe()}
