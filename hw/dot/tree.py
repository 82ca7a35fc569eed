"""The sum of a dot product: a carry-save tree, then one addition that propagates carries."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value

from golden.dot import DotConfig
from golden.formats import Int

from ..arith import PrefixTree, carry_save, named, prefix_add
from ..multiply import Columns
from ..pipeline import Stage
from .layouts import (
    chosen_booth,
    digits,
    groups,
    lone_peak,
    multiplies_integers,
    nth,
    products_layout,
    row_bits,
    rows_of,
    signed_rows,
    sum_layout,
    tree_bits,
    tree_layout,
)


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
            pair = nth(self.config, self.o.pair, group)
            m.d.comb += [pair.total.eq(total), pair.carry.eq(carry), pair.carry_in.eq(carry_in)]
        return m

    def _sum(self, m: Module, group: int, name: str) -> tuple[Value, Value, Value]:
        config, bits = self.config, tree_bits(self.config)
        if digits(config):
            return self._digit_sum(m, bits, name)
        rows: list[Value] = [nth(config, self.i.rows, group)[k] for k in range(config.lanes)]
        signed = (
            config.a.signed or config.w.signed
            if multiplies_integers(config)
            else signed_rows(config)
        )
        if signed:
            # What the inverted sign bits added, taken off again.
            offset = -config.lanes << row_bits(config) - 1
            rows.append(Const(offset % (1 << bits), bits))
        if isinstance(config.accumulator, Int):
            rows.append(self.i.acc)
        return carry_save(m, rows, [], bits, name)

    def _digit_sum(self, m: Module, bits: int, name: str) -> tuple[Value, Value, Value]:
        config, (booth, _) = self.config, chosen_booth(self.config)
        columns = Columns(bits, shared=config.lanes > 1)
        for index in range(rows_of(config)):
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
        # Before a multiplication few gates are worth more than the shortest way to the top bit.
        tree: PrefixTree = "brent_kung" if self.config.has_factor else "kogge_stone"
        totals = []
        for group in range(groups(self.config)):
            i = nth(self.config, self.i.pair, group)
            total = prefix_add(m, i.total, i.carry, i.carry_in, bits, f"add{group}", tree)
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
