"""`bench-mac`: what its rows compute, what its verdicts mean, that its figures are the flow's."""

import re

import pytest

from golden.errors import BadInput
from golden.unit import concatenate
from hw.catalog import CATALOG
from sim.check import Options, check
from sim.lint import lint
from synth.bench.mac import ROWS, Row, select
from synth.metrics import load

BY_NAME = {row.name: row for row in ROWS}
QUICK = {"int8_mac32", "posit8_0_mac26"}
"""Rows whose simulation compiles in seconds."""


def test_names_are_no_others():
    catalog = {design.name: design.config for design in CATALOG}
    assert len(BY_NAME) == len(ROWS)
    for row in ROWS:
        assert catalog.get(row.name, row.config) == row.config


def test_the_sums_are_bare_and_combinational():
    for row in ROWS:
        assert row.config.latency == 0
        if "sum32" in row.name:
            assert row.config.output.fields[0].name == "sum"
            assert {f.name for f in row.config.input.fields} == {"a", "w"}
    # The published ones are up to 43 and 73 bits wide, of which the topmost repeat the sign.
    widths = {name: BY_NAME[name].config.sum_bits for name in ("e2m1_sum32", "e4m3_sum32")}
    assert widths == {"e2m1_sum32": 14, "e4m3_sum32": 42}
    assert BY_NAME["e5m2_sum32"].config.sum_bits == 70


@pytest.mark.parametrize(
    ("area", "delay", "verdict"),
    [
        (80, 10, "goal met"),
        (80.1, 10, "met"),
        (99.9, 10, "met"),
        (100, 10, "missed: area by 0.0 %"),
        (80, 10.5, "missed: delay by 5.0 %"),
        (110, 12, "missed: area by 10.0 %, delay by 20.0 %"),
    ],
)
def test_verdicts(area, delay, verdict):
    row = Row("x", "what", 100, 10, BY_NAME["int8_mac32"].config)
    assert row.verdict(area, delay) == verdict


def test_an_encoder_aims_at_half():
    row = BY_NAME["mxfp4_encode"]
    assert row.verdict(0.5 * row.area, row.delay) == "goal met"
    assert row.verdict(0.51 * row.area, row.delay) == "met"


def test_unknown_rows():
    with pytest.raises(BadInput, match="^row is 'nope'; allowed: e2m1_sum32, "):
        select(["int8_mac32", "nope"])


def test_the_table_shows_what_the_flow_found(synth, tmp_path):
    outcome = synth("bench-mac", "int8_mac32", "--build", tmp_path)
    assert outcome.return_value == 0, outcome.output
    result = load(tmp_path / "bench-mac/reference/int8_mac32/metrics.json")
    assert result.provenance.recipe == "reference"
    assert result["flip_flops"] == 0
    assert result.critical_path.kind == "input-output"
    row = BY_NAME["int8_mac32"]
    line = next(x for x in outcome.output.splitlines() if x.split()[:1] == ["int8_mac32"])
    assert f"{result['area']:,.0f}" in line and f"{result['area'] / row.area:.2f}" in line
    assert row.verdict(result["area"], result["critical_path"]) in line
    # Another recipe is no comparison.
    outcome = synth("bench-mac", "int8_mac32", "--recipe", "area", "--build", tmp_path)
    assert not re.search("met|missed", outcome.output)


@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.full) for n in BY_NAME],
)
def test_each_row_computes_what_it_says(name, tmp_path):
    design = BY_NAME[name].design
    assert lint(design, tmp_path).clean
    result = check(design, Options(count=2000), verilog=tmp_path, results=tmp_path / "results")
    assert result.passed, result.failures


def test_combinational_and_registered_units_agree():
    """The parameter changes the timing, nothing else."""
    config = BY_NAME["nvfp4_sum16"].config
    beats = concatenate(*config.corners())
    other = config.replace(combinational=False, pipeline=3)
    assert other.latency == 5 and other.interval == config.interval == 1
    for name, codes in config.compute(beats).items():
        assert (codes == other.compute(beats)[name]).all()
