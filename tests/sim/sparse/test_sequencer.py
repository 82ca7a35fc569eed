"""The sequencer under Verilator: registers, lists, every error, resets at any moment."""

import re

import pytest

import hw.sparse.sequencer
from golden.sparse.accelerator import ACCELERATORS
from golden.sparse.descriptor import BYTES, FIELDS, reserved
from golden.sparse.descriptor_cases import broken
from golden.sparse.sequencer import SequencerConfig
from hw.catalog import Design
from sim.check import Options, check
from sim.lint import lint

MACHINES = {
    "n8": ACCELERATORS["n8"],
    "n64": ACCELERATORS["n64"].replace(columns=2048, weight_bytes=2 * 64 * 64),
}
SCENARIOS = {
    *("registers_read_and_write", "good_lists", "every_layer_is_waited_for"),
    *("malformed_descriptors", "flipped_bits", "memory_changes_between_the_passes"),
    *("wrong_registers", "errors_stop_the_machine", "an_error_with_the_last_mark"),
    *("faults_count_only_while_running", "soft_reset_at_any_moment"),
    *("a_start_waits_for_the_bus", "reset_at_any_moment"),
}


def design(name):
    config = SequencerConfig(accelerator=MACHINES[name])
    return Design(f"sequencer_{name}", config, name, "none", "test")


@pytest.mark.parametrize("name", MACHINES)
def test_sequencer(name, tmp_path):
    result = lint(design(name), tmp_path)
    assert result.clean, result.problems
    options = Options(seed=1, count=0)
    result = check(design(name), options, verilog=tmp_path, results=tmp_path / "results")
    assert result.passed, result.failures
    assert set(result.scenarios) == SCENARIOS
    assert result.origin["corner"] > 500 and result.origin["random"] > 5000
    assert result.beats > 2000
    assert result.stalls["input"] > 200 and result.stalls["output"] > 200


def test_a_reset_that_comes_too_early_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(hw.sparse.sequencer, "REST", 2)
    result = check(design("n64"), Options(count=0), verilog=tmp_path, results=tmp_path / "results")
    failed = {name for name, status in result.scenarios.items() if status != "pass"}
    assert "soft_reset_at_any_moment" in failed and "good_lists" not in failed
    text = "\n".join(result.failures)
    assert re.search("^soft_reset_at_any_moment: reset before the bus has come to rest", text, re.M)


def test_every_rule_and_end_is_broken():
    for config in MACHINES.values():
        wrong = list(broken(config, 5))
        assert len(wrong) > 100
        assert {name for fields in wrong for name in fields} >= {field.name for field in FIELDS}


def test_there_are_reserved_bytes_to_flip():
    assert len(list(reserved())) + sum(f.bits // 8 for f in FIELDS) == BYTES
