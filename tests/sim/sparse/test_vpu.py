"""The vector unit under Verilator: every size of vector against the bus, with and without
importance; and faults in it that the cases must catch."""

import pytest

from golden.sparse.vpu_unit import VpuConfig
from hw.catalog import Design, select
from sim.check import Options, check
from sim.lint import lint

SMALL = VpuConfig(array=8, bus_bits=64, tile=64)
CONFIGS = {
    "n4": VpuConfig(array=4, bus_bits=64, tile=16),
    "n8": SMALL,
    "n8_plain": SMALL.replace(importance=False),
    "n16": VpuConfig(array=16, bus_bits=64, tile=32),
    "n32": VpuConfig(array=32, bus_bits=256, tile=32),
}


def design(name, config):
    return Design(f"vpu_{name}", config, "vector unit", "test", "test")


@pytest.mark.parametrize("name", CONFIGS)
def test_every_beat(name, tmp_path):
    unit = design(name, CONFIGS[name])
    options = Options(seed=2, count=500)
    result = check(unit, options, verilog=tmp_path, results=tmp_path / "results")
    assert result.passed, result.failures
    assert result.stalls["input"] > 300 and result.stalls["output"] > 300
    problems = lint(unit, tmp_path).problems
    assert not problems, problems


@pytest.mark.parametrize("name", ["vpu_n16", "vpu_n16_plain"])
def test_the_catalog_is_clean(name, tmp_path):
    problems = lint(select(name)[0], tmp_path).problems
    assert not problems, problems
