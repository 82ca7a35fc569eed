"""Words to bus beats."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith import named
from ..pipeline import Register

WORD = 32
BYTES = WORD // 8


class Packer(wiring.Component):
    """Packs words of 32 bits into beats of ``beat`` bytes, a word a cycle.

    Attributes
    ----------
    i : In(stream.Signature({"word", "present", "last"}))
        With the ``last`` one leaves the beat, even if it is not full; without a word in it (not
        ``present``) if need be.
    o : Out(stream.Signature({"data", "strobe", "last"}))
    """

    def __init__(self, beat: int):
        self._words = beat // BYTES
        word = {"word": unsigned(WORD), "present": unsigned(1), "last": unsigned(1)}
        whole = {"data": unsigned(8 * beat), "strobe": unsigned(beat), "last": unsigned(1)}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(word))),
                "o": Out(stream.Signature(data.StructLayout(whole))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.back = back = Register(self.o.payload.shape())
        wiring.connect(m, back.o, wiring.flipped(self.o))
        word = self.i.payload
        place = Signal(range(self._words))
        words = [Signal(WORD, name=f"word_{k}", reset_less=True) for k in range(self._words - 1)]
        here = [named(m, f"here_{k}", place == k) for k in range(self._words)]
        filled = [h & word.present for h in here]
        filled = [f | (place > k) for k, f in enumerate(filled[:-1])] + filled[-1:]
        step = Signal()
        leaves = named(m, "leaves", word.last | (word.present & here[-1]))
        m.d.comb += [
            back.i.payload.data.eq(
                Cat(*(Mux(h, word.word, w) for h, w in zip(here, words, strict=False)), word.word)
            ),
            back.i.payload.strobe.eq(Cat(f.replicate(BYTES) for f in filled)),
            back.i.payload.last.eq(word.last),
            back.i.valid.eq(self.i.valid & leaves),
            self.i.ready.eq(~leaves | back.i.ready),
            step.eq(self.i.valid & self.i.ready),
        ]
        with m.If(step):
            m.d.sync += place.eq(Mux(leaves, 0, place + word.present))
            for h, w in zip(here, words, strict=False):
                with m.If(h):
                    m.d.sync += w.eq(word.word)
        return m
