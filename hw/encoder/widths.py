"""What an encoder's lanes follow from, and the payloads between its stages."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from golden.block import max_exponent
from golden.encoder import EncoderConfig
from golden.formats import Float, Int

from ..pipeline import layout


@dataclass(frozen=True)
class Widths:
    """What follows from a configuration for its lanes."""

    config: EncoderConfig

    @property
    def key(self) -> int:
        """Bits of the key that the peak is searched by."""
        return self.config.input_format.exponent_bits + (self.config.threshold is not None)

    @property
    def tail(self) -> int:
        """Bits kept below the last place of an element: random ones are added to them; or the
        half, and whether there is anything below it."""
        if self.config.stochastic:
            return self.config.random_bits
        return 2 if self.sticky else 1

    @property
    def sticky(self) -> bool:
        """Whether the lowest bit of the tail stands for all below it."""
        return not self.config.stochastic and self.config.format.rounding == "even"

    @property
    def digits(self) -> int:
        """Significant bits of the largest elements."""
        element = self.config.format.element
        return element.mantissa_bits + 1 if isinstance(element, Float) else element.bits - 1

    @property
    def window(self) -> int:
        """Bits of a significand that can matter."""
        return self.digits + self.tail

    @property
    def shifts(self) -> int:
        """The farthest shift after which something is left to round."""
        return self.digits if not self.config.stochastic else self.window - 1

    @property
    def position(self) -> int:
        """Bits of a lane's place: :attr:`zero_field` plus the element's exponent field; of an
        integer, all ones minus the shift."""
        if isinstance(self.config.format.element, Float):
            return (self.zero_field * 2 - 1).bit_length()
        return self.shifts.bit_length()

    @property
    def zero_field(self) -> int:
        """The place of exponent field 0: a power of two, so that the field itself stands below."""
        assert isinstance(self.config.format.element, Float)
        bits = self.config.format.element.exponent_bits + self.beyond
        return 1 << max(bits, (self.shifts - 1).bit_length())

    @property
    def beyond(self) -> bool:
        """Whether a value may be so large that its exponent does not fit the element's field."""
        return self.config.format.policy == "nearest"

    @property
    def offset(self) -> int:
        """A lane's place is its exponent field plus this minus the scale."""
        element = self.config.format.element
        if isinstance(element, Float):
            return self.zero_field + element.bias
        return (1 << self.position) - 1 - max_exponent(element)

    @property
    def integers_from_one(self) -> bool:
        """Whether a block of subnormals alone, under the least scale, is a case of its own: its
        integers reach from 1 up, as those of all other blocks do not."""
        keep = self.config.subnormals == "keep"
        return (
            isinstance(self.config.format.element, Int)
            and keep
            and max_exponent(self.config.format.element) == 0
        )

    @property
    def normalise(self) -> int:
        """How far subnormal values are shifted up: as far as the least normal element is below
        the least normal value, under the least scale."""
        element, source = self.config.format.element, self.config.input_format
        if isinstance(element, Int) or self.config.subnormals == "flush":
            return 0
        return min(element.bias - 1, source.mantissa_bits) if element.bias > 1 else 0


def scaled(config: EncoderConfig) -> data.StructLayout:
    """Values and what is the same for all lanes: per side (no and set sign bit) if there are two
    scales, the number that its lanes add to their exponents."""
    shared: dict[str, data.ShapeLike] = {"scale": layout(config.output).members["scale"]}
    for side in range(config.format.scales):
        shared[f"shared{side}"] = signed(10)
        if Widths(config).integers_from_one:
            shared[f"tiny{side}"] = unsigned(1)
    shared["broken"] = unsigned(1)
    return data.StructLayout(values(config) | shared)


def aligned(config: EncoderConfig) -> data.StructLayout:
    """Sign, exponent field and the bits to be rounded of every lane."""
    widths = Widths(config)
    lane = {
        "sign": unsigned(1),
        "field": unsigned(
            config.format.element.exponent_bits if isinstance(config.format.element, Float) else 0
        ),
        "window": unsigned(widths.window),
    }
    lanes = data.ArrayLayout(data.StructLayout(lane), config.format.block)
    scale = {"scale": layout(config.output).members["scale"]}
    return data.StructLayout({"lanes": lanes} | scale | random_field(config))


def random_field(config: EncoderConfig) -> dict[str, data.ShapeLike]:
    """The random bits that go with a block."""
    if not config.stochastic:
        return {}
    return {"random": data.ArrayLayout(unsigned(config.random_bits), config.format.block)}


def values(config: EncoderConfig) -> dict[str, data.ShapeLike]:
    """The values of a block, and the random bits that go with them."""
    return dict(layout(config.input).members) | random_field(config)
