"""The DMA against the golden bursts, beat by beat, under Verilator."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from amaranth.back import rtlil

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
from hw.sparse.axi import FlatBuses
from hw.sparse.dma import Dma
from hw.verilog import _write_verilog, plain_names
from sim.lint import lint_file
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


def emit(config: DmaConfig, folder: Path) -> Path:
    text = rtlil.convert(FlatBuses(Dma(config), "m_axi"), name="dma", emit_src=False)
    path = folder / "dma.v"
    path.write_text(_write_verilog(plain_names(text)))
    return path


@pytest.mark.parametrize("name", CONFIGS)
def test_dma(name, tmp_path):
    config = CONFIGS[name]
    verilog = emit(config, tmp_path)
    assert lint_file(verilog, "dma").problems == ()
    for seed in (1, 2):
        done = run(
            build(verilog, top="dma"),
            "dma_testbench",
            folder=tmp_path / f"run{seed}",
            env={"DMA_CONFIG": json.dumps(asdict(config)), "DMA_SEED": str(seed)},
            seed=seed,
        )
        assert (done.tests, done.failures, done.error) == (10, 0, ""), done.log


@pytest.mark.parametrize("name", CONFIGS)
def test_with_the_memory_of_cocotbext(name, tmp_path):
    config = CONFIGS[name]
    done = run(
        build(emit(config, tmp_path), top="dma"),
        "axi_testbench",
        folder=tmp_path / "run",
        env={"DMA_CONFIG": json.dumps(asdict(config)), "DMA_SEED": "1"},
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
