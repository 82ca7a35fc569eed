"""Units in Amaranth's own simulator: slow, but it needs no compiler."""

import warnings

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from golden.unit import concatenate


@pytest.fixture
def evaluate():
    """``evaluate(build, widths, rows)``: outputs of combinational logic for rows of inputs."""

    def run(build, widths, rows):
        m = Module()
        inputs = [Signal(width, name=f"input{k}") for k, width in enumerate(widths)]
        value = build(m, *inputs)
        output = Signal(value.shape())
        m.d.comb += output.eq(value)
        results = []

        async def bench(ctx):
            for row in rows:
                for signal, number in zip(inputs, row, strict=True):
                    ctx.set(signal, int(number))
                results.append(ctx.get(output))

        simulator = Simulator(m)
        simulator.add_testbench(bench)
        simulator.run()
        return results

    return run


@pytest.fixture
def stream_through():
    """``stream_through(component, config, beats, stalls)``: packed output beats, cycle of each."""

    def run(component, config, beats, stalls=None):
        words, expected = config.input.pack(beats), len(beats[config.input.fields[0].name])
        expected *= config.output_beats
        taken, given = [], []

        async def bench(ctx):
            cycle, sent = 0, 0
            while len(given) < expected:
                offer, accept = (1, 1) if stalls is None else stalls.integers(0, 2, 2)
                offer = offer and sent < len(words)
                ctx.set(component.i.valid, int(offer))
                ctx.set(component.i.payload.as_value(), words[min(sent, len(words) - 1)])
                ctx.set(component.o.ready, int(accept))
                _, _, ready, valid, payload = await ctx.tick().sample(
                    component.i.ready, component.o.valid, component.o.payload.as_value()
                )
                if offer and ready:
                    taken.append(cycle)
                    sent += 1
                if valid and accept:
                    given.append((cycle, payload))
                cycle += 1
                assert cycle < 100 * expected + 100, "the unit hangs"

        simulator = Simulator(component)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            simulator.run()
        return taken, given

    return run


@pytest.fixture
def sample():
    """``sample(config, corners, count)``: some corner beats and some random ones, seeded."""

    def run(config, corners, count, seed=0):
        rng = np.random.default_rng(seed)
        directed = concatenate(*config.corners())
        rows = rng.permutation(len(next(iter(directed.values()))))[:corners]
        return concatenate(
            {name: codes[rows] for name, codes in directed.items()}, config.random(rng, count)
        )

    return run
