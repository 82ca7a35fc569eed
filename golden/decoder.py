"""Block decoders: blocks of shared scales and elements to BF16, FP16 or FP32 numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .block import BlockFormat
from .errors import require
from .formats import BF16, E8M0, FLAG, Codes, DInt, Float, Format, Int
from .mx import BLOCK
from .unit import Beats, Field, Payload, Unit


@dataclass(frozen=True, kw_only=True)
class DecoderConfig(Unit):
    """``values[k] = scale * elements[k]`` for the elements of a block.

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
    scale:
        Format of the shared scale. It is a magnitude: a sign bit is ignored.
    asymmetric:
        Two scales: one for the elements without and one for those with the sign bit (lanes 0 and 1
        of the field).
    tensor_scale:
        Format of a factor that all blocks of a tensor share, also a magnitude, or None.
    """

    element: Format
    output_format: Float = BF16
    lanes: int = BLOCK
    block: int = BLOCK
    scale: Float = E8M0
    asymmetric: bool = False
    tensor_scale: Float | None = None

    def __post_init__(self) -> None:
        require(
            isinstance(self.element, Int | Float | DInt) and self.element.bits <= 8,
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
        for name, bits in (("scale", 8), ("tensor_scale", 32)):
            fmt = getattr(self, name)
            known = isinstance(fmt, Float) and fmt.bits <= bits
            allowed = f"a floating-point format of up to {bits} bits"
            require(known or (fmt is None and bits == 32), name, fmt, allowed)
        require(
            self.element.signed or not self.asymmetric,
            "asymmetric",
            self.asymmetric,
            "False for an element without sign",
        )
        super().__post_init__()

    @property
    def sides(self) -> int:
        """Scales a block."""
        return 2 if self.asymmetric else 1

    @property
    def scales(self) -> dict[str, Float]:
        """Format of every scale, by field."""
        named = {"scale": self.scale, "tensor_scale": self.tensor_scale}
        return {name: fmt for name, fmt in named.items() if fmt is not None}

    @property
    def stages(self) -> tuple[str, ...]:
        return ("expand", "round")

    @property
    def input(self) -> Payload:
        meaning = "shared scale of the block"
        if self.asymmetric:
            meaning = "shared scales: of the positive, of the negative elements"
        fields = [
            Field("elements", self.element, "elements of the block", self.block),
            Field("scale", self.scale, meaning, self.sides),
        ]
        if self.tensor_scale is not None:
            fields.append(Field("tensor_scale", self.tensor_scale, "scale of the tensor"))
        return Payload(tuple(fields))

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
        scale = "scale[s]" if self.asymmetric else "scale"
        scale += " * tensor_scale" if self.tensor_scale is not None else ""
        which = ", where s is the sign bit of elements[k]," if self.asymmetric else ""
        return (
            f"values[k] is {scale} * elements[k]{which} in {self.output_format.name}, rounded"
            " once to nearest even where it does not fit exactly, with the"
            " sign of the element also on zero; overflow gives infinity. NaN (positive, quiet)"
            " comes from a NaN element, a scale that is NaN or infinite, and infinity times zero;"
            " an infinite element gives infinity. Scales are magnitudes: a sign bit is ignored."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        elements = beats["elements"]
        scale = np.abs(self.scale.decode(beats["scale"]))
        if self.asymmetric:
            side = self.element.is_negative(elements).astype(np.int64)
            scale = np.take_along_axis(scale, side, axis=1)
        # Exact in float64: at most 8 + 24 + 8 significant bits, from 2**(-149 - 127 - 16) up. The
        # one rounding is the encoder's.
        if self.tensor_scale is not None:
            scale = scale * np.abs(self.tensor_scale.decode(beats["tensor_scale"]))
        scale = np.where(np.isinf(scale), np.nan, scale)
        with np.errstate(invalid="ignore"):
            values = scale * self.element.decode(elements)
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
            # The other side's scale runs the other way, so that the two are never the same.
            row = [scale, self.scale.all_codes()[-1 - scale]][: self.sides]
            beats = {"elements": codes, "scale": np.tile(row, (len(codes), 1))}
            for tensor in self._tensor_corners():
                yield beats | tensor_field(tensor, len(codes))

    def _tensor_corners(self) -> list[int | None]:
        """The ends of the tensor scale's format, one, and what is no number; None without it."""
        fmt = self.tensor_scale
        if fmt is None:
            return [None]
        special = [code for code in (fmt.inf_code, fmt.nan_code) if code is not None]
        return [0, 1, int(fmt.encode(1.0)), fmt.max_code, fmt.max_code | fmt.sign_bit, *special]

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        """Uniform codes: of the exhaustive corners, that leaves order and stalls to try, and pairs
        of scales."""
        beats = {
            "elements": rng.integers(0, 1 << self.element.bits, (count, self.block)),
            "scale": rng.integers(0, 1 << self.scale.bits, (count, self.sides)),
        }
        if self.tensor_scale is not None:
            fmt = self.tensor_scale
            beats["tensor_scale"] = rng.integers(0, 1 << fmt.bits, (count, 1))
            moderate = fmt.encode(rng.standard_normal((count, 1)))
            beats["tensor_scale"][::2] = moderate[::2]
        return beats

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """The blocks of a quantised tensor."""
        blocks = len(values) // self.block
        require(blocks >= 1, "numbers in the tensor", len(values), f"{self.block} or more")
        form = BlockFormat(
            name="decoder",
            element=self.element,
            block=self.block,
            scale=self.scale,
            policy="nearest" if self.scale.mantissa_bits else "floor",
            asymmetric=self.asymmetric,
            tensor_scale=self.tensor_scale,
        )
        data = values[: blocks * self.block].reshape(blocks, self.block)
        tensor = form.tensor_code(data) if form.tensor_scale is not None else None
        scales, elements = form.quantize(data, tensor)
        scales = scales.reshape(blocks, self.sides)
        return {"elements": elements, "scale": scales} | tensor_field(tensor, blocks)


def tensor_field(code: int | None, count: int) -> dict[str, Codes]:
    """Field ``tensor_scale`` with one code in every beat; nothing for None."""
    return {} if code is None else {"tensor_scale": np.full((count, 1), code)}
