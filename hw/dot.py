"""Dot products and multiply-accumulates: `golden/dot` in hardware.

The products are summed by a carry-save tree as fixed-point numbers wide enough for every one of
them, so nothing is ever rounded or aligned away before the end; a floating-point accumulator is
then added to the normalised sum, with one rounding.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal, Value, unsigned
from amaranth.lib import data

from golden.dot import DotConfig
from golden.formats import DInt, Format, Int
from golden.one_of import OneOf

from .arith import carry_save, named, prefix_add, shift_left
from .element import Element, integer_bits, integer_value, unpack
from .float_add import Add, Align, Normalise, Renormalise, Round, RoundAlone
from .multiply import Booth, Columns, multiply
from .pipeline import Datapath, Stage, layout
from .scale import Scale, ScaledSum
from .wide_add import WideAdd


class Dot(Datapath):
    """The unit of a :class:`golden.dot.DotConfig`; see there for what it computes."""

    def __init__(self, config: DotConfig):
        parts: list[Stage] = [Products(config), Tree(config), Sum(config)]
        if config.has_factor:
            parts.append(Scale(config, sum_layout(config), wide_add(config)))
        if config.floating is not None:
            alone = (Normalise, RoundAlone)
            kinds = alone if config.accumulator is None else (
                Normalise, Align, Add, Renormalise, Round,
            )  # fmt: skip
            parts += [kind(wide_add(config)) for kind in kinds]
        super().__init__(config, parts)


def wide_add(config: DotConfig) -> WideAdd:
    """How the exact sum of products meets a floating-point accumulator or output."""
    assert config.floating is not None
    scaled = ScaledSum(config)
    return WideAdd(
        bits=0 if scaled.multiplied else scaled.outer.bit_length() + 1,
        magnitude_bits=scaled.greatest.bit_length(),
        exponent=config.unit_exponent + sum(fmt.unit_exponent for fmt in config.scales.values()),
        top_exponent=scaled.top_exponent,
        accumulator=config.floating,
        specials=specials(config),
        alone=config.accumulator is None,
    )


def specials(config: DotConfig) -> tuple[str, ...]:
    """Flags that go with the sum: that it is NaN, or has products of +infinity or -infinity."""
    if config.has_specials:
        return ("nan", "plus", "minus")
    return ("nan",) if config.scales else ()


def groups(config: DotConfig) -> int:
    """Partial sums: one for each pair of scales of the operands."""
    return config.sides("a") * config.sides("w")


def row_bits(config: DotConfig) -> int:
    """Width of one row of the tree, sign included."""
    if _digits(config):
        return _booth(config)[0].row_bits
    if _integers(config):
        return integer_bits(config.a) + integer_bits(config.w)
    bits = max(abs(bound) for bound in config.sum_range) // config.lanes
    return bits.bit_length() + _signed_rows(config)


def total_bits(config: DotConfig) -> int:
    """Width of the sum of products, or of the integer accumulator that it joins."""
    if isinstance(config.accumulator, Int):
        return config.accumulator.bits
    return config.sum_bits if _signed_rows(config) else config.magnitude_bits


def lone_peak(config: DotConfig) -> bool:
    """Whether the sum has its top bit for one choice of operands alone: all products at their
    greatest, which is a power of two.

    The tree then does without that bit. Beside being smaller, this is what synthesis needs: that
    the bit is not the same as the one below it is hard to find in a tree of 32 products.
    """
    low, high = config.sum_range
    exact = _integers(config) and not isinstance(config.accumulator, Int)
    return exact and high == 1 << config.sum_bits - 2 and -high < low < 0


def tree_bits(config: DotConfig) -> int:
    """Width of what the tree adds up."""
    return total_bits(config) - lone_peak(config)


def _signed_rows(config: DotConfig) -> bool:
    """A product may be negative: not if both signs choose its partial sum."""
    return config.asymmetric != "both"


def _integers(config: DotConfig) -> bool:
    """Both operands are integers, multiplied in two's complement."""
    kinds = isinstance(config.a, Int | DInt) and isinstance(config.w, Int | DInt)
    return kinds and config.asymmetric == "none"


