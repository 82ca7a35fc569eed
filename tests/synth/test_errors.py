"""What a user or a machine can get wrong: one clear line, a status, and earlier results whole."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from golden import files
from golden.errors import BadInput
from synth import flow
from synth.library import DEFAULT_LIBERTY, Library
from synth.mapping import yosys
from synth.metrics import load
from synth.power import tables
from synth.timing import sta

pytestmark = pytest.mark.usefixtures("osu018")
SAMPLES = Path(__file__).with_name("samples")
ROOT = Path(__file__).parents[2]


def snapshot(folder):
    """Every result in ``folder``, and every entry of the cache."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def command(*arguments, **environment):
    """``python -m synth`` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "synth", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.fixture
def copy(build, tmp_path):
    """A build folder of one's own, with the results of the samples."""
    shutil.copytree(build, tmp_path / "build")
    return tmp_path / "build"


TEXT = DEFAULT_LIBERTY.read_text() if DEFAULT_LIBERTY.is_file() else ""


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "0 library groups, not 1"),
        ("\x89PNG\r\n", "line 1: unexpected"),
        (TEXT[: len(TEXT) // 2], "is not a Liberty file: line"),
        (TEXT.replace("cell (AOI21X1) {", "cell (AOI21X1) ", 1), "line"),
        (TEXT + "}", "a '}' too many"),
        (TEXT.replace("(1,pf)", "(1,furlong)"), "cannot be understood"),
        (re.sub(r'time_unit : "1ns"', 'time_unit : "soon"', TEXT), "cannot be understood"),
        (re.sub(r"\bff ?\(", "fg (", TEXT), "has no flip-flop"),
    ],
    ids=["empty", "picture", "half", "no brace", "brace", "load unit", "time unit", "no flip-flop"],
)
def test_malformed_liberty(build, tmp_path, synth, text, what):
    assert text != TEXT
    path = tmp_path / "bad.lib"
    path.write_text(text)
    before = snapshot(build)
    outcome = synth("run", "--from", SAMPLES, "--build", build, "--liberty", path)
    assert isinstance(outcome.exception, BadInput), outcome.output
    assert what in str(outcome.exception) and "bad.lib" in str(outcome.exception)
    assert "\n" not in str(outcome.exception)
    assert snapshot(build) == before


def test_half_a_gzip(tmp_path):
    path = tmp_path / "half.lib.gz"
    path.write_bytes(b"\x1f\x8b" + bytes(20))
    with pytest.raises(BadInput, match="cannot be read"):
        Library(path)


def test_a_table_of_the_wrong_size_fails_the_design(copy, tmp_path, synth):
    """Which ABC dies of: a failed row with a line, all else as it was."""
    table = r'(rise_power\s*\([^{]*\{[^}]*?values\s*\([^"]*"[^"]*)"'
    broken = re.sub(table, r'\1, 7.0"', TEXT)
    assert broken != TEXT
    path = tmp_path / "bad.lib"
    path.write_text(broken)
    cached = snapshot(copy / "cache")
    outcome = synth("run", "sample_mac", "--from", SAMPLES, "--build", copy, "--liberty", path)
    assert outcome.return_value == 1, outcome.output
    (line,) = [x for x in outcome.stdout.splitlines() if x.startswith("sample_mac failed: ")]
    assert "Yosys: ERROR: ABC" in line and str(tmp_path) not in line
    assert {p: b for p, b in snapshot(copy / "cache").items() if p in cached} == cached
    assert load(copy / "synth" / "sample_dot4" / "metrics.json").status == "ok"


def test_a_table_that_the_tools_forgive(tmp_path):
    """Power is not computed from a table that is not the size of its axes, or not of numbers."""
    start = TEXT.index("rise_power", TEXT.index("cell (INVX1)"))
    for change in (lambda numbers: numbers[1] + '"1, 2"', lambda numbers: numbers[1] + '"much"'):
        rest = re.sub(r'(values\s*\([^"]*)("[^)]*")', change, TEXT[start:], count=1)
        (tmp_path / "bad.lib").write_text(TEXT[:start] + rest)
        library = Library(tmp_path / "bad.lib")
        pin = library.cells["INVX1"].pins["Y"].group
        found = [t for group in pin.all("internal_power") for t in group.all("rise_power")]
        with pytest.raises(yosys.Failed, match="library osu018_stdcells: a table rise_power"):
            [tables.reader(library)(table) for table in found]


