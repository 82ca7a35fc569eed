"""The front of an encoder that rounds stochastically."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden import lfsr
from golden.encoder import EncoderConfig

from ..arith import named
from ..pipeline import Register, layout
from .widths import values


class RandomRegister(wiring.Component):
    """Holds a block and the random bits that it is rounded with; the shift register moves on when
    the block leaves.

    Attributes
    ----------
    i : In(stream.Signature(layout(config.input)))
    o : Out(stream.Signature(values, random))
    """

    def __init__(self, config: EncoderConfig):
        self.config = config
        shape = data.StructLayout(values(config))
        super().__init__(
            {
                "i": In(stream.Signature(layout(config.input))),
                "o": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.register = register = Register(layout(self.config.input))
        wiring.connect(m, wiring.flipped(self.i), register.i)
        state = Signal(lfsr.DEGREE, init=self.config.seed)
        count = self.config.format.block * self.config.random_bits
        bits = [state[k] for k in range(lfsr.DEGREE)]
        for k in range(count):
            bits.append(named(m, f"bit{lfsr.DEGREE + k}", bits[k] ^ bits[k + lfsr.TAP]))
        m.d.comb += [
            register.o.ready.eq(self.o.ready),
            self.o.valid.eq(register.o.valid),
            *(
                Value.cast(self.o.payload[name]).eq(Value.cast(register.o.payload[name]))
                for name in register.o.payload.shape().members
            ),
            self.o.payload.random.eq(Cat(bits[:count])),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += state.eq(Cat(bits[count:]))
        return m
