"""`python -m sim` as a person types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sim(tmp_path):
    """Runs the command in an empty folder that shares the compiled simulations."""
    shared = ROOT / "build/cache"
    shared.mkdir(parents=True, exist_ok=True)
    (tmp_path / "build").mkdir()
    (tmp_path / "build/cache").symlink_to(shared)

    def command(*words, **env) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "sim", *map(str, words)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | env,
            capture_output=True,
            text=True,
        )

    return command


def test_run_proves_designs_and_says_so(sim, tmp_path):
    done = sim("run", "int8_mac", "mxfp4_d*", "--count", 500, "--seed", 4)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all passed; results in build/sim/NAME/result.json" in done.stdout
    assert "[3/3]" in done.stderr
    for name in ("int8_mac", "mxfp4_dot32", "mxfp4_decoder"):
        result = json.loads((tmp_path / f"build/sim/{name}/result.json").read_text())
        manifest = json.loads((tmp_path / f"build/verilog/{name}.json").read_text())
        assert result["status"] == "pass" and result["seed"] == 4
        assert result["sha256"] == manifest["sha256"]
        assert result["beats"] >= result["vectors"] > 500


def test_a_tensor_is_streamed(sim, tmp_path):
    np.save(tmp_path / "t.npy", np.random.default_rng(0).normal(size=(64, 768)))
    done = sim("run", "mxfp4_dot32", "--tensor", "t.npy", "--count", 100)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "build/sim/mxfp4_dot32/result.json").read_text())
    assert result["origin"]["tensor"] == 96 and result["origin"]["random"] == 0


def test_a_failure_is_explained_and_ends_with_status_1(sim, tmp_path):
    # Python imports sitecustomize at its start, in the processes of the jobs too.
    (tmp_path / "sitecustomize.py").write_text(
        "from golden.formats import Int\n"
        "right = Int.wrap\n"
        "Int.wrap = lambda self, n: right(self, n) ^ (right(self, n) == 0x4000)\n"
    )
    done = sim("run", "int8_mac", "--count", 9, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 of 1 designs FAILED" in done.stdout
    assert "result INT32: expected 0x00004001 = 16385, got 0x00004000 = 16384" in done.stdout
    assert "to reproduce: make sim DESIGN=int8_mac SEED=1 N=9" in done.stdout
    result = json.loads((tmp_path / "build/sim/int8_mac/result.json").read_text())
    assert result["status"] == "fail"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "nonsense"], "error: design 'nonsense' is not in the catalog; allowed: int8_mac"),
        (["run", "int8_mac", "--count", "-1"], "error: Invalid value for '--count'"),
        (["run", "int8_mac", "--seed", "x"], "error: Invalid value for '--seed'"),
        (["run", "int8_mac", "--jobs", "0"], "error: Invalid value for '--jobs'"),
        (["run", "int8_mac", "--tensor", "no.npy"], "error: tensor file is 'no.npy'; allowed: a f"),
        (["lint", "nonsense"], "error: design 'nonsense'"),
        (["snr", "--tensor", "no.txt"], "error: tensor file is 'no.txt'; allowed: a name that e"),
        (["walk"], "error: No such command 'walk'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_results_alone(words, message, sim, tmp_path):
    earlier = tmp_path / "build/sim/int8_mac/result.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("earlier")
    done = sim(*words)
    assert done.returncode == 2
    assert done.stderr.startswith(message) and done.stderr.count("\n") == 1
    assert earlier.read_text() == "earlier"


def test_lint_is_clean_and_names_its_waivers(sim):
    done = sim("lint", "int8_mac")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no warnings" in done.stdout and "waived DECLFILENAME" in done.stdout


def test_snr_prints_every_format(sim, tmp_path):
    done = sim("snr")
    assert done.returncode == 0
    assert "synthetic activations, seed 1: 49152 numbers" in done.stdout
    for name in ("mxint8", "mxfp8_e4m3", "mxfp4", "int8", "int4"):
        assert name in done.stdout
    np.save(tmp_path / "t.npy", np.arange(100.0))
    assert (
        "96 numbers (4 at the end left out), shape (100,)" in sim("snr", "--tensor", "t.npy").stdout
    )
