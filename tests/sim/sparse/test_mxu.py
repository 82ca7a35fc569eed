"""The array on streams under Verilator: sizes and kinds that the catalog does not have."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.mxu import MxuConfig, sum_bits, weight_bits
from hw.catalog import Design
from sim.check import Options, check


@pytest.mark.parametrize(
    ("array", "pe"), [(4, "int8"), (4, "dint4"), (8, "int8"), (8, "int4"), (16, "int8")]
)
def test_against_golden(array, pe, tmp_path):
    design = Design("mxu", MxuConfig(array=array, pe=pe), "array", "test", "test")
    options = Options(count=2000)
    result = check(design, options, verilog=tmp_path / "verilog", results=tmp_path / "sim")
    assert result.passed, result.failures


def test_a_case_takes_as_many_cycles_as_stated(tmp_path):
    design = Design("mxu", MxuConfig(array=8), "array", "test", "test")
    options = Options(count=1)
    result = check(design, options, verilog=tmp_path / "verilog", results=tmp_path / "sim")
    assert result.passed, result.failures
    assert len(result.measured["cases"]) > 10
    assert all(case["cycles"] == case["stated"] for case in result.measured["cases"])


@pytest.mark.parametrize(("pe", "extra"), [("int8", 8), ("int4", 4), ("dint4", 4)])
def test_sums_are_as_wide_as_they_must_be(pe, extra):
    config = MxuConfig(array=8, pe=pe)
    case = config.case([1], np.random.default_rng(0), ends=1.0)
    (most,) = np.unique(config.sum.integer(config.process(case)["o"]["sums"]))
    assert most > 0 and int(most).bit_length() + 1 == sum_bits(8, pe) == 8 + extra + 3
    assert weight_bits(pe) == extra + (pe == "dint4")


def test_bad_parameters():
    with pytest.raises(BadInput, match="array is 12; allowed: 4, 8, 16, 32, 64, 128"):
        MxuConfig(array=12)
    with pytest.raises(BadInput, match="pe is 'fp8'; allowed: int8, int4, dint4"):
        MxuConfig(pe="fp8")
