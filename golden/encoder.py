"""Encoders: blocks of BF16 or FP32 numbers to a shared scale and elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import log2
from typing import Literal

import numpy as np

from . import encoder_contract, encoder_vectors, fraction_vectors, lfsr, tensor_vectors
from .block import POWERS_OF_TWO, BlockFormat, max_exponent, max_number, significand_bits
from .boundaries import Boundary, element_boundaries, scale_boundaries, top_code
from .errors import require
from .formats import BF16, E8M0, FP32, Codes, Float, Int
from .hadamard import SHIFTS, HadamardConfig
from .unit import Beats, Field, Payload, Unit

POWERS = ("floor", "ceil", "even", "up")
"""Policies under which a scale is a power of two that follows from the peak's exponent, and from
one comparison of its mantissa."""


SCALE_MEANINGS = {
    1: "shared scale of the block",
    2: "shared scales: of the positive, of the negative elements",
}


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(Unit):
    """``elements[k] = round(values[k] / scale)`` with a scale for the block, or one for each sign.

    Parameters
    ----------
    format:
        Block format: elements, their number, scale, its policy and ties, whether integers use their
        most negative code. With a scale that has a fraction (not E8M0), elements have up to 4 bits.
    input_format:
        Format of the values: BF16, FP32, or another signed one with their eight exponent bits.
    stochastic:
        Round up with the probability of the fraction that is lost, instead of to nearest.
    subnormals:
        Of the input: ``"keep"`` them, or ``"flush"`` them to zeros of their sign.
    zero_scale:
        Scale of a block of zeros: ``"one"`` (code 127), as the block format has it, or ``"least"``
        (code 0 of E8M0), for which nobody has to look for a zero block.
    random_bits:
        Random bits an element for stochastic rounding; lost bits below these are dropped.
    seed:
        State of the shift register (:mod:`golden.lfsr`) after reset. Block n since then takes the
        bits from ``n * block * random_bits`` on, ``random_bits`` a lane, the first ones least
        significant.
    hadamard:
        Transform every 16 or 32 values first (:mod:`golden.hadamard`); 0 does not.
    hadamard_width, hadamard_shift:
        ``width`` and ``shift`` of that transform.
    """

    format: BlockFormat
    input_format: Float = BF16
    stochastic: bool = False
    subnormals: Literal["keep", "flush"] = "keep"
    zero_scale: Literal["one", "least"] = "one"
    random_bits: int = 8
    seed: int = lfsr.SEED
    hadamard: int = 0
    hadamard_width: int = 12
    hadamard_shift: int | None = None

    def __post_init__(self) -> None:
        fmt, source = self.format, self.input_format
        require(isinstance(fmt, BlockFormat), "format", fmt, "a block format")
        element = fmt.element
        number = isinstance(element, Int) or (isinstance(element, Float) and element.subnormals)
        most = 4 if self.fraction else 8
        require(
            number and element.signed and 2 <= element.bits <= most,
            "element",
            element.name,
            f"a signed integer or floating-point format of 2 to {most} bits that has a zero",
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
        if self.fraction:
            self._check_fraction()
        else:
            self._check_power()
        ieee = isinstance(source, Float) and source.signed and source.specials == "ieee"
        require(
            ieee and (source.exponent_bits, source.bias) == (8, 127) and source.mantissa_bits >= 7,
            "input_format",
            source,
            "a signed format with IEEE specials and the exponent of BF16, of 16 bits or more",
        )
        one_side = ("one", "least") if self.sides == 1 else ("one",)
        for name, allowed in (("subnormals", ("keep", "flush")), ("zero_scale", one_side)):
            value = getattr(self, name)
            require(value in allowed, name, value, ", ".join(allowed))
        require(1 <= self.random_bits <= 24, "random_bits", self.random_bits, "1 to 24")
        top = (1 << lfsr.DEGREE) - 1
        require(1 <= self.seed <= top, "seed", self.seed, f"1 to 2**{lfsr.DEGREE} - 1")
        self._check_transform()
        super().__post_init__()

    def _check_transform(self) -> None:
        sizes = [size for size in SHIFTS if self.format.block % size == 0]
        allowed = ", ".join(map(str, [0, *sizes]))
        require(
            self.hadamard in (0, *sizes), "hadamard", self.hadamard, f"{allowed} in such blocks"
        )
        if self.transform:  # checks its own parameters
            assert self.transform.lanes == self.format.block

    @property
    def transform(self) -> HadamardConfig | None:
        """The transform in front."""
        if not self.hadamard:
            return None
        return HadamardConfig(
            size=self.hadamard,
            groups=self.format.block // self.hadamard,
            number_format=self.input_format,
            width=self.hadamard_width,
            shift=self.hadamard_shift,
        )

    def _check_power(self) -> None:
        fmt = self.format
        require(
            fmt.scale == E8M0 and fmt.tensor_scale is None,
            "format",
            fmt.name,
            "one with scales of E8M0, or of a format that has a fraction",
        )
        nearest = ("nearest",) if isinstance(fmt.element, Float) else ()
        allowed = (*POWERS, *nearest)
        require(fmt.policy in allowed, "policy", fmt.policy, ", ".join(allowed))

    def _check_fraction(self) -> None:
        fmt, scale = self.format, self.format.scale
        require(
            2 <= scale.exponent_bits <= 6
            and scale.mantissa_bits <= 4
            and scale.subnormals
            and abs(scale.bias) <= 40,
            "format",
            fmt.name,
            "one with a scale of 2 to 6 exponent and up to 4 mantissa bits, and a bias of up to 40",
        )
        tensor = fmt.tensor_scale
        require(tensor in (None, FP32), "tensor_scale", tensor, "None, FP32")
        powers = tensor is None or fmt.policy not in POWERS_OF_TWO
        require(powers, "policy", fmt.policy, "nearest, up with a tensor scale")
        require(self.zero_scale == "one", "zero_scale", self.zero_scale, "one with such a scale")

    @property
    def fraction(self) -> bool:
        """Whether scales have a fraction."""
        return self.format.scale.mantissa_bits > 0

    @property
    def sides(self) -> int:
        """Scales a block."""
        return self.format.scales

    @property
    def element_boundaries(self) -> tuple[Boundary, ...]:
        """Where elements begin, in units of the scale."""
        return element_boundaries(self.format)

    @property
    def scale_boundaries(self) -> tuple[Boundary, ...]:
        """Where the codes of the scale begin: magnitudes of the peak."""
        return scale_boundaries(self.format)

    @property
    def scale_codes(self) -> list[int]:
        """The codes that a scale with a fraction can have."""
        codes = range(1, top_code(self.format) + 1)
        if self.format.policy not in POWERS_OF_TWO:
            return list(codes)
        values = self.format.scale.decode(codes)
        return [code for code, value in zip(codes, values, strict=True) if log2(value) % 1 == 0]

    @property
    def offset(self) -> int:
        """A scale that is a power of two is 2**(floor(log2 peak) - offset), or twice that: see
        :attr:`threshold`."""
        return max_exponent(self.format.element) + (
            self.format.policy == "nearest" and self._leading > Fraction(4, 3)
        )

    @property
    def _leading(self) -> Fraction:
        """The element format's largest number over its largest power of two."""
        element = self.format.element
        return Fraction(max_number(element)) / Fraction(2) ** max_exponent(element)

    @property
    def threshold(self) -> tuple[Fraction, bool] | None:
        """``(t, reached)``: the scale is twice as large when the peak, divided by the greatest
        power of two not above it, is beyond t, or just reaches t if ``reached``."""
        element, policy = self.format.element, self.format.policy
        if policy == "ceil":
            return Fraction(1), False
        if policy == "up":
            return self._leading, False
        if policy == "nearest":
            # Half way between powers of two is 3/2 of the lower one; a tie takes the upper.
            half = Fraction(3, 2) * self._leading
            return (half if half < 2 else half / 2), True
        if policy == "even":
            return 2 - Fraction(1, 1 << significand_bits(element)), True
        return None

    @property
    def stateful(self) -> bool:
        return self.stochastic

    @property
    def stages(self) -> tuple[str, ...]:
        front = self.transform.stages if self.transform else ()
        back = ("align", "round")
        if self.fraction:
            back = ("dither",) if self.stochastic else ("compare",)
        return (*front, "peak", "scale", *back)

    @property
    def input(self) -> Payload:
        block = self.format.block
        fields = [Field("values", self.input_format, "values of the block", block)]
        if self.format.tensor_scale is not None:
            meaning = "scale of the tensor: a magnitude"
            fields.append(Field("tensor_scale", self.format.tensor_scale, meaning))
        return Payload(tuple(fields))

    @property
    def output(self) -> Payload:
        fmt = self.format
        return Payload(
            (
                Field("elements", fmt.element, "elements of the block", fmt.block),
                Field("scale", fmt.scale, SCALE_MEANINGS[self.sides], self.sides),
            )
        )

    @property
    def contract(self) -> str:
        return encoder_contract.contract(self)

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        if self.transform:
            beats = beats | self.transform.compute({"values": beats["values"]})
        values = self.input_format.decode(beats["values"])
        if self.subnormals == "flush":
            tiny = np.abs(values) < 2.0**self.input_format.min_exponent
            values = np.where(tiny, np.copysign(0.0, values), values)
        rounding = self._random_rounding(len(values)) if self.stochastic else None
        tensor = beats["tensor_scale"][:, 0] if "tensor_scale" in beats else None
        scale, elements = self.format.quantize(values, tensor, rounding)
        if self.zero_scale == "least":
            scale = np.where((values == 0).all(axis=1), 0, scale)
        return {"elements": elements, "scale": scale.reshape(-1, self.sides)}

    def _random_rounding(self, blocks: int):
        """The rounding of ``blocks`` blocks since reset."""
        shape = (blocks, self.format.block, self.random_bits)
        bits = lfsr.sequence(self.seed, int(np.prod(shape))).reshape(shape)
        random = bits @ (1 << np.arange(self.random_bits))
        one = 1 << self.random_bits
        return lambda quanta: np.floor((np.floor(quanta * one) + random) / one)

    def corners(self) -> Iterator[dict[str, Codes]]:
        kind = fraction_vectors if self.fraction else encoder_vectors
        kind = kind if self.format.tensor_scale is None else tensor_vectors
        yield from kind.corners(self)
        if self.transform:
            for beats in self.transform.corners():
                yield self._with_tensor(beats)

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        kind = encoder_vectors if self.format.tensor_scale is None else tensor_vectors
        return kind.random(self, rng, count)

    def _with_tensor(self, beats: Beats) -> dict[str, Codes]:
        """``beats`` under the tensor scale of their numbers, if there is one."""
        if self.format.tensor_scale is None:
            return dict(beats)
        numbers = self.input_format.decode(beats["values"])
        code = self.format.tensor_code(numbers[np.isfinite(numbers)])
        return tensor_vectors.with_tensor(beats["values"], code)

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """The numbers of the tensor, block by block."""
        block = self.format.block
        blocks = len(values) // block
        require(blocks >= 1, "numbers in the tensor", len(values), f"{block} or more")
        codes = self.input_format.encode(values[: blocks * block].reshape(-1, block))
        return self._with_tensor({"values": codes})
