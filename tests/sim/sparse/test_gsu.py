"""Banks and array together, against NumPy, every sum: gather, multiply, scatter, drain."""

import numpy as np
import pytest
from issues import Traffic
from players import pack, play, signed_lanes

from golden.sparse.accelerator import AcceleratorConfig, accelerator_of
from golden.sparse.gsu import DRAIN_LATENCY, EngineModel, ended_latency
from hw.sparse.gsu import Engine

N8 = accelerator_of("n8")
CONFIGS = {
    "n4": AcceleratorConfig(
        array=4, bus_bits=64, input_bytes=256, weight_bytes=128, sum_bytes=512, rule_bytes=1024
    ),
    "n8": N8,
    "n8_rows_shorter_than_vectors": N8.replace(bus_bits=64, array=16, sum_bytes=8192),
    "n16": accelerator_of("n16").replace(sum_bytes=8192, input_bytes=4096, weight_bytes=2048),
}


def replay(config, traffic, folder, *, pe="int8", seed=0, change=None):
    """Number of sums that differ from the model's, and of sums in all."""
    engine, model = Engine(config, pe), EngineModel(config, pe)
    rng = np.random.default_rng(seed)
    flush = [{}] * (ended_latency(config.array) + DRAIN_LATENCY + 1)
    cycles = [*traffic.cycles, *flush]
    names = ("rule", "load", "write_input", "write_weight", "drain")
    inputs = {name: [] for name in names}
    expected, ends = {}, [False] * (len(cycles) + ended_latency(config.array))
    for cycle, ports in enumerate(cycles):
        for name in names:
            layout = getattr(engine, name).shape()
            fields = ports.get(name)
            if fields is None:  # whatever is on an idle port does not matter
                flag = "enable" if name == "drain" else "valid"
                fields = {k: int(rng.integers(1 << min(f.width, 62))) for k, f in layout}
                fields[flag] = 0
            inputs[name].append(pack(layout, **fields))
        sums = model.cycle(ports)
        if sums is not None:
            expected[cycle + DRAIN_LATENCY] = sums
        if ports.get("rule", {}).get("end"):
            ends[cycle + ended_latency(config.array)] = True
    inputs["rst"] = [0] * len(cycles)
    seen = play(engine, "engine", inputs, ["sums", "ended"], folder, seed, change)
    assert [bit == "1" for bit in seen["ended"]] == ends[: len(cycles)]
    got = {c: signed_lanes(seen["sums"][c], config.array) for c in expected}
    wrong = [c for c, sums in expected.items() if got[c] != sums.tolist()]
    return len(wrong), len(expected)


@pytest.mark.parametrize("gaps", [0.0, 0.3])
@pytest.mark.parametrize("name", CONFIGS)
def test_every_sum(name, gaps, tmp_path):
    traffic = Traffic(CONFIGS[name], np.random.default_rng(1), gaps)
    traffic.run(30)
    wrong, count = replay(CONFIGS[name], traffic, tmp_path)
    assert count > 60 and wrong == 0
