"""Lint passes what is waived by name, and nothing else."""

import pytest

from hw.catalog import select
from sim.lint import lint, lint_file
from sim.waivers import WAIVERS


@pytest.mark.parametrize("name", ["int8_mac", "mxfp4_dot32", "mxfp4_decoder"])
def test_the_catalog_is_clean(name, tmp_path):
    result = lint(select(name)[0], tmp_path)
    assert result.clean, result.problems
    assert result.waived and result.waived.keys() <= WAIVERS.keys()


def test_every_waiver_has_a_reason():
    assert all(len(reason) > 20 for reason in WAIVERS.values())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("wire [31:0] sum", "wire [30:0] sum", "WIDTHTRUNC: "),
        ("assign o__valid = given_valid;", "", "UNDRIVEN: "),
        ("reg given_valid;", "reg given_valid", "Error: "),
        ("advance | ~taken_valid;", "advance | ~i__ready;", "UNOPTFLAT: "),
        ("module mac", "module other", "Error: "),
    ],
)
def test_any_other_warning_fails(old, new, problem, mac):
    result = lint_file(mac((old, new)).with_suffix(".v"), "mac")
    assert any(text.startswith(problem) for text in result.problems), result.problems
