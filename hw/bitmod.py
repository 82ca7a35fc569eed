"""BitMoD's processing element: `golden/bitmod.py` in hardware.

The accumulator is fixed point and as wide as a group needs. So no lane looks for the greatest
exponent, nothing is aligned to it, and nothing is normalised: a term is shifted to its place, once.
"""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Value, unsigned
from amaranth.lib import data

from golden.bitmod import (
    ACTIVATION,
    FP3,
    FP4,
    SPECIALS,
    BitmodConfig,
    magnitudes,
)

from .arith import carry_save, named, prefix_add, select, shift_left, signed_rows
from .element import unpack
from .pipeline import Datapath, Stage, lanes_of, layout
from .steps import MARKS, Gather, Steps, gather_layout


class Bitmod(Datapath):
    """The unit of a :class:`golden.bitmod.BitmodConfig`; see there for what it computes."""

    def __init__(self, config: BitmodConfig):
        bits = config.result_format.bits
        if config.given:
            super().__init__(config, [Multiply(config), Tree(config), Sum(config)])
            return
        back = Gather(layout(config.output), bits, bits)
        super().__init__(config, [Multiply(config), Tree(config)], Terms(config), back)


def _lanes(config: BitmodConfig, shape: ShapeLike) -> data.ArrayLayout:
    return data.ArrayLayout(shape, config.lanes)


def _step(config: BitmodConfig) -> data.StructLayout:
    """A beat whose terms are given, or one of the steps of another."""
    fields = dict(layout(config.replace(given=True, pipeline=0).input).members)
    return data.StructLayout(fields | _marks(config))


def _marks(config: BitmodConfig) -> dict[str, ShapeLike]:
    return {} if config.given else MARKS


def _row_bits(config: BitmodConfig) -> int:
    """Width of the magnitude of a term times an activation, in places of the accumulator."""
    return max(1, config.magnitude_bits - config.dropped)


def _products(config: BitmodConfig) -> data.StructLayout:
    fields: dict[str, ShapeLike] = {
        "rows": _lanes(config, unsigned(_row_bits(config))),
        "signs": unsigned(config.lanes),
        "acc": unsigned(config.result_format.bits),
    }
    return data.StructLayout(fields | _marks(config))


def _pair(config: BitmodConfig) -> data.StructLayout:
    """From tree to sum: all rows, or those of a step, in carry-save form."""
    bits = config.result_format.bits
    if not config.given:
        return gather_layout(bits, bits)
    pair: dict[str, ShapeLike] = {"total": bits, "carry": bits, "carry_in": 1}
    return data.StructLayout(pair)


