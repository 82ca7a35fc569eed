"""Dot products and multiply-accumulates: `golden/dot.py` in hardware.

The products are summed by a carry-save tree as fixed-point numbers wide enough for every one of
them, so nothing is ever rounded or aligned away before the end; a floating-point accumulator is
then added to the normalised sum, with one rounding.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal, Value, unsigned
from amaranth.lib import data

from golden.dot import DotConfig
from golden.formats import Float, Format, Int
from golden.one_of import OneOf

from .arith import carry_save, named
from .element import Element, unpack
from .float_add import Add, Align, Normalise, Renormalise, Round, WideAdd
from .pipeline import Datapath, Stage, layout


class Dot(Datapath):
    """The unit of a :class:`golden.dot.DotConfig`; see there for what it computes."""

    def __init__(self, config: DotConfig):
        parts: list[Stage] = [Products(config), Tree(config), Sum(config)]
        if isinstance(config.accumulator, Float):
            wide = wide_add(config)
            parts += [kind(wide) for kind in (Normalise, Align, Add, Renormalise, Round)]
        super().__init__(config, parts)


def wide_add(config: DotConfig) -> WideAdd:
    """How the exact sum of products meets a floating-point accumulator."""
    assert isinstance(config.accumulator, Float)
    scaled = config.scale is not None
    return WideAdd(
        bits=config.sum_bits,
        magnitude_bits=config.magnitude_bits,
        exponent=config.unit_exponent - (2 * config.scale.bias if scaled else 0),
        exponent_field=config.scale.bits + 1 if scaled else 0,
        accumulator=config.accumulator,
        specials=specials(config),
    )


def specials(config: DotConfig) -> tuple[str, ...]:
    """Flags that go with the sum: that it is NaN, or has products of +infinity or -infinity."""
    if config.has_specials:
        return ("nan", "plus", "minus")
    return ("nan",) if config.scale is not None else ()


def row_bits(config: DotConfig) -> int:
    """Width of one product in the tree, sign included."""
    if _integers(config):
        return config.a.bits + config.w.bits
    return config.replace(lanes=1).magnitude_bits + 1


def total_bits(config: DotConfig) -> int:
    """Width of the sum of products, or of the integer accumulator that it joins."""
    if isinstance(config.accumulator, Int):
        return config.accumulator.bits
    return config.sum_bits


def _integers(config: DotConfig) -> bool:
    """Both operands are integers, multiplied in two's complement."""
    return isinstance(config.a, Int) and isinstance(config.w, Int)


def _beside(config: DotConfig) -> dict[str, ShapeLike]:
    """What goes by the products on their way through the tree."""
    fields: dict[str, ShapeLike] = {}
    if config.scale is not None:
        fields["exponent"] = unsigned(config.scale.bits + 1)
    fields |= {name: unsigned(1) for name in specials(config)}
    if config.accumulator is not None:
        fields["acc"] = unsigned(config.accumulator.bits)
    return fields


def products_layout(config: DotConfig) -> data.StructLayout:
    """From products to tree: a row a lane, the ones that negative rows still need, the rest."""
    fields: dict[str, ShapeLike] = {
        "rows": data.ArrayLayout(unsigned(row_bits(config)), config.lanes)
    }
    if not _integers(config):
        fields["ones"] = unsigned(config.lanes)
    return data.StructLayout(fields | _beside(config))


def tree_layout(config: DotConfig) -> data.StructLayout:
    """From tree to sum: the total in carry-save form, the rest."""
    bits = total_bits(config)
    pair = {"total": unsigned(bits), "carry": unsigned(bits), "carry_in": unsigned(1)}
    beside = _beside(config)
    if isinstance(config.accumulator, Int):
        del beside["acc"]  # it was one of the rows
    return data.StructLayout(pair | beside)


class Products(Stage):
    """Every lane's product as a row of the tree.

    A product p in two's complement, n bits, is the unsigned row ``p + 2**(n-1)``: its sign bit
    inverted, so that no row needs its sign extended. A negative sign-magnitude product is its
    bits inverted plus a one, which the tree takes in.
    """

    delay = 14

    def __init__(self, config: DotConfig):
        self.config = config
        super().__init__(layout(config.input), products_layout(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, nan, plus, minus = self.config, [], [], []
        for lane in range(config.lanes):
            a, w = self._code("a", config.a, lane), self._code("w", config.w, lane)
            if _integers(config):
                row = self._integer_row(m, a, w, lane)
            else:
                left = unpack(m, config.a, a, f"a{lane}")
                right = unpack(m, config.w, w, f"w{lane}")
                sign = named(m, f"sign{lane}", left.sign ^ right.sign)
                row = self._float_row(m, left, right, sign, lane)
                m.d.comb += self.o.ones[lane].eq(sign)
                if config.has_specials:
                    bad, infinite = _special(m, left, right, lane)
                    nan.append(bad)
                    plus.append(infinite & ~sign)
                    minus.append(infinite & sign)
            m.d.comb += self.o.rows[lane].eq(row)
        if config.scale is not None:
            scales = (self.i.a_scale, self.i.w_scale)
            nan += [scale == config.scale.nan_code for scale in scales]
            m.d.comb += self.o.exponent.eq(scales[0] + scales[1])
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

    def _integer_row(self, m: Module, a: Value, w: Value, lane: int) -> Value:
        left = a.as_signed() if self.config.a.signed else a
        right = w.as_signed() if self.config.w.signed else w
        product = named(m, f"product{lane}", (left * right)[: row_bits(self.config)])
        if not (self.config.a.signed or self.config.w.signed):
            return product
        return Cat(product[:-1], ~product[-1])

    def _float_row(self, m: Module, left: Element, right: Element, sign: Value, lane: int) -> Value:
        bits = row_bits(self.config) - 1
        product = named(m, f"product{lane}", left.significand * right.significand)
        top = left.max_shift + right.max_shift
        shift = Signal(range(top + 1), name=f"shift{lane}")
        m.d.comb += shift.eq(left.shift + right.shift)
        magnitude = named(m, f"magnitude{lane}", (product << shift)[:bits])
        return Cat(magnitude ^ sign.replicate(bits), ~sign)


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
        config, bits = self.config, total_bits(self.config)
        rows: list[Value] = [self.i.rows[lane] for lane in range(config.lanes)]
        ones = [] if _integers(config) else [self.i.ones[lane] for lane in range(config.lanes)]
        if config.a.signed or config.w.signed or not _integers(config):
            # What the inverted sign bits added, taken off again.
            offset = -config.lanes << row_bits(config) - 1
            rows.append(Const(offset % (1 << bits), bits))
        if isinstance(config.accumulator, Int):
            rows.append(self.i.acc)
        total, carry, carry_in = carry_save(m, rows, ones, bits)
        m.d.comb += [
            self.o.total.eq(total),
            self.o.carry.eq(carry),
            self.o.carry_in.eq(carry_in),
        ]
        return m


class Sum(Stage):
    """The one addition of the tree that propagates carries."""

    delay = 14

    def __init__(self, config: DotConfig):
        self.config = config
        floating = isinstance(config.accumulator, Float)
        o = wide_add(config).sum_layout if floating else layout(config.output)
        super().__init__(tree_layout(config), o)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        bits = total_bits(self.config)
        total = named(m, "exact", (self.i.total + self.i.carry + self.i.carry_in)[:bits])
        if isinstance(self.config.accumulator, Int):
            m.d.comb += self.o.result.eq(total)
        elif self.config.accumulator is not None or not self.config.has_specials:
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
