"""Power from activity, from the command line to the figures, on one unit of the catalog."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from golden.errors import BadInput
from synth import collect, saif
from synth.measure import described
from synth.metrics import load
from synth.tables import figure

NAME = "int8_mac"


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


def test_saif_file_has_every_net_of_the_verilog(build):
    folder = build / "synth" / NAME
    read = saif.read(folder / "activity.saif.gz")
    text = (folder / "mapped.v").read_text()
    for *scope, name in read.nets:
        assert scope == [NAME]
        assert f"{name})" in text or f"\\{name} )" in text, name
    recording = result(build).provenance.recording
    assert len(read.nets) == recording.nets and read.duration == 2 * recording.cycles
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
    assert collect.activity(found) != collect.activity(measured)


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
    report = collect.Report([collect.Row(r, None, False) for r in (one, other)])
    assert "energy" in report.families[0].ratios[1].ratios
    third = replace(third, design="third")
    report = collect.Report([collect.Row(r, None, False) for r in (one, third)])
    ratios = report.families[0].ratios[1].ratios
    assert "energy" not in ratios and "area" in ratios
    assert len(report.settings) == 2


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
