"""MX decoders: blocks of shared scale and elements to BF16, FP16 or FP32 numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import require
from .formats import BF16, E8M0, FLAG, Codes, Float, Format, Int
from .mx import BLOCK, quantize
from .unit import Beats, Field, Payload, Unit


@dataclass(frozen=True, kw_only=True)
class DecoderConfig(Unit):
    """``values[k] = 2**(scale - 127) * elements[k]`` for the elements of a block.

    Parameters
    ----------
    element:
        Element format, of eight bits or fewer.
    output_format:
        Format of the values: a signed one with IEEE specials.
    lanes:
        Values a cycle: a divisor of ``block``. A block takes ``block / lanes`` cycles.
    block:
        Elements that share a scale.
    """

    element: Format
    output_format: Float = BF16
    lanes: int = BLOCK
    block: int = BLOCK

    def __post_init__(self) -> None:
        require(
            isinstance(self.element, Int | Float) and self.element.bits <= 8,
            "element",
            self.element,
            "an integer or floating-point format of 8 bits or fewer",
        )
        ieee = isinstance(self.output_format, Float) and self.output_format.specials == "ieee"
        require(
            ieee and self.output_format.signed and self.output_format.bits <= 32,
            "output_format",
            self.output_format,
            "a signed format with IEEE specials of up to 32 bits (BF16, FP16, FP32)",
        )
        require(1 <= self.block <= 1024, "block", self.block, "1 to 1024")
        divisors = [n for n in range(1, self.block + 1) if self.block % n == 0]
        require(self.lanes in divisors, "lanes", self.lanes, ", ".join(map(str, divisors)))
        super().__post_init__()

    @property
    def scale(self) -> Float:
        """Format of the shared scale."""
        return E8M0

    @property
    def stages(self) -> tuple[str, ...]:
        return ("expand", "round")

    @property
    def input(self) -> Payload:
        return Payload(
            (
                Field("elements", self.element, "elements of the block", self.block),
                Field("scale", self.scale, "shared scale of the block"),
            )
        )

    @property
    def output(self) -> Payload:
        values = Field("values", self.output_format, "decoded values, in order", self.lanes)
        if self.output_beats == 1:
            return Payload((values,))
        return Payload((values, Field("last", FLAG, "this beat is the last one of its block")))

    @property
    def output_beats(self) -> int:
        return self.block // self.lanes

    @property
    def contract(self) -> str:
        return (
            f"values[k] is 2**(scale - 127) * elements[k] in {self.output_format.name}, rounded"
            " once to nearest even where it does not fit exactly (subnormal results), with the"
            " sign of the element also on zero; overflow gives infinity. NaN (positive, quiet)"
            " comes from a NaN element or scale; an infinite element gives infinity."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        # A product with a power of two is exact in float64 (up to 2**(127 + 15), down to
        # 2**(-127 - 16)): the one rounding is the encoder's.
        with np.errstate(invalid="ignore"):
            values = self.scale.decode(beats["scale"]) * self.element.decode(beats["elements"])
        codes = self.output_format.encode(values, "special").reshape(-1, self.lanes)
        if self.output_beats == 1:
            return {"values": codes}
        last = np.arange(len(codes)) % self.output_beats == self.output_beats - 1
        return {"values": codes, "last": last.astype(np.int64)[:, None]}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every pair of scale and element, in every lane of the output."""
        elements, scales = self.element.all_codes(), self.scale.all_codes()
        # Blocks step through the element codes, each lane one code ahead of the one below; with
        # fewer lanes than the block is long, the beats of a block stand in for blocks.
        step = self.output_beats
        start = np.arange(0, len(elements), step)
        block = (start[:, None] + np.arange(self.block) // self.lanes) + np.arange(
            self.block
        ) % self.lanes
        codes = elements[block % len(elements)]
        for scale in scales:
            yield {"elements": codes, "scale": np.full((len(codes), 1), scale)}

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        """Uniform codes: the exhaustive corners leave nothing but order and stalls to try."""
        return {
            "elements": rng.integers(0, 1 << self.element.bits, (count, self.block)),
            "scale": rng.integers(0, 1 << self.scale.bits, (count, 1)),
        }

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """The blocks of a quantised tensor."""
        blocks = len(values) // self.block
        require(blocks >= 1, "numbers in the tensor", len(values), f"{self.block} or more")
        scales, elements = quantize(
            values[: blocks * self.block].reshape(blocks, self.block), self.element
        )
        return {"elements": elements, "scale": scales[:, None]}