def _booth(config: DotConfig) -> tuple[Booth, bool]:
    """How integers are multiplied, and whether `a` has the digits."""
    straight, swapped = booth_of(config.a, config.w), booth_of(config.w, config.a)
    return (straight, False) if straight.size <= swapped.size else (swapped, True)


def booth_of(left: Int | DInt, right: Int | DInt) -> Booth:
    """The product of two formats of which the second one has the digits."""
    halves = right.halves if isinstance(right, DInt) else None
    return Booth((integer_bits(left), right.bits), (left.signed, right.signed), halves)


def _digits(config: DotConfig) -> int:
    """Rows of a product by its digits; 0 if it is multiplied out."""
    return _booth(config)[0].digits if _integers(config) and config.multiplier == "rows" else 0


def _rows(config: DotConfig) -> int:
    """Rows of each partial sum."""
    return config.lanes * max(1, _digits(config))


def _beside(config: DotConfig) -> dict[str, ShapeLike]:
    """What goes by the products on their way through the tree."""
    fields: dict[str, ShapeLike] = {}
    if config.has_factor:
        inputs = layout(config.input).members
        fields |= {name: inputs[name] for name in config.scales}
    elif config.scales and wide_add(config).top_exponent:
        fields["exponent"] = unsigned(wide_add(config).top_exponent.bit_length())
    fields |= {name: unsigned(1) for name in specials(config)}
    if config.accumulator is not None:
        fields["acc"] = unsigned(config.accumulator.bits)
    return fields


def products_layout(config: DotConfig) -> data.StructLayout:
    """From products to tree: the rows, the ones that Booth's still need, the rest."""
    fields: dict[str, ShapeLike] = {
        "rows": _each(config, data.ArrayLayout(unsigned(row_bits(config)), _rows(config)))
    }
    if _digits(config):
        fields["ones"] = unsigned(_rows(config))
    if lone_peak(config):
        fields["peak"] = unsigned(1)
    return data.StructLayout(fields | _beside(config))


def tree_layout(config: DotConfig) -> data.StructLayout:
    """From tree to sum: the totals in carry-save form, the rest."""
    bits = tree_bits(config)
    pair = {"total": unsigned(bits), "carry": unsigned(bits), "carry_in": unsigned(1)}
    fields = {"pair": _each(config, data.StructLayout(pair))}
    if lone_peak(config):
        fields["peak"] = unsigned(1)
    beside = _beside(config)
    if isinstance(config.accumulator, Int):
        del beside["acc"]  # it was one of the rows
    return data.StructLayout(fields | beside)


def sum_layout(config: DotConfig) -> data.StructLayout:
    """From sum to what follows: the exact sums, the rest."""
    if config.floating is None:
        return layout(config.output)
    bits = unsigned(total_bits(config))
    name = "sum" if groups(config) == 1 else "sums"
    return data.StructLayout({name: _each(config, bits)} | _beside(config))


def _each(config: DotConfig, shape: ShapeLike) -> ShapeLike:
    """One for each partial sum."""
    return shape if groups(config) == 1 else data.ArrayLayout(shape, groups(config))


def _nth(config: DotConfig, port: Value, group: int) -> Value:
    return port if groups(config) == 1 else port[group]


