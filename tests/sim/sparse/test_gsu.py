"""Banks and array together, against NumPy, every sum: gather, multiply, scatter, drain."""

import numpy as np
import pytest
from issues import Group, Traffic
from players import pack, play, signed_lanes

from golden.sparse.accelerator import AcceleratorConfig, accelerator_of
from golden.sparse.gsu import DRAIN_LATENCY, HAZARD, EngineModel, ended_latency
from golden.sparse.gsu_unit import GsuConfig
from hw.catalog import Design
from hw.sparse.engine import Engine
from sim.check import Options, check

SMALL = AcceleratorConfig(
    array=4, bus_bits=64, input_bytes=256, weight_bytes=128, sum_bytes=512, rule_bytes=1024
)
CONFIGS = {
    "4": SMALL,
    "8": accelerator_of("n8"),
    "16": accelerator_of("n16").replace(sum_bytes=8192, input_bytes=4096, weight_bytes=2048),
    "16, two beats a vector": SMALL.replace(
        array=16, input_bytes=2048, weight_bytes=1024, sum_bytes=4096, rule_bytes=4096
    ),
}


def replay(config, traffic, folder, *, pe="int8", reset=None):
    """Number of sums that differ from the model's, and of sums in all.

    ``reset``: the cycle in which the unit is reset and ``traffic`` begins anew."""
    n, (wait, name) = config.array, (ended_latency(config.array), f"engine_{pe}")
    engine, model = Engine(config, pe), EngineModel(config, pe)
    rng = np.random.default_rng(0)
    cycles = [*traffic.cycles, *[{}] * (wait + DRAIN_LATENCY + 1)]
    if reset is not None:
        cycles = [*cycles[:reset], {}, *cycles]
    names = ("rule", "load", "write_input", "write_weight", "drain")
    inputs = {name: [] for name in names}
    inputs["rst"] = [int(cycle == reset) for cycle in range(len(cycles))]
    expected, ends = {}, [False] * (len(cycles) + wait)
    for cycle, ports in enumerate(cycles):
        if cycle == reset:
            expected = {c: sums for c, sums in expected.items() if c <= cycle}
            ends[cycle + 1 :] = [False] * len(ends[cycle + 1 :])
        for port in names:
            layout = getattr(engine, port).shape()
            fields = ports.get(port)
            if fields is None:  # whatever is on an idle port does not matter
                fields = {k: int(rng.integers(1 << min(f.width, 62))) for k, f in layout}
                fields["enable" if port == "drain" else "valid"] = 0
            inputs[port].append(pack(layout, **fields))
        sums = model.cycle(ports)
        if sums is not None:
            expected[cycle + DRAIN_LATENCY] = sums
        if ports.get("rule", {}).get("end"):
            ends[cycle + wait] = True
    seen = play(engine, name, inputs, ["sums", "ended"], folder)
    assert [bit == "1" for bit in seen["ended"]] == ends[: len(cycles)]
    got = {c: signed_lanes(seen["sums"][c], n) for c in expected}
    return sum(got[c] != sums.tolist() for c, sums in expected.items()), len(expected)


@pytest.mark.parametrize("gaps", [0.0, 0.3])
@pytest.mark.parametrize("name", CONFIGS)
def test_every_sum(name, gaps, tmp_path):
    traffic = Traffic(CONFIGS[name], np.random.default_rng(1), gaps)
    traffic.run(30)
    wrong, count = replay(CONFIGS[name], traffic, tmp_path)
    assert count > 60 and wrong == 0


@pytest.mark.parametrize("pe", ["int4", "dint4"])
def test_other_weights(pe, tmp_path):
    traffic = Traffic(SMALL, np.random.default_rng(2))
    traffic.run(30)
    wrong, count = replay(SMALL, traffic, tmp_path, pe=pe)
    assert count > 60 and wrong == 0


def test_a_tap_takes_as_many_cycles_as_rules_or_rows(tmp_path):
    n, tight = SMALL.array, Traffic(SMALL, np.random.default_rng(3))
    taps = [1, 1, n - 1, n, n + 1, 1, 2 * n, n, n, 1]
    tight.run(groups=[Group(0, taps, list(range(8)))])
    swaps = [c for c, ports in enumerate(tight.cycles) if ports.get("rule", {}).get("swap")]
    assert np.diff(swaps).tolist() == [max(rules, n) for rules in taps[:-1]]
    assert replay(SMALL, tight, tmp_path) == (0, 8)


@pytest.mark.parametrize("spacing", range(1, HAZARD + 1))
def test_outputs_closer_than_the_hazard_are_wrong(spacing, tmp_path):
    traffic = Traffic(SMALL, np.random.default_rng(4), spacing=spacing)
    traffic.run(10)
    wrong, count = replay(SMALL, traffic, tmp_path)
    assert wrong > count // 4


def test_reset_in_the_middle(tmp_path):
    traffic = Traffic(SMALL, np.random.default_rng(5))
    traffic.run(6)
    busy = [c for c, ports in enumerate(traffic.cycles) if len(ports) > 2]
    for number, reset in enumerate(np.random.default_rng(0).choice(busy, 4, replace=False)):
        wrong, count = replay(SMALL, traffic, tmp_path / str(number), reset=int(reset))
        assert count > 10 and wrong == 0


@pytest.mark.parametrize(
    "config",
    [
        GsuConfig(array=4, beat=8, input_vectors=16, weight_vectors=8, tile=4),
        GsuConfig(array=8, beat=8, input_vectors=32, weight_vectors=32, tile=16, pe="dint4"),
        GsuConfig(beat=8),
    ],
    ids=lambda config: f"{config.array} {config.pe}",
)
def test_operations_on_streams(config, tmp_path):
    design = Design("gsu", config, "banks and array", "test", "test")
    options = Options(count=4000)
    result = check(design, options, verilog=tmp_path / "verilog", results=tmp_path / "sim")
    assert result.passed, result.failures
