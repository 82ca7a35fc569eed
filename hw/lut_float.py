"""Table lookup with floating-point activations: `golden/lut_float.py` in hardware."""

from __future__ import annotations

from amaranth.hdl import Module, ShapeLike
from amaranth.lib import data

from golden import block_float
from golden.lut_float import FloatLutConfig, FloatTablesConfig

from .block_float import Common, Groups
from .float_add import Add, Align, Normalise, Renormalise, Round
from .lut import Lookup, Precompute, WeightBits, gather, gather_layout_or_pair, step_layout
from .lut import Sum as IntegerSum
from .pipeline import Datapath, Stage, layout
from .wide_add import WideAdd


class FloatTables(Datapath):
    """The unit of a :class:`golden.lut_float.FloatTablesConfig`; see there for what it computes."""

    def __init__(self, config: FloatTablesConfig):
        i, o = layout(config.input), layout(config.output)
        super().__init__(config, _tables(config, i, o))


class FloatLut(Datapath):
    """The unit of a :class:`golden.lut_float.FloatLutConfig`; see there for what it computes."""

    def __init__(self, config: FloatLutConfig):
        beat = layout(config.input)
        given = step_layout(config.integers, beat)
        parts: list[Stage] = []
        if not config.given:
            beside = {n: field for n, field in given.members.items() if n != "a"}
            tables = data.StructLayout(dict(layout(config.tables.output).members) | beside)
            parts, given = _tables(config.tables, given, tables), tables
        parts.append(Lookup(config.integers, given, _beside(config)))
        wide = wide_add(config)
        rest: list[Stage] = [kind(wide) for kind in (Normalise, Align, Add, Renormalise, Round)]
        if not config.serial:
            super().__init__(config, [*parts, Sum(config), *rest])
            return
        numbers = Numbers(config)
        between = gather(config.integers, numbers.i.shape(), _beside(config))
        front = WeightBits(config.integers, beat)
        after = {"lookup": between}
        super().__init__(config, [*parts, numbers, *rest], front, after=after)


def _tables(config: FloatTablesConfig, i: data.StructLayout, o: data.StructLayout) -> list[Stage]:
    """The stages that make tables of field ``a`` of ``i``."""
    lanes = config.lanes
    groups = Groups(config.a, config.width, lanes, lanes, "a", integers="a", exponents="exponent")
    return [Common(groups, i), Precompute(config.integers, groups.layout(i), o)]


def _beside(config: FloatLutConfig) -> dict[str, ShapeLike]:
    """What goes by the sum: its exponent, and the accumulator."""
    exponent = layout(config.tables.output).members["exponent"]
    return {"exponent": exponent, "acc": layout(config.input).members["acc"]}


def wide_add(config: FloatLutConfig) -> WideAdd:
    """How the exact sum meets the accumulator."""
    bounds = config.integers.sum_range
    return WideAdd(
        bits=config.integers.sum_format.bits,
        magnitude_bits=max(abs(bound) for bound in bounds).bit_length(),
        exponent=block_float.unit_exponent(config.a, config.width),
        top_exponent=(1 << config.a.exponent_bits) - 1,
        accumulator=config.accumulator,
        specials=("nan",),
    )


class Numbers(Stage):
    """In place of :class:`Sum`, where the steps of a beat have been added up already."""

    def __init__(self, config: FloatLutConfig):
        o = wide_add(config).sum_layout
        super().__init__(data.StructLayout({n: f for n, f in o.members.items() if n != "nan"}), o)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        m.d.comb += self.o.nan.eq(self.i.exponent.all())
        return m


class Sum(IntegerSum):
    """The one addition that propagates carries, and whether there were only numbers."""

    def __init__(self, config: FloatLutConfig):
        i = gather_layout_or_pair(config.integers, _beside(config))
        super().__init__(config.integers, i, wide_add(config).sum_layout)

    def elaborate(self, platform: object) -> Module:
        m = super().elaborate(platform)
        m.d.comb += self.o.nan.eq(self.i.exponent.all())
        return m