class Products(Stage):
    """Every lane's product as a row of the tree, or as some.

    A row r in two's complement, n bits, is the unsigned row ``r + 2**(n-1)``: its sign bit
    inverted, so that no row needs its sign extended. A product of significands is negated before it
    is shifted, while it is short. Integers are not multiplied out here: each digit of one of them
    is a row (:class:`hw.multiply.Booth`). Where signs choose the scale, there is a row for each
    partial sum, and only one of a lane's rows is not zero.
    """

    delay = 14

    def __init__(self, config: DotConfig):
        self.config = config
        if _digits(config):
            self.delay = 6
        super().__init__(layout(config.input), products_layout(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, nan, plus, minus = self.config, [], [], []
        for lane in range(config.lanes):
            a, w = self._code("a", config.a, lane), self._code("w", config.w, lane)
            if _integers(config):
                self._integer_rows(m, a, w, lane)
            else:
                left = unpack(m, config.a, a, f"a{lane}")
                right = unpack(m, config.w, w, f"w{lane}")
                sign = named(m, f"sign{lane}", left.sign ^ right.sign)
                self._float_rows(m, left, right, sign, lane)
                if config.has_specials:
                    bad, infinite = _special(m, left, right, lane)
                    nan.append(bad)
                    plus.append(infinite & ~sign)
                    minus.append(infinite & sign)
        if lone_peak(config):
            operands = ((name, lane) for name in ("a", "w") for lane in range(config.lanes))
            least = [
                self._code(name, fmt := getattr(config, name), lane) == 1 << fmt.bits - 1
                for name, lane in operands
            ]
            m.d.comb += self.o.peak.eq(Cat(least).all())
        for name, fmt in config.scales.items():
            port = getattr(self.i, name)
            codes = [port] if isinstance(port, Value) else [port[0], port[1]]
            scales = [unpack(m, fmt, code, f"{name}{k}") for k, code in enumerate(codes)]
            nan += [scale.nan | scale.inf for scale in scales]
        if "exponent" in self.o.shape().members:
            m.d.comb += self.o.exponent.eq(
                sum((getattr(self.i, name) for name in config.scales), Const(0, 1))
            )
        if "nan" in specials(config):
            m.d.comb += self.o.nan.eq(Cat(nan).any())
        if config.has_specials:
            m.d.comb += [
                self.o.plus.eq(Cat(plus).any()),
                self.o.minus.eq(Cat(minus).any()),
            ]
        return m

    def _code(self, name: str, fmt: Format, lane: int) -> Value:
        """The code of an operand in a lane, with its format's tag above if that is chosen."""
        port = getattr(self.i, name)
        code = port if self.config.lanes == 1 else port[lane]
        return Cat(code, getattr(self.i, f"{name}_format")) if isinstance(fmt, OneOf) else code

    def _integer_rows(self, m: Module, a: Value, w: Value, lane: int) -> None:
        config = self.config
        if not _digits(config):
            left = integer_value(m, config.a, a, f"a{lane}")
            right = integer_value(m, config.w, w, f"w{lane}")
            product = named(m, f"product{lane}", (left * right)[: row_bits(config)])
            signed = config.a.signed or config.w.signed
            row = Cat(product[:-1], ~product[-1]) if signed else product
            m.d.comb += self.o.rows[lane].eq(row)
            return
        booth, swapped = _booth(config)
        if swapped:
            left = integer_value(m, config.w, w, f"w{lane}")
            right = a
        else:
            left = integer_value(m, config.a, a, f"a{lane}")
            right = w
        rows = booth.rows(m, left.as_unsigned(), right, f"product{lane}")
        for k, (row, one) in enumerate(rows):
            index = lane * booth.digits + k
            m.d.comb += [self.o.rows[index].eq(row), self.o.ones[index].eq(one)]

    def _float_rows(self, m: Module, left: Element, right: Element, sign: Value, lane: int) -> None:
        config = self.config
        # Two bits by two are a handful of gates, which synthesis finds best by itself.
        short = max(len(left.significand), len(right.significand)) <= 2
        if short or config.multiplier == "operator":
            product: Value = named(m, f"product{lane}", left.significand * right.significand)
        else:
            product = multiply(m, left.significand, right.significand, f"product{lane}")
        top = left.max_shift + right.max_shift
        shift = Signal(range(top + 1), name=f"shift{lane}")
        m.d.comb += shift.eq(left.shift + right.shift)
        if config.asymmetric == "none":
            chosen, negative = [Const(1, 1)], sign
        elif config.asymmetric == "a":
            chosen, negative = [~left.sign, left.sign], right.sign
        else:
            a, w = left.sign, right.sign
            chosen, negative = [~a & ~w, ~a & w, a & ~w, a & w], Const(0, 1)
        if _signed_rows(config):
            flip = negative.replicate(len(product))
            product = named(m, f"signed{lane}", (Cat(product ^ flip, negative) + negative)[:-1])
        row = shift_left(m, product, shift, row_bits(config), _signed_rows(config), f"row{lane}")
        for group, mine in enumerate(chosen):
            part = row if len(chosen) == 1 else row & mine.replicate(len(row))
            part = Cat(part[:-1], ~part[-1]) if _signed_rows(config) else part
            m.d.comb += _nth(config, self.o.rows, group)[lane].eq(part)


def _special(m: Module, left: Element, right: Element, lane: int) -> tuple[Value, Value]:
    """(the product is NaN, it is infinite)."""
    infinite = left.inf | right.inf
    # An infinity has a nonzero significand, so this is infinity times a true zero.
    invalid = (left.inf & right.zero) | (right.inf & left.zero)
    nan = named(m, f"nan{lane}", left.nan | right.nan | invalid)
    return nan, named(m, f"inf{lane}", infinite & ~nan)


class Tree(Stage):
    """All rows, and an integer accumulator, to carry-save form."""

    delay = 24

    def __init__(self, config: DotConfig):
        self.config = config
        super().__init__(products_layout(config), tree_layout(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        for group in range(groups(self.config)):
            name = "csa" if groups(self.config) == 1 else f"csa{group}"
            total, carry, carry_in = self._sum(m, group, name)
            pair = _nth(self.config, self.o.pair, group)
            m.d.comb += [pair.total.eq(total), pair.carry.eq(carry), pair.carry_in.eq(carry_in)]
        return m

    def _sum(self, m: Module, group: int, name: str) -> tuple[Value, Value, Value]:
        config, bits = self.config, tree_bits(self.config)
        if _digits(config):
            return self._digit_sum(m, bits, name)
        rows: list[Value] = [_nth(config, self.i.rows, group)[k] for k in range(config.lanes)]
        signed = config.a.signed or config.w.signed if _integers(config) else _signed_rows(config)
        if signed:
            # What the inverted sign bits added, taken off again.
            offset = -config.lanes << row_bits(config) - 1
            rows.append(Const(offset % (1 << bits), bits))
        if isinstance(config.accumulator, Int):
            rows.append(self.i.acc)
        return carry_save(m, rows, [], bits, name)

    def _digit_sum(self, m: Module, bits: int, name: str) -> tuple[Value, Value, Value]:
        config, (booth, _) = self.config, _booth(self.config)
        columns = Columns(bits, shared=config.lanes > 1)
        for index in range(_rows(config)):
            digit = index % booth.digits
            place = booth.place(digit)
            columns.add(self.i.rows[index][: booth.width(digit)], place, booth.delay)
            columns.add(self.i.ones[index], place)
        columns.add_constant(-config.lanes * booth.offset)
        if isinstance(config.accumulator, Int):
            columns.add(self.i.acc)
        return *columns.reduce(m, name), Const(0, 1)


class Sum(Stage):
    """The one addition of the tree that propagates carries."""

    delay = 14

    def __init__(self, config: DotConfig):
        self.config = config
        super().__init__(tree_layout(config), sum_layout(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        bits = tree_bits(self.config)
        totals = []
        for group in range(groups(self.config)):
            i = _nth(self.config, self.i.pair, group)
            total = prefix_add(m, i.total, i.carry, i.carry_in, bits, f"add{group}")
            totals.append(named(m, f"exact{group}", total))
        total = totals[0]
        if lone_peak(self.config):
            # At the peak the top bit is 0, and the one below it looks like a sign.
            total = Cat(total, total[-1] & ~self.i.peak)
        if len(totals) > 1:
            m.d.comb += [self.o.sums[k].eq(value) for k, value in enumerate(totals)]
        elif isinstance(self.config.accumulator, Int):
            m.d.comb += self.o.result.eq(total)
        elif self.config.floating is not None or not self.config.has_specials:
            m.d.comb += self.o.sum.eq(total)
        else:
            nan = named(m, "is_nan", self.i.nan | (self.i.plus & self.i.minus))
            inf = named(m, "is_inf", (self.i.plus | self.i.minus) & ~nan)
            m.d.comb += [
                self.o.sum.eq(Mux(nan | inf, 0, total)),
                self.o.nan.eq(nan),
                self.o.inf.eq(inf),
                self.o.negative.eq(inf & self.i.minus),
            ]
        return m
