"""Jobs on machines compiled with the memory model: what they do, and what must be noticed."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import rtlil
from copier import (
    BEATS,
    CHUNK,
    CONTROL,
    DESTINATION,
    ERROR,
    SOURCE,
    STATUS,
    VECTORS,
    Copier,
    channel,
)
from vandal import LITE, OTHER, RULES, START, Vandal

from golden.errors import BadInput
from golden.sparse.dma import DmaConfig, ReadClient, WriteClient
from hw.verilog import _write_verilog, plain_names
from sim.compiler import BuildError
from sim.sparse import Job, Machine, Timing
from sim.sparse import harness as harness_module
from sim.sparse.harness import Died

BASE, SIZE = 0x8000_0000, 1 << 20
FROM, TO = BASE + 0x1000, BASE + 0x80000
BEAT = 16
CONFIG = DmaConfig(
    bus_bits=8 * BEAT,
    reads=(ReadClient(name="a", depth=256), ReadClient(name="b", depth=32)),
    writes=(WriteClient(name="a", depth=32), WriteClient(name="b", depth=8)),
)
CONTENT = np.random.default_rng(0).integers(0, 256, 0x10000, np.uint8)
FAST = Timing(read_latency=10, write_latency=10)


def compiled(component, name, folder, **options) -> Machine:
    text = rtlil.convert(component, name=name, emit_src=False)
    path = folder / f"{name}.v"
    path.write_text(_write_verilog(plain_names(text)))
    return Machine.build(path, name, **options)


@pytest.fixture(scope="module")
def copier(tmp_path_factory):
    return compiled(Copier(CONFIG), "copier", tmp_path_factory.mktemp("copier"), optimize="-O1")


@pytest.fixture(scope="module")
def vandal(tmp_path_factory):
    return compiled(Vandal(), "vandal", tmp_path_factory.mktemp("vandal"), optimize="-O1")


def start(job: Job, number: int, beats: int, chunk: int = 0xFFFF) -> Job:
    """Let a channel copy; channel 1 has the second halves of both areas."""
    half, base = number * 0x8000, channel(number)
    job.write(base + SOURCE, FROM + half).write(base + DESTINATION, TO + half)
    return job.write(base + BEATS, beats).write(base + CHUNK, chunk)


def copy_job(name="copy", beats=100, chunk=0xFFFF, **options) -> Job:
    options = {"timing": FAST, **options}
    job = Job(name, SIZE, BASE, **options).load(FROM, CONTENT).readable(FROM, len(CONTENT))
    job.writable(TO, beats * BEAT)
    return start(job, 0, beats, chunk)


def finish(job: Job, beats: int, limit: int = 50_000) -> Job:
    job.wait_irq(limit, "irq").read(STATUS, "status").read(ERROR, "error")
    return job.read(channel(0) + VECTORS, "vectors").dump(TO, beats * BEAT, "copy")


def copied(result, beats) -> bool:
    """The job went well, and its copy is whole."""
    assert result.error == ""
    assert result.values["error"] == 0
    assert result.values["vectors"] == beats
    assert result.idle and result.values["status"] & 1
    return np.array_equal(result.dumps["copy"], CONTENT[: beats * BEAT])


@pytest.mark.parametrize("beats", [1, 15, 16, 17, 256, 1000])
def test_a_copy(copier, beats):
    result = copier.run(finish(copy_job(beats=beats), beats))
    assert copied(result, beats)
    counts = result.counts
    assert (counts["read_beats"], counts["write_beats"]) == (beats, beats)
    assert counts["read_bytes"] == counts["write_bytes"] == beats * BEAT
    assert counts["errors"] == 0 and set(result.responses) == {0}


def test_both_channels_at_once(copier):
    job = start(copy_job(beats=500, chunk=5).writable(TO + 0x8000, 300 * BEAT), 1, 300, 17)
    result = copier.run(finish(job, 500).dump(TO + 0x8000, 300 * BEAT, "other"))
    assert copied(result, 500)
    assert np.array_equal(result.dumps["other"], CONTENT[0x8000:][: 300 * BEAT])


def cycles_of(machine, beats=1000, **timing) -> int:
    result = machine.run(finish(copy_job(beats=beats, timing=Timing(**timing)), beats))
    assert copied(result, beats)
    return result.at["irq"]


def test_bandwidth(copier):
    """A beat a cycle each way; together when the bus of memory is shared."""
    alone = cycles_of(copier, shared=False)
    assert 1000 + 200 < alone < 1000 + 260
    both = cycles_of(copier, shared=True)
    assert 2000 < both < 2000 + 260


def test_latency_is_what_was_asked_for(copier):
    base = cycles_of(copier, beats=1, read_latency=10, write_latency=10)
    assert cycles_of(copier, beats=1, read_latency=47, write_latency=10) == base + 37
    assert cycles_of(copier, beats=1, read_latency=10, write_latency=52) == base + 42


def test_stalls(copier):
    """Jitter and stalls on every channel, in one process; another seed takes other cycles."""
    timing = Timing(read_latency=20, write_latency=20, jitter=40, stalls=50, lite_delay=4)
    jobs = [
        finish(copy_job(f"s{seed}", 200, 1 + seed, timing=timing, seed=seed), 200)
        for seed in range(40)
    ]
    results = copier.run_all(jobs)
    assert all(copied(result, 200) for result in results)
    assert len({result.cycles for result in results}) > 20
    again = copier.run(jobs[7])
    assert (again.cycles, again.counts) == (results[7].cycles, results[7].counts)


@pytest.mark.parametrize("name", ["ar", "r", "aw", "w", "b"])
def test_stalls_of_one_channel(copier, name):
    timings = [Timing(shared=False), Timing(shared=False, stalls={name: 90})]
    free, stalled = (
        [
            finish(copy_job(f"{name}{seed}", 300, 4, timing=timing, seed=seed), 300)
            for seed in range(8)
        ]
        for timing in timings
    )
    results = copier.run_all([*free, *stalled])
    assert all(copied(result, 300) for result in results)
    cycles = [result.at["irq"] for result in results]
    assert len(set(cycles[:8])) == 1  # random values of registers are none of its concern
    assert sum(cycles[8:]) > sum(cycles[:8]) + 50


def test_writes_are_seen_when_they_are_acknowledged(copier):
    timing = Timing(read_latency=10, write_latency=2000)
    job = copy_job(beats=4, timing=timing).wait(1000).dump(TO, 64, "before")
    result = copier.run(finish(job, 4))
    assert copied(result, 4)
    assert not result.dumps["before"].any()


@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("code", [2, 3])
def test_faults_and_soft_reset(copier, kind, code):
    """The error is told, the rest comes to its end, and after a soft reset all is well."""
    job = copy_job(beats=200, chunk=7).fault(kind, 4, code)
    job.poll(ERROR, 1, 1, 5000, "error").write(CONTROL, 1)
    job.poll(STATUS, 1, 1, 5000).write(CONTROL, 2).write(CONTROL, 0).read(ERROR, "cleared")
    job = start(job, 0, 200)
    result = copier.run(finish(job, 200))
    assert result.error == ""
    assert result.values["cleared"] == 0
    assert result.values["vectors"] == 200
    assert np.array_equal(result.dumps["copy"], CONTENT[: 200 * BEAT])
    assert result.counts["errors"] == 1

    first = copier.run(copy_job(beats=200).fault(kind, 4, code).poll(ERROR, 1, 1, 5000, "error"))
    assert first.values["error"] == 1 | code << 1 | (kind == "write") << 3


def test_a_faulty_write_does_not_happen(copier):
    job = copy_job(beats=48).fault("write", 1).wait_irq(5000).dump(TO, 48 * BEAT, "copy")
    result = copier.run(job)
    assert result.error == ""
    expected = CONTENT[: 48 * BEAT].copy()
    expected[16 * BEAT : 32 * BEAT] = 0
    assert np.array_equal(result.dumps["copy"], expected)


def test_outside_of_the_regions(copier):
    good = copy_job("good", beats=100)
    jobs = [good]
    for name, change in (
        ("read", lambda job: job.forbid().writable(TO, 1600).readable(FROM, 1599 - BEAT)),
        ("write", lambda job: job.forbid().readable(FROM, 1600).writable(TO, 1599)),
        ("base", lambda job: job.forbid().readable(FROM + BEAT, 1600).writable(TO, 1600)),
    ):
        job = copy_job(name, beats=100)
        jobs.append(change(job).wait_irq(5000))
    results = copier.run_all([*jobs, finish(copy_job("after", beats=3), 3)])
    assert [r.error.split(" ")[0] for r in results] == ["", "read", "write", "read", ""]
    assert "is outside of the readable regions" in results[1].error
    assert "write at 0x80080630, strobe 0xffff, is outside of the writable" in results[2].error
    assert copied(results[4], 3)  # a job that fails does not touch the next


def test_regions_that_touch_are_one(copier):
    job = copy_job(beats=100).forbid().readable(FROM + 808, 792).readable(FROM, 808)
    job.writable(TO + 500, 1100).writable(TO, 200).writable(TO + 200, 300)
    assert copied(copier.run(finish(job, 100)), 100)


def test_outside_with_decode_errors(copier):
    timing = Timing(read_latency=10, write_latency=10, decode_error=True)
    job = copy_job(beats=100, timing=timing).forbid().readable(FROM, 1600).writable(TO, 256)
    result = copier.run(job.wait_irq(5000).read(ERROR, "error").dump(TO, 1600, "copy"))
    assert result.error == ""
    assert result.values["error"] == 1 | 3 << 1 | 1 << 3
    assert np.array_equal(result.dumps["copy"][:256], CONTENT[:256])
    assert not result.dumps["copy"][256:].any()


def test_memory_ends_somewhere(copier):
    job = copy_job(beats=4).readable(0, 1 << 40).writable(0, 1 << 40)
    job.write(channel(1) + SOURCE, BASE + SIZE).write(channel(1) + BEATS, 1)
    result = copier.run(job.write(channel(1) + CHUNK, 1).wait_irq(1000))
    assert "outside of the readable regions" in result.error
    assert "outside of memory" in copier.run(Job("load", SIZE, BASE).load(0, b"abc")).error
    assert "outside of memory" in copier.run(Job("d", SIZE, BASE).dump(BASE, SIZE + 1, "x")).error


@pytest.mark.parametrize("cycle", [1, 37, 90, 150, 400])
def test_reset_by_pin(copier, cycle):
    job = copy_job(beats=400, timing=Timing(), seed=cycle).wait(cycle).reset()
    assert copied(copier.run(finish(start(job, 0, 400), 400)), 400)


def test_waits(copier):
    result = copier.run(copy_job().forbid().wait_irq(0, "irq", required=False).wait(123))
    assert result.values["irq"] == 0
    result = copier.run(Job("irq", SIZE, BASE).wait_irq(77))
    assert result.error == "no interrupt after 77 cycles"
    result = copier.run(Job("poll", SIZE, BASE).poll(STATUS, 2, 2, 50).read(STATUS, "late"))
    assert result.error.startswith("register 0x4 is 0x1 after 50 cycles")
    assert "late" not in result.values


def test_register_errors_are_told(copier):
    result = copier.run(Job("hole", SIZE, BASE).read(0xFC, "hole").read(STATUS, "status"))
    assert result.responses == (2, 0)


def test_a_second_image(copier):
    other = CONTENT[::-1].copy()
    job = finish(copy_job(beats=10), 10).load(FROM, other.view(np.uint32).reshape(2, -1))
    job.write(CONTROL, 2).write(CONTROL, 0)
    start(job, 0, 10).wait_irq(5000).dump(TO, 160, "second")
    result = copier.run(job)
    assert copied(result, 10)
    assert np.array_equal(result.dumps["second"], other[:160])


@pytest.mark.parametrize("name", RULES)
def test_rules_of_axi(vandal, name):
    """Each is noticed under some stalls, and never taken for another."""
    jobs = []
    for seed in range(16):
        timing = Timing(stalls=80, lite_delay=12)
        job = Job(name.replace(" ", "-"), 0x10000, seed=seed, timing=timing)
        job.readable(0, 0x10000).writable(0, 0x10000).write(START, list(RULES).index(name))
        for _ in range(20 if name in LITE else 0):
            job.write(OTHER, 0).read(OTHER, "other")
        jobs.append(job.wait_irq(3000))
    errors = {result.error for result in vandal.run_all(jobs)} - {""}
    assert len(errors) == bool(RULES[name])
    assert all(RULES[name] in error for error in errors)


def test_simulators_that_end_otherwise(copier, tmp_path):
    job = Job("long", SIZE, BASE).wait(1 << 40)
    with pytest.raises(Died, match="did not end within 1 s"):
        copier.run(job, timeout=1)
    dead = Machine(Path("/bin/false"), "none", 0.0)
    (tmp_path / "results").write_text("")
    with pytest.raises(Died, match="status 1 after 0 of 1 jobs"):
        dead.run(job, folder=tmp_path)


def test_bad_jobs(copier):
    with pytest.raises(BadInput, match="job name"):
        Job("a b", 1)
    with pytest.raises(BadInput, match="stalls"):
        Timing(stalls={"x": 1}).line()
    with pytest.raises(BadInput, match="stalls of ar"):
        Timing(stalls=100).line()
    with pytest.raises(BadInput, match="code"):
        Job("a", 1).fault("read", 0, 1)
    with pytest.raises(BadInput, match="dump"):
        Job("a", 1).dump(0, 1, "x").dump(0, 1, "x")
    with pytest.raises(BadInput, match="trace"):
        copier.run(Job("a", 1, trace=(0, 1)))


def test_a_second_build_compiles_nothing(copier, tmp_path, monkeypatch):
    monkeypatch.setattr(harness_module, "compile_model", None)
    again = compiled(Copier(CONFIG), "copier", tmp_path, optimize="-O1")
    assert again.binary == copier.binary and again.seconds == 0


def test_what_does_not_compile(tmp_path):
    path = tmp_path / "bad.v"
    path.write_text("module bad(input clk; endmodule\n")
    with pytest.raises(BuildError, match="syntax error"):
        Machine.build(path, "bad")
    path.write_text("module bad(input clk, output irq); assign irq = clk; endmodule\n")
    with pytest.raises(BuildError, match="m_axi_"):
        Machine.build(path, "bad")


def test_waves(tmp_path):
    probe = subprocess.run(
        ["g++", "-fsyntax-only", "-x", "c++", "-"],
        input=b"#include <lz4.h>\n#include <zlib.h>\n",
        capture_output=True,
    )
    if probe.returncode:
        pytest.skip("lz4.h and zlib.h (liblz4-dev, zlib1g-dev) are not installed")
    machine = compiled(Vandal(), "vandal", tmp_path, optimize="-O1", trace="fst")
    machine.run(Job("waves", 4096, trace=(10, 50)).wait(100), folder=tmp_path / "run")
    assert (tmp_path / "run" / "waves.fst").stat().st_size > 100
