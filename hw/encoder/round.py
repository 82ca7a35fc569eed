"""Aligned values to the codes of elements."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Value

from golden.encoder import EncoderConfig
from golden.formats import Float, Int

from ..arith import named
from ..pipeline import Stage, lanes_of, layout
from .widths import Widths, aligned


class Round(Stage):
    """Each element to its code. The increment is left out where it would overflow."""

    delay = 16

    def __init__(self, config: EncoderConfig):
        self.config = config
        super().__init__(aligned(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        targets = lanes_of(self.o.elements, config.format.block)
        for lane, target in enumerate(targets):
            value = self.i.lanes[lane]
            tail = Widths(config).tail
            kept, lost = value.window[tail:], value.window[:tail]
            up = named(m, f"up{lane}", self._up(kept, lost, lane))
            if isinstance(config.format.element, Int):
                m.d.comb += target.eq(self._integer(m, value.sign, kept, up, lane))
            else:
                trunc = named(m, f"trunc{lane}", Cat(kept[:-1], value.field))
                m.d.comb += target.eq(Cat(self._float(trunc, up), value.sign))
        return m

    def _up(self, kept: Value, lost: Value, lane: int) -> Value:
        if self.config.stochastic:
            return (lost + self.i.random[lane])[len(lost)]
        if not Widths(self.config).sticky:
            return lost[0]
        return lost[1] & (lost[0] | kept[0])

    def _integer(self, m: Module, sign: Value, magnitude: Value, up: Value, lane: int) -> Value:
        config = self.config
        bits = config.format.element.bits
        top = magnitude.all() if not config.format.full_range else magnitude.all() & ~sign
        # A positive number is incremented if up; a negative one is inverted and incremented if not
        # up. Both in one ripple: a bit turns where the carry differs from the sign, and that bit,
        # of which the first is up, passes on by majority.
        turn: Value = up & ~top
        result = []
        for k in range(bits - 1):
            result.append(magnitude[k] ^ turn)
            both, either = magnitude[k] & turn, magnitude[k] | turn
            turn = named(m, f"turn{lane}_{k}", both | (sign & either))
        return Cat(result, turn)

    def _float(self, trunc: Value, up: Value) -> Value:
        element = self.config.format.element
        assert isinstance(element, Float)
        bits = len(trunc)
        last = (1 << bits) - 1
        # With these policies nothing exceeds the largest element.
        if self.config.format.policy in ("ceil", "up") and element.max_exponent > 0:
            return (trunc + up)[:bits]
        if element.max_code == last - 1:  # the code above it is NaN, and may be reached
            inside = ~trunc[1:].all()
            return (Cat(trunc[0] & inside, trunc[1:]) + (up & inside))[:bits]
        return (trunc + (up & (trunc != element.max_code)))[:bits]
