"""Sums of N channels to INT8, a vector a cycle, with parameters that change without a bubble.

::

    parameters ─> shadow ─┬──────────┬────────────┐
                          v          v            v
                sums ─> Bias ─| Multiply ─| Shift ─| Clamp, ReLU ─| result

The arithmetic is that of :mod:`hw.requantizer`. Each stage holds its own parameters, and takes new
ones from the shadow in the cycle before the first vector of a command reaches it: the next
command's parameters are loaded while this one runs.
"""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.errors import require
from golden.requant import RequantConfig
from golden.requantizer import RequantizerConfig
from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.places import PARAMETER_BYTES

from ..pipeline import lanes_of
from ..requantizer import Bias, Clamp, Multiply, Shift
from ..shared import Shared

LATENCY = 4
"""Cycles from ``sums`` to ``result``."""


STAGES = {"bias": Bias, "multiply": Multiply, "shift": Shift, "clamp": Clamp}
LANE = RequantizerConfig(requant=RequantConfig(relu=False), lanes=1)
"""The arithmetic of a channel; ReLU is chosen layer by layer, and comes after the clamp, which is
the same without a zero point."""


def parameter_layout() -> data.StructLayout:
    """Of a channel: eight bytes in memory."""
    return data.StructLayout({"bias": signed(32), "multiplier": unsigned(16), "shift": unsigned(6)})


class Parameters(wiring.Component):
    """The parameters of the next command, gathered beat by beat.

    Attributes
    ----------
    i : In(stream.Signature(config.bus_bits))
        8 N bytes a command, channel 0 first: bias, multiplier, shift, 0.
    o : Out(ArrayLayout(parameter_layout(), N))
    full : Out(1)
        ``o`` is complete. It holds until ``release``.
    release : In(1)
        In the last cycle in which ``o`` is needed.
    """

    def __init__(self, config: AcceleratorConfig):
        size = config.array * PARAMETER_BYTES
        require(size >= config.beat, "array", config.array, f"{config.beat // 8} or more")
        self.beats, self._channels = size // config.beat, config.beat // PARAMETER_BYTES
        super().__init__(
            {
                "i": In(stream.Signature(config.bus_bits)),
                "o": Out(data.ArrayLayout(parameter_layout(), config.array)),
                "full": Out(1),
                "release": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shadow = Signal(self.o.shape(), reset_less=True)
        number = Signal(range(self.beats))
        m.d.comb += [self.o.eq(shadow), self.i.ready.eq(~self.full)]
        with m.If(self.release):
            m.d.sync += self.full.eq(0)
        with m.If(self.i.valid & self.i.ready):
            for beat in range(self.beats):
                with m.If(number == beat):
                    for channel in range(self._channels):
                        word = self.i.payload.word_select(channel, 8 * PARAMETER_BYTES)
                        target = shadow[beat * self._channels + channel]
                        m.d.sync += [
                            target.bias.eq(word[:32]),
                            target.multiplier.eq(word[32:48]),
                            target.shift.eq(word[48:54]),
                        ]
            with m.If(number == self.beats - 1):
                m.d.sync += [number.eq(0), self.full.eq(1)]
            with m.Else():
                m.d.sync += number.eq(number + 1)
        return m


class Requantize(wiring.Component):
    """The pipeline: it never stalls, and gives ``result`` ``LATENCY`` cycles after ``sums``.

    Attributes
    ----------
    parameters : In(ArrayLayout(parameter_layout(), N))
    swap : In(1)
        The vector of the *next* cycle is the first that needs ``parameters``.
    release : Out(1)
        ``parameters`` are needed in this cycle for the last time.
    enable : In(1)
        A vector is on ``sums``: without one the registers hold.
    zero, relu : In(1)
        Go with ``sums``: make a vector of zeros; make negative results zero.
    sums : In(ArrayLayout(signed(32), N))
    result : Out(ArrayLayout(signed(8), N))
    """

    def __init__(self, config: AcceleratorConfig):
        self._lanes = n = config.array
        super().__init__(
            {
                "parameters": In(data.ArrayLayout(parameter_layout(), n)),
                "swap": In(1),
                "release": Out(1),
                "enable": In(1),
                "zero": In(1),
                "relu": In(1),
                "sums": In(data.ArrayLayout(signed(32), n)),
                "result": Out(data.ArrayLayout(signed(8), n)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        n = self._lanes
        stages = {}
        for name, make in STAGES.items():
            lane = Shared(f"requantize_{name}", lambda make=make: make(LANE))
            stages[name] = [lane.copy() for _ in range(n)]
            for k, copy in enumerate(stages[name]):
                m.submodules[f"{name}_{k}"] = copy
        bias, multiply, shift, clamp = stages.values()

        # Bit k: the first vector of a command, or any vector, is k cycles beyond `sums`; swaps
        # are a cycle ahead.
        swaps, moves = Signal(2), Signal(LATENCY - 1)
        m.d.sync += [swaps.eq((swaps << 1) | self.swap), moves.eq((moves << 1) | self.enable)]
        m.d.comb += self.release.eq(swaps[1])
        modes = data.StructLayout({"zero": unsigned(1), "relu": unsigned(1)})
        chain = [Signal(modes, name=f"modes{k}", reset_less=True) for k in range(LATENCY)]
        m.d.comb += [chain[0].zero.eq(self.zero), chain[0].relu.eq(self.relu)]
        for before, after in pairwise(chain):
            m.d.sync += after.eq(before)

        held = {
            name: Signal(data.ArrayLayout(shape, n), name=f"held_{name}", reset_less=True)
            for name, shape in parameter_layout().members.items()
        }
        for name, go in zip(held, (self.swap, swaps[0], swaps[1]), strict=True):
            with m.If(go):
                m.d.sync += [held[name][k].eq(self.parameters[k][name]) for k in range(n)]

        total = Signal(data.ArrayLayout(signed(32), n), reset_less=True)
        product = Signal(
            data.ArrayLayout(multiply[0].o.lanes[0].shape().members["product"], n), reset_less=True
        )
        shifted = Signal(data.ArrayLayout(shift[0].o.shape(), n), reset_less=True)
        result = Signal(self.result.shape(), reset_less=True)
        m.d.comb += self.result.eq(result)
        for k in range(n):
            m.d.comb += [
                bias[k].i.acc.eq(self.sums[k]),
                bias[k].i.bias.eq(held["bias"][k]),
                multiply[k].i.lanes[0].total.eq(total[k]),
                multiply[k].i.lanes[0].multiplier.eq(held["multiplier"][k]),
                shift[k].i.lanes[0].product.eq(product[k]),
                shift[k].i.lanes[0].shift.eq(held["shift"][k]),
                clamp[k].i.eq(shifted[k]),
            ]
        with m.If(self.enable):
            m.d.sync += [total[k].eq(bias[k].o.lanes[0].total) for k in range(n)]
        with m.If(moves[0]):
            m.d.sync += [product[k].eq(multiply[k].o.lanes[0].product) for k in range(n)]
        with m.If(moves[1]):
            m.d.sync += [shifted[k].eq(shift[k].o) for k in range(n)]
        mode = chain[-1]
        with m.If(moves[2]):
            for k in range(n):
                code = lanes_of(clamp[k].o.result, 1)[0]
                drop = mode.zero | (mode.relu & code[-1])
                m.d.sync += result[k].eq(Mux(drop, 0, code))
        return m
