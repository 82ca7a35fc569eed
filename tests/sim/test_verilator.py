"""Building and running: the cache, errors of compilers, simulators that die or never end."""

import shutil
import subprocess

import pytest

from golden.errors import BadInput
from sim import compiler, verilator
from sim.compiler import BuildError, tools
from sim.verilator import build, run


def headers_of_fst() -> bool:
    probe = subprocess.run(
        ["g++", "-fsyntax-only", "-x", "c++", "-"],
        input=b"#include <lz4.h>\n#include <zlib.h>\n",
        capture_output=True,
    )
    return probe.returncode == 0


def test_a_second_build_compiles_nothing(mac, tmp_path, monkeypatch):
    source = mac().with_suffix(".v")
    source.write_text(f"// {tmp_path}\n" + source.read_text())  # never built before
    first = build(source, top="mac")
    monkeypatch.setattr(verilator, "compile_model", None)
    again = build(source, top="mac")
    assert first.seconds > 0 and again.seconds == 0
    assert first.folder == again.folder
    # What was only needed on the way is gone.
    assert {path.name for path in again.folder.iterdir()} == {"mac", "public.vlt", "verilator.log"}
    shutil.rmtree(first.folder)


@pytest.mark.parametrize("change", ["text", "trace", "define", "option"])
def test_every_ingredient_makes_another_build(change, mac, tmp_path, monkeypatch):
    source = mac().with_suffix(".v")
    folders = []

    def entry(folder, key, make):
        folders.append(key)
        return tmp_path, False

    monkeypatch.setattr(verilator, "cached", entry)
    build(source, top="mac")
    match change:
        case "text":
            source.write_text(source.read_text() + "\n")
            build(source, top="mac")
        case "trace":
            build(source, top="mac", trace="saif")
        case "define":
            build(source, top="mac", defines={"X": 1})
        case "option":
            monkeypatch.setattr(verilator, "OPTIONS", (*verilator.OPTIONS, "-Wno-LATCH"))
            build(source, top="mac")
    assert folders[0] != folders[1]


def test_a_warning_that_is_not_waived_is_an_error(mac):
    source = mac(("wire [31:0] sum", "wire [30:0] sum")).with_suffix(".v")
    with pytest.raises(BuildError, match="WIDTHTRUNC"):
        build(source, top="mac")


def test_an_unknown_top_is_an_error(mac):
    with pytest.raises(BuildError, match="nowhere"):
        build(mac().with_suffix(".v"), top="nowhere")


def test_without_a_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    compiler.compiler_version.cache_clear()
    with pytest.raises(BadInput, match=r"C\+\+ compiler: .*needed: g\+\+"):
        tools()
    compiler.compiler_version.cache_clear()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A cocotb module with this body."""

    def write(text: str) -> str:
        (tmp_path / "other_testbench.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        return "other_testbench"

    return write


def test_no_tests_is_a_failure(mac, module, tmp_path):
    model = build(mac().with_suffix(".v"), top="mac")
    done = run(model, module("x = 1\n"), folder=tmp_path / "run")
    assert done.error and done.tests == 0


def test_a_simulator_that_never_ends_is_ended(mac, module, tmp_path):
    model = build(mac().with_suffix(".v"), top="mac")
    text = (
        "import cocotb\nfrom cocotb.triggers import Timer\n"
        "@cocotb.test()\nasync def forever(dut):\n    while True:\n        await Timer(1, 'ns')\n"
    )
    done = run(model, module(text), folder=tmp_path / "run", timeout=2)
    assert done.error == "the simulator did not end within 2 s"


def test_a_simulator_that_dies_is_reported(mac, module, tmp_path):
    model = build(mac().with_suffix(".v"), top="mac")
    text = "import os, cocotb\n@cocotb.test()\nasync def die(dut):\n    os.abort()\n"
    done = run(model, module(text), folder=tmp_path / "run")
    assert done.error == "the simulator was ended by signal SIGABRT"


def test_the_environment_does_not_switch_waves_on(mac, module, tmp_path, monkeypatch):
    monkeypatch.setenv("WAVES", "1")
    model = build(mac().with_suffix(".v"), top="mac")
    done = run(
        model,
        module("import cocotb\n@cocotb.test()\nasync def nothing(dut):\n    pass\n"),
        folder=tmp_path / "run",
    )
    assert (done.tests, done.failures, done.error) == (1, 0, "")
    assert not list((tmp_path / "run").glob("dump*"))


@pytest.mark.parametrize("trace", ["fst", "saif"])
def test_traces(trace, mac, module, tmp_path):
    if trace == "fst" and not headers_of_fst():
        pytest.skip("lz4.h and zlib.h (liblz4-dev, zlib1g-dev) are not installed")
    model = build(mac().with_suffix(".v"), top="mac", trace=trace)
    text = (
        "import cocotb\nfrom cocotb.triggers import Timer\n@cocotb.test()\n"
        "async def clocks(dut):\n"
        "    for k in range(20):\n        dut.clk.value = k % 2\n        await Timer(5, 'ns')\n"
    )
    done = run(model, module(text), folder=tmp_path / "run")
    assert (done.tests, done.failures) == (1, 0), done.log
    assert (tmp_path / f"run/dump.{trace}").stat().st_size > 100


def test_waves_without_their_headers(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", shutil.which("false"))
    with pytest.raises(BadInput, match=r"lz4\.h and zlib\.h.*liblz4-dev zlib1g-dev"):
        compiler.need_fst_headers()
