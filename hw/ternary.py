"""Ternary and binary dot products, and the unpacker: `golden/ternary.py` in hardware."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value, unsigned
from amaranth.lib import data

from golden.ternary import Packing, TernaryConfig, UnpackerConfig

from .arith import named
from .integer_sum import PropagateCarries, RowTree, acc_layout, pair_layout
from .pipeline import Datapath, Stage, layout


class Unpacker(Datapath):
    """The unit of a :class:`golden.ternary.UnpackerConfig`; see there for what it computes."""

    def __init__(self, config: UnpackerConfig):
        o = data.StructLayout({"weights": _weights(config)})
        super().__init__(config, [Unpack(config, layout(config.input), o)])


class TernaryDot(Datapath):
    """The unit of a :class:`golden.ternary.TernaryConfig`; see there for what it computes."""

    def __init__(self, config: TernaryConfig):
        unpack = Unpack(config, layout(config.input), _unpacked(config))
        super().__init__(config, [unpack, Tree(config), PropagateCarries(config)])


def _weights(config: TernaryConfig | UnpackerConfig) -> data.ArrayLayout:
    """A weight in two bits: nonzero, and above it the sign."""
    lane = unsigned(2)
    return lane if config.lanes == 1 else data.ArrayLayout(lane, config.lanes)


def _unpacked(config: TernaryConfig) -> data.StructLayout:
    activations = {"a": layout(config.input).members["a"]}
    return data.StructLayout({"weights": _weights(config)} | activations | acc_layout(config))


class Unpack(Stage):
    """Codes to weights; what else there is goes by."""

    delay = 10

    def __init__(
        self, config: TernaryConfig | UnpackerConfig, i: data.StructLayout, o: data.StructLayout
    ):
        self.config = config
        super().__init__(i, o)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        packing, lanes = self.config.packed, self.config.lanes
        codes = self.i.w.as_value() if isinstance(self.i.w, data.View) else self.i.w
        weights: list[Value] = []
        for place in range(-(-lanes // packing.weights)):
            code = codes.word_select(place, packing.bits)
            digits = _unpack(m, packing, named(m, f"code{place}", code), place)
            weights += [named(m, f"w{place}_{k}", digit) for k, digit in enumerate(digits)]
        m.d.comb += Value.cast(self.o.weights).eq(Cat(weights[:lanes]))
        return m


def _unpack(m: Module, packing: Packing, code: Value, place: int) -> list[Value]:
    """The weights of one code, each two bits."""
    if packing.name == "binary":
        return [Cat(Const(1, 1), ~code)]
    if packing.name == "two_bit":
        return [Cat(code[0], code[1] & code[0])]
    digits = []
    if packing.name == "base3":
        # Long division: what is left after each digit lies below the next power.
        rest, unused = code, named(m, f"unused{place}", code >= 243)
        for k in reversed(range(packing.weights)):
            two = named(m, f"two{place}_{k}", rest >= 2 * 3**k)
            one = named(m, f"one{place}_{k}", rest >= 3**k)
            less = Mux(two, rest - 2 * 3**k, Mux(one, rest - 3**k, rest))
            rest = named(m, f"rest{place}_{k}", less[: (3**k - 1).bit_length()]) if k else rest
            negative = named(m, f"negative{place}_{k}", ~one & ~unused)
            digits.append(Cat((two & ~unused) | negative, negative))
        return digits[::-1]
    rest = code
    for k in range(packing.weights):
        tripled = named(m, f"tripled{place}_{k}", (rest + (rest << 1))[:10])
        rest = tripled[:8]
        negative = ~tripled[8:].any()
        digits.append(Cat(tripled[9] | negative, negative))
    return digits


class Tree(RowTree):
    """Each activation, its complement or zero; and the ones that complements still need."""

    def __init__(self, config: TernaryConfig):
        self.config = config
        super().__init__(_unpacked(config), pair_layout(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, rows, ones = self.config, [], []
        for lane in range(config.lanes):
            a, weight = (
                (port if config.lanes == 1 else port[lane]) for port in (self.i.a, self.i.weights)
            )
            flipped = named(m, f"flipped{lane}", a ^ weight[1].replicate(len(a)))
            row = flipped & weight[0].replicate(len(a))
            rows.append(named(m, f"row{lane}", row.as_signed()))
            ones.append(weight[1])
        if config.accumulator is not None:
            rows.append(self.i.acc)
        self.add(m, config.result_format.bits, rows, ones)
        return m
