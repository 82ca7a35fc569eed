"""The last stages of a :class:`golden.integer_sum.IntegerSum`: rows to their sum."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, ShapeLike, Value, unsigned
from amaranth.lib import data

from golden.integer_sum import IntegerSum

from .arith import carry_save, named, signed_rows
from .pipeline import Stage, layout


def acc_layout(config: IntegerSum) -> dict[str, ShapeLike]:
    """The accumulators on their way to the tree, if there are any."""
    return {f.name: layout(config.input).members[f.name] for f in config.accumulator_fields}


def pair_layout(config: IntegerSum) -> data.StructLayout:
    """From tree to sum: the result in carry-save form."""
    bits, results = config.result_format.bits, config.results
    return data.StructLayout(
        {
            "total": unsigned(bits * results),
            "carry": unsigned(bits * results),
            "carry_in": unsigned(results),
        }
    )


class RowTree(Stage):
    """Base of a stage that adds rows in carry-save form; what the rows are is its subclass's."""

    delay = 24

    def add(
        self,
        m: Module,
        bits: int,
        rows: Sequence[Value],
        ones: Sequence[Value] = (),
        result: int = 0,
    ) -> None:
        """Connect part ``result`` of ``o.total``, ``o.carry`` and ``o.carry_in``: together they are
        the sum, modulo ``2 ** bits``, of ``rows`` (signed and unsigned) and of the single bits
        ``ones``."""
        total, carry, carry_in = carry_save(m, signed_rows(rows, bits), ones, bits, f"csa{result}")
        m.d.comb += [
            self.o.total.word_select(result, bits).eq(total),
            self.o.carry.word_select(result, bits).eq(carry),
            self.o.carry_in[result].eq(carry_in),
        ]


class PropagateCarries(Stage):
    """The one addition that propagates carries."""

    delay = 14

    def __init__(self, config: IntegerSum):
        self.config = config
        super().__init__(pair_layout(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.config.result_format.bits
        for k in range(self.config.results):
            left, right = (row.word_select(k, bits) for row in (self.i.total, self.i.carry))
            exact = named(m, f"exact{k}", left + right + self.i.carry_in[k])
            m.d.comb += self.o.as_value().word_select(k, bits).eq(exact)
        return m
