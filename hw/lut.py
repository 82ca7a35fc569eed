"""Dot products by table lookup, and the tables: `golden/lut.py` in hardware.

Bits of +-1 make every number odd: the planes of weight bits, looked up, are the sum of
``(2 * w + 1) * a`` for signed w (top bit inverted), of ``(2 * w - 2**n + 1) * a`` for unsigned
ones. So the trees of those are one bit wider, take the sum of the activations off again, and drop a
last bit that is always 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, ShapeLike, Value, unsigned
from amaranth.lib import data

from golden.lut import ENTRIES, GROUP, LutConfig, TablesConfig

from .arith import carry_save, named, select, signed_rows
from .integer_sum import RowTree
from .pipeline import Datapath, Stage, layout
from .steps import MARKS, Gather, Steps, gather_layout


class Tables(Datapath):
    """The unit of a :class:`golden.lut.TablesConfig`; see there for what it computes."""

    def __init__(self, config: TablesConfig):
        super().__init__(config, [Precompute(config, layout(config.input), layout(config.output))])


class Lut(Datapath):
    """The unit of a :class:`golden.lut.LutConfig`; see there for what it computes."""

    def __init__(self, config: LutConfig):
        beat = layout(config.input)
        i = step_layout(config, beat)
        o = _looked_up(config, i)
        parts: list[Stage] = []
        if not config.given:
            parts.append(Precompute(config.tables, i, o))
        parts.append(Lookup(config, o if parts else i))
        if not config.serial:
            total = Sum(config, gather_layout_or_pair(config), layout(config.output))
            super().__init__(config, [*parts, total])
            return
        back = gather(config, layout(config.output))
        super().__init__(config, parts, WeightBits(config, beat), back)


def gather(
    config: LutConfig, o: data.StructLayout, beside: dict[str, ShapeLike] | None = None
) -> Gather:
    """What adds up the bits of serial weights; the sums are first in ``o``."""
    return Gather(
        o,
        _bits(config),
        results=config.columns,
        double=True,
        halved=_halved(config),
        beside=beside,
    )


def _halved(config: LutConfig) -> int:
    """Bits that are dropped in the end."""
    return 0 if config.encoding == "bipolar" else 1


def _bits(config: LutConfig) -> int:
    return config.result_format.bits + _halved(config)


def step_layout(config: LutConfig, beat: data.StructLayout) -> data.StructLayout:
    """What leaves the front: one bit of each weight, if bits come one after the other."""
    if not config.serial:
        return beat
    bits: dict[str, ShapeLike] = {"bits": unsigned(config.lanes * config.columns)}
    rest = {name: field for name, field in beat.members.items() if name != "w"}
    return data.StructLayout(rest | bits | MARKS)


def _looked_up(config: LutConfig, step: data.StructLayout) -> data.StructLayout:
    """Tables in place of activations."""
    rest = {name: field for name, field in step.members.items() if name != "a"}
    return data.StructLayout(dict(layout(config.tables.output).members) | rest)


class WeightBits(Steps):
    """Holds a beat and offers a bit of each weight a step, the most significant one first."""

    def __init__(self, config: LutConfig, beat: data.StructLayout):
        self.config = config
        super().__init__(beat, step_layout(config, beat), config.w_bits, beat)

    def _lanes(self, state: data.View) -> list[Value]:
        config, w = self.config, Value.cast(state.w)
        return [w.word_select(k, config.w_bits) for k in range(config.lanes * config.columns)]

    def advance(self, m: Module, state: data.View) -> Mapping[str, Value]:
        return {"w": Cat(Cat(Const(0, 1), lane[:-1]) for lane in self._lanes(state))}

    def offer(self, m: Module, state: data.View, first: Value, last: Value) -> Mapping[str, Value]:
        # The top bit of a signed weight is inverted: then it counts like the others.
        flip = first if self.config.encoding == "signed" else Const(0, 1)
        fields: dict[str, Value] = {"first": first, "last": last}
        for name in state.shape().members:
            if name != "w":
                fields[name] = Value.cast(getattr(state, name))
        return fields | {"bits": Cat(lane[-1] ^ flip for lane in self._lanes(state))}


class Precompute(Stage):
    """The tables: sums and differences of pairs, then of those."""

    delay = 16

    def __init__(self, config: TablesConfig, i: data.StructLayout, o: data.StructLayout):
        self.config = config
        super().__init__(i, o)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        width = config.a.bits + 2
        tables: list[Value] = []
        for group in range(config.lanes // GROUP):
            a = [self.i.a[GROUP * group + k].as_signed() for k in range(GROUP)]
            plus = named(m, f"plus{group}", a[1] + a[0])
            minus = named(m, f"minus{group}", a[1] - a[0])
            high = named(m, f"high{group}", a[3] + a[2])
            low = named(m, f"low{group}", a[3] - a[2])
            for index in range(ENTRIES):
                base = high if index & 4 else low
                value = (base - plus, base - minus, base + minus, base + plus)[index & 3]
                tables.append(named(m, f"entry{group}_{index}", value[:width]))
        m.d.comb += Value.cast(self.o.tables).eq(Cat(tables))
        bits = self.o.shape().members["total"].width
        wholes = [entry.as_signed() for entry in tables[ENTRIES - 1 :: ENTRIES]]
        left, right, one = carry_save(m, signed_rows(wholes, bits), [], bits, "total")
        m.d.comb += self.o.total.eq(left + right + one)
        return m


class Lookup(RowTree):
    """An entry for every four weight bits, and the tree over them."""

    def __init__(
        self, config: LutConfig, i: data.StructLayout, beside: dict[str, ShapeLike] | None = None
    ):
        """``beside``: fields of ``i`` that go by."""
        self.config = config
        super().__init__(i, gather_layout_or_pair(config, beside))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        last = self.i.last if config.serial else Const(1, 1)
        for column in range(config.columns):
            rows: list[Value] = []
            ones: list[Value] = []
            for place in range(1 if config.serial else config.w_bits):
                for group in range(config.lanes // GROUP):
                    row, one = self._entry(m, column, group, place)
                    rows.append(row)
                    ones.append(one)
            whole = Cat(self.i.total, self.i.total[-1])
            correction: list[Value] = []
            if config.encoding != "bipolar":
                correction.append(~whole)
                ones.append(last)
            if config.encoding == "unsigned":
                correction.append(Cat(Const(0, config.w_bits), whole))
            for k, row in enumerate(correction):
                gated = row & last.replicate(len(row))
                rows.append(named(m, f"correction{column}_{k}", gated.as_signed()))
            if config.accumulator is not None:
                acc = Value.cast(self.i.acc).word_select(column, config.accumulator.bits)
                row = Cat(Const(0, _halved(config)), acc & last.replicate(len(acc)))
                rows.append(named(m, f"acc{column}", row))
            self.add(m, _bits(config), rows, ones, column)
        return m

    def _entry(self, m: Module, column: int, group: int, place: int) -> tuple[Value, Value]:
        """The row of a lookup, and the one that it still needs when negative."""
        config, name = self.config, f"{column}_{group}_{place}"
        lanes = [column * config.lanes + GROUP * group + k for k in range(GROUP)]
        if config.serial:
            bits = [self.i.bits[lane] for lane in lanes]
        else:
            w = Value.cast(self.i.w)
            bits = [w[lane * config.w_bits + place] for lane in lanes]
            if config.encoding == "signed" and place == config.w_bits - 1:
                bits = [~bit for bit in bits]
        negative = named(m, f"negative{name}", ~bits[-1])
        index = named(m, f"index{name}", Cat(bits[:-1]) ^ negative.replicate(GROUP - 1))
        width = self.config.a.bits + 2
        table = Value.cast(self.i.tables).word_select(group, ENTRIES * width)
        entries = [table.word_select(k, width) for k in range(ENTRIES)]
        # What lies below is inverted too, so that the one to add is in the last place.
        row = Cat(Const(0, place), select(entries, index))
        row = named(m, f"row{name}", (row ^ negative.replicate(len(row))).as_signed())
        return row, negative


def gather_layout_or_pair(
    config: LutConfig, beside: dict[str, ShapeLike] | None = None
) -> data.StructLayout:
    """Sums in carry-save form: of a step, or of the whole beat, and what is ``beside`` them."""
    steps = gather_layout(_bits(config), results=config.columns, beside=beside)
    if config.serial:
        return steps
    return data.StructLayout({n: f for n, f in steps.members.items() if n not in MARKS})


class Sum(Stage):
    """The one addition that propagates carries."""

    delay = 14

    def __init__(self, config: LutConfig, i: data.StructLayout, o: data.StructLayout):
        """The sums are first in ``o``; fields that are in both go by."""
        self.config = config
        super().__init__(i, o)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        bits, halved = _bits(self.config), _halved(self.config)
        for k in range(self.config.columns):
            left, right = (row.word_select(k, bits) for row in (self.i.total, self.i.carry))
            exact = named(m, f"exact{k}", (left + right + self.i.carry_in[k])[:bits])
            m.d.comb += self.o.as_value().word_select(k, bits - halved).eq(exact[halved:])
        return m
