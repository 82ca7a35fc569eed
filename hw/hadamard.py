"""Hadamard transforms: `golden/hadamard.py` in hardware."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import data

from golden.hadamard import HadamardConfig

from .arith import leading_zeros, named
from .block_float import Common, Groups
from .pipeline import Datapath, Stage, lanes_of, layout
from .rounding import rounded


class Hadamard(Datapath):
    """The unit of a :class:`golden.hadamard.HadamardConfig`; see there for what it computes."""

    def __init__(self, config: HadamardConfig):
        super().__init__(config, transform(config, layout(config.input)))


def transform(config: HadamardConfig, i: data.StructLayout) -> list[Stage]:
    """The stages that transform field ``values`` of ``i``; other fields go by."""
    return [Common(_groups(config), i), Butterflies(config, i), ToFloat(config, i)]


def _groups(config: HadamardConfig) -> Groups:
    return Groups(config.number_format, config.width, config.lanes, config.size, "values")


class Butterflies(Stage):
    """Sums and differences of pairs, then of those, and so on: exact, a bit wider each time."""

    delay = 40

    def __init__(self, config: HadamardConfig, i: data.StructLayout):
        self.config = config
        groups = _groups(config)
        super().__init__(groups.layout(i), groups.layout(i, config.levels))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        for group in range(config.groups):
            first = group * config.size
            row: list[Value] = [self.i.integers[first + k].as_signed() for k in range(config.size)]
            for level in range(config.levels):
                row = [
                    named(m, f"level{level}_{first + k}", self._butterfly(row, k, 1 << level))
                    for k in range(config.size)
                ]
            for k, value in enumerate(row):
                m.d.comb += self.o.integers[first + k].eq(value)
        return m

    def _butterfly(self, row: list[Value], k: int, step: int) -> Value:
        return row[k ^ step] - row[k] if k & step else row[k] + row[k ^ step]


class ToFloat(Stage):
    """Each integer rounded to a floating-point number."""

    delay = 40

    def __init__(self, config: HadamardConfig, i: data.StructLayout):
        self.config = config
        super().__init__(_groups(config).layout(i, config.levels), i)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, fmt = self.config, self.config.number_format
        for group, field in enumerate(lanes_of(self.i.exponents, config.groups)):
            bad = named(m, f"bad{group}", field.all())
            # What the exponent would be, counted from the least normal one, if the top bit were
            # set: not below it, as results are divided by 2**levels at most.
            highest = named(m, f"highest{group}", field + (config.levels - config.divided - 1))
            for lane in range(group * config.size, (group + 1) * config.size):
                code = self._float(m, self.i.integers[lane], highest, lane)
                nan = Const(fmt.nan_code, fmt.bits)
                m.d.comb += self.o["values"][lane].eq(Mux(bad, nan, code))
        return m

    def _float(self, m: Module, value: Value, highest: Value, lane: int) -> Value:
        fmt = self.config.number_format
        negative = value[-1]
        width = len(value) - 1  # no sum reaches minus its power of two
        absolute = ((value ^ negative.replicate(len(value))) + negative)[:width]
        magnitude = named(m, f"magnitude{lane}", absolute)
        zeros = named(m, f"zeros{lane}", leading_zeros(m, magnitude, f"zeros{lane}"))
        limited = named(m, f"limited{lane}", zeros > highest.as_unsigned())
        amount = named(m, f"amount{lane}", Mux(limited, highest.as_unsigned(), zeros)[: len(zeros)])
        shifted = named(m, f"shifted{lane}", (magnitude << amount)[:width])
        precision = fmt.mantissa_bits + 1
        normal = shifted[-1]
        exponent = (highest - zeros)[: fmt.exponent_bits + 1]
        guard = width - precision - 1
        code = rounded(
            m,
            fmt,
            shifted[guard + 1 :],
            named(m, f"exponent{lane}", exponent & normal.replicate(len(exponent))),
            shifted[guard],
            shifted[:guard].any(),
            f"rounded{lane}",
        )
        return Cat(code, negative)
