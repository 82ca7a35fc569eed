"""A unit of bitpillar inside a design of one's own: a neuron in INT8, simulated against golden.

python docs/example/neuron.py
"""

import numpy as np
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from golden.dot import DotConfig
from golden.formats import INT8, INT32
from hw.dot import Dot

LANES = 16
CONFIG = DotConfig(a=INT8, w=INT8, lanes=LANES, accumulator=INT32)


class Neuron(wiring.Component):
    """``max(0, sum of a[k] * w[k])`` over any number of beats, up to one that says ``last``.

    Attributes
    ----------
    i : In(stream of 16 activations, 16 weights, and whether they are the last)
    o : Out(stream of a signed number of 32 bits)
    """

    def __init__(self):
        lanes = data.ArrayLayout(8, LANES)
        beat = data.StructLayout({"a": lanes, "w": lanes, "last": 1})
        super().__init__({"i": In(stream.Signature(beat)), "o": Out(stream.Signature(signed(32)))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.dot = dot = Dot(CONFIG)
        total = Signal(32)
        last = Signal()
        m.d.comb += [
            dot.i.payload.a.eq(self.i.payload.a),
            dot.i.payload.w.eq(self.i.payload.w),
            dot.i.payload.acc.eq(total),
            self.o.payload.eq(Mux(total[31], 0, total).as_signed()),
        ]
        with m.FSM():
            with m.State("take"):
                m.d.comb += [dot.i.valid.eq(self.i.valid), self.i.ready.eq(dot.i.ready)]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += last.eq(self.i.payload.last)
                    m.next = "wait"
            with m.State("wait"):
                m.d.comb += dot.o.ready.eq(1)
                with m.If(dot.o.valid):
                    m.d.sync += total.eq(dot.o.payload.result)
                    m.next = "take"
                    with m.If(last):
                        m.next = "give"
            with m.State("give"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += total.eq(0)
                    m.next = "take"
        return m


def golden(a, w):
    """The same with the golden model: codes of shape (beats, lanes) in, a number out."""
    total = np.zeros((1, 1), np.int64)
    for beat in range(len(a)):
        row = slice(beat, beat + 1)
        total = CONFIG.compute({"a": a[row], "w": w[row], "acc": total})["result"]
    return max(0, int(np.int32(np.uint32(total[0, 0]))))


def simulate(vectors):
    """What the neuron gives for each (a, w) of ``vectors``."""
    neuron, results = Neuron(), []

    async def put(ctx):
        for a, w in vectors:
            for beat in range(len(a)):
                payload = {"a": a[beat].tolist(), "w": w[beat].tolist(), "last": beat + 1 == len(a)}
                await offer(ctx, neuron.i, payload)

    async def take(ctx):
        ctx.set(neuron.o.ready, 1)
        while len(results) < len(vectors):
            (value,) = await ctx.tick().sample(neuron.o.payload).until(neuron.o.valid)
            results.append(value)

    simulator = Simulator(neuron)
    simulator.add_clock(1e-8)
    simulator.add_testbench(put, background=True)
    simulator.add_testbench(take)
    simulator.run()
    return results


async def offer(ctx, port, payload):
    """One beat, until it is taken."""
    ctx.set(port.payload, payload)
    ctx.set(port.valid, 1)
    await ctx.tick().until(port.ready)
    ctx.set(port.valid, 0)


def main():
    rng = np.random.default_rng(1)
    shapes = [(beats, LANES) for beats in (1, 2, 3, 8) for _ in range(5)]
    vectors = [tuple(rng.integers(0, 256, (2, *shape))) for shape in shapes]
    expected = [golden(a, w) for a, w in vectors]
    assert 0 in expected and len(set(expected)) > 5  # both sides of the ReLU
    assert simulate(vectors) == expected
    print(f"{len(expected)} results, every bit as golden has it")


if __name__ == "__main__":
    main()
