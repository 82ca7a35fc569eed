"""docs/add-a-format.md, done: its one line, then its commands, on a copy of the sources."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESIGNS = "mxfp5_*"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The sources with the line that the page tells to add."""
    folder = tmp_path_factory.mktemp("bitpillar")
    for floor in ("golden", "hw", "sim", "synth", "tests"):
        shutil.copytree(ROOT / floor, folder / floor, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    page = (ROOT / "docs" / "add-a-format.md").read_text()
    line = re.search(r'^ +"mxfp5_e3m1": .*,$', page, re.M)[0]
    source = folder / "golden" / "mx.py"
    text = source.read_text()
    head = "ELEMENTS: dict[str, Format] = {\n"
    assert text.count(head) == 1
    source.write_text(text.replace(head, f"{head}{line}\n"))
    return folder


def run(copy, *command):
    environment = dict(os.environ, PYTHONPATH=str(copy))
    result = subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_verilog_simulation_synthesis_report(copy):
    run(copy, "-m", "hw", "verilog", DESIGNS)
    names = [f"mxfp5_e3m1_{kind}" for kind in ("decoder", "dot32", "encoder")]
    assert sorted(p.stem for p in (copy / "build/verilog").glob("*.v")) == names
    run(copy, "-m", "sim", "run", DESIGNS, "--count", "500")
    for name in names:
        result = json.loads((copy / "build/sim" / name / "result.json").read_text())
        assert result["status"] == "pass" and result["beats"] >= 500
    if shutil.which("sta") is None:
        pytest.skip("OpenSTA is not installed")
    run(copy, "-m", "synth", "run", DESIGNS)
    run(copy, "-m", "synth", "report")
    page = (copy / "build/report/index.html").read_text()
    assert all(name in page for name in names)
    assert "mxfp5_e3m1" in run(copy, "-m", "sim", "snr")


def test_the_tests_take_it_in(copy):
    command = ["-m", "pytest", "-p", "no:cacheprovider", "-k", "mxfp5", "tests/golden"]
    passed = re.search(r"(\d+) passed", run(copy, *command))
    assert int(passed[1]) >= 4
