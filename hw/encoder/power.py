"""Scales that are powers of two."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import data

from golden.encoder import EncoderConfig

from ..arith import named
from ..pipeline import Stage
from .peak import peaks
from .widths import Widths, scaled, values


class Scale(Stage):
    """Shared work: the scale, and what a lane adds to its exponent."""

    delay = 10

    def __init__(self, config: EncoderConfig):
        self.config = config
        given = values(config) | peaks(config, Widths(config).key)
        super().__init__(data.StructLayout(given), scaled(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        count = self.config.format.scales
        fields = [getattr(self.i, f"key{side}")[-8:] for side in range(count)]
        broken = named(m, "broken", Cat(field.all() for field in fields).any())
        m.d.comb += self.o.broken.eq(broken)
        for side in range(count):
            self._side(m, side, broken)
        return m

    def _side(self, m: Module, side: int, broken: Value) -> None:
        config, widths = self.config, Widths(self.config)
        key = getattr(self.i, f"key{side}")
        up = key[0] if config.threshold is not None else Const(0, 1)
        wanted = named(m, f"wanted{side}", key[widths.key - 8 :] + up - config.offset)
        least = named(m, f"least{side}", wanted[-1])
        scale: Value = Mux(least, 0, wanted[:8])
        if config.offset == 0 and config.threshold is not None:
            # The one scale that is too great: the next code is NaN.
            scale = Mux(wanted[:8].all(), Const(config.format.scale.max_code, 8), scale)
        scale = named(m, f"number{side}", scale)
        shown: Value = scale
        if config.zero_scale == "one":  # for the lanes of zeros any scale will do
            zero = getattr(self.i, f"zero{side}")
            shown = Mux(zero, Const(config.format.scale.bias, 8), scale)
        out: Value = broken
        if widths.integers_from_one:
            tiny = named(m, f"tiny{side}", ~(key.any() | broken))
            m.d.comb += getattr(self.o, f"tiny{side}").eq(tiny)
            out = broken | tiny
        m.d.comb += [
            Value.cast(self.o.scale).word_select(side, 8).eq(shown | broken.replicate(8)),
            # So far down that every lane rounds to zero.
            getattr(self.o, f"shared{side}").eq(Mux(out, -512, widths.offset - scale)),
        ]