def test_unknown_cell(copy, tmp_path, synth):
    """A design that instantiates what nobody defines."""
    (tmp_path / "odd.v").write_text(
        "module odd(input clk, input a, output q);\n"
        "  NAND17 u(.A(a), .CLK(clk), .Y(q));\nendmodule\n"
    )
    (tmp_path / "odd.json").write_text('{"top": "odd", "clock": {"port": "clk"}}')
    before = snapshot(copy)
    outcome = synth("run", "odd", "--from", tmp_path, "--build", copy)
    assert outcome.return_value == 1
    (line,) = [line for line in outcome.stdout.splitlines() if line.startswith("odd failed: ")]
    assert "NAND17" in line
    after = snapshot(copy)
    assert {path: after[path] for path in before} == before


def test_missing_opensta(build, tmp_path):
    """Without it on the PATH nothing is begun."""
    before = snapshot(build)
    outcome = command("run", "--from", SAMPLES, "--build", build, PATH=str(tmp_path))
    assert outcome.returncode == 2 and outcome.stdout == ""
    assert outcome.stderr == (
        "error: OpenSTA (sta) is not installed; `make doctor` says how to mend it\n"
    )
    assert snapshot(build) == before


def test_missing_yosys(monkeypatch):
    def absent(name):
        raise yosys.PackageNotFoundError(name)

    monkeypatch.setattr(yosys, "version", absent)
    with pytest.raises(BadInput, match=r"pyosys \(Yosys\) is not installed; `make doctor`"):
        yosys.yosys_version()


def test_opensta_that_breaks_down(copy, tmp_path):
    """A tool that is there but does not run fails the design, in one line."""
    tool = tmp_path / "bin" / "sta"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\n[ "$1" = -version ] && echo 2.0.17 && exit\nexit 1\n')
    tool.chmod(0o755)
    outcome = command(
        "run", "sample_mac", "--from", SAMPLES, "--build", copy, "--period", 9,
        PATH=f"{tool.parent}:{os.environ['PATH']}",
    )  # fmt: skip
    assert outcome.returncode == 1
    assert "sample_mac failed: OpenSTA stopped before its end" in outcome.stdout


def test_a_tool_that_is_killed_says_so(tmp_path, monkeypatch):
    """And not what it happened to say last."""
    worker = tmp_path / "worker.py"
    worker.write_text("import os, signal; print('fine', flush=True); os.kill(os.getpid(), 9)")
    monkeypatch.setattr(yosys, "WORKER", worker)
    with pytest.raises(yosys.Failed, match="^Yosys was ended by SIGKILL$"):
        yosys.run([], tmp_path, 60)


def test_full_disk(copy, monkeypatch, job):
    """Every write of a result fails: no half entry in the cache, earlier results as they were."""
    before = snapshot(copy)

    def full(handle, *arguments):
        os.close(handle)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fdopen", full)
    with pytest.raises(OSError, match="No space left on device"):
        flow.run(job(copy, "sample_mac", period=9.0))
    monkeypatch.undo()
    assert snapshot(copy) == before
    assert not list((copy / "cache" / "synth").glob(".work-*"))


@pytest.mark.parametrize("left", [40_000, 400_000])
def test_disk_that_fills_up_under_the_tools(build, tmp_path, left):
    """On a file system with little room: one line, a status, and earlier results whole."""
    place = tmp_path / "small"
    place.mkdir()
    size = sum(path.stat().st_size for path in build.rglob("*") if path.is_file())
    options = f"size={(size + (1 << 20)) // 1024 * 2}k"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        shutil.copytree(build, place / "build")
        before = snapshot(place / "build")
        room = shutil.disk_usage(place).free
        (place / "filler").write_bytes(bytes(max(room - left, 0)))
        outcome = command(
            "run", "sample_mac", "--from", SAMPLES, "--build", place / "build", "--period", 9
        )
        assert outcome.returncode == 1, (outcome.stdout, outcome.stderr)
        lines = [line for line in outcome.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1 and "No space left on device" in lines[0], outcome.stderr
        assert "Traceback" not in outcome.stderr
        after = snapshot(place / "build")
        assert {path: after.get(path) for path in before} == before
        assert not list((place / "build" / "cache" / "synth").glob(".work-*"))
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_timing_that_is_half_written(tmp_path):
    (tmp_path / "sta.txt").write_text("@\tpath\tregister-register\t5.0\n@\tpoint\tregis")
    with pytest.raises(yosys.Failed, match="stopped before its end"):
        sta.read(tmp_path / "sta.txt")
