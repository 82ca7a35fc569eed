"""Layer descriptors as they come from memory: gathered, checked, handed on.

The checks are those of `golden/sparse/descriptor.py`, built from its tables.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.checks import RULES
from golden.sparse.descriptor import BYTES, FIELDS, Field, address_mask, highest, reserved

from ..arith import named
from .layout import layer_layout

WORD = 64
"""Bits of a word of a descriptor: an address."""
_BY_NAME = {field.name: field for field in FIELDS}


def _word_masks(word: int) -> tuple[int, int]:
    """Of a word of a descriptor: bits that must be zero, and which bits of the first wrong byte's
    number in the word say where the field begins."""
    mask, start = 0, 0b111
    for field in FIELDS:
        if field.address and field.offset // 8 == word:
            mask |= address_mask(field) << field.offset % 8 * 8
            start = 0b111 & -(field.bits // 8)
    for byte in reserved():
        if byte // 8 == word:
            mask |= 0xFF << byte % 8 * 8
    return mask, start


class DescriptorReader(wiring.Component):
    """Descriptors from beats, one after the other.

    The beats of a descriptor are taken one a cycle; two cycles after the last one it is offered on
    ``o``, or ``bad`` says that it is malformed. Addresses are cut to what the machine can reach and
    only fields are kept.

    Attributes
    ----------
    i : In(stream.Signature(config.bus_bits))
    number : In(16)
        Place of the descriptor in the list. Holds until it has been taken.
    o : Out(stream.Signature(layer_layout()))
    bad : Out(1)
        Holds until reset; nothing more is taken.
    where : Out(8)
        If ``bad``: the byte at which the offending field begins, as
        :func:`golden.sparse.descriptor.offence` says.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(config.bus_bits)),
                "number": In(16),
                "o": Out(stream.Signature(layer_layout())),
                "bad": Out(1),
                "where": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beats = BYTES // self.config.beat
        step = Signal(range(beats))
        fields = Signal(layer_layout(), reset_less=True)
        stray, stray_at = Signal(), Signal(8, reset_less=True)
        checks = self._checks(fields)
        broken = Signal(len(checks), reset_less=True)
        m.d.comb += self.o.payload.eq(fields)
        with m.FSM(name="state"):
            with m.State("gather"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += step.eq(step + 1)
                    self._gather(m, step, fields, stray, stray_at)
                    with m.If(step == beats - 1):
                        m.d.sync += fields.number.eq(self.number)
                        m.next = "check"
            with m.State("check"):
                m.d.sync += broken.eq(Cat(~good for _, good in checks))
                m.next = "judged"
            with m.State("judged"):
                m.d.comb += [
                    self.bad.eq(stray | broken.any()),
                    self.where.eq(
                        Mux(stray, stray_at, _first(broken, [f.offset for f, _ in checks]))
                    ),
                    self.o.valid.eq(~self.bad),
                ]
                with m.If(self.o.valid & self.o.ready):
                    m.next = "gather"
        return m

    def _gather(
        self, m: Module, step: Signal, fields: data.View, stray: Signal, stray_at: Signal
    ) -> None:
        """Keep the fields of a beat, and see what must be zero in it."""
        beat, lanes = self.config.beat, self.config.bus_bits // WORD
        for field in FIELDS:
            low = field.offset % beat * 8
            kept = fields[field.name]
            with m.If(step == field.offset // beat):
                m.d.sync += kept.eq(self.i.payload[low : low + len(Value.cast(kept))])
        found, places = [], []
        for lane in range(lanes):
            mask, start = Signal(WORD, name=f"mask{lane}"), Signal(3, name=f"start{lane}")
            with m.Switch(step):
                for number in range(BYTES // beat):
                    with m.Case(number):
                        zeros, begin = _word_masks(number * lanes + lane)
                        m.d.comb += [mask.eq(zeros), start.eq(begin)]
            word = named(m, f"word{lane}", self.i.payload.word_select(lane, WORD) & mask)
            wrong = Signal(8, name=f"wrong{lane}")
            m.d.comb += wrong.eq(Cat(word.word_select(k, 8).any() for k in range(8)))
            found.append(named(m, f"found{lane}", wrong.any()))
            byte = named(m, f"byte{lane}", _first(wrong, list(range(8)))[:3] & start)
            places.append(Cat(byte, Const(lane, (lanes - 1).bit_length())))
        lane_at = Signal(range(beat))
        for one, place in reversed(list(zip(found, places, strict=True))):
            with m.If(one):
                m.d.comb += lane_at.eq(place)
        # Once a descriptor is bad, none is taken before a reset.
        with m.If(~stray):
            m.d.sync += [stray.eq(Cat(found).any()), stray_at.eq(Cat(lane_at, step))]

    def _checks(self, fields: data.View) -> list[tuple[Field, Value]]:
        """Each check that can fail, and the field to blame."""
        checks = []
        for field in FIELDS:
            if field.address:
                continue
            value = Value.cast(fields[field.name])
            if field.low:
                checks.append((field, value >= field.low))
            if field.name in ("cpr_after", "features_after"):
                checks.append((field, value <= fields.number))
            elif highest(field, self.config, 0) < (1 << field.bits) - 1:
                checks.append((field, value <= highest(field, self.config, 0)))
        for rule in RULES:
            holds = rule.holds(fields, self.config)
            if isinstance(holds, Value):  # else this machine cannot break it
                checks.append((_BY_NAME[rule.field], holds))
        return checks


def _first(bits: Value, values: list[int]) -> Value:
    """The value of the lowest bit that is set."""
    result: Value = Const(values[-1], unsigned(8))
    for bit, value in reversed(list(zip(bits, values, strict=True))):
        result = Mux(bit, Const(value, unsigned(8)), result)
    return result
