"""Sweeps for real: killed and gone on with, on a cluster, with points that fail."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from pyarrow import parquet

from golden.errors import BadInput
from synth import flow
from synth.cache import workfolder
from synth.flow import results
from synth.library import DEFAULT_LIBERTY
from synth.mapping import yosys
from synth.sweep import cluster, run, spec, work

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
pytestmark = pytest.mark.usefixtures("osu018")

# Four points that can be and one that cannot: an accumulator in halves of sums of integers.
SWEEP = """
[[grid]]
base = "int8_dot32"
fields.lanes = 2
fields.a = "INT2"
fields.w = ["INT2", "INT3"]
fields.accumulator = ["none", "INT8"]
[[grid]]
base = "int8_dot32"
cases = [{ label = "halves", a = "INT2", w = "INT2", accumulator = "INT8 (1 fraction bit)" }]
[[plot]]
colour = "w"
marker = "accumulator"
[[plot]]
x = "lanes"
y = "area / lanes"
panel = "accumulator"
"""
FILES = {"points.parquet", "points.csv", "area-by-critical-path.svg", "summary.md"}
FILES |= {"area-lanes-by-lanes-by-accumulator.svg"}


def sweep(*arguments, **options):
    """The command line in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "synth", "sweep", *map(str, arguments)]
    given = {"env": ENVIRONMENT, "cwd": ROOT, "text": True, **options}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **given)


def finished(process):
    out, err = process.communicate(timeout=900)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "tiny.toml"
    path.write_text(SWEEP)
    return path


