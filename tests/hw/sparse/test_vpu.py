"""The vector unit on its own: random layers under random stalls, each beat that it writes."""

from __future__ import annotations

import warnings
from dataclasses import fields

import numpy as np
import pytest
from amaranth.sim import Simulator

from golden.sparse import vpu_cases
from golden.sparse.vpu import CHUNK, Write, layer_writes
from golden.sparse.vpu_unit import VpuConfig
from hw.sparse.layout import TAG_BITS
from hw.sparse.vpu import Vpu

CONFIG = VpuConfig(array=8, bus_bits=64, tile=64)


class Layers:
    """Layers, with everything that the unit is given and must give."""

    def __init__(self, config: VpuConfig):
        self.config = config
        self.layers, self.commands, self.features, self.entries = [], [], [], []

    def add(self, layer, commands):
        writes = layer_writes(self.config.accelerator, layer, commands)
        self.layers.append(layer)
        self.commands += commands
        self.features += writes.features
        self.entries += writes.entries


class Bench:
    """What surrounds the unit, a cycle at a time: the sum buffer, memory, and streams that stall
    if there is an ``rng``. It checks every beat, and notes when vectors are read and written."""

    OFFERED = ("parameters", "finish", "layer", "select_data")
    TAKEN = ("features", "entries", "select_read")

    def __init__(self, jobs: Layers, rng=None, delay=3):
        self.jobs, self.rng, self.delay = jobs, rng, delay
        config = jobs.config.accelerator
        self.dut, self.n, self.beat = Vpu(config), config.array, config.beat
        self.halves = [k % 2 for k in range(len(jobs.commands))]
        self.tags = [k // 3 % (1 << TAG_BITS) for k in range(len(jobs.commands))]
        finishes = [
            {"half": self.halves[k], "tags": self.tags[k], "count": len(c.sums)}
            | {name: getattr(c, name) for name in ("base", "address", "first", "last", "end")}
            for k, c in enumerate(jobs.commands)
        ]
        words = b"".join(c.parameter_bytes() for c in jobs.commands if len(c.sums))
        self.words = {
            "parameters": [
                int.from_bytes(words[low : low + self.beat], "little")
                for low in range(0, len(words), self.beat)
            ],
            "finish": finishes,
            "layer": list(jobs.layers),
            "select_data": [],
        }
        self.sent = dict.fromkeys(self.OFFERED, 0)
        self.offering = dict.fromkeys(self.OFFERED, False)
        self.given = {"features": [], "entries": []}
        self.held = dict.fromkeys(self.given)
        self.memory: dict[int, int] = {}
        self.acknowledge: list[int] = []  # when a mark of entries is due
        self.answers = [(None, None)] * 2
        self.drained, self.written, self.free = [], [], []

    def willing(self):
        return self.rng is None or bool(self.rng.random() < 0.7)

    def drive(self, ctx, cycle):
        """The inputs of a cycle; which outputs are taken."""
        dut = self.dut
        for name in self.OFFERED:
            port, words = getattr(dut, name), self.words[name]
            waiting = self.sent[name] < len(words)
            self.offering[name] = self.offering[name] or (waiting and self.willing())
            ctx.set(port.valid, self.offering[name])
            if self.offering[name]:
                self.set(ctx, port.payload, words[self.sent[name]])
        taking = {name: self.willing() for name in self.TAKEN}
        for name, value in taking.items():
            ctx.set(getattr(dut, name).ready, value)
        due = sum(when <= cycle for when in self.acknowledge)
        self.acknowledge = self.acknowledge[due:]
        ctx.set(dut.entries_done.vectors, due)
        noise = np.random.default_rng(cycle).integers(0, 1 << 22, self.n + 1).tolist()
        sums, tag = self.answers.pop(0)
        for k in range(self.n):
            ctx.set(dut.sums[k], noise[k] if sums is None else int(sums[k]))
        ctx.set(dut.tag, noise[-1] if tag is None else int(tag))
        return taking

    @staticmethod
    def set(ctx, payload, word):
        if isinstance(word, dict):
            for field, value in word.items():
                ctx.set(payload[field], int(value))
        else:
            ctx.set(payload, word)

    def sample(self, ctx, cycle, taking):
        """What the unit does in a cycle."""
        dut, current = self.dut, self.sent["finish"]
        sums = tag = None
        if ctx.get(dut.drain.enable):
            assert ctx.get(dut.drain.half) == self.halves[current]
            sums = self.jobs.commands[current].sums[ctx.get(dut.drain.output)]
            self.drained.append(cycle)
        if ctx.get(dut.tag_read.enable):
            assert ctx.get(dut.tag_read.slot) == self.tags[current]
            tag = self.jobs.commands[current].tags[ctx.get(dut.tag_read.output)]
        self.answers.append((sums, tag))
        if ctx.get(dut.free.valid):
            self.free.append(ctx.get(dut.free.half))
        for name in self.OFFERED:
            if self.offering[name] and ctx.get(getattr(dut, name).ready):
                self.offering[name] = False
                self.sent[name] += 1
        for name in self.given:
            self.take(ctx, cycle, name, taking[name])
        if taking["select_read"] and ctx.get(dut.select_read.valid):
            read = ctx.get(dut.select_read.payload)
            assert not self.acknowledge and 1 <= read["beats"] <= CHUNK
            self.words["select_data"] += [
                self.memory[read["address"] + k * self.beat] for k in range(read["beats"])
            ]

    def take(self, ctx, cycle, name, taking):
        port = getattr(self.dut, name)
        valid, value = ctx.get(port.valid), ctx.get(port.payload)
        word = {f.name: value[f.name] for f in fields(Write)}
        assert self.held[name] in (None, word), f"{name} changes at {cycle}"
        self.held[name] = word if valid and not taking else None
        if not (valid and taking):
            return
        self.given[name].append(word)
        if name == "features":
            self.written.append(cycle)
            return
        # All entries are acknowledged before the header is written.
        assert not (word["layer"] and self.acknowledge)
        mask = sum(0xFF << 8 * k for k in range(self.beat) if word["strobe"] >> k & 1)
        stale = self.memory.get(word["address"], (1 << 8 * self.beat) - 1)
        self.memory[word["address"]] = stale & ~mask | word["data"] & mask
        if word["vector"]:
            delay = self.delay if self.rng is None else int(self.rng.choice([1, 30, 600]))
            self.acknowledge.append(cycle + delay)

    def over(self):
        return self.sent["layer"] == len(self.jobs.layers) and all(
            len(self.given[name]) >= len(getattr(self.jobs, name)) for name in self.given
        )

    async def process(self, ctx):
        cycle, rest = 0, 40  # cycles in which nothing more may come
        while rest:
            taking = self.drive(ctx, cycle)
            self.sample(ctx, cycle, taking)
            await ctx.tick()
            cycle, rest = cycle + 1, rest - self.over()
            beats = len(self.jobs.features) + len(self.jobs.entries)
            assert cycle < 60 * beats + 8000, f"hangs, sent {self.sent}"


def run(jobs: Layers, *args) -> Bench:
    """A bench that has seen all layers through."""
    bench = Bench(jobs, *args)
    simulator = Simulator(bench.dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench.process)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulator.run()
    assert bench.given["features"] == [vars(w) for w in jobs.features]
    assert bench.given["entries"] == [vars(w) for w in jobs.entries]
    taken = zip(jobs.commands, bench.halves, strict=True)
    assert bench.free == [half for command, half in taken if len(command.sums)]
    return bench


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        VpuConfig(array=16, bus_bits=128, tile=16),
        VpuConfig(array=4, bus_bits=64, tile=16),
        VpuConfig(array=16, bus_bits=64, tile=16),
    ],
    ids=lambda c: f"n{c.array}_bus{c.bus_bits}",
)
def test_random_layers(config):
    rng = np.random.default_rng(config.array * config.bus_bits)
    jobs = Layers(config)
    for _ in range(6):
        jobs.add(*vpu_cases.random(config, rng))
    run(jobs, rng)


def test_a_vector_a_cycle_and_no_gap_between_commands():
    rng = np.random.default_rng(3)
    jobs = Layers(CONFIG)
    # 258 cycles after reset, a layer can be measured.
    jobs.add(*vpu_cases.layer(CONFIG, rng, 160, 32, 2))
    jobs.add(*vpu_cases.layer(CONFIG, rng, 64, 32, 2, measure=1))
    bench = run(jobs)
    drained, written = np.array(bench.drained), np.array(bench.written)
    assert list(np.diff(drained)) == [1] * (320 + 128 - 1)
    assert list(written - drained) == [8] * (320 + 128)


def test_only_what_memory_has_acknowledged_is_read_again():
    jobs = Layers(CONFIG)
    jobs.add(
        *vpu_cases.layer(CONFIG, np.random.default_rng(5), 9, 32, 1, measure=2, select_count=4)
    )
    run(jobs, None, 600)  # longer than the first scan takes
