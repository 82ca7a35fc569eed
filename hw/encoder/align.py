"""Elements under a scale that is a power of two: exponents, and how far values are shifted."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value

from golden.encoder import EncoderConfig
from golden.formats import Float, Int

from ..arith import named, shift_right_sticky
from ..pipeline import Stage, lanes_of
from ..search import at_least
from .widths import Widths, aligned, scaled


class Align(Stage):
    """Each value's place under the scale: the exponent field of its element, and the bits that
    are rounded, shifted down where the element is subnormal."""

    delay = 24

    def __init__(self, config: EncoderConfig):
        self.config = config
        super().__init__(scaled(config), aligned(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        for lane, code in enumerate(lanes_of(self.i["values"], config.format.block)):
            o = self.o.lanes[lane]
            field, window = self._lane(m, code, lane)
            # A lane of a broken block is so far down that it is zero, but for the sign.
            sign = (
                code[-1] & ~self.i.broken if isinstance(config.format.element, Float) else code[-1]
            )
            m.d.comb += [o.sign.eq(sign), o.field.eq(field), o.window.eq(window)]
        return m

    def _lane(self, m: Module, code: Value, lane: int) -> tuple[Value, Value]:
        config, widths, fmt = self.config, Widths(self.config), self.config.input_format
        mantissa, field = code[: fmt.mantissa_bits], code[fmt.mantissa_bits : -1]
        normal = named(m, f"normal{lane}", field.any())
        exponent, below, significand = self._normalised(m, mantissa, field, normal, lane)
        place, near = self._place(m, exponent, below, self._own(m, "shared", code[-1], lane), lane)
        if config.subnormals == "flush":
            near = named(m, f"counts{lane}", near & normal)
        window = named(m, f"window{lane}", self._window(significand))
        if isinstance(config.format.element, Int):
            down = shift_right_sticky(m, window, Cat(~place, ~near), f"shift{lane}")
            lost = down[0] & near  # and else there is no half either
            shifted: Value = Cat(lost | down[1], down[2:]) if widths.sticky else down[1:]
            if widths.integers_from_one:
                tiny = self._window(Cat(Const(0, 1), mantissa))
                alone = self._own(m, "tiny", code[-1], lane)
                shifted = shifted | (tiny & alone.replicate(len(tiny)))
            return Const(0, 0), shifted
        zero = widths.zero_field
        unshifted = named(m, f"unshifted{lane}", near & place[-1] & place[:-1].any())
        choice: dict[int, Value] = {0: unshifted}
        for amount in range(1, widths.shifts + 1):
            holds = near & (place == zero + 1 - amount)
            choice[amount] = named(m, f"by{amount}_{lane}", holds)
        exponent_field = place[: config.format.element.exponent_bits]
        # Field 1 without a leading bit is field 0.
        gate = unshifted & window[-1] if config.subnormals == "keep" else unshifted
        gate = named(m, f"gate{lane}", gate)
        field_out = exponent_field & gate.replicate(len(exponent_field))
        shifted = self._shift(m, window, choice, lane)
        if not widths.beyond:
            return field_out, shifted
        top = config.format.element.max_code
        largest = top >> config.format.element.mantissa_bits
        wide = place[: config.format.element.exponent_bits + 1]
        beyond = named(m, f"beyond{lane}", unshifted & at_least(wide, largest + 1))
        full = Cat(Const(0, widths.tail), Const(top, config.format.element.mantissa_bits), Const(1))
        return Mux(beyond, largest, field_out), Mux(beyond, full, shifted)

    def _own(self, m: Module, name: str, sign: Value, lane: int) -> Value:
        """What the lane's side has under a name."""
        first = getattr(self.i, f"{name}0")
        if self.config.format.scales == 1:
            return first
        return named(m, f"{name}_of{lane}", Mux(sign, getattr(self.i, f"{name}1"), first))

    def _place(
        self, m: Module, exponent: Value, below: Value, shared: Value, lane: int
    ) -> tuple[Value, Value]:
        """(the lane's place, whether it is in range): an addition of which only the low bits and
        the sign are wanted, as a ripple of carries. ``below`` is the sign of the exponent."""
        bits = Widths(self.config).position
        carry: Value = Const(0, 1)
        low = []
        for k in range(len(exponent)):
            half = exponent[k] ^ shared[k]
            if k < bits:
                low.append(half ^ carry)
            carry = named(
                m,
                f"carry{lane}_{k}",
                (exponent[k] & shared[k]) | (carry & (exponent[k] | shared[k])),
            )
        # Nothing carries into two negative numbers' sum, and nothing need into two positive ones'.
        above, positive = ~below, ~shared[-1]
        near = (above & positive) | (carry & (above | positive))
        return named(m, f"place{lane}", Cat(low)), named(m, f"near{lane}", near)

    def _window(self, significand: Value) -> Value:
        """The leading bits of a significand, and below them all others or none."""
        widths = Widths(self.config)
        kept = widths.window - widths.sticky
        padded = Cat(Const(0, max(0, kept - len(significand))), significand)
        high, low = padded[len(padded) - kept :], padded[: len(padded) - kept]
        return Cat(low.any(), high) if widths.sticky else high

    def _normalised(
        self, m: Module, mantissa: Value, field: Value, normal: Value, lane: int
    ) -> tuple[Value, Value, Value]:
        """(exponent, whether that is negative, significand with its leading bit on top)."""
        config, widths = self.config, Widths(self.config)
        if config.subnormals == "flush":
            return field, Const(0, 1), Cat(mantissa, Const(1, 1))
        if isinstance(config.format.element, Int):
            # The place is fixed: the leading bit may be missing.
            return Cat(field[0] | ~normal, field[1:]), Const(0, 1), Cat(mantissa, normal)
        # A subnormal with its first bit on top has exponent field 0, and less where zeros lead.
        tiny: Value = Cat(Const(0, 1), mantissa)
        zeros: list[Value] = []
        if widths.normalise:
            rows, none = [], ~normal
            for k in range(widths.normalise + 1):
                top = mantissa[-1 - k] if k < min(widths.normalise, len(mantissa)) else Const(1, 1)
                here = named(m, f"lead{lane}_{k}", none & top)
                none = named(m, f"none{lane}_{k}", none & ~top)
                zeros.append(here)
                shifted = Cat(Const(0, k), tiny)[: len(tiny)]
                rows.append(shifted & here.replicate(len(tiny)))
            tiny = rows[0]
            for row in rows[1:]:
                tiny = tiny | row
            significand = tiny | (Cat(mantissa, Const(1, 1)) & normal.replicate(len(tiny)))
            # Minus the number of zeros, where there are any: the field is 0 there.
            below = named(m, f"below{lane}", ~normal & ~zeros[0])
            bits = [
                Cat(zeros[k] for k in range(1, len(zeros)) if -k >> bit & 1).any()
                for bit in range(widths.normalise.bit_length())
            ]
            minus = Cat(bits, below.replicate(len(field) - len(bits)))
            return field | minus, below, significand
        return field, Const(0, 1), Mux(normal, Cat(mantissa, Const(1, 1)), tiny)

    def _shift(self, m: Module, window: Value, choice: dict[int, Value], lane: int) -> Value:
        """``window`` shifted down as far as the choice that holds says; zero if none does."""
        width, sticky = len(window), Widths(self.config).sticky
        total: Value = Const(0, width)
        for amount, holds in choice.items():
            row = window[amount:]
            if sticky and amount:
                row = Cat(row[0] | window[:amount].any(), row[1:])
            total = total | (row & holds.replicate(len(row)))
        return named(m, f"shifted{lane}", total[:width])
