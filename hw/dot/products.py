"""The products of a dot product, as rows of its tree."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value

from golden.dot import DotConfig
from golden.formats import Format
from golden.one_of import OneOf

from ..arith import named, shift_left
from ..element import Element, integer_value, unpack
from ..multiply import multiply
from ..pipeline import Stage, layout
from .layouts import (
    chosen_booth,
    digits,
    lone_peak,
    multiplies_integers,
    nth,
    products_layout,
    row_bits,
    signed_rows,
    specials,
)


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
        if digits(config):
            self.delay = 6
        super().__init__(layout(config.input), products_layout(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, nan, plus, minus = self.config, [], [], []
        for lane in range(config.lanes):
            a, w = self._code("a", config.a, lane), self._code("w", config.w, lane)
            if multiplies_integers(config):
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
        if not digits(config):
            left = integer_value(m, config.a, a, f"a{lane}")
            right = integer_value(m, config.w, w, f"w{lane}")
            product = named(m, f"product{lane}", (left * right)[: row_bits(config)])
            signed = config.a.signed or config.w.signed
            row = Cat(product[:-1], ~product[-1]) if signed else product
            m.d.comb += self.o.rows[lane].eq(row)
            return
        booth, swapped = chosen_booth(config)
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
        raised = left.raised + right.raised
        top = left.max_shift + right.max_shift + raised
        shift = Signal(range(top + 1), name=f"shift{lane}")
        m.d.comb += shift.eq(left.field + right.field)
        if config.asymmetric == "none":
            chosen, negative = [Const(1, 1)], sign
        elif config.asymmetric == "a":
            chosen, negative = [~left.sign, left.sign], right.sign
        else:
            a, w = left.sign, right.sign
            chosen, negative = [~a & ~w, ~a & w, a & ~w, a & w], Const(0, 1)
        if signed_rows(config):
            flip = negative.replicate(len(product))
            product = named(m, f"signed{lane}", (Cat(product ^ flip, negative) + negative)[:-1])
        row = shift_left(
            m, product, shift, row_bits(config), signed_rows(config), f"row{lane}", raised
        )
        for group, mine in enumerate(chosen):
            part = row if len(chosen) == 1 else row & mine.replicate(len(row))
            part = Cat(part[:-1], ~part[-1]) if signed_rows(config) else part
            m.d.comb += nth(config, self.o.rows, group)[lane].eq(part)


def _special(m: Module, left: Element, right: Element, lane: int) -> tuple[Value, Value]:
    """(the product is NaN, it is infinite)."""
    infinite = left.inf | right.inf
    # An infinity has a nonzero significand, so this is infinity times a true zero.
    invalid = (left.inf & right.zero) | (right.inf & left.zero)
    nan = named(m, f"nan{lane}", left.nan | right.nan | invalid)
    return nan, named(m, f"inf{lane}", infinite & ~nan)
