"""MX encoders: blocks of BF16 or FP32 numbers to a shared scale and elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import encoder_vectors, lfsr
from .errors import require
from .formats import BF16, E8M0, Codes, Float, Format, Int
from .mx import BLOCK, max_exponent
from .unit import Beats, Field, Payload, Unit

Policy = Literal["floor", "round-up", "even", "ceil"]
Rounding = Literal["half-even", "half-away", "stochastic"]
POLICIES = ("floor", "round-up", "even", "ceil")
ROUNDINGS = ("half-even", "half-away", "stochastic")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(Unit):
    """``elements[k] = round(values[k] / 2**(scale - 127))`` with one scale for the block.

    Parameters
    ----------
    element:
        Element format, of eight bits or fewer.
    input_format:
        Format of the values: BF16, FP32, or another signed one with their eight exponent bits.
    block:
        Elements that share a scale.
    policy:
        How the scale follows from the largest magnitude (``peak``) of the block. ``"floor"``:
        the greatest power of two not above the peak, over the greatest one of the element format
        (OCP MX v1.0, section 6.3; large elements may saturate). ``"ceil"``: the least power of two
        not below the peak over that. ``"round-up"``: the least scale with which the peak does not
        exceed the largest element (RCEIL: nothing saturates). ``"even"``: as floor, of the peak
        rounded to the significant bits of the element format, half away from zero.
    rounding:
        Of the elements: to nearest, ties to even or away from zero; or ``"stochastic"``: up with
        the probability of the fraction that is lost.
    symmetric:
        Integer elements leave their most negative code unused (-128 of INT8 becomes -127).
    subnormals:
        Of the input: ``"keep"`` them, or ``"flush"`` them to zeros of their sign.
    zero_scale:
        Scale of a block of zeros: ``"least"`` (code 0) or ``"one"`` (code 127).
    random_bits:
        Random bits an element for stochastic rounding; lost bits below these are dropped.
    seed:
        State of the shift register (:mod:`golden.lfsr`) after reset. Block n since then takes the
        bits from ``n * block * random_bits`` on, ``random_bits`` a lane, the first ones least
        significant.
    """

    element: Format
    input_format: Float = BF16
    block: int = BLOCK
    policy: Policy = "floor"
    rounding: Rounding = "half-even"
    symmetric: bool = False
    subnormals: Literal["keep", "flush"] = "keep"
    zero_scale: Literal["least", "one"] = "least"
    random_bits: int = 8
    seed: int = lfsr.SEED

    def __post_init__(self) -> None:
        element, source = self.element, self.input_format
        require(
            isinstance(element, Int | Float)
            and element.signed
            and 2 <= element.bits <= 8
            and (isinstance(element, Int) or element.subnormals),
            "element",
            element,
            "a signed integer or floating-point format of 2 to 8 bits that has a zero",
        )
        require(
            isinstance(element, Int) or (element.mantissa_bits <= 5 and element.max_exponent >= 0),
            "element",
            element,
            "a floating-point format of up to 5 mantissa bits that reaches 1",
        )
        require(
            max_exponent(element) >= 0,
            "element",
            element,
            "a format that reaches 1",
        )
        ieee = isinstance(source, Float) and source.signed and source.specials == "ieee"
        require(
            ieee and (source.exponent_bits, source.bias) == (8, 127) and source.bits <= 32,
            "input_format",
            source,
            "a signed format with IEEE specials and the exponent of BF16, of up to 32 bits",
        )
        require(
            1 <= self.block <= 1024,
            "block",
            self.block,
            "1 to 1024",
        )
        for name, allowed in (
            ("policy", POLICIES),
            ("rounding", ROUNDINGS),
            ("symmetric", (True, False)),
            ("subnormals", ("keep", "flush")),
            ("zero_scale", ("least", "one")),
        ):
            value = getattr(self, name)
            require(value in allowed, name, value, ", ".join(map(str, allowed)))
        require(1 <= self.random_bits <= 24, "random_bits", self.random_bits, "1 to 24")
        top = (1 << lfsr.DEGREE) - 1
        require(1 <= self.seed <= top, "seed", self.seed, f"1 to 2**{lfsr.DEGREE} - 1")
        super().__post_init__()

    @property
    def scale(self) -> Float:
        """Format of the shared scale."""
        return E8M0

    @property
    def threshold(self) -> tuple[Fraction, bool] | None:
        """``(t, reached)``: the scale is twice that of ``"floor"`` when the peak, divided by the
        greatest power of two not above it, is beyond t, or just reaches t if ``reached``."""
        element = self.element
        if self.policy == "ceil":
            return Fraction(1), False
        if self.policy == "round-up":
            largest = element.maximum if isinstance(element, Int) else element.max
            unit = element.unit_exponent if isinstance(element, Int) else 0
            return Fraction(largest) * Fraction(2) ** (unit - max_exponent(element)), False
        if self.policy == "even":
            return 2 - Fraction(1, 1 << fraction_bits(element) + 1), True
        return None

    @property
    def stochastic(self) -> bool:
        """Whether elements are rounded with random numbers."""
        return self.rounding == "stochastic"

    @property
    def stateful(self) -> bool:
        return self.stochastic

    @property
    def stages(self) -> tuple[str, ...]:
        return ("peak", "scale", "align", "round")

    @property
    def input(self) -> Payload:
        return Payload((Field("values", self.input_format, "values of the block", self.block),))

    @property
    def output(self) -> Payload:
        return Payload(
            (
                Field("elements", self.element, "elements of the block", self.block),
                Field("scale", self.scale, "shared scale of the block"),
            )
        )

    @property
    def contract(self) -> str:
        scale = {
            "floor": "the greatest power of two not above the largest magnitude",
            "ceil": "the least power of two not below the largest magnitude",
            "even": "the greatest power of two not above the largest magnitude, that rounded to"
            f" {fraction_bits(self.element) + 1} significant bits, half away from zero",
        }
        top = max_exponent(self.element)
        scale_text = (
            "the least power of two with which no magnitude exceeds the largest element"
            if self.policy == "round-up"
            else f"{scale[self.policy]}, over 2**{top}"
        )
        rounding = {
            "half-even": "to nearest, ties to even",
            "half-away": "to nearest, ties away from zero",
            "stochastic": f"down, or up if the first {self.random_bits} lost bits plus as many"
            " random bits carry",
        }
        flush = " Subnormal values count as zeros." if self.subnormals == "flush" else ""
        symmetric = (
            " The most negative code is not used."
            if self.symmetric and isinstance(self.element, Int)
            else ""
        )
        zero = "2**-127" if self.zero_scale == "least" else "1"
        return (
            f"2**(scale - 127) is {scale_text}, within 2**-127 and 2**127; elements[k] is"
            f" values[k] / 2**(scale - 127), its magnitude rounded {rounding[self.rounding]}, and"
            f" saturated.{symmetric}{flush} Zeros keep their sign where the element format has"
            f" one. A block of zeros has scale {zero}; one that holds NaN or an infinity has the"
            " NaN scale, elements zero."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        values = self.input_format.decode(self.input.check(beats)["values"])
        if self.subnormals == "flush":
            tiny = np.abs(values) < 2.0**self.input_format.min_exponent
            values = np.where(tiny, np.copysign(0.0, values), values)
        peak = np.abs(values).max(axis=1)
        broken = ~np.isfinite(peak)
        exponent = np.where(peak > 0, self._exponent(np.where(broken, 1, peak)), self._of_zeros)
        # Exact: a power of two moves float64 within its normal range.
        scaled = np.ldexp(np.where(broken[:, None], 0, values), -exponent[:, None])
        elements = self.element.encode(scaled, rounding=self._rounding(len(values)))
        if self.symmetric and isinstance(self.element, Int):
            lowest = 1 << self.element.bits - 1
            elements = np.where(elements == lowest, lowest + 1, elements)
        scale = np.where(broken, self.scale.nan_code, exponent + self.scale.bias)
        return {"elements": elements, "scale": scale[:, None]}

    @property
    def _of_zeros(self) -> int:
        return -self.scale.bias if self.zero_scale == "least" else 0

    def _exponent(self, peak: NDArray[np.float64]) -> NDArray[np.int64]:
        """Exponent of the scale for peaks above zero."""
        fraction, exponent = np.frexp(peak)
        exponent = exponent.astype(np.int64) - 1 - max_exponent(self.element)
        if self.threshold is not None:
            at, reached = float(self.threshold[0]), self.threshold[1]
            exponent += 2 * fraction >= at if reached else 2 * fraction > at
        return np.clip(exponent, -self.scale.bias, self.scale.bias)

    def _rounding(self, blocks: int):
        """The rounding of ``blocks`` blocks since reset."""
        if self.rounding == "half-even":
            return np.rint
        if self.rounding == "half-away":
            return lambda quanta: np.floor(quanta + 0.5)
        bits = lfsr.sequence(self.seed, blocks * self.block * self.random_bits)
        weights = 1 << np.arange(self.random_bits)
        random = bits.reshape(blocks, self.block, self.random_bits) @ weights
        one = 1 << self.random_bits
        return lambda quanta: np.floor((np.floor(quanta * one) + random) / one)

    def corners(self) -> Iterator[dict[str, Codes]]:
        return encoder_vectors.corners(self)

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        return encoder_vectors.random(self, rng, count)

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """The numbers of the tensor, block by block."""
        blocks = len(values) // self.block
        require(blocks >= 1, "numbers in the tensor", len(values), f"{self.block} or more")
        rows = values[: blocks * self.block].reshape(blocks, self.block)
        return {"values": self.input_format.encode(rows)}


def fraction_bits(element: Format) -> int:
    """Fraction bits of the largest normalised elements."""
    return element.mantissa_bits if isinstance(element, Float) else element.bits - 2
