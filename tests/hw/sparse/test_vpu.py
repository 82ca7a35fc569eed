"""The vector unit on its own: random layers under random stalls, each beat that it writes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from amaranth.sim import Simulator

from golden.sparse import vpu_cases
from golden.sparse.vpu import layer_writes
from golden.sparse.vpu_unit import VpuConfig
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


def run(jobs: Layers, rng=None):
    """Compares all that the unit writes; when it did what. It stalls if there is an ``rng``."""
    config = jobs.config.accelerator
    dut = Vpu(config)
    n, beat = config.array, config.beat
    features, entries, log = [], [], {"drain": [], "free": [], "layers": [], "feature": []}
    memory = {}

    parameters = [
        int.from_bytes(part[low : low + beat], "little")
        for c in jobs.commands
        if len(c.sums)
        for part in [c.parameter_bytes()]
        for low in range(0, len(part), beat)
    ]
    halves = [k % 2 for k in range(len(jobs.commands))]
    finishes = [
        {
            "half": halves[k], "tags": (k // 3) % 2, "count": len(c.sums), "base": c.base,
            "address": c.address, "first": c.first, "last": c.last, "end": c.end,
        }
        for k, c in enumerate(jobs.commands)
    ]  # fmt: skip

    async def bench(ctx):
        def begin():
            return {
                "sent": {"parameters": 0, "finish": 0, "layer": 0},
                "offering": dict.fromkeys(("parameters", "finish", "layer", "select_data"), False),
                "reads": [], "answers": [None, None], "tags": [None, None], "acks": [],
            }  # fmt: skip

        state = begin()
        held = {}
        cycle = 0
        while True:
            sent = state["sent"]
            for name, words in (
                ("parameters", parameters),
                ("finish", finishes),
                ("layer", jobs.layers),
            ):
                port = getattr(dut, name)
                if not state["offering"][name] and sent[name] < len(words):
                    state["offering"][name] = rng is None or rng.random() < 0.6
                ctx.set(port.valid, state["offering"][name])
                if state["offering"][name]:
                    word = words[sent[name]]
                    if name == "parameters":
                        ctx.set(port.payload, word)
                    else:
                        for field, value in word.items():
                            ctx.set(port.payload[field], int(value))
                elif name == "parameters":
                    ctx.set(port.payload, int(np.random.default_rng(cycle).integers(1 << 62)))
            if state["reads"] and not state["offering"]["select_data"]:
                state["offering"]["select_data"] = rng is None or rng.random() < 0.6
            ctx.set(dut.select_data.valid, state["offering"]["select_data"])
            if state["offering"]["select_data"]:
                ctx.set(dut.select_data.payload, memory[state["reads"][0]])
            accept = {
                name: rng is None or bool(rng.random() < 0.7)
                for name in ("features", "entries", "select_read")
            }
            for name, value in accept.items():
                ctx.set(getattr(dut, name).ready, value)
            vectors = layers = 0
            while state["acks"] and state["acks"][0][0] <= cycle:
                vectors += state["acks"][0][1]
                state["acks"].pop(0)
            ctx.set(dut.entries_done.vectors, vectors)
            ctx.set(dut.entries_done.layers, layers)
            answer, tag = state["answers"].pop(0), state["tags"].pop(0)
            noise = np.random.default_rng(cycle).integers(-(1 << 31), 1 << 31, n)
            for k in range(n):
                ctx.set(dut.sums[k], int((noise if answer is None else answer)[k]))
            ctx.set(dut.tag, int(noise[0]) & 0x3FFFFF if tag is None else int(tag))

            # Sample.
            current = sent["finish"]
            drain = dut.drain
            state["answers"].append(None)
            state["tags"].append(None)
            if ctx.get(drain.enable):
                command, o = jobs.commands[current], ctx.get(drain.output)
                assert ctx.get(drain.half) == halves[current]
                state["answers"][-1] = command.sums[o]
                log["drain"].append(cycle)
            if ctx.get(dut.tag_read.enable):
                assert ctx.get(dut.tag_read.slot) == (current // 3) % 2
                state["tags"][-1] = jobs.commands[current].tags[ctx.get(dut.tag_read.output)]
            if ctx.get(dut.free.valid):
                log["free"].append((cycle, ctx.get(dut.free.half)))
            for name in ("parameters", "finish", "layer"):
                port = getattr(dut, name)
                if state["offering"][name] and ctx.get(port.ready):
                    state["offering"][name] = False
                    sent[name] += 1
                    if name == "layer":
                        log["layers"].append(cycle)
            if state["offering"]["select_data"] and ctx.get(dut.select_data.ready):
                state["offering"]["select_data"] = False
                state["reads"].pop(0)
            for name, got in (("features", features), ("entries", entries)):
                port = getattr(dut, name)
                valid = ctx.get(port.valid)
                value = ctx.get(port.payload)
                word = {
                    f: value[f] for f in ("address", "data", "strobe", "flush", "vector", "layer")
                }
                if held.get(name):
                    assert valid and held[name] == word, f"{name} changes at {cycle}"
                held[name] = word if valid and not accept[name] else None
                if valid and accept[name]:
                    got.append(word)
                    log["feature"].append(cycle) if name == "features" else None
                    if name == "entries":
                        # All entries are acknowledged before the header is written.
                        assert not (word["layer"] and state["acks"])
                        old = memory.get(word["address"], 0)
                        mask = sum(0xFF << 8 * k for k in range(beat) if word["strobe"] >> k & 1)
                        memory[word["address"]] = old & ~mask | word["data"] & mask
                        if word["vector"]:
                            delay = 3 if rng is None else int(rng.integers(1, 60))
                            state["acks"].append((cycle + delay, 1))
            if accept["select_read"] and ctx.get(dut.select_read.valid):
                read = ctx.get(dut.select_read.payload)
                assert not state["acks"]
                assert 1 <= read["beats"] <= 16
                for k in range(read["beats"]):
                    state["reads"].append(read["address"] + k * beat)
            await ctx.tick()
            cycle += 1
            if (
                len(features) >= len(jobs.features)
                and len(entries) >= len(jobs.entries)
                and sent["layer"] >= len(jobs.layers)
            ):
                state["over"] = state.get("over", 0) + 1
                if state["over"] > 40:
                    return
            assert cycle < 60 * (len(jobs.features) + len(jobs.entries)) + 4000, (
                f"hangs: {len(features)} of {len(jobs.features)} beats of features, {len(entries)}"
                f" of {len(jobs.entries)} of entries, sent {sent}"
            )

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulator.run()
    assert features == [vars(w) for w in jobs.features]
    assert entries == [vars(w) for w in jobs.entries]
    taken = [h for command, h in zip(jobs.commands, halves, strict=True) if len(command.sums)]
    assert [half for _, half in log["free"]] == taken
    return log


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        VpuConfig(array=16, bus_bits=128, tile=16),
        VpuConfig(array=4, bus_bits=64, tile=16),
        VpuConfig(array=16, bus_bits=64, tile=16),
        VpuConfig(array=8, bus_bits=256, tile=16),
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
    # 257 cycles after reset, a layer can be measured.
    jobs.add(*vpu_cases.layer(CONFIG, rng, 160, 32, 2))
    jobs.add(*vpu_cases.layer(CONFIG, rng, 64, 32, 2, measure=1))
    log = run(jobs)
    drains, beats = np.array(log["drain"]), np.array(log["feature"])
    assert list(np.diff(drains)) == [1] * (320 + 128 - 1)
    assert list(beats - drains) == [8] * (320 + 128)
