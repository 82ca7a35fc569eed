"""Shift-add dot products with group dequantization: `golden/mixpe.py` in hardware."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Value, unsigned
from amaranth.lib import data

from golden.formats import Float, Int
from golden.mixpe import MixpeConfig

from .arith import carry_save, named, signed_rows
from .element import unpack
from .float_add import Add, Align, Normalise, Renormalise, Round
from .pipeline import Datapath, Stage, layout
from .wide_add import WideAdd


class Mixpe(Datapath):
    """The unit of a :class:`golden.mixpe.MixpeConfig`; see there for what it computes."""

    def __init__(self, config: MixpeConfig):
        parts: list[Stage] = [Tree(config), Dequantize(config), Scale(config)]
        if config.floating:
            wide = wide_add(config)
            parts += [kind(wide) for kind in (Normalise, Align, Add, Renormalise, Round)]
        super().__init__(config, parts)


def wide_add(config: MixpeConfig) -> WideAdd:
    """How the dequantised sum meets a floating-point accumulator."""
    assert isinstance(config.accumulator, Float)
    exponent_bits = config.scale.exponent_bits if isinstance(config.scale, Float) else 0
    return WideAdd(
        bits=config.magnitude_bits + 1,
        magnitude_bits=config.magnitude_bits,
        exponent=config.unit_exponent,
        top_exponent=(1 << exponent_bits) - 1,
        accumulator=config.accumulator,
        specials=("nan",) if _has_nan(config) else (),
    )


def _has_nan(config: MixpeConfig) -> bool:
    return isinstance(config.a, Float) or isinstance(config.scale, Float)


def _plain_bits(config: MixpeConfig) -> int:
    """Width of the sum of the activations."""
    return (config.lanes * config.a_top).bit_length() + 1


def _beside(config: MixpeConfig) -> dict[str, ShapeLike]:
    fields: dict[str, ShapeLike] = {"acc": unsigned(config.accumulator.bits)}
    if config.scale is not None:
        fields["scale"] = unsigned(config.scale.bits)
    if isinstance(config.a, Float):
        fields["a_nan"] = unsigned(1)
    return fields


def _summed(config: MixpeConfig) -> data.StructLayout:
    bits = config.group_bits
    fields: dict[str, ShapeLike] = {
        "total": unsigned(bits),
        "carry": unsigned(bits),
        "carry_in": unsigned(1),
        "plain": unsigned(_plain_bits(config)),
        "zero": unsigned(config.w_bits),
    }
    return data.StructLayout(fields | _beside(config))


def _group(config: MixpeConfig) -> data.StructLayout:
    return data.StructLayout({"group": unsigned(config.group_bits)} | _beside(config))


class Tree(Stage):
    """Two sums: of the activations, and of each activation shifted to the place of each one among
    the bits of its weight."""

    delay = 38

    def __init__(self, config: MixpeConfig):
        self.config = config
        super().__init__(layout(config.input), _summed(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        rows: list[Value] = []
        ones: list[Value] = []
        plain: list[Value] = []
        signs: list[Value] = []
        bad: list[Value] = []
        for lane in range(config.lanes):
            bits, sign = self._activation(m, lane, bad)
            for place in range(config.w_bits):
                taken = self.i.w[lane][place]
                flip = named(m, f"flip{lane}_{place}", taken & sign)
                # What lies below is inverted too, so that the one to add is in the last place.
                row = Cat(Const(0, place), bits & taken.replicate(len(bits)))
                row = row ^ flip.replicate(len(row)) if isinstance(config.a, Float) else row
                rows.append(named(m, f"row{lane}_{place}", row.as_signed()))
                ones.append(flip)
            plain.append(named(m, f"plain{lane}", (bits ^ sign.replicate(len(bits))).as_signed()))
            signs.append(sign)
        if isinstance(config.a, Int):
            ones = signs = []
        width = config.group_bits
        total, carry, carry_in = carry_save(m, signed_rows(rows, width), ones, width, "dot")
        m.d.comb += [
            self.o.total.eq(total),
            self.o.carry.eq(carry),
            self.o.carry_in.eq(carry_in),
        ]
        width = _plain_bits(config)
        left, right, one = carry_save(m, signed_rows(plain, width), signs, width, "plain")
        m.d.comb += self.o.plain.eq(left + right + one)
        if isinstance(config.a, Float):
            m.d.comb += self.o.a_nan.eq(Cat(bad).any())
        return m

    def _activation(self, m: Module, lane: int, bad: list[Value]) -> tuple[Value, Value]:
        """An integer and 0; or of a float the magnitude in fixed point and the sign."""
        config, code = self.config, self.i.a[lane]
        if isinstance(config.a, Int):
            return code, Const(0, 1)
        element = unpack(m, config.a, code, f"a{lane}")
        bad.append(element.nan | element.inf)
        bits = config.a_top.bit_length()
        fixed = named(m, f"fixed{lane}", (element.significand << element.shift)[:bits])
        return Cat(fixed, Const(0, 1)), element.sign


class Dequantize(Stage):
    """The dot product less the zero point's share, which is shifted and added as well."""

    delay = 22

    def __init__(self, config: MixpeConfig):
        self.config = config
        super().__init__(_summed(config), _group(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        width = self.config.group_bits
        rows: list[Value] = [self.i.total, self.i.carry]
        ones: list[Value] = [self.i.carry_in]
        for place in range(self.config.w_bits):
            taken = self.i.zero[place]
            bits = self.i.plain & taken.replicate(len(self.i.plain))
            row = Cat(Const(0, place), bits)
            rows.append(named(m, f"less{place}", (row ^ taken.replicate(len(row))).as_signed()))
            ones.append(taken)
        left, right, one = carry_save(m, signed_rows(rows, width), ones, width, "group")
        m.d.comb += self.o.group.eq(left + right + one)
        return m


class Scale(Stage):
    """The one multiplication of a group."""

    delay = 24

    def __init__(self, config: MixpeConfig):
        self.config = config
        o = wide_add(config).sum_layout if config.floating else layout(config.output)
        super().__init__(_group(config), o)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, group = self.config, self.i.group.as_signed()
        nan = self.i.a_nan if isinstance(config.a, Float) else Const(0, 1)
        if isinstance(config.scale, Float):
            scale = unpack(m, config.scale, self.i.scale, "scale")
            significand = Cat(scale.significand, Const(0, 1))
            signed = named(
                m, "factor", Mux(scale.sign, -significand.as_signed(), significand).as_signed()
            )
            product = named(m, "product", signed[: len(significand)].as_signed() * group)
            m.d.comb += self.o.exponent.eq(scale.shift)
            nan = nan | scale.nan | scale.inf
        elif config.scale is not None:
            factor = self.i.scale.as_signed() if config.scale.signed else self.i.scale
            product = named(m, "product", factor * group)
        else:
            product = group
        if not config.floating:
            m.d.comb += self.o.result.eq(product + self.i.acc)
            return m
        m.d.comb += self.o.sum.eq(product)
        if _has_nan(config):
            m.d.comb += self.o.nan.eq(nan)
        return m
