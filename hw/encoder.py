"""MX encoders: `golden/encoder.py` in hardware.

::

    values ─┬─> Peak ─> Scale ─┬─> scale
            └──────────────────┴─> Align ─> Round ─> elements

Only exponents meet in the search for the peak: where the policy looks at the peak's mantissa too,
each lane compares its own with a constant, and that one bit goes along as the least significant
of its key. Everything that all lanes need of the scale is worked out once; a lane adds one shared
number to its exponent, and that is the exponent field of its element, or how far to shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden import lfsr
from golden.block import max_exponent
from golden.encoder import EncoderConfig
from golden.formats import Float, Int

from .arith import named, shift_right_sticky
from .pipeline import Datapath, Register, Stage, lanes_of, layout


class Encoder(Datapath):
    """The unit of a :class:`golden.encoder.EncoderConfig`; see there for what it computes."""

    def __init__(self, config: EncoderConfig):
        front = RandomRegister(config) if config.stochastic else Register(layout(config.input))
        parts = [Peak(config), Scale(config), Align(config), Round(config)]
        super().__init__(config, parts, front)


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
        return 1 << max(self.config.format.element.exponent_bits, (self.shifts - 1).bit_length())

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


def _scaled(config: EncoderConfig) -> data.StructLayout:
    shared: dict[str, data.ShapeLike] = {
        "scale": unsigned(8),
        "shared": signed(10),
        "broken": unsigned(1),
    }
    if Widths(config).integers_from_one:
        shared["tiny"] = unsigned(1)
    return data.StructLayout(_values(config) | shared)


def _aligned(config: EncoderConfig) -> data.StructLayout:
    widths = Widths(config)
    lane = {
        "sign": unsigned(1),
        "field": unsigned(
            config.format.element.exponent_bits if isinstance(config.format.element, Float) else 0
        ),
        "window": unsigned(widths.window),
    }
    lanes = data.ArrayLayout(data.StructLayout(lane), config.format.block)
    return data.StructLayout({"lanes": lanes, "scale": unsigned(8)} | _random(config))


def _random(config: EncoderConfig) -> dict[str, data.ShapeLike]:
    if not config.stochastic:
        return {}
    return {"random": data.ArrayLayout(unsigned(config.random_bits), config.format.block)}


def _values(config: EncoderConfig) -> dict[str, data.ShapeLike]:
    return dict(layout(config.input).members) | _random(config)


class RandomRegister(wiring.Component):
    """Holds a block and the random bits that it is rounded with; the shift register moves on when
    the block leaves.

    Attributes
    ----------
    i : In(stream.Signature(layout(config.input)))
    o : Out(stream.Signature(values, random))
    """

    def __init__(self, config: EncoderConfig):
        self.config = config
        shape = data.StructLayout(_values(config))
        super().__init__(
            {
                "i": In(stream.Signature(layout(config.input))),
                "o": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.register = register = Register(layout(self.config.input))
        wiring.connect(m, wiring.flipped(self.i), register.i)
        state = Signal(lfsr.DEGREE, init=self.config.seed)
        count = self.config.format.block * self.config.random_bits
        bits = [state[k] for k in range(lfsr.DEGREE)]
        for k in range(count):
            bits.append(named(m, f"bit{lfsr.DEGREE + k}", bits[k] ^ bits[k + lfsr.TAP]))
        m.d.comb += [
            register.o.ready.eq(self.o.ready),
            self.o.valid.eq(register.o.valid),
            self.o.payload["values"].eq(register.o.payload["values"]),
            self.o.payload.random.eq(Cat(bits[:count])),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += state.eq(Cat(bits[count:]))
        return m


class Peak(Stage):
    """The greatest key of the block: exponent field, and below it whether the policy doubles the
    scale for this mantissa."""

    delay = 30

    def __init__(self, config: EncoderConfig):
        self.config = config
        found = {"key": unsigned(Widths(config).key)}
        if config.zero_scale == "one":
            found["zero"] = unsigned(1)
        super().__init__(
            data.StructLayout(_values(config)), data.StructLayout(_values(config) | found)
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, fmt = self.config, self.config.input_format
        lanes = lanes_of(self.i["values"], config.format.block)
        keys = []
        for lane, code in enumerate(lanes):
            mantissa, field = code[: fmt.mantissa_bits], code[fmt.mantissa_bits : -1]
            keys.append(self._key(m, mantissa, field, lane))
        key = named(m, "key", greatest(m, keys))
        m.d.comb += self.o.key.eq(key)
        if config.zero_scale == "one":
            # Fields are zero if their greatest is.
            rest = Cat(code[: fmt.mantissa_bits] for code in lanes).any()
            some = key[-fmt.exponent_bits :].any()
            if config.subnormals == "keep":
                some = some | rest
            m.d.comb += self.o.zero.eq(~some)
        return m

    def _key(self, m: Module, mantissa: Value, field: Value, lane: int) -> Value:
        if self.config.threshold is None:
            return field
        threshold, reached = self.config.threshold
        above = _above(mantissa, threshold, reached)
        # The least exponent of the scale and the peak's floor may differ by a doubling only where
        # the element format begins at 1: elsewhere the scale of subnormal peaks is clamped.
        if max_exponent(self.config.format.element) == 0:
            shifted = Cat(Const(0, 1), mantissa[:-1])
            tiny = mantissa[-1] & _above(shifted, threshold, reached)
            if self.config.subnormals == "flush":
                tiny = Const(0, 1)
            above = Mux(field.any(), above, tiny)
        return Cat(named(m, f"above{lane}", above), field)


def _above(mantissa: Value, threshold: Fraction, reached: bool) -> Value:
    """Whether ``1 + mantissa / 2**bits`` is beyond ``threshold``, or reaches it."""
    least = (threshold - 1) * (1 << len(mantissa))
    # The least mantissa that is: the next whole number if the threshold itself is not.
    first = -(-least.numerator // least.denominator) if reached else least.__floor__() + 1
    return at_least(mantissa, first)


def at_least(value: Value, constant: int) -> Value:
    """``value >= constant``, as few gates as the trailing zeros and ones of the constant allow."""
    if constant <= 0:
        return Const(1, 1)
    if constant >= 1 << len(value):
        return Const(0, 1)
    zeros = (constant & -constant).bit_length() - 1  # bits below the last one do not matter
    result: Value = value[zeros]
    for bit in range(zeros + 1, len(value)):
        result = value[bit] & result if constant >> bit & 1 else value[bit] | result
    return result


def greatest(m: Module, keys: list[Value], name: str = "peak") -> Value:
    """The greatest of ``keys``, found bit by bit from the top: a lane that lacks a bit which some
    lane in the running has is out."""
    running: list[Value] = [Const(1, 1)] * len(keys)
    found = []
    for bit in reversed(range(len(keys[0]))):
        ones = [
            named(m, f"{name}_one{bit}_{k}", r & key[bit])
            for k, (r, key) in enumerate(zip(running, keys, strict=True))
        ]
        some = named(m, f"{name}_bit{bit}", Cat(ones).any())
        found.append(some)
        running = [
            named(m, f"{name}_in{bit}_{k}", one | (r & ~some))
            for k, (r, one) in enumerate(zip(running, ones, strict=True))
        ]
    return Cat(reversed(found))


class Scale(Stage):
    """Shared work: the scale, and what a lane adds to its exponent."""

    delay = 10

    def __init__(self, config: EncoderConfig):
        self.config = config
        given = _values(config) | {"key": unsigned(Widths(config).key)}
        if config.zero_scale == "one":
            given["zero"] = unsigned(1)
        super().__init__(data.StructLayout(given), _scaled(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, widths = self.config, Widths(self.config)
        up = self.i.key[0] if config.threshold is not None else Const(0, 1)
        field = self.i.key[widths.key - 8 :]
        broken = named(m, "broken", field.all())
        wanted = named(m, "wanted", field + up - max_exponent(config.format.element))
        least = named(m, "least", wanted[-1])
        scale: Value = Mux(least, 0, wanted[:8])
        if max_exponent(config.format.element) == 0 and config.threshold is not None:
            # The one scale that is too great: the next code is NaN.
            scale = Mux(wanted[:8].all(), Const(config.format.scale.max_code, 8), scale)
        scale = named(m, "number", scale)
        shown: Value = scale
        if config.zero_scale == "one":  # for the lanes of zeros any scale will do
            shown = Mux(self.i.zero, Const(config.format.scale.bias, 8), scale)
        out: Value = broken
        if widths.integers_from_one:
            tiny = named(m, "tiny", ~self.i.key.any())
            m.d.comb += self.o.tiny.eq(tiny)
            out = broken | tiny
        m.d.comb += [
            self.o.scale.eq(shown | broken.replicate(8)),
            # So far down that every lane rounds to zero.
            self.o.shared.eq(Mux(out, -512, widths.offset - scale)),
            self.o.broken.eq(broken),
        ]
        return m


class Align(Stage):
    """Each value's place under the scale: the exponent field of its element, and the bits that
    are rounded, shifted down where the element is subnormal."""

    delay = 24

    def __init__(self, config: EncoderConfig):
        self.config = config
        super().__init__(_scaled(config), _aligned(config))

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
        place, near = self._place(m, exponent, below, lane)
        if config.subnormals == "flush":
            near = named(m, f"counts{lane}", near & normal)
        window = named(m, f"window{lane}", self._window(significand))
        if isinstance(config.format.element, Int):
            down = shift_right_sticky(m, window, Cat(~place, ~near), f"shift{lane}")
            lost = down[0] & near  # and else there is no half either
            shifted: Value = Cat(lost | down[1], down[2:]) if widths.sticky else down[1:]
            if widths.integers_from_one:
                tiny = self._window(Cat(Const(0, 1), mantissa))
                shifted = shifted | (tiny & self.i.tiny.replicate(len(tiny)))
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
        return field_out, self._shift(m, window, choice, lane)

    def _place(self, m: Module, exponent: Value, below: Value, lane: int) -> tuple[Value, Value]:
        """(the lane's place, whether it is in range): an addition of which only the low bits and
        the sign are wanted, as a ripple of carries. ``below`` is the sign of the exponent."""
        bits, shared = Widths(self.config).position, self.i.shared
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


class Round(Stage):
    """Each element to its code. The increment is left out where it would overflow."""

    delay = 16

    def __init__(self, config: EncoderConfig):
        self.config = config
        super().__init__(_aligned(config), layout(config.output))

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
