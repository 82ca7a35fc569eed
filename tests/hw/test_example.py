"""The worked examples of docs/example.md: as a reader would run them, and broken."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hw.catalog import select
from hw.verilog import emit

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "example"


@pytest.fixture(scope="module")
def verilog(tmp_path_factory):
    if not shutil.which("iverilog"):
        pytest.skip("needs iverilog (Debian package iverilog)")
    return emit(select("mxfp4_dot32")[0], tmp_path_factory.mktemp("dot")).with_suffix(".v")


@pytest.fixture
def bench(verilog, tmp_path):
    """``bench(rows, blocks, stall, (old, new)...)``: what the test bench prints."""

    def run(rows, blocks, stall=False, *changes):
        text = (EXAMPLE / "matvec.v").read_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (tmp_path / "matvec.v").write_text(text)
        parameters = [f"-Pmatvec_tb.ROWS={rows}", f"-Pmatvec_tb.BLOCKS={blocks}"]
        files = [EXAMPLE / "matvec_tb.v", tmp_path / "matvec.v", verilog]
        model = tmp_path / "matvec"
        compiler = ["iverilog", "-g2005", "-Wimplicit", "-Wportbind", *parameters]
        for command in (
            [sys.executable, EXAMPLE / "vectors.py", tmp_path, rows, blocks],
            [*compiler, "-s", "matvec_tb", "-o", model, *files],
            ["vvp", "-n", model, *(["+stall"] if stall else [])],
        ):
            done = subprocess.run(
                [str(word) for word in command],
                cwd=tmp_path,
                env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize(("rows", "blocks"), [(8, 4), (3, 5), (5, 1)])
def test_a_matrix_by_a_vector(bench, rows, blocks):
    """Three runs, a block a cycle and three to fill and drain; with stalls the same bits."""
    assert bench(rows, blocks) == [f"{rows} rows in {rows * blocks + 3} cycles"] * 3 + ["PASS"]
    if (rows, blocks) == (8, 4):
        assert "`8 rows in 35 cycles`" in (ROOT / "docs" / "example.md").read_text()
    *runs, verdict = bench(rows, blocks, True)
    assert verdict == "PASS" and all(run.startswith(f"{rows} rows in ") for run in runs)


@pytest.mark.parametrize(
    "change",
    [
        ("offered_first ? 32'd0 : sums[offered_row]", "32'd0"),  # sums do not grow
        ("sums[offered_row]", "sums[0]"),
        ("w_data[135:128], x_data[135:128]", "w_data[127:120], x_data[135:128]"),
        ("assign read = reading & (~offered | taken)", "assign read = reading"),  # overruns
    ],
)
def test_the_test_bench_notices(bench, change):
    assert bench(8, 4, True, change)[-1].startswith("FAIL")


def test_the_instance_is_that_of_the_template(verilog):
    """Pins and widths of matvec.v's instance are those of the text to copy."""
    template = verilog.with_name("mxfp4_dot32_instance.vh").read_text()
    pins = re.findall(r"^  \.(\w+) ", template, re.M)
    own = (EXAMPLE / "matvec.v").read_text().split("mxfp4_dot32 dot (")[1]
    assert re.findall(r"\.(\w+) ", own) == pins and len(pins) == 8


def test_a_neuron():
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE / "neuron.py")],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"`{done.stdout.strip()}`" in (ROOT / "docs" / "example.md").read_text()
