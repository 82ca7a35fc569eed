"""The sequencer under Verilator: registers, lists, every error, resets at any moment."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from golden.sparse.accelerator import ACCELERATORS
from golden.sparse.checks import offence
from golden.sparse.descriptor import BYTES, FIELDS, encode, highest, reserved
from hw.sparse.sequencer import Sequencer
from hw.verilog import translate
from sim.lint import lint_file
from sim.verilator import build, run

HERE = Path(__file__).parent
TESTS = 13
N64 = ACCELERATORS["n64"].replace(columns=2048, weight_bytes=2 * 64 * 64)


@pytest.fixture(scope="module", params=["n8", "n64"])
def machine(request, tmp_path_factory):
    config = N64 if request.param == "n64" else ACCELERATORS[request.param]
    file = tmp_path_factory.mktemp("sequencer") / "sequencer.v"
    file.write_text(translate(Sequencer(config), "sequencer"))
    return config, file


def test_lint(machine):
    assert lint_file(machine[1], "sequencer").problems == ()


def broken(config):
    """Fields of descriptors that are wrong in one way each."""
    sys.path.insert(0, str(HERE.parents[1] / "golden" / "sparse"))
    try:
        from test_descriptor import BROKEN, CONV
    finally:
        sys.path.pop(0)
    wrong = [fields for _, fields in BROKEN]
    for field in FIELDS:
        if field.address:
            wrong += [CONV | {field.name: value} for value in (1, 64)]
            wrong += [CONV | {field.name: 1 << 40}] if field.bits == 64 else []
        else:
            ends = field.low - 1, highest(field, config, 0) + 1
            # What is above the end in the first layer is so in any of the first few.
            ends = ends[0], ends[1] + (5 if field.name.endswith("_after") else 0)
            wrong += [CONV | {field.name: v} for v in ends if 0 <= v < 1 << field.bits]
    return [fields for fields in wrong if offence(encode(fields), config, 3) is not None]


@pytest.mark.parametrize("seed", [1])
def test_sequencer(machine, tmp_path, seed, monkeypatch):
    config, file = machine
    monkeypatch.syspath_prepend(HERE)
    model = build(file, top="sequencer", jobs=1)
    done = run(
        model,
        "sequencer_bench",
        folder=tmp_path,
        seed=seed,
        env={
            "BITPILLAR_MACHINE": json.dumps(dataclasses.asdict(config)),
            "BITPILLAR_BROKEN": json.dumps(broken(config)),
            "BITPILLAR_SEED": str(seed),
        },
    )
    assert done.error == "" and done.failures == 0, done.log[-6000:]
    assert done.tests == TESTS


def test_there_are_reserved_bytes_to_flip():
    assert len(list(reserved())) + sum(f.bits // 8 for f in FIELDS) == BYTES
