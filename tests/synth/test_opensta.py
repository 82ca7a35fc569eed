"""What is asked of an OpenSTA that reads SAIF, and what becomes of its answer: of a stand-in, since
neither Debian nor PyPI has such a version. ``test_measure.py`` compares with a real one, if there
is one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from synth.gates import saif
from synth.metrics import load

ROOT = Path(__file__).parents[2]
NAME = "dint4_int8_mac"
REPORT = """\
Group                  Internal  Switching    Leakage      Total
                          Power      Power      Power      Power (Watts)
----------------------------------------------------------------
Sequential             3.29e-04   3.41e-05   2.37e-07   3.63e-04  12.0%
----------------------------------------------------------------
Total                  2.10e-03   1.00e-03   2.37e-07   3.12e-03 100.0%
"""
TOOL = """#!/bin/sh
[ "$1" = -version ] && echo {version} && exit
for last; do :; done
if grep -q read_saif "$last"; then cp "$last" {folder}/asked; cat {folder}/report
else exec {real} "$@"; fi
"""


@pytest.fixture
def run(tmp_path, osu018):
    """Synthesises a unit with a stand-in that says ``report`` when asked for power."""

    def synthesise(report, version="2.6.2"):
        (tmp_path / "report").write_text(report)
        tool = tmp_path / "bin" / "sta"
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(TOOL.format(version=version, folder=tmp_path, real=shutil.which("sta")))
        tool.chmod(0o755)
        path = f"{tool.parent}:{os.environ['PATH']}"
        return subprocess.run(
            [sys.executable, "-m", "synth", "run", NAME, "--build", "build", "--beats", "64"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path},
        )

    return synthesise


def test_power_of_an_opensta_that_reads_saif(run, tmp_path):
    outcome = run(REPORT)
    assert outcome.returncode == 0, outcome.stderr
    folder = tmp_path / "build" / "synth" / NAME
    found = load(folder / "metrics.json")
    theirs = found.get("power_opensta")
    assert theirs.value == 3.12 and theirs.source.startswith("OpenSTA 2.6.2, read_saif")
    asked = (tmp_path / "asked").read_text()
    (path,) = re.findall(r"^read_saif -scope \$top \{(.+)\}$", asked, re.M)
    assert f"set top {{{NAME}}}" in asked and "report_power" in asked
    assert saif.read(Path(path)).nets == saif.read(folder / "activity.saif.gz").nets

    outcome = run("Error: dint4.tcl line 9, scope not found.\n", version="2.7.0")
    assert outcome.returncode == 1
    assert f"{NAME} failed: OpenSTA: Error: dint4.tcl line 9, scope" in outcome.stdout
    assert "Traceback" not in outcome.stderr


def test_an_older_one_is_not_asked(run, tmp_path):
    assert run(REPORT, version="2.5.0").returncode == 0
    assert load(tmp_path / "build" / "synth" / NAME / "metrics.json").get("power_opensta") is None
    assert not (tmp_path / "asked").exists()
