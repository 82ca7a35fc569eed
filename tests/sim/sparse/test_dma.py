"""The DMA against the golden bursts, beat by beat, under Verilator."""

import json
import re

import pytest

from golden.errors import BadInput
from golden.sparse.dma import (
    Burst,
    DmaConfig,
    ReadClient,
    Write,
    WriteClient,
    read_bursts,
    write_bursts,
)
from hw.catalog import COMPONENTS, Design
from hw.sparse.dma import dma_unit
from hw.verilog import emit
from sim.check import Options, check
from sim.job import FOLDER, OUTCOME
from sim.lint import lint
from sim.sparse.dma.proof import DmaProof
from sim.verilator import build, run

CONFIGS = {
    # As the accelerator has it: many clients, each with its own depth, and a sink.
    "wide": DmaConfig(
        bus_bits=128,
        reads=(
            ReadClient(name="entries", depth=16),
            ReadClient(name="pointers", depth=8),
            ReadClient(name="inputs", depth=256),
            ReadClient(name="weights", sink=True),
        ),
        writes=(
            WriteClient(name="cpr", depth=8),
            WriteClient(name="statistics", depth=2),
            WriteClient(name="features", depth=32),
        ),
    ),
    "fair": DmaConfig(
        bus_bits=64,
        reads=(
            ReadClient(name="a", sink=True),
            ReadClient(name="b", depth=4),
            ReadClient(name="c", sink=True),
        ),
        writes=(WriteClient(name="a", depth=16), WriteClient(name="b", depth=4)),
        burst=4,
        outstanding=16,
        round_robin=True,
    ),
    "single": DmaConfig(
        bus_bits=512,
        reads=(ReadClient(name="a", depth=8),),
        writes=(WriteClient(name="a", depth=4),),
        burst=2,
        outstanding=2,
    ),
}


SCENARIOS = {
    *("traffic", "each_channel_alone", "errors", "halt", "reset"),
    *("many_marks", "turns", "isolation", "rate", "latency"),
}


def design(name: str) -> Design:
    return Design(f"dma_{name}", CONFIGS[name], name, "none", "test")


@pytest.mark.parametrize("name", CONFIGS)
def test_dma(name, tmp_path):
    result = lint(design(name), tmp_path)
    assert result.clean, result.problems
    for seed, count in ((1, 0), (2, 2500)):
        options = Options(seed=seed, count=count)
        result = check(design(name), options, verilog=tmp_path, results=tmp_path / str(seed))
        assert result.passed, result.failures
        assert set(result.scenarios) == SCENARIOS
        assert result.origin["corner"] > 1000 and result.origin["random"] > 5000
        assert result.stalls["input"] > 500 and result.stalls["output"] > 500
    outcome = json.loads((tmp_path / "2" / f"dma_{name}" / OUTCOME).read_text())
    assert outcome["traffic"]["beats"] >= 2500


@pytest.mark.parametrize(
    ("change", "scenario", "words"),
    [
        ({"burst": 1}, "traffic", "(ar|aw): 1 beats at 0x"),
        ({"outstanding": 4}, "traffic", "(read|write): 3 bursts"),
    ],
)
def test_another_dma_is_found_out(change, scenario, words, tmp_path, monkeypatch):
    """Verilog of a configuration that is not the one that is proved."""
    monkeypatch.setitem(COMPONENTS, DmaConfig, lambda config: dma_unit(config.replace(**change)))
    options = Options(seed=3, count=0)
    result = check(design("single"), options, verilog=tmp_path, results=tmp_path / "results")
    assert result.scenarios[scenario] == "fail"
    text = "\n".join(result.failures)
    assert re.search(f"^{scenario}: {words}", text, re.MULTILINE), text
    assert "to reproduce: make sim DESIGN=dma_single SEED=3 N=0 (waves: add WAVES=1)" in text


@pytest.mark.parametrize("name", CONFIGS)
def test_with_the_memory_of_cocotbext(name, tmp_path):
    manifest = emit(design(name), tmp_path)
    folder = tmp_path / "run"
    DmaProof(CONFIGS[name], 1, 0).write(folder, {}, 1)
    done = run(
        build(manifest.with_suffix(".v"), top=f"dma_{name}"),
        "axi_testbench",
        folder=folder,
        env={FOLDER: str(folder)},
        seed=1,
    )
    assert (done.tests, done.failures, done.error) == (1, 0, ""), done.log


def test_bursts_of_a_read():
    config = DmaConfig(bus_bits=512, burst=16)
    assert list(read_bursts(config, 16, 0, 0)) == []
    assert list(read_bursts(config, 16, 4096 - 64, 18)) == [
        Burst(4032, 1),
        Burst(4096, 16),
        Burst(5120, 1),
    ]
    assert [b.beats for b in read_bursts(config, 4, 128, 9)] == [4, 4, 1]


def test_bursts_of_writes():
    config = DmaConfig(bus_bits=64, burst=4)

    def beats(*writes):
        return list(write_bursts(config, 4, [Write(*w) for w in writes]))

    # address, data, strobe, flush, vector, layer
    row = [(8 * k, 0, 255, 0, 1) for k in range(6)]
    assert beats(*row) == [Burst(0, 4, 4)]  # the other two are still open
    assert beats(*row, (48, 0, 255, 1, 1, 1)) == [Burst(0, 4, 4), Burst(32, 3, 3, 1)]
    assert beats((0, 0, 1), (16, 0, 1, 1)) == [Burst(0, 1), Burst(16, 1)]
    assert beats((4088, 0, 1), (4096, 0, 1, 1)) == [Burst(4088, 1), Burst(4096, 1)]
    # Without strobe: alone, inside of a burst, with nothing to say.
    assert beats((0, 0, 0, 1, 1, 1)) == [Burst(0, 0, 1, 1)]
    assert beats((0, 0, 1, 0, 1), (8, 0, 0, 1, 1)) == [Burst(0, 1, 2)]
    assert beats((0, 0, 0, 1)) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bus_bits": 96}, "bus_bits"),
        ({"burst": 3}, "burst"),
        ({"bus_bits": 512, "burst": 128}, "burst"),
        ({"outstanding": 1}, "outstanding"),
        ({"reads": (ReadClient(name="a"), ReadClient(name="a"))}, "reads"),
        ({"writes": (WriteClient(name="a b"),)}, "writes"),
    ],
)
def test_bad_configurations(change, message):
    with pytest.raises(BadInput, match=message):
        DmaConfig(**change)


def test_a_bad_depth():
    with pytest.raises(BadInput, match="depth of a"):
        ReadClient(name="a", depth=24)
