"""Block scales in hardware: the exact sum of products times what its scales are worth.

A scale is a significand shifted left (:class:`hw.element.Element`), its sign ignored. With one
scale an operand the significands are multiplied and the shifts added. With two, the partial sums of
each sign meet as ``s[0] * x[0] - s[1] * x[1]``: the one with the greater shift is shifted by the
difference only, first over the scales of `w`, then over those of `a`, so nothing is lost and the
width is that of the differences rather than of the scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from golden.dot import DotConfig
from golden.formats import Float

from .arith import named
from .element import Element, raised_by, unpack
from .multiply import magnitude_of_product
from .pipeline import Stage
from .wide_add import WideAdd


@dataclass(frozen=True)
class ScaledSum:
    """Bounds of the scaled sum of a configuration.

    ``group``: the greatest magnitude of a partial sum (of all products if there is one scale);
    ``inner``: of the sum over the scales of `w`; ``outer``: over those of `a` too; ``greatest``:
    times all significands.
    """

    config: DotConfig

    @property
    def group(self) -> int:
        return max(abs(bound) for bound in self.config.sum_range)

    @property
    def inner(self) -> int:
        # Of partial sums whose sign is known the difference is no greater than either.
        return self._difference(self.group, sides=self.config.sides("w"), growth=0)

    @property
    def outer(self) -> int:
        return self._difference(self.inner, sides=self.config.sides("a"), growth=1)

    @property
    def greatest(self) -> int:
        bound = self.outer
        for name, fmt in self.config.scales.items():
            bound *= 1 if self.sides(name) == 2 else _top(fmt)
        return bound

    @property
    def multiplied(self) -> bool:
        """Whether a significand is left to multiply by after the differences."""
        return any(
            fmt.mantissa_bits and self.sides(name) == 1 for name, fmt in self.config.scales.items()
        )

    @property
    def top_exponent(self) -> int:
        """The greatest shift that is left for the exponent, raised."""
        return sum(_reach(fmt) for fmt in self.config.scales.values()) + self.raised

    @property
    def raised(self) -> int:
        """What the exponent has beyond that shift (:class:`hw.element.Element`)."""
        lone = (fmt for name, fmt in self.config.scales.items() if self.sides(name) == 1)
        return sum(raised_by(fmt) for fmt in lone)

    def sides(self, name: str) -> int:
        """Scales in a field."""
        return 1 if name == "tensor_scale" else self.config.sides(name[0])

    def _difference(self, bound: int, sides: int, growth: int) -> int:
        if sides == 1:
            return bound
        assert self.config.scale is not None
        top = bound * _top(self.config.scale)
        return (top << _reach(self.config.scale)) + growth * top


def _top(fmt: Float) -> int:
    """The greatest significand."""
    return (2 << fmt.mantissa_bits) - 1


def _reach(fmt: Float) -> int:
    """The greatest shift."""
    return fmt.max_exponent - fmt.min_exponent


class Scale(Stage):
    """The sums of the tree as one scaled number, and its exponent: as sign and magnitude where
    it is multiplied, in two's complement where it is a difference."""

    delay = 30

    def __init__(self, config: DotConfig, i: data.StructLayout, wide: WideAdd):
        self.config, self.wide = config, wide
        super().__init__(i, wide.sum_layout)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, bounds = self.config, ScaledSum(self.config)
        scales = {name: self._unpack(m, name) for name in config.scales}
        one = [s[0] for s in scales.values() if len(s) == 1]
        shifts = [scale.field for scale in one]

        total: Value
        if config.asymmetric == "none":
            total = self.i.sum.as_signed()
        else:
            pairs = [self.i.sums[k] for k in range(len(self.i.sums))]
            if config.asymmetric == "both":
                leads = _Leads(m, scales["w_scale"], "w")
                pairs = [
                    leads.difference(m, pairs[2 * k : 2 * k + 2], bounds.inner, f"inner{k}")
                    for k in range(2)
                ]
                shifts.append(leads.least)
            else:
                pairs = [pair.as_signed() for pair in pairs]
            leads = _Leads(m, scales["a_scale"], "a")
            total = leads.difference(m, pairs, bounds.outer, "outer")
            shifts.append(leads.least)

        factor: Value = Const(1, 1)
        for scale in one:
            if len(scale.significand) > 1:
                factor = named(m, f"factor{len(factor)}", factor * scale.significand)
        if bounds.multiplied:
            negative = named(m, "negative", total[-1])
            bits = self.wide.magnitude_bits
            product = magnitude_of_product(m, total, factor, negative, bits)
            m.d.comb += [self.o.negative.eq(negative), self.o.magnitude.eq(product)]
        else:
            m.d.comb += self.o.sum.eq(total)
        if self.wide.top_exponent:
            m.d.comb += self.o.exponent.eq(_sum(shifts))
        if config.has_specials:
            infinite = self.i.plus | self.i.minus
            m.d.comb += self.o.nan.eq(self.i.nan | (infinite & ~factor.any()))
        return m

    def _unpack(self, m: Module, name: str) -> list[Element]:
        port = getattr(self.i, name)
        codes = [port] if ScaledSum(self.config).sides(name) == 1 else [port[0], port[1]]
        fmt = self.config.scales[name]
        return [unpack(m, fmt, code, f"{name}{k}") for k, code in enumerate(codes)]


class _Leads:
    """Which of two scales has the greater shift, and by how much."""

    def __init__(self, m: Module, scales: Sequence[Element], name: str):
        self.scales = scales
        ahead = named(m, f"{name}_ahead", scales[0].shift.as_unsigned() - scales[1].shift)
        behind = named(m, f"{name}_behind", scales[1].shift.as_unsigned() - scales[0].shift)
        self.first = named(m, f"{name}_first", ~ahead[-1])
        self.distance = named(m, f"{name}_distance", Mux(self.first, ahead, behind)[:-1])
        self.least = named(m, f"{name}_least", Mux(self.first, scales[1].shift, scales[0].shift))

    def difference(self, m: Module, pair: Sequence[Value], bound: int, name: str) -> Value:
        """``scales[0] * pair[0] - scales[1] * pair[1]`` over ``2 ** least``, signed."""
        products = [
            named(m, f"{name}_product{k}", x * scale.significand)
            for k, (x, scale) in enumerate(zip(pair, self.scales, strict=True))
        ]
        width = bound.bit_length() + 1
        shape = signed(width)
        big, small = Signal(shape, name=f"{name}_big"), Signal(shape, name=f"{name}_small")
        lead = named(m, f"{name}_lead", Mux(self.first, products[0], products[1]))
        m.d.comb += [
            big.eq(lead << self.distance),
            small.eq(Mux(self.first, products[1], products[0])),
        ]
        # The difference, or its opposite: one operand inverted, and a one.
        flip = self.first.replicate(width)
        total = ((big ^ ~flip) + (small ^ flip) + Const(1, 1))[:width]
        return named(m, name, total).as_signed()


def _sum(values: Sequence[Value]) -> Value:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
