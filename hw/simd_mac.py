"""SIMD multiply-accumulate: `golden/simd_mac.py` in hardware.

One array of partial products, one shifter and one adder serve every mode. What they share is cut
where lanes meet: the array by partial products that are masked, the shifter by sources that are,
and the adder by an extra column that either hands the carry on or begins a new lane's.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Value, unsigned
from amaranth.lib import data

from golden.quire import product_bits
from golden.simd_mac import SimdMacConfig

from .arith import carry_save, named
from .element import Element, significand_bits, unpack
from .pipeline import Datapath, Stage, layout


class SimdMac(Datapath):
    """The unit of a :class:`golden.simd_mac.SimdMacConfig`; see there for what it computes."""

    def __init__(self, config: SimdMacConfig):
        stages = [Unpack(config), Multiply(config), Shift(config), Accumulate(config)]
        super().__init__(config, stages)


def _modes(config: SimdMacConfig) -> range:
    return range(len(config.formats))


def _lane_of(config: SimdMacConfig, mode: int, segment: int) -> int:
    """The lane that a segment of the quire belongs to."""
    return segment * config.lanes(mode) // config.segments


def _linked(config: SimdMacConfig, mode: int, low: int, high: int) -> bool:
    """Whether two segments belong to the same lane."""
    return _lane_of(config, mode, low) == _lane_of(config, mode, high)


def _array_bits(config: SimdMacConfig) -> int:
    """Width of an operand of the multiplier array."""
    return max(config.lanes(k) * significand_bits(config.formats[k]) for k in _modes(config))


def _amount_bits(config: SimdMacConfig) -> int:
    """Width of a shift amount."""
    return max((product_bits(fmt) - 1).bit_length() for fmt in config.formats)


def _is(mode: Value, chosen: list[int], count: int) -> Value:
    """One of ``chosen`` is the mode."""
    if len(chosen) == count == 1 << len(mode):
        return Const(1, 1)
    return reduce(or_, (mode == k for k in chosen), Const(0, 1))


def _unpacked(config: SimdMacConfig) -> data.StructLayout:
    return data.StructLayout(
        {
            "left": unsigned(_array_bits(config)),
            "right": unsigned(_array_bits(config)),
            "amounts": data.ArrayLayout(unsigned(_amount_bits(config)), config.segments),
            **_beside(config),
        }
    )


def _beside(config: SimdMacConfig) -> dict:
    """What goes by the products; a bit of ``negative`` and ``nar`` for each segment."""
    return {
        "negative": unsigned(config.segments),
        "nar": unsigned(config.segments),
        "mode": unsigned(config.mode_format.bits),
        "acc": unsigned(config.quire_bits),
    }


def _multiplied(config: SimdMacConfig) -> data.StructLayout:
    return data.StructLayout(
        {
            "products": unsigned(2 * _array_bits(config)),
            "amounts": data.ArrayLayout(unsigned(_amount_bits(config)), config.segments),
            **_beside(config),
        }
    )


def _shifted(config: SimdMacConfig) -> data.StructLayout:
    return data.StructLayout({"magnitudes": unsigned(config.quire_bits), **_beside(config)})


class Unpack(Stage):
    """The numbers of every mode taken apart, and one mode let through."""

    delay = 30

    def __init__(self, config: SimdMacConfig):
        self.config = config
        super().__init__(layout(config.input), _unpacked(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        active = [named(m, f"mode_{k}", self.i.mode == k) for k in _modes(config)]
        parts = {
            name: [self._lanes(m, mode, word, name) for mode in _modes(config)]
            for name, word in (("a", self.i.a), ("w", self.i.w))
        }

        def chosen(values: list[Value]) -> Value:
            masked = (Mux(on, value, 0) for on, value in zip(active, values, strict=True))
            return reduce(or_, masked)

        left, right = (
            chosen([Cat(each.significand for each in lanes) for lanes in parts[name]])
            for name in ("a", "w")
        )
        m.d.comb += [self.o.left.eq(left), self.o.right.eq(right)]
        for segment in range(config.segments):

            def mine(name: str, segment: int = segment) -> list[Element]:
                lanes = enumerate(parts[name])
                return [each[_lane_of(config, mode, segment)] for mode, each in lanes]

            a, w = mine("a"), mine("w")
            shifts = [
                named(m, f"shift_{name}{segment}", chosen([each.shift for each in mine(name)]))
                for name in ("a", "w")
            ]
            m.d.comb += [
                self.o.amounts[segment].eq(shifts[0] + shifts[1]),
                self.o.negative[segment].eq(
                    chosen([x.sign ^ y.sign for x, y in zip(a, w, strict=True)])
                ),
                self.o.nar[segment].eq(
                    chosen(
                        [x.nan | y.nan | x.inf | y.inf for x, y in zip(a, w, strict=True)],
                    )
                ),
            ]
        return m

    def _lanes(self, m: Module, mode: int, word: Value, name: str) -> list[Element]:
        fmt = self.config.formats[mode]
        return [
            unpack(m, fmt, word.word_select(lane, fmt.bits), f"{name}_{mode}_{lane}")
            for lane in range(self.config.lanes(mode))
        ]


class Multiply(Stage):
    """All products of a mode by one array: lanes lie on its diagonal, and the partial products off
    it are masked. Sums of one lane never reach the next: a product has no more bits than both its
    factors."""

    delay = 24

    def __init__(self, config: SimdMacConfig):
        self.config = config
        super().__init__(_unpacked(config), _multiplied(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config, width = self.config, _array_bits(self.config)
        masks: dict[tuple[int, ...], Value] = {}
        rows: list[Value] = []
        for place in range(width):
            bits = []
            for other in range(width):
                modes = [k for k in _modes(config) if self._together(k, place, other)]
                key = tuple(modes)
                if key not in masks:
                    wanted = _is(self.i.mode, modes, len(_modes(config)))
                    masks[key] = named(m, f"mask_{len(masks)}", wanted)
                bits.append(self._masked(m, other, key, masks))
            row = Cat(bits) & self.i.right[place].replicate(width)
            rows.append(Cat(Const(0, place), named(m, f"row_{place}", row)))
        total, carry, _ = carry_save(m, rows, [], 2 * width)
        m.d.comb += self.o.products.eq(total + carry)
        return m

    def _together(self, mode: int, place: int, other: int) -> bool:
        """Whether two places of the operands belong to the same lane."""
        bits = significand_bits(self.config.formats[mode])
        return place // bits == other // bits < self.config.lanes(mode)

    def _masked(self, m: Module, place: int, key: tuple[int, ...], masks: dict) -> Value:
        """A bit of the left operand, in these modes only."""
        if not key:
            return Const(0, 1)
        return self.i.left[place] & masks[key]


class Shift(Stage):
    """Each product to its place in its lane of the quire."""

    delay = 20

    def __init__(self, config: SimdMacConfig):
        self.config = config
        super().__init__(_multiplied(config), _shifted(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        active = [named(m, f"mode_{k}", self.i.mode == k) for k in _modes(config)]
        current = self._placed(m, active)
        segment_bits = config.quire_bits // config.segments
        for level in range(_amount_bits(config)):
            step, moved = 1 << level, []
            takes: dict[tuple[int, int], Value] = {}
            for place in range(config.quire_bits):
                here, there = current[place], current[place - step] if place >= step else None
                segment, source = place // segment_bits, (place - step) // segment_bits
                modes = [k for k in self._reaching(place) if place >= step]
                modes = [k for k in modes if _linked(config, k, source, segment)]
                if there is None or not modes:
                    # Nothing comes; what is here stays, unless it moves on.
                    moved.append(self._stays(here, segment, level))
                    continue
                if (segment, source) not in takes:
                    take = self.i.amounts[segment][level]
                    linked = [k for k in _modes(config) if _linked(config, k, source, segment)]
                    if source != segment:
                        take &= _is(self.i.mode, linked, len(_modes(config)))
                    takes[segment, source] = named(m, f"take_{level}_{segment}_{source}", take)
                comes = there & takes[segment, source]
                stays = self._stays(here, segment, level)
                moved.append(comes if stays is None else comes | stays)
            current = [
                None if bit is None else named(m, f"level_{level}_{place}", bit)
                for place, bit in enumerate(moved)
            ]
        zero = Const(0, 1)
        m.d.comb += self.o.magnitudes.eq(Cat(zero if bit is None else bit for bit in current))
        return m

    def _stays(self, bit: Value | None, segment: int, level: int) -> Value | None:
        return None if bit is None else bit & ~self.i.amounts[segment][level]

    def _placed(self, m: Module, active: list[Value]) -> list[Value | None]:
        """The products at the low ends of their lanes; None where there is never a one."""
        config = self.config
        placed: list[Value | None] = [None] * config.quire_bits
        for mode in _modes(config):
            bits = significand_bits(config.formats[mode])
            span = config.quire(mode).bits
            for lane in range(config.lanes(mode)):
                for bit in range(min(2 * bits, product_bits(config.formats[mode]) - 1)):
                    value = self.i.products[2 * bits * lane + bit] & active[mode]
                    before = placed[lane * span + bit]
                    placed[lane * span + bit] = value if before is None else before | value
        return [
            None if value is None else named(m, f"placed_{place}", value)
            for place, value in enumerate(placed)
        ]

    def _reaching(self, place: int) -> list[int]:
        """The modes whose products have bits at this place of the quire."""
        config = self.config
        return [
            mode
            for mode in _modes(config)
            if place % config.quire(mode).bits < product_bits(config.formats[mode]) - 1
        ]


class Accumulate(Stage):
    """The one addition, cut where lanes meet.

    Before each segment stands a column of its own: where a lane begins, both its bits are the
    lane's sign, so that it sends a carry that completes the negation of the product; elsewhere one
    of them is set, and it hands on the carry that it gets.
    """

    delay = 18

    def __init__(self, config: SimdMacConfig):
        self.config = config
        super().__init__(_shifted(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, count = self.config, len(_modes(self.config))
        width = config.quire_bits // config.segments
        products, quires, begins, nars = [], [], [], []
        for segment in range(config.segments):
            goes_on = [
                k for k in _modes(config) if segment and _linked(config, k, segment - 1, segment)
            ]
            begin = named(m, f"begin_{segment}", ~_is(self.i.mode, goes_on, count))
            negative = self.i.negative[segment]
            magnitude = self.i.magnitudes.word_select(segment, width)
            products.append(Cat(negative | ~begin, magnitude ^ negative.replicate(width)))
            quires.append(Cat(negative & begin, self.i.acc.word_select(segment, width)))
            begins.append(begin)
        total = named(m, "total", (Cat(products) + Cat(quires))[: config.segments * (width + 1)])
        parts = []
        for segment in range(config.segments):
            nar = self.i.nar[segment] | self._nar_before(m, segment, width)
            nar = named(m, f"nar_{segment}", nar)
            ends = Const(1, 1) if segment == config.segments - 1 else begins[segment + 1]
            part = total.word_select(segment, width + 1)[1:]
            parts += [part[:-1] & ~nar.replicate(width - 1), Mux(nar, ends, part[-1])]
            nars.append(nar)
        m.d.comb += self.o.quire.eq(named(m, "quires", Cat(parts)))
        return m

    def _nar_before(self, m: Module, segment: int, width: int) -> Value:
        """The lane of this segment was NaR already."""
        config = self.config
        found: Value = Const(0, 1)
        for span in sorted({config.segments // config.lanes(k) for k in _modes(config)}):
            modes = [k for k in _modes(config) if config.segments // config.lanes(k) == span]
            lane = self.i.acc.word_select(segment // span, span * width)
            is_nar = lane == 1 << span * width - 1
            mode = reduce(or_, (self.i.mode == k for k in modes))
            found |= is_nar & mode
        return found