@pytest.fixture(scope="module")
def swept(file, tmp_path_factory, osu018):
    """A build folder in which the sweep lost its worker, then was killed with two points done, and
    then gone on with."""
    build = tmp_path_factory.mktemp("swept")
    process = sweep(file, "--build", build, "--jobs", 1)
    points = build / "cache" / "points"
    limit = time.monotonic() + 900

    def wait_for(count):
        while len(list(points.glob("*.json"))) < count:
            assert process.poll() is None and time.monotonic() < limit, process.communicate()
            time.sleep(0.02)

    wait_for(1)
    worker, *others = [
        child
        for child in psutil.Process(process.pid).children()
        if any("spawn_main" in word for word in child.cmdline())
    ]
    assert not others
    worker.kill()
    wait_for(2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close(), process.stderr.close()
    done = {path: path.stat().st_mtime_ns for path in points.glob("*.json")}
    assert 2 <= len(done) <= 3 and not (build / "sweep").exists()
    status, out, err = finished(sweep(file, "--build", build, "--jobs", 1))
    assert status == 0, err
    return build, done, out


def test_a_killed_sweep_loses_no_more_than_what_it_was_at(swept):
    """What was done is not done again, the rest is, and nothing half done is left."""
    build, done, out = swept
    assert f"{4 - len(done)} run now" in out
    points = build / "cache" / "points"
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert len(list(points.iterdir())) == 4
    assert len([p for p in (build / "cache" / "synth").iterdir() if p.name[0] != "."]) == 4
    assert not list((build / "cache").glob("*/.work-*"))


def test_the_table_holds_every_point(swept):
    build, _, out = swept
    folder = build / "sweep" / "tiny"
    assert {path.name for path in folder.iterdir()} == FILES
    assert "5 points: 4 done, 1 failed (1 parameters)" in out
    rows = parquet.read_table(folder / "points.parquet").to_pylist()
    assert [row["status"] for row in rows] == ["ok"] * 4 + ["failed"]
    assert rows[4]["stage"] == "parameters" and "accumulator is 'INT8'" in rows[4]["error"]
    assert rows[4]["area"] is None and rows[4]["label"] == "halves"
    # More bits are more area; the front is the smallest and fastest.
    assert rows[0]["area"] < rows[2]["area"] and rows[0]["area"] < rows[1]["area"]
    assert rows[0]["front_area_by_critical_path"]
    assert all(row["tools"] and row["library_sha256"] and row["command"] for row in rows[:4])
    pictures = {path.name: path.read_text() for path in folder.glob("*.svg")}
    assert all(text.count("<svg") == 1 and "area, µm²" in text for text in pictures.values())
    assert ["Pareto front" in pictures[name] for name in sorted(pictures)] == [True, False]
    assert "accumulator INT8" in pictures["area-by-critical-path.svg"]
    assert "| halves |" in (folder / "summary.md").read_text()


def test_a_cluster_gives_the_same_table(swept, file, tmp_path):
    """A scheduler and a worker of Dask as processes of their own; nothing known beforehand."""
    address = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    common = ["--scheduler-file", str(address), "--no-dashboard"]
    quiet = {"env": ENVIRONMENT, "cwd": ROOT, "stderr": subprocess.DEVNULL}
    with contextlib.ExitStack() as stack:
        for command in (
            [*dask, "scheduler", "--port", "0", "--host", "127.0.0.1", *common],
            [*dask, "worker", "--nthreads", "2", "--no-nanny", *common],
        ):
            process = stack.enter_context(subprocess.Popen(command, **quiet))
            stack.callback(process.terminate)
            limit = time.monotonic() + 60
            while not address.is_file():
                assert process.poll() is None and time.monotonic() < limit
                time.sleep(0.05)
        where = json.loads(address.read_text())["address"]
        status, out, err = finished(sweep(file, "--build", tmp_path, "--scheduler", where))
    assert status == 0 and "4 run now" in out, err
    for name in FILES:
        one, other = (build / "sweep" / "tiny" / name for build in (swept[0], tmp_path))
        assert one.read_bytes() == other.read_bytes(), name


def test_points_that_fail_are_known_until_asked_for_again(tmp_path, synth, monkeypatch):
    """A recipe that asks for a cell which the library has not: status 1, and a row."""
    library = tmp_path / "other.lib"
    library.write_bytes(DEFAULT_LIBERTY.read_bytes().replace(b"INVX2", b"INVB"))
    file = tmp_path / "bad.toml"
    file.write_text(
        '[[grid]]\nbase = "int8_mac"\nrecipe = "reference"\nlibrary = "other.lib"\n'
        'fields.a = "INT2"\nfields.w = "INT2"\n'
    )
    here(monkeypatch)

    def outcome(*more):
        found = synth("sweep", file, "--build", tmp_path, *more)
        assert found.return_value == 1, found.output
        rows = parquet.read_table(tmp_path / "sweep" / "bad" / "points.parquet").to_pylist()
        assert rows[0]["stage"] == "synthesis" and "drives inputs with INVX2" in rows[0]["error"]
        return found.output

    assert "1 points: 0 done, 1 failed (1 synthesis); 1 run now" in outcome()
    assert "0 run now" in outcome()
    assert "1 run now" in outcome("--again")


def here(monkeypatch):
    """Points are run in this process."""
    monkeypatch.setattr(
        cluster, "run", lambda tasks, *_: ((task, work.evaluate(task)) for task in tasks)
    )


def test_what_a_machine_cannot_now_is_tried_again(file, tmp_path, monkeypatch):
    """A full disk is no property of a point; neither is a worker with other sources."""
    here(monkeypatch)

    def full(job):
        raise OSError(28, "No space left on device")

    described = spec.read(file)
    with monkeypatch.context() as patch:
        patch.setattr(flow, "run", full)
        records, count = run.run(described, tmp_path)
    assert count == 4 and records[0]["error"] == "OSError: [Errno 28] No space left on device"
    with monkeypatch.context() as patch:
        patch.setattr(work.emission, "key", lambda design: os.urandom(8).hex())
        records, count = run.run(described, tmp_path)
    assert count == 4 and "has other sources or tools" in records[0]["error"]
    assert not (tmp_path / "cache" / "points").exists()


def test_a_longer_time_limit_is_another_try(file, tmp_path, monkeypatch):
    """A point that took too long is run again when it may take longer, not before."""
    here(monkeypatch)
    slow = yosys.Failed("Yosys took longer than it may")

    def fail(job, folder):
        raise slow

    monkeypatch.setattr(results, "synthesise", fail)

    def count(seconds):
        file = tmp_path / "slow.toml"
        file.write_text(f"timeout = {seconds}\n{SWEEP}")
        return run.run(spec.read(file), tmp_path)[1]

    assert [count(seconds) for seconds in (5, 5, 4, 6)] == [4, 0, 0, 4]


DEADLY = """
import os
from synth.sweep import cluster

def die(task):
    os._exit(1)

if __name__ == "__main__":
    cluster.evaluate = die
    (_, found), = cluster.run(["a point"], None, 1)
    print(found["status"], found["stage"], found["lasting"])
"""


def test_a_point_that_kills_its_workers_fails(tmp_path):
    script = tmp_path / "deadly.py"
    script.write_text(DEADLY)
    once = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    outcome = subprocess.run(
        [sys.executable, script],
        env=ENVIRONMENT | once,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert outcome.stdout == "failed worker False\n", outcome.stderr


@pytest.mark.parametrize(
    ("scheduler", "what"),
    [
        ("tcp://127.0.0.1:9", "scheduler 'tcp://127.0.0.1:9' does not answer"),
        ("here", "scheduler 'here' does not answer"),
        ("http://x", "scheduler 'http://x' does not answer"),
    ],
)
def test_no_scheduler_is_one_line(file, tmp_path, monkeypatch, scheduler, what):
    monkeypatch.setattr(cluster, "WAIT", 0.3)
    with pytest.raises(BadInput) as caught:
        run.run(spec.read(file), tmp_path, scheduler=scheduler)
    assert what in str(caught.value) and "\n" not in str(caught.value)


def test_leftovers_of_the_dead_are_removed(tmp_path):
    folder = tmp_path / "cache" / "synth"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mine = workfolder.make(folder)
    theirs = folder / mine.name.replace(str(os.getpid()), str(dead.pid))
    elsewhere = folder / f".work-elsewhere-{dead.pid}-x"
    for path in (theirs, elsewhere):
        path.mkdir()
    workfolder.clean(tmp_path)
    assert mine.is_dir() and elsewhere.is_dir() and not theirs.exists()
