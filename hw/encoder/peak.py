"""The largest magnitude of a block, as far as its scale depends on it."""

from __future__ import annotations

from fractions import Fraction

from amaranth.hdl import Cat, Const, Module, Mux, Value, unsigned
from amaranth.lib import data

from golden.encoder import EncoderConfig

from ..arith import named
from ..pipeline import Stage, lanes_of
from ..search import at_least, greatest
from .widths import Widths, values
from .window import Window


class Peak(Stage):
    """The greatest key of the block: exponent field, and below it whether the policy doubles the
    scale for this mantissa."""

    delay = 30

    def __init__(self, config: EncoderConfig):
        self.config = config
        found = peaks(config, Window(config).key if config.fraction else Widths(config).key)
        super().__init__(
            data.StructLayout(values(config)), data.StructLayout(values(config) | found)
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, fmt = self.config, self.config.input_format
        lanes = lanes_of(self.i["values"], config.format.block)
        keys = []
        for lane, code in enumerate(lanes):
            if config.fraction:
                keys.append(named(m, f"window{lane}", Window(config).of(code)))
                continue
            mantissa, field = code[: fmt.mantissa_bits], code[fmt.mantissa_bits : -1]
            keys.append(self._key(m, mantissa, field, lane))
        for side in range(config.format.scales):
            within = sides(config, lanes, side)
            key = named(m, f"key{side}", greatest(m, keys, f"peak{side}", within))
            m.d.comb += getattr(self.o, f"key{side}").eq(key)
            if config.zero_scale == "one":
                # Fields are zero if their greatest is.
                rest = Cat(
                    code[: fmt.mantissa_bits].any() & one
                    for code, one in zip(lanes, within, strict=True)
                ).any()
                some = key[-fmt.exponent_bits :].any()
                if config.subnormals == "keep":
                    some = key.any() if config.fraction else some | rest
                m.d.comb += getattr(self.o, f"zero{side}").eq(~some)
        return m

    def _key(self, m: Module, mantissa: Value, field: Value, lane: int) -> Value:
        if self.config.threshold is None:
            return field
        threshold, reached = self.config.threshold
        above = above_threshold(mantissa, threshold, reached)
        # The least exponent of the scale and the peak's floor may differ by a doubling only where
        # the element format begins at 1: elsewhere the scale of subnormal peaks is clamped.
        if self.config.offset == 0:
            shifted = Cat(Const(0, 1), mantissa[:-1])
            tiny = mantissa[-1] & above_threshold(shifted, threshold, reached)
            if self.config.subnormals == "flush":
                tiny = Const(0, 1)
            above = Mux(field.any(), above, tiny)
        return Cat(named(m, f"above{lane}", above), field)


def above_threshold(mantissa: Value, threshold: Fraction, reached: bool) -> Value:
    """Whether ``1 + mantissa / 2**bits`` is beyond ``threshold``, or reaches it."""
    least = (threshold - 1) * (1 << len(mantissa))
    # The least mantissa that is: the next whole number if the threshold itself is not.
    first = -(-least.numerator // least.denominator) if reached else least.__floor__() + 1
    return at_least(mantissa, first)


def peaks(config: EncoderConfig, bits: int) -> dict[str, data.ShapeLike]:
    """What is found: by side the greatest key, and where it matters whether all is zero."""
    found: dict[str, data.ShapeLike] = {}
    for side in range(config.format.scales):
        found[f"key{side}"] = unsigned(bits)
        if config.zero_scale == "one":
            found[f"zero{side}"] = unsigned(1)
    return found


def sides(config: EncoderConfig, lanes: list[Value], side: int) -> list[Value]:
    """Which lanes belong to a side: all of them where there is one scale."""
    if config.format.scales == 1:
        return [Const(1, 1)] * len(lanes)
    return [code[-1] if side else ~code[-1] for code in lanes]
