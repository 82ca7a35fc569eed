"""Power from activity, from the command line to the figures, on one unit of the catalog."""

import json
import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from golden.errors import BadInput
from hw.catalog import select
from sim.compiler import compile_model, home
from sim.verilator import COMMON
from synth.flow import measure, options
from synth.flow.measure import described
from synth.gates import Circuit, of_beats, saif, workload
from synth.gates.recorded import as_saif
from synth.mapping import yosys
from synth.mapping.netlist import read
from synth.metrics import load
from synth.report.collect import Report, Row, activity
from synth.tables.figures import figure
from synth.timing import sta

NAME = "int8_mac"
MAIN = """
#include "Vtop.h"
#include "verilated.h"
#include "verilated_saif_c.h"
#include <cstdio>
int main(int, char** args) {
  VerilatedContext context;
  context.traceEverOn(true);
  Vtop top(&context);
  VerilatedSaifC saif;
  top.trace(&saif, 99);
  FILE* words = fopen(args[1], "r");
  const unsigned warm = atoi(args[2]);
  unsigned long long word;
  unsigned cycle = 0, beats = 0;
  top.o___05Fready = 1;
  for (bool reset = true; reset || fscanf(words, "%llx", &word) == 1; ++cycle) {
    reset = cycle < 3;
    if (cycle) top.clk = 1, top.eval();
    top.rst = cycle < 4;
    top.i___05Fvalid = cycle >= 4;
    if (cycle >= 4) top.i___05Fpayload = word, ++beats;
    top.clk = 0;
    top.eval();
    // The file begins with the state before the first recorded cycle: 1 of time, a cycle 1,000.
    if (beats == warm) saif.open(args[3]);
    if (beats >= warm) saif.dump(beats == warm ? 0 : 1 + 1000 * (beats - warm - 1));
    if (beats && top.o___05Fvalid) printf("%x\\n", top.o___05Fpayload);
  }
  saif.dump(1 + 1000 * (beats - warm));
  saif.close();
}
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory, osu018, synth):
    """A build folder with one unit of the catalog."""
    folder = tmp_path_factory.mktemp("measured")
    outcome = synth("run", NAME, "--build", folder, "--beats", 512)
    assert outcome.return_value == 0, outcome.output
    return folder


@pytest.fixture
def own(build, tmp_path):
    """A copy that a test may change."""
    shutil.copytree(build, tmp_path / "build")
    return tmp_path / "build"


def result(build):
    return load(build / "synth" / NAME / "metrics.json")


def test_power_is_measured_and_says_on_what(build):
    found = result(build)
    recording = found.provenance.recording
    assert found.provenance.measured and recording.coverage == 1.0
    assert recording.beats >= 512 and recording.compared > recording.beats
    assert recording.cycles == recording.beats  # one MAC a cycle
    assert found.provenance.operation == "MAC"
    assert found["energy_operation"] == pytest.approx(found["energy"])
    assert found.provenance.activity == described(recording)
    for words in ("measured: ", "100.00 % of", "no glitches", f"seed {recording.seed}"):
        assert words in found.provenance.activity
    assert found.get("power").source.endswith(found.provenance.activity)
    assert found.provenance.command.endswith("--period 10 --beats 512")
    assert figure(found, "power")[0] != "~" and figure(found, "energy_operation").endswith("/ MAC")


def test_two_runs_from_nothing_are_identical(build, tmp_path, synth):
    """Netlist, timing, activity and figures, byte for byte; only the logs say when."""
    outcome = synth("run", NAME, "--build", tmp_path, "--beats", 512)
    assert outcome.return_value == 0, outcome.output
    one, other = build / "synth" / NAME, tmp_path / "synth" / NAME
    names = {path.name for path in one.iterdir()}
    assert names == {path.name for path in other.iterdir()}
    assert {"mapped.v", "metrics.json", "activity.saif.gz", "sta.txt"} <= names
    for name in names - {"yosys.log", "parts.log", "sta_job.tcl"}:  # sta_job.tcl: paths
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_tensor_of_which_nothing_would_be_recorded():
    """It fills the pipeline and no more."""
    (design,) = select("mxfp4_encoder")
    with pytest.raises(BadInput, match=r"tensor few\.npy makes 1 beat\(s\); allowed: 6 or more"):
        workload(design.config, {}, beats=64, seed=1, tensor=np.ones(32), name="few.npy")


def test_saif_file_has_every_net_of_the_verilog(build):
    folder = build / "synth" / NAME
    read = saif.read(folder / "activity.saif.gz")
    text = (folder / "mapped.v").read_text()
    nets = [path for path in read.nets if len(path) == 2]
    for top, name in nets:
        assert top == NAME
        assert f"{name})" in text or f"\\{name} )" in text, name
    recording = result(build).provenance.recording
    assert len(nets) == recording.nets
    assert read.duration == recording.cycles * 10**7  # a clock of 10 ns in fs
    pins = [path for path in read.nets if len(path) == 3]
    assert len(pins) > 2 * len(nets) and {path[1] for path in pins} >= {"u1", "u2"}
    assert all(net.low + net.high == read.duration for net in read.nets.values())
    assert read.nets[NAME, "clk"].transitions == 2 * recording.cycles
    assert read.nets[NAME, "rst"].transitions == 0


def test_same_figures_again(own, synth):
    before = (own / "synth" / NAME / "metrics.json").read_bytes()
    activity = (own / "synth" / NAME / "activity.saif.gz").read_bytes()
    shutil.rmtree(own / "cache" / "activity")
    shutil.rmtree(own / "synth")
    synth("run", NAME, "--build", own, "--beats", 512)
    assert (own / "synth" / NAME / "metrics.json").read_bytes() == before
    assert (own / "synth" / NAME / "activity.saif.gz").read_bytes() == activity


def test_other_seeds_and_numbers_are_other_activity(own, synth, tmp_path):
    first = result(own)
    synth("run", NAME, "--build", own, "--beats", 512, "--seed", 2)
    second = result(own)
    assert second["power"] != first["power"]
    assert second["power"] == pytest.approx(first["power"], rel=0.05)
    assert second["area"] == first["area"] and second.provenance.recording.seed == 2
    np.save(tmp_path / "zeros.npy", np.zeros(4096))
    synth("run", NAME, "--build", own, "--beats", 512, "--tensor", tmp_path / "zeros.npy")
    zeros = result(own)
    assert zeros["power"] < first["power"] / 2
    assert zeros.provenance.recording.stimulus == "numbers of zeros.npy"
    # What does not depend on data: clock and leakage.
    for name in ("power_clock", "power_clock_tree", "leakage"):
        assert zeros[name] == first[name]


def test_default_activity_stays_an_estimate(own, synth):
    measured = result(own)
    outcome = synth("run", NAME, "--build", own, "--activity", "default")
    found = result(own)
    assert found.provenance.recording is None and not found.provenance.measured
    assert found.provenance.activity.startswith("estimate: default activity")
    assert figure(found, "power").startswith("~") and figure(found, "power") in outcome.output
    assert "--activity default" in found.provenance.command
    assert found["area"] == measured["area"] and found["power"] != measured["power"]
    assert activity(found) != activity(measured)


def test_low_coverage_is_never_called_measured(build):
    found = result(build)
    for coverage, kind in ((0.9899, "estimate: "), (0.99, "measured: ")):
        recording = replace(found.provenance.recording, coverage=coverage)
        assert recording.measured == (kind == "measured: ")
        assert described(recording).startswith(kind)
        provenance = replace(found.provenance, recording=recording)
        shown = figure(replace(found, provenance=provenance), "power")
        assert shown.startswith("~") == (kind == "estimate: ")


def test_energies_of_different_activity_make_no_ratio(own):
    one = result(own)
    other = replace(one, design="dint4_int8_mac")
    recording = replace(one.provenance.recording, stimulus="random beats")
    third = replace(one, provenance=replace(one.provenance, recording=recording))
    report = Report([Row(r, None, False) for r in (one, other)])
    assert "energy" in report.families[0].ratios[1].ratios
    third = replace(third, design="third")
    report = Report([Row(r, None, False) for r in (one, third)])
    ratios = report.families[0].ratios[1].ratios
    assert "energy" not in ratios and "area" in ratios
    assert report.settings[0].count("(1 design)") == 2


def test_a_simulation_too_short_to_record_leaves_an_estimate(own, synth, monkeypatch):
    work = measure._work

    def here(function, jobs, **_):  # in this process, where what is patched holds
        return [function(job) for job in jobs]

    monkeypatch.setattr(options, "parallel", here)
    monkeypatch.setattr(measure, "_work", lambda job: replace(work(job), warm=10**6))
    outcome = synth("run", NAME, "--build", own, "--beats", 64, "--seed", 3)
    found = result(own)
    assert outcome.return_value == 0, outcome.output
    assert found.provenance.recording is None and figure(found, "power").startswith("~")
    assert "(the simulation ended before the first cycle" in found.provenance.activity


def test_a_broken_netlist_has_no_figures(own, synth, swap):
    swap(own)
    outcome = synth("run", NAME, "--build", own, "--beats", 512)
    assert outcome.return_value == 1
    found = result(own)
    assert found.status == "failed" and not found.metrics
    assert found.error.startswith("the netlist is wrong: ")


@pytest.mark.parametrize(
    "options, message",
    [
        (["--tensor", "none.npy"], "none.npy"),
        (["--tensor", "none.npy", "--activity", "default"], "--activity"),
    ],
)
def test_bad_options_touch_nothing(tmp_path, synth, osu018, options, message):
    outcome = synth("run", NAME, "--build", tmp_path / "build", *options)
    assert isinstance(outcome.exception, BadInput) and message in str(outcome.exception)
    assert not (tmp_path / "build").exists()


def test_verilator_counts_the_same(build, tmp_path, osu018):
    """Another simulator, with Yosys's own models of the cells, on the same beats."""
    folder = build / "synth" / NAME
    steps = [f"read_liberty {osu018.path}", "proc", "write_verilog -noattr cells.v"]
    yosys.run(steps, tmp_path, 60)
    models = (tmp_path / "cells.v").read_text()
    off, on = "/* verilator tracing_off */", "/* verilator tracing_on */"
    (tmp_path / "all.v").write_text(f"{off}\n{models}\n{on}\n{(folder / 'mapped.v').read_text()}")
    (tmp_path / "main.cpp").write_text(MAIN)
    done = subprocess.run(
        [home() / "bin" / "verilator_bin", *COMMON, "-Wno-lint", "--trace-saif",
         "--trace-underscore", "--Mdir", tmp_path / "cpp", "--top-module", NAME,
         tmp_path / "all.v"],
        env=os.environ | {"VERILATOR_ROOT": str(home())}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    binary, main = tmp_path / "simulator", tmp_path / "main.cpp"
    compile_model(tmp_path / "cpp", binary, "saif", tmp_path / "cache", 2, main=main)

    manifest = json.loads((build / "verilog" / f"{NAME}.json").read_text())
    (design,) = select(NAME)
    beats = design.config.random(np.random.default_rng(1), 200)
    work = of_beats(design.config, manifest, beats, "", copies=1)
    (path,) = build.glob("cache/synth/*/mapped.json.gz")
    netlists = read(path, osu018)
    circuit = Circuit(netlists, NAME, "clk")
    ours = as_saif(circuit, netlists, work.run(circuit, "rst", 1), NAME, 0.001)

    words = design.config.input.pack(beats)
    (tmp_path / "words").write_text("".join(f"{word:x}\n" for word in words))
    arguments = [binary, tmp_path / "words", str(work.warm), tmp_path / "v.saif"]
    said = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    results = design.config.output.pack(design.config.compute(beats))
    assert [int(line, 16) for line in said.split()] == results[: len(said.split())]
    assert len(said.split()) >= 190
    theirs = saif.read(tmp_path / "v.saif")
    assert theirs.duration == 1 + ours.duration
    nets = {path[-1]: net for path, net in theirs.nets.items()}
    compared = 0
    for (_, name, *pin), net in ours.nets.items():
        if name != "clk" and not pin:
            other = nets[name]
            # Verilator counts a first state of 1 as a transition too.
            high, first = divmod(other.high, 1000)
            assert (net.transitions, net.high) == (other.transitions - first, 1000 * high), name
            compared += 1
    assert compared > 0.9 * len(nets)


def test_openstas_own_power_where_it_reads_saif(build):
    if not sta.reads_saif():
        pytest.skip(f"OpenSTA {sta.sta_version()} reads no SAIF: 2.6 or newer does")
    found = result(build)
    assert found["power_opensta"] == pytest.approx(found["power"] - found["power_clock"], rel=0.02)


def test_total_of_openstas_report():
    said = "Group  Internal\nTotal  3.29e-06 3.41e-08 2.37e-07 3.56e-06 100.0%\n 90% 1% 9%\n"
    assert sta.total_power(said) == 3.56e-6
    with pytest.raises(yosys.Failed, match="OpenSTA: Error: no such file"):
        sta.total_power("Error: no such file\n")
