"""The rule generator with short line buffers, beat by beat, under Verilator; and its pace."""

import numpy as np
import pytest

import golden.sparse.rgu_unit
import hw.catalog
from golden.sparse.rgu_unit import RguConfig
from hw.catalog import Design
from sim.check import Options, check
from sim.lint import lint


def run(config, tmp_path, count=3000):
    design = Design("rgu", config, "rules", "none", "test")
    result = lint(design, tmp_path)
    assert result.clean, result.problems
    options = Options(seed=3, count=count)
    result = check(design, options, verilog=tmp_path, results=tmp_path / "results")
    assert result.passed, result.failures
    return result


@pytest.mark.parametrize("columns", [1, 9])
def test_every_kind_of_layer(columns, tmp_path):
    result = run(RguConfig(columns=columns), tmp_path)
    assert result.stalls["input"] > 1000 and result.stalls["output"] > 1000


class Steady(RguConfig):
    """Sparse and dense maps of 3x3 convolutions at stride 1, each stated at its pace."""

    def corners(self):
        rng = np.random.default_rng(0)
        for density in (0.05, 0.3, 0.95, 1):
            yield self.layer(rng, ("conv", 3, 1, "spconv"), (24, self.columns), density)

    def cycles(self, inputs):
        given = self.process(inputs)["o"]["last"]
        # Two cycles more a row; at first a row is loaded.
        return len(given) + 2 * int(given.sum()) + self.columns + 8


def test_a_pillar_a_cycle(tmp_path, monkeypatch):
    monkeypatch.setitem(golden.sparse.rgu_unit.__dict__, "KINDS", (("conv", 3, 1, "spconv"),))
    monkeypatch.setitem(hw.catalog.COMPONENTS, Steady, hw.catalog.COMPONENTS[RguConfig])
    result = run(Steady(columns=64), tmp_path, count=500)
    # That none is late is a scenario of its own; the dense maps are among those timed.
    assert max(case["stated"] for case in result.measured["cases"]) > 24 * 64