class Terms(Steps):
    """Holds weights and activations and offers a term of each weight a step.

    Integers are held with a 0 below them and move down two places a step: the three lowest bits are
    the Booth digit. Floats are held as a sign and a magnitude in halves, which loses its leading
    one each step.
    """

    def __init__(self, config: BitmodConfig):
        self.config = config
        held = data.StructLayout({"bits": 9, "sign": 1})
        state: dict[str, ShapeLike] = {
            "w": _lanes(config, held),
            "a": _lanes(config, unsigned(ACTIVATION.bits)),
            "acc": unsigned(config.result_format.bits),
            "float": unsigned(1),
            "place": unsigned(2),
        }
        super().__init__(layout(config.input), _step(config), 4, data.StructLayout(state))

    def further(self, m: Module, beat: data.View) -> Value:
        return Mux(beat.dtype == 0, 3, Mux(beat.dtype == 1, 2, 1))

    def load(self, m: Module, beat: data.View) -> Mapping[str, Value]:
        is_float = named(m, "is_float", beat.dtype >= FP4)
        lanes = [
            self._held(m, beat, Value.cast(beat.w).word_select(k, 8), is_float, k)
            for k in range(self.config.lanes)
        ]
        return {
            "w": Cat(lanes),
            "a": Value.cast(beat.a),
            "acc": beat.acc,
            "float": is_float,
            "place": Const(0),
        }

    def _held(self, m: Module, beat: data.View, code: Value, is_float: Value, k: int) -> Value:
        """Nine bits and a sign."""
        is_fp4 = named(m, f"is_fp4_{k}", beat.dtype == FP4)
        fp4 = select([Const(int(n), 5) for n in magnitudes(FP4)], code[:3])
        fp3 = select([Const(int(n), 5) for n in magnitudes(FP3)], code[:2])
        specials = [
            select([Const(n, 5) for n in (*SPECIALS[kind], 0)], beat.special[:2])
            for kind in (FP4, FP3)
        ]
        minus_zero = named(m, f"minus_zero{k}", Mux(is_fp4, code[:4] == 0b1000, code[:3] == 0b100))
        plain = Mux(is_fp4, fp4, fp3)
        special = Mux(is_fp4, specials[0], specials[1])
        magnitude = Mux(minus_zero, special, plain)
        sign = Mux(minus_zero, beat.special[2], Mux(is_fp4, code[3], code[2]))
        # What lies above a narrower integer is never reached.
        bits = named(m, f"held{k}", Mux(is_float, magnitude, Cat(Const(0, 1), code))[:9])
        return Cat(bits, sign)

    def advance(self, m: Module, state: data.View) -> Mapping[str, Value]:
        lanes = []
        for k in range(self.config.lanes):
            bits = state.w[k].bits
            without = Cat(*(bits[j] & bits[j + 1 : 5].any() for j in range(4)), Const(0, 5))
            moved = Cat(bits[2:], Const(0, 2))
            lanes.append(Cat(Mux(state.float, without, moved), state.w[k].sign))
        return {"w": Cat(lanes), "place": state.place + 1}

    def offer(self, m: Module, state: data.View, first: Value, last: Value) -> Mapping[str, Value]:
        terms = [self._term(m, state, k) for k in range(self.config.lanes)]
        names = ("sign", "man", "exponent")
        return {
            **{
                name: Cat(parts)
                for name, parts in zip(names, zip(*terms, strict=True), strict=True)
            },
            "a": Value.cast(state.a),
            "acc": state.acc,
            "first": first,
            "last": last,
        }

    def _term(self, m: Module, state: data.View, k: int) -> tuple[Value, Value, Value]:
        """(sign, whether there is one, exponent)."""
        held = state.w[k]
        bits = held.bits
        upper = bits[3] | bits[2]
        leading = Cat(bits[3] | (~bits[2] & bits[1]), upper, Const(0, 1)) & ~bits[4].replicate(3)
        leading = named(m, f"leading{k}", leading | Cat(Const(0, 2), bits[4]))
        low, middle, high = bits[0], bits[1], bits[2]
        two = named(m, f"two{k}", Mux(high, ~low & ~middle, low & middle))
        some = named(m, f"some{k}", ~((low == middle) & (middle == high)))
        # Halves: one place up; and two for each digit before.
        booth = Cat(two, Const(0, 3)) + Cat(Const(1, 1), state.place)
        return (
            Mux(state.float, held.sign, high),
            Mux(state.float, bits[:5].any(), some),
            Mux(state.float, leading, booth)[:4],
        )


class Multiply(Stage):
    """Each activation shifted to the place of its term."""

    delay = 26

    def __init__(self, config: BitmodConfig):
        self.config = config
        super().__init__(_step(config), _products(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        fields = [
            lanes_of(getattr(self.i, name), config.lanes)
            for name in ("sign", "man", "exponent", "a")
        ]
        for k, (sign, present, exponent, code) in enumerate(zip(*fields, strict=True)):
            element = unpack(m, ACTIVATION, code, f"a{k}")
            amount = named(m, f"amount{k}", element.shift + exponent)
            man = element.significand & present.replicate(len(element.significand))
            bits = _row_bits(config) + config.dropped
            significand = named(m, f"significand{k}", man)
            value = shift_left(m, significand, amount, bits, False, f"shifted{k}")
            m.d.comb += [
                self.o.rows[k].eq(value[config.dropped :]),
                self.o.signs[k].eq(element.sign ^ sign),
            ]
        return m


class Tree(Stage):
    """The rows, with their signs, in carry-save form."""

    delay = 14

    def __init__(self, config: BitmodConfig):
        self.config = config
        super().__init__(_products(config), _pair(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        bits, rows = self.config.result_format.bits, []
        for k in range(self.config.lanes):
            row = Cat(self.i.rows[k], Const(0, 1))
            flipped = row ^ self.i.signs[k].replicate(len(row))
            rows.append(named(m, f"row{k}", flipped.as_signed()))
        signs = [self.i.signs[k] for k in range(self.config.lanes)]
        unsigned_rows = signed_rows(rows, bits)
        if self.config.given:
            unsigned_rows.append(self.i.acc)
        if len(unsigned_rows) <= len(signs):
            unsigned_rows.append(Const(0, 1))  # a place for the last one
        total, carry, carry_in = carry_save(m, unsigned_rows, signs, bits)
        m.d.comb += [
            self.o.total.eq(total),
            self.o.carry.eq(carry),
            self.o.carry_in.eq(carry_in),
        ]
        return m


class Sum(Stage):
    """The one addition of given terms that propagates carries."""

    delay = 14

    def __init__(self, config: BitmodConfig):
        self.config = config
        super().__init__(_pair(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, bits = self.i, self.config.result_format.bits
        m.d.comb += self.o.result.eq(prefix_add(m, i.total, i.carry, i.carry_in, bits))
        return m
