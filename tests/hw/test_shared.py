"""Modules that are written once: names, copies, contents of memories."""

import re

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hw.shared import Shared
from hw.verilog import translate


class Delay(wiring.Component):
    """``o`` is ``i`` some cycles later, plus ``step`` each."""

    i: In(8)
    o: Out(8)

    def __init__(self, step=1):
        self.step = step
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.i + self.step)
        return m


class Chain(Delay):
    """Copies of what ``makes`` make, one after the other, beside a plain one named "delay"."""

    def __init__(self, *makes, name="delay"):
        self.makes, self.name = makes, name
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.delay = plain = Delay(step=100)
        m.d.comb += plain.i.eq(self.i)
        value = plain.o
        for number, make in enumerate(self.makes):
            shared = Shared(self.name, make)
            for copy in range(3):
                m.submodules[f"copy_{number}_{copy}"] = delay = shared.copy()
                m.d.comb += delay.i.eq(value)
                value = delay.o
        m.d.comb += self.o.eq(value)
        return m


def parts(text):
    """Number of instances of each module, by name."""
    modules = re.findall(r"^module (\w+)", text, re.M)
    assert len(set(modules)) == len(modules)
    return {name: len(re.findall(rf"^  {name} \w+ \(", text, re.M)) for name in modules}


def test_one_module_and_many_instances():
    text = translate(Chain(Delay), "top")
    # A shared module that would have the name of another gets a number.
    assert parts(text) == {"top": 0, "top_delay": 1, "top_delay_2": 3}
    assert text.count(".clk(clk)") == 4
    assert "i + 7'h64;" in text and "i + 1'h1;" in text


def test_shared_modules_of_one_name_are_kept_apart():
    text = translate(Chain(Delay, lambda: Delay(2), lambda: Delay(3)), "top")
    assert sorted(parts(text).values()) == [0, 1, 3, 3, 3]
    assert all(f"i + {step};" in text for step in ("1'h1", "2'h2", "2'h3"))


def test_shared_modules_inside_shared_modules():
    text = translate(Chain(lambda: Chain(Delay, name="inner"), name="outer"), "top")
    assert parts(text) == {
        "top": 0,
        "top_delay": 1,
        "top_outer": 3,
        "top_outer_delay": 1,
        "top_inner": 3,
    }


def test_what_was_emitted_before_does_not_matter():
    first = translate(Chain(Delay, lambda: Delay(2)), "top")
    translate(Chain(lambda: Delay(7), name="other"), "top")
    assert translate(Chain(Delay, lambda: Delay(2)), "top") == first


def test_copies_simulate():
    chain = Chain(Delay, lambda: Delay(5))
    simulator = Simulator(chain)
    simulator.add_clock(1e-6)

    async def bench(ctx):
        ctx.set(chain.i, 20)
        await ctx.tick().repeat(7)
        assert ctx.get(chain.o) == 20 + 100 + 3 + 15

    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("contents", [[], [0] * 16, [0] * 15 + [1]])
def test_memories_of_zeros_have_no_contents(contents):
    class Lookup(Delay):
        def elaborate(self, platform):
            m = Module()
            m.submodules.words = words = memory.Memory(shape=8, depth=16, init=contents)
            read, write = words.read_port(domain="sync"), words.write_port()
            address = Signal(4)
            m.d.sync += address.eq(address + 1)
            m.d.comb += [read.addr.eq(self.i), self.o.eq(read.data)]
            m.d.comb += [write.addr.eq(address), write.data.eq(self.i), write.en.eq(self.i[7])]
            return m

    text = translate(Lookup(), "top")
    assert "reg [7:0] words [15:0]" in text
    assert ("words[15] = 8'h01" in text) == any(contents)
    assert ("initial" in text) == any(contents)
