"""Dot products by bit planes: `golden/bitplane.py` in hardware.

How every pair of encodings comes down to counting, for a plane b of the weights and the planes c_j
of n-bit activations (N = 2**n):

* neither bipolar: the sum of ``2**j * count(b & c_j)``; top planes of signed operands negative;
* both: bits are +-1 and XNOR multiplies them: ``2**j * (2 * count(b ~^ c_j) - lanes)``;
* only the activations: an activation is twice its number less N - 1, so the sum is that of the
  first case, unsigned and doubled, plus ``count(b) - N * count(b)``;
* only the weights: a bipolar m-bit weight is twice the two's complement number of its bits, top
  bit inverted, plus one. So it is a signed weight of m + 1 bits whose lowest plane is all ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Value, unsigned
from amaranth.lib import data

from golden.bitplane import WIDEST, BitplaneConfig

from .arith import carry_save, named, signed_rows
from .integer_sum import acc_layout
from .multiply import Columns
from .pipeline import Datapath, Stage, layout
from .steps import MARKS, Gather, Steps, gather_layout


class Bitplane(Datapath):
    """The unit of a :class:`golden.bitplane.BitplaneConfig`; see there for what it computes."""

    def __init__(self, config: BitplaneConfig):
        bits = config.result_format.bits
        acc = config.accumulator.bits if config.accumulator else 0
        super().__init__(
            config,
            [Count(config), Weigh(config)],
            Planes(config),
            Gather(layout(config.output), bits, acc),
        )


def _place(most: int) -> ShapeLike:
    return unsigned(max(1, most.bit_length()))


def _controls(config: BitplaneConfig) -> dict[str, ShapeLike]:
    """What a step says about its planes, from the front to where they are weighed."""
    fields: dict[str, ShapeLike] = {
        "valid": unsigned(config.planes),  # which activation planes exist
        "negate": unsigned(config.planes),  # which of them are subtracted
        "both": unsigned(1),  # both operands are bipolar
        "only_a": unsigned(1),  # only the activations are, and this is their lowest group
        "doubled": unsigned(1),  # only the activations are
        "negative": unsigned(1),  # the weight plane is subtracted
        "place": _place(WIDEST),  # of the weight plane
        "a_bits": unsigned(3),
    }
    if config.planes < WIDEST:
        fields["a_place"] = _place(WIDEST - 1)  # of the lowest activation plane
    return fields | acc_layout(config) | MARKS


def _step(config: BitplaneConfig) -> data.StructLayout:
    lanes = config.lanes
    planes = data.ArrayLayout(unsigned(lanes), config.planes)
    return data.StructLayout({"w": unsigned(lanes), "a": planes} | _controls(config))


def _counts(config: BitplaneConfig) -> data.StructLayout:
    count = unsigned(config.lanes.bit_length())
    fields: dict[str, ShapeLike] = {
        "counts": data.ArrayLayout(count, config.planes),
        "ones": count,
    }
    return data.StructLayout(fields | _controls(config))


class Planes(Steps):
    """Holds the operands and offers a plane of weights with a group of activation planes a step."""

    def __init__(self, config: BitplaneConfig):
        self.config = config
        beat = layout(config.input)
        extra: dict[str, ShapeLike] = {"ones": unsigned(1), "place": _place(WIDEST)}
        if config.planes < WIDEST:
            extra["group"] = unsigned(3)
        state = data.StructLayout(dict(beat.members) | extra)
        super().__init__(beat, _step(config), config.interval, state)

    def further(self, m: Module, beat: data.View) -> Value:
        mixed = beat.w_encoding[1] & ~beat.a_encoding[1]
        if self.config.planes == WIDEST:
            return beat.w_bits + mixed
        planes = named(m, "weight_planes", beat.w_bits + mixed + 1)
        shift = self.config.planes.bit_length() - 1
        groups = named(m, "groups", (beat.a_bits >> shift) + 1)
        return planes * groups - 1

    def load(self, m: Module, beat: data.View) -> Mapping[str, Value]:
        fields = {name: Value.cast(getattr(beat, name)) for name in self.i.payload.shape().members}
        fields |= {"ones": beat.w_encoding[1] & ~beat.a_encoding[1], "place": Const(0)}
        if self.config.planes < WIDEST:
            fields["group"] = Const(0)
        return fields

    def _group_done(self, m: Module, state: data.View) -> Value:
        if self.config.planes == WIDEST:
            return Const(1, 1)
        shift = self.config.planes.bit_length() - 1
        return state.group == (state.a_bits >> shift)

    def advance(self, m: Module, state: data.View) -> Mapping[str, Value]:
        done = named(m, "group_done", self._group_done(m, state))
        config, w = self.config, Value.cast(state.w)
        shifted = Cat(
            Cat(lane[1:], Const(0, 1))
            for lane in (w.word_select(k, 8) for k in range(config.lanes))
        )
        fields = {
            "w": Mux(done & ~state.ones, shifted, w),
            "ones": state.ones & ~done,
            "place": Mux(done, state.place + 1, state.place),
        }
        if config.planes < WIDEST:
            fields["group"] = Mux(done, 0, state.group + 1)
        return fields

    def offer(self, m: Module, state: data.View, first: Value, last: Value) -> Mapping[str, Value]:
        config = self.config
        lanes, planes = config.lanes, config.planes
        both = named(m, "both", state.w_encoding[1] & state.a_encoding[1])
        only_w = named(m, "only_w", state.w_encoding[1] & ~state.a_encoding[1])
        only_a = named(m, "only_a", ~state.w_encoding[1] & state.a_encoding[1])
        # The top plane comes at place w_bits, or one later when a plane of ones came first.
        top = named(m, "top_plane", state.place == state.w_bits + only_w)
        invert = named(m, "invert", only_w & top)
        w, a = Value.cast(state.w), Value.cast(state.a)
        plane = Cat((w[8 * k] ^ invert) | (only_w & state.ones) for k in range(lanes))
        group = state.group if planes < WIDEST else Const(0, 1)
        chosen = [
            Cat(a.word_select(k, 8).word_select(group, planes)[j] for k in range(lanes))
            if planes < WIDEST
            else Cat(a[8 * k + j] for k in range(lanes))
            for j in range(planes)
        ]
        low = Cat(Const(0, planes.bit_length() - 1), group)[:4] if planes < WIDEST else Const(0, 1)
        index = [named(m, f"index{j}", low + j) for j in range(planes)]
        a_signed = named(m, "a_signed", state.a_encoding == 1)
        fields = {
            "w": plane,
            "a": Cat(chosen),
            # Nothing lies below plane 0, and a comparison that cannot fail is a lint warning.
            "valid": Cat(
                Const(1, 1) if planes == WIDEST and j == 0 else k <= state.a_bits
                for j, k in enumerate(index)
            ),
            "negate": Cat((k == state.a_bits) & a_signed for k in index),
            "both": both,
            "only_a": only_a & (~group.any() if planes < WIDEST else Const(1, 1)),
            "doubled": only_a,
            "negative": top & ((state.w_encoding == 1) | only_w),
            "place": state.place,
            "a_bits": state.a_bits,
            "first": first,
            "last": last,
        }
        if planes < WIDEST:
            fields["a_place"] = low
        if config.accumulator is not None:
            fields["acc"] = state.acc
        return fields


class Count(Stage):
    """The bits of each pair of planes that say +1."""

    delay = 20

    def __init__(self, config: BitplaneConfig):
        self.config = config
        super().__init__(_step(config), _counts(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        w = self.i.w
        for j in range(self.config.planes):
            a = self.i.a[j]
            meet = named(m, f"meet{j}", Mux(self.i.both, ~(w ^ a), w & a))
            m.d.comb += self.o.counts[j].eq(count_ones(m, meet, f"count{j}"))
        m.d.comb += self.o.ones.eq(count_ones(m, w & self.i.only_a.replicate(len(w)), "ones"))
        return m


def count_ones(m: Module, bits: Value, name: str) -> Value:
    """The number of ones among ``bits``, by as many full adders as it has ones at most less the
    width of that number."""
    columns = Columns(len(bits).bit_length())
    for k in range(len(bits)):
        columns.add(bits[k])
    left, right = columns.reduce(m, name)
    return named(m, name, (left + right)[: len(left)])


class Weigh(Stage):
    """Counts times their powers of two, with their signs."""

    delay = 34

    def __init__(self, config: BitplaneConfig):
        self.config = config
        acc = config.accumulator.bits if config.accumulator else 0
        super().__init__(_counts(config), gather_layout(config.result_format.bits, acc))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, i = self.config, self.i
        rows: list[Value] = []
        ones: list[Value] = []
        for j in range(config.planes):
            count = named(m, f"scaled{j}", Mux(i.both | i.doubled, i.counts[j] << 1, i.counts[j]))
            centred = named(m, f"centred{j}", count - Mux(i.both, config.lanes, 0))
            negate = named(m, f"negate{j}", i.valid[j] & (i.negate[j] ^ i.negative))
            value = centred.as_unsigned() & i.valid[j].replicate(len(centred))
            # The zeros below are inverted too, so that the one to add is in the last place.
            row = Cat(Const(0, j), value) ^ negate.replicate(j + len(centred))
            rows.append(named(m, f"row{j}", row.as_signed()))
            ones.append(negate)
        # Zero but for bipolar activations: the count of b, and less its multiple.
        multiple = i.ones << i.a_bits << 1
        for name, value, sign in (
            ("plus", i.ones, i.negative),
            ("minus", multiple, ~i.negative),
        ):
            negate = named(m, f"negate_{name}", i.only_a & sign)
            row = Cat(value, Const(0, 1)) ^ negate.replicate(len(value) + 1)
            rows.append(named(m, f"ones_{name}", row.as_signed()))
            ones.append(negate)
        bits = max(len(row) for row in rows) + 2
        left, right, one = carry_save(m, signed_rows(rows, bits), ones, bits, "weigh")
        plane = named(m, "plane", (left + right + one)[:bits].as_signed())
        place = i.place if config.planes == WIDEST else i.place + i.a_place
        shifted = named(m, "shifted", plane << place)
        m.d.comb += [
            self.o.total.eq(shifted.as_signed()),
            self.o.carry.eq(0),
            self.o.carry_in.eq(0),
        ]
        return m
