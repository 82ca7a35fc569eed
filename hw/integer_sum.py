"""The last stages of a :class:`golden.integer_sum.IntegerSum`: rows to their sum."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, ShapeLike, Value, unsigned
from amaranth.lib import data

from golden.integer_sum import IntegerSum

from .arith import carry_save, named, signed_rows
from .pipeline import Stage, layout


def acc_layout(config: IntegerSum) -> dict[str, ShapeLike]:
    """The accumulator on its way to the tree, if there is one."""
    return {"acc": unsigned(config.accumulator.bits)} if config.accumulator is not None else {}


def pair_layout(config: IntegerSum) -> data.StructLayout:
    """From tree to sum: the result in carry-save form."""
    bits = config.result_format.bits
    return data.StructLayout(
        {"total": unsigned(bits), "carry": unsigned(bits), "carry_in": unsigned(1)}
    )


class RowTree(Stage):
    """Base of a stage that adds rows in carry-save form; what the rows are is its subclass's."""

    delay = 24

    def add(self, m: Module, bits: int, rows: Sequence[Value], ones: Sequence[Value] = ()) -> None:
        """Connect ``o.total``, ``o.carry`` and ``o.carry_in``: together they are the sum, modulo
        ``2 ** bits``, of ``rows`` (signed and unsigned) and of the single bits ``ones``."""
        total, carry, carry_in = carry_save(m, signed_rows(rows, bits), ones, bits)
        m.d.comb += [
            self.o.total.eq(total),
            self.o.carry.eq(carry),
            self.o.carry_in.eq(carry_in),
        ]


class PropagateCarries(Stage):
    """The one addition that propagates carries."""

    delay = 14

    def __init__(self, config: IntegerSum):
        super().__init__(pair_layout(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        exact = named(m, "exact", self.i.total + self.i.carry + self.i.carry_in)
        m.d.comb += self.o.as_value().eq(exact)
        return m
