"""Scales that have a fraction: chosen by comparing the peak with constants."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Value, signed, unsigned
from amaranth.lib import data

from golden.boundaries import top_code
from golden.encoder import EncoderConfig

from ..arith import named
from ..pipeline import Stage, layout
from ..search import at_least, thermometer
from .grid import Grid
from .peak import peaks
from .tensor import Tensor
from .widths import values
from .window import Window


def fraction_layout(config: EncoderConfig) -> data.StructLayout:
    """Values, scales, and by side: the scale's significand, its leading bit on top, and what lanes
    add to their exponents."""
    fields: dict[str, data.ShapeLike] = {"scale": layout(config.output).members["scale"]}
    for side in range(config.sides):
        fields[f"significand{side}"] = unsigned(significand_bits(config))
        fields[f"place{side}"] = place_shape()
    return data.StructLayout(values(config) | fields | {"broken": unsigned(1)})


FAR = -400
"""A place from which no value reaches the first boundary: exponent fields are 255 at the most, and
-23 at the least."""


def significand_bits(config: EncoderConfig) -> int:
    """Width of the significand of a scale, times that of the tensor scale if there is one."""
    tensor = config.format.tensor_scale
    more = 0 if tensor is None else tensor.mantissa_bits + 1
    return config.format.scale.mantissa_bits + 1 + more


def lowest(config: EncoderConfig) -> int:
    """The exponent, relative to the scale's, that lanes count from."""
    if config.stochastic:
        return Grid(config).lowest
    return min(b.exponent for b in config.element_boundaries)


def place_shape() -> Shape:
    """Minus the exponents of scales, counted as those of values are, and a mark that is below."""
    return signed(10)


class FractionScale(Stage):
    """The scale of each side.

    Where scales are normal, their boundaries repeat in every binade. So the scale's code is its
    mantissa's number of steps times the peak's exponent, plus how many of one binade's boundaries
    the peak's mantissa is beyond. Subnormal scales have boundaries of their own.
    """

    delay = 24

    def __init__(self, config: EncoderConfig):
        self.config = config
        given = values(config) | peaks(config, Window(config).key)
        super().__init__(data.StructLayout(given), fraction_layout(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        fields = [getattr(self.i, f"key{side}")[-8:] for side in range(self.config.sides)]
        tensor = None if self.config.format.tensor_scale is None else Tensor(m, self.config, self.i)
        bad = Cat(field.all() for field in fields).any()
        broken = named(m, "broken", bad if tensor is None else bad | tensor.bad)
        m.d.comb += self.o.broken.eq(broken)
        for side in range(self.config.sides):
            self._side(m, side, broken, tensor)
        return m

    def _side(self, m: Module, side: int, broken: Value, tensor: Tensor | None) -> None:
        config, scale = self.config, self.config.format.scale
        key, zero = (getattr(self.i, f"{name}{side}") for name in ("key", "zero"))
        code = tensor.code(key, side) if tensor else self._code(m, key, side)
        code = named(m, f"number{side}", Mux(zero, int(scale.encode(1.0)), code))
        assert scale.nan_code is not None
        shown = Mux(broken, scale.nan_code, code)
        m.d.comb += Value.cast(self.o.scale).word_select(side, scale.bits).eq(shown)
        significand, field = self._normalised(code)
        place: Value = scale.bias - config.input_format.bias - lowest(config) - field
        if tensor:
            significand, place = tensor.scaled(significand, place, side)
        m.d.comb += [
            getattr(self.o, f"significand{side}").eq(significand),
            # So far down that every lane is below the first boundary.
            getattr(self.o, f"place{side}").eq(Mux(broken, FAR, place)),
        ]

    def _code(self, m: Module, key: Value, side: int) -> Value:
        """The code of a nonzero peak's scale."""
        config, window, scale = self.config, Window(self.config), self.config.format.scale
        low, field = key[:-8], key[-8:]
        step = 1 << scale.mantissa_bits
        least = 2 * step  # the first code of a binade below which there is a normal one
        binade = config.scale_boundaries[least - 1 : least - 1 + step]
        first = binade[0].exponent
        ordered = sorted(binade, key=window.mantissa)
        beyond = [
            named(m, f"beyond{side}_{k}", at_least(low, window.mantissa(boundary)))
            for k, boundary in enumerate(ordered)
        ]
        count = thermometer(m, beyond, f"count{side}")
        later = sum(boundary.exponent > first for boundary in binade)
        offset = least - 1 - later - (first + config.input_format.bias) * step
        steps = Cat(Const(0, scale.mantissa_bits), field)
        normal = named(m, f"normal{side}", (steps + count).as_signed() + offset)
        few = []
        for code in range(1, step + 1):
            boundary = config.scale_boundaries[code - 1]
            if code == 1 and (config.format.underflow == "least" or not boundary.value):
                few.append(Const(1, 1))
                continue
            binades = boundary.exponent + config.input_format.bias
            constant = (binades << window.bits + window.sticky) + window.mantissa(boundary)
            few.append(named(m, f"few{side}_{code}", at_least(key, constant)))
        subnormal = thermometer(m, few, f"subnormal{side}")
        if config.format.underflow == "one":
            subnormal = Mux(few[0], subnormal, int(scale.encode(1.0)))
        top = top_code(config.format)
        above = Mux(normal > top, top, normal.as_unsigned())
        return Mux(normal < step, subnormal, above)[: scale.bits]

    def _normalised(self, code: Value) -> tuple[Value, Value]:
        """(significand with its leading bit on top, exponent field) of a scale's code; the field
        of a subnormal is what it would be if there were no least one."""
        bits = self.config.format.scale.mantissa_bits
        mantissa, field = code[:bits], code[bits : bits + self.config.format.scale.exponent_bits]
        significand: Value = Const(1 << bits, bits + 1)
        exponent: Value = Const(0, signed(4))
        for place in range(bits):
            shift = bits - place
            here = mantissa[place]
            significand = Mux(here, Cat(Const(0, shift), mantissa)[: bits + 1], significand)
            exponent = Mux(here, 1 - shift, exponent)
        normal = field.any()
        return Mux(normal, Cat(mantissa, Const(1, 1)), significand), Mux(normal, field, exponent)
