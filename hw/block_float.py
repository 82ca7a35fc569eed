"""Numbers brought to a common exponent: `golden/block_float.py` in hardware."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Value, unsigned
from amaranth.lib import data

from golden.formats import Float

from .arith import named
from .pipeline import Stage, lanes_of
from .search import greatest


@dataclass(frozen=True)
class Groups:
    """Numbers of a payload that are brought to common exponents.

    Parameters
    ----------
    source:
        Their format.
    width:
        Bits of the aligned magnitudes.
    lanes:
        How many there are.
    size:
        How many have an exponent in common.
    name:
        The field that they are in.
    integers, exponents:
        The fields that take their place.
    """

    source: Float
    width: int
    lanes: int
    size: int
    name: str
    integers: str = "integers"
    exponents: str = "exponents"

    @property
    def count(self) -> int:
        """Common exponents."""
        return self.lanes // self.size

    def layout(self, i: data.StructLayout, more: int = 0) -> data.StructLayout:
        """``i`` with integers, in two's complement and ``more`` bits wider, and exponent fields in
        place of the numbers."""
        field = unsigned(self.source.exponent_bits)
        fields = {
            self.integers: data.ArrayLayout(unsigned(self.width + 1 + more), self.lanes),
            self.exponents: field if self.count == 1 else data.ArrayLayout(field, self.count),
        }
        return data.StructLayout(fields | self.beside(i))

    def beside(self, i: data.StructLayout) -> dict[str, data.ShapeLike]:
        """The other fields of ``i``."""
        return {name: field for name, field in i.members.items() if name != self.name}


class Common(Stage):
    """Numbers to integers; an exponent field is all ones where one of its numbers is none."""

    delay = 40

    def __init__(self, groups: Groups, i: data.StructLayout):
        self.groups = groups
        super().__init__(i, groups.layout(i))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        groups, bits = self.groups, self.groups.source.mantissa_bits
        m.d.comb += [
            Value.cast(self.o[name]).eq(Value.cast(self.i[name]))
            for name in groups.beside(self.i.shape())
        ]
        codes = lanes_of(self.i[groups.name], groups.lanes)
        exponents = lanes_of(self.o[groups.exponents], groups.count)
        for group, exponent in enumerate(exponents):
            lanes = range(group * groups.size, (group + 1) * groups.size)
            fields = [codes[lane][bits:-1] for lane in lanes]
            within: list[Value] = [Const(1, 1)] * len(fields)
            found = named(m, f"greatest{group}", greatest(m, fields, f"peak{group}", within))
            # A subnormal has the exponent of field 1.
            common = named(m, f"common{group}", Cat(found[0] | ~found.any(), found[1:]))
            m.d.comb += exponent.eq(common)
            for lane in lanes:
                integer = self._integer(m, codes[lane], common, lane)
                m.d.comb += self.o[groups.integers][lane].eq(integer)
        return m

    def _integer(self, m: Module, code: Value, common: Value, lane: int) -> Value:
        bits, width = self.groups.source.mantissa_bits, self.groups.width
        field = code[bits:-1]
        normal = named(m, f"normal{lane}", field.any())
        own = Cat(field[0] | ~normal, field[1:])
        down = named(m, f"down{lane}", (common - own)[: len(field)])
        value: Value = Cat(Const(0, width - 1 - bits), code[:bits], normal)
        levels = min(width.bit_length(), len(down))
        for level in range(levels):
            step = min(1 << level, width)
            moved = Cat(value[step:], Const(0, step))
            value = named(m, f"moved{lane}_{level}", Mux(down[level], moved, value))
        if len(down) > levels:
            value = named(m, f"kept{lane}", value & ~down[levels:].any().replicate(width))
        negative = code[-1]
        flipped = Cat(value, Const(0, 1)) ^ negative.replicate(width + 1)
        return named(m, f"integer{lane}", (flipped + negative)[: width + 1])
