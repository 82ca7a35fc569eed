"""The questions: their data, and the answers that given results make."""

import json
from dataclasses import replace

import numpy as np
import pytest

from golden.errors import BadInput
from golden.unit import Unit
from hw.catalog import select
from sim.snr import Row as Kept
from sim.snr import table
from synth import report
from synth.gates.ordinary import NORMAL, in_one_mode, ordinary
from synth.metrics import Recording, load, metric, save
from synth.report import quality as quality_module
from synth.report.answers import answer
from synth.report.quality import Quality
from synth.report.questions import Entry, Question, designs, questions

TENSOR = np.random.default_rng(0).standard_normal((8, 128))
NONE = Quality("", (), "", {}, "", "no tensor")


def kept(**levels):
    rows = {name: Kept(name, "a scale", 4.0, level) for name, level in levels.items()}
    return Quality("a tensor", (8, 128), "0" * 64, rows, "python -m sim snr")


@pytest.fixture
def own(build, tmp_path):
    """Adds a result of a name and figures of choice, made from that of a sample."""
    sample = load(build / "synth" / "sample_mac" / "metrics.json")

    def add(name, area, energy, delay=5.0, **provenance):
        figures = {"area": area, "energy": energy, "critical_path": delay}
        metrics = [metric(key, value, f"made up {key}") for key, value in figures.items()]
        made = replace(sample.provenance, **provenance)
        save(
            tmp_path / "synth" / name / "metrics.json",
            replace(sample, design=name, metrics=metrics, provenance=made),
        )
        return tmp_path

    return add


def asked(*entries, **changes):
    facts = {"name": "q", "title": "Q?", "about": "", "picture": "quality", "claims": []}
    return Question(**(facts | {"entries": list(entries)} | changes))


def test_questions_name_designs_and_formats_that_there_are():
    formats = {row.format for row in table(TENSOR)}
    assert {q.name for q in questions()} == {"dint4", "fp4", "int-fp", "serial", "posit"}
    assert select(*designs())
    for question in questions():
        assert {e.format for e in question.entries} <= formats | {""}
        assert all(entry.macs > 0 for entry in question.entries)


@pytest.mark.parametrize(
    ("design", "macs"),
    [
        ("int8_mac", 1),
        ("nvfp4_dot16", 16),
        ("amxfp4_dot32", 32),
        ("lut_w4a8_dot32", 32),
        ("lut_w4a8_serial_dot32", 8),  # four cycles for 32
        ("bitplane_dot64", 16),  # four planes of weights for 64
        ("bitmod_pe", 2),  # two terms for four
        ("posit16_1_mac", 1),
        ("xr_simd_mac", 1),  # of four lanes, one that is 16 bits wide
    ],
)
def test_macs_a_cycle(design, macs):
    (entry,) = {(e.design, e.macs) for q in questions() for e in q.entries if e.design == design}
    assert entry == (design, macs)


def test_a_mode_decides_how_long_a_beat_takes():
    mode = {"w_bits": 1, "a_bits": 7, "w_encoding": 1, "a_encoding": 1}
    assert Entry(design="bitplane_dot64", mode=mode).macs == 32
    assert Entry(design="bitmod_pe", mode={"dtype": 0}).macs == 1


def test_figures_and_ratios_by_hand(own):
    own("int8_mac", 300.0, 12.0)
    build = own("lut_w4a8_serial_dot32", 1200.0, 16.0, delay=4.0)
    question = asked(
        Entry(design="int8_mac", format="x"),
        Entry(design="lut_w4a8_serial_dot32", format="y", over="int8_mac"),
        Entry(design="int4_dot32", format="y", over="int8_mac"),
    )
    found = answer(question, report.collect(build), kept(x=30.0, y=20.0))
    mac, serial, missing = found.lines
    assert mac.value("area_mac") == 300 and mac.value("energy_mac") == 12 and mac.ratios == {}
    assert serial.value("area_mac") == 150 and serial.value("energy_mac") == 2
    assert serial.value("area_rate") == 600  # 8 MACs in 4 ns
    assert serial.ratios == {"area_mac": 0.5, "energy_mac": 2 / 12}
    assert not missing.done and set(missing.figures) == {"macs", "bits", "snr"}
    assert missing.command == "python -m synth run int4_dot32"
    cost, kept_ = found.sentences
    assert cost == (
        "At equal throughput, beside int8_mac, lut_w4a8_serial_dot32 takes 0.50 times the area and"
        " 0.17 times the energy."
    )
    assert kept_.startswith("The SNR on a tensor is 30.0 dB in x and 20.0 dB in y;")
    figure = serial.figures["energy_mac"]
    assert "made up energy, over 8 MACs a cycle" in figure.source
    assert serial.row.result.provenance.line() in figure.source


@pytest.mark.parametrize(
    "entry", [e for q in questions() for e in q.entries if e.mode], ids=lambda e: e.design
)
def test_modes_are_those_in_which_power_is_measured(entry):
    """Energy a cycle over MACs a cycle is the energy of a MAC, then."""
    config, rng = select(entry.design)[0].config, np.random.default_rng(0)
    if type(config).tensors is Unit.tensors:
        beats, text = ordinary(config, rng, 48)
        assert text == NORMAL
    else:
        beats = in_one_mode(config, config.tensors(rng.standard_normal(20000), rng))
    for name, value in entry.mode.items():
        assert len(beats[name]) >= 48 and set(beats[name].ravel()) == {value}


def test_the_front_is_of_those_that_nothing_beats(own):
    names = ("int8_mac", "int8_dot32", "int4_dot32", "mxfp4_dot32")
    lanes = (1, 32, 32, 32)
    energies = (4.0, 2.0, 3.0, 2.0)
    for name, lane, energy in zip(names, lanes, energies, strict=True):
        build = own(name, 100.0, energy * lane)
    entries = [Entry(design=n, format=f) for n, f in zip(names, "abcd", strict=True)]
    levels = kept(a=40.0, b=20.0, c=19.0, d=20.0)
    found = answer(asked(*entries), report.collect(build), levels)
    assert [line.entry.design for line in found.front] == ["int8_dot32", "int8_mac"]
    assert answer(asked(*entries), report.collect(build), NONE).front == []


def test_figures_made_in_different_ways_make_no_ratio(own):
    own("int8_mac", 100.0, 1.0)
    build = own("int8_dot32", 100.0, 1.0, recipe="area")
    question = asked(Entry(design="int8_mac"), Entry(design="int8_dot32", over="int8_mac"))
    assert answer(question, report.collect(build), NONE).lines[1].ratios == {}
    measured = Recording("numbers", 1, 100, 200, 100, 50, 1.0)
    own("int8_mac", 100.0, 1.0, recording=measured)
    build = own("int8_dot32", 100.0, 1.0, recording=None)
    line = answer(question, report.collect(build), NONE).lines[1]
    assert line.ratios == {"area_mac": 1 / 32}  # energy is an estimate in one of them
    assert str(line.figures["energy_mac"]).startswith("~")


def test_claims_stand_beside_what_was_measured(own):
    own("int8_mac", 300.0, 12.0)
    build = own("dint4_int8_mac", 200.0, 10.0)
    (question,) = (q for q in questions() if q.name == "dint4")
    sentence = answer(question, report.collect(build), NONE).sentences[-1]
    assert sentence == (
        "A summary of arXiv 2311.05161 claims 1.93 times the area and 2.56 times the energy a MAC;"
        " here int8_mac takes 1.50 times the area and 1.20 times the energy a MAC of"
        " dint4_int8_mac."
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"row": [{"design": "x", "lane": 1}]}, "key of a entry is 'lane'; allowed: design, form"),
        ({"row": [{"design": "x", "over": "y"}]}, "design in question q is 'y'; allowed: x"),
        ({"picture": "pie"}, "picture is 'pie'; allowed: quality, cost"),
    ],
)
def test_wrong_questions_are_refused(data, message):
    facts = {"name": "q", "title": "Q?", "about": "", "picture": "cost"}
    with pytest.raises(BadInput, match=message):
        Question.read(facts | data)


def test_designs_without_macs_are_refused():
    with pytest.raises(BadInput, match="is 'mxfp4_decoder'; allowed: one of MACs"):
        _ = Entry(design="mxfp4_decoder").macs


@pytest.fixture
def written(own, tmp_path, synth):
    """The folder of a report that some designs and a tensor make."""
    own("int8_mac", 300.0, 12.0)
    own("dint4_int8_mac", 200.0, 10.0)
    np.save(tmp_path / "t.npy", TENSOR)
    outcome = synth("report", "--build", tmp_path, "--tensor", tmp_path / "t.npy")
    assert outcome.exception is None, outcome.exception
    return tmp_path / "report"


def test_page_markdown_and_json_answer_alike(written):
    html, text = ((written / f"index.{kind}").read_text() for kind in ("html", "md"))
    data = json.loads((written / "report.json").read_text())
    (mine,) = (q for q in data["questions"] if q["name"] == "dint4")
    assert len(data["questions"]) == 5 and len(mine["sentences"]) == 3
    for sentence in mine["sentences"]:
        assert sentence in html and sentence in text
    rows = {row["design"]: row for row in mine["rows"]}
    assert rows["dint4_int8_mac"]["ratios"]["area_mac"] == 200 / 300
    assert rows["int8_dot32"]["status"] == "missing"
    level = rows["int8_mac"]["figures"]["snr"]
    assert level["source"].split("sha256 ")[1].startswith(data["quality"]["sha256"][:12])
    (expected,) = (row for row in table(TENSOR) if row.format == "int8_group32")
    assert level["value"] == pytest.approx(expected.db, rel=1e-5)
    assert f'title="{level["source"]}"' in html.replace("&#34;", '"').replace("&gt;", ">")
    command = "python -m synth run int8_dot32 dint4_int8_dot32 int4_int8_dot32"
    assert command in html and command in text


def test_snr_is_measured_once(written, synth, monkeypatch):
    before = (written / "index.html").read_bytes()
    monkeypatch.setattr(quality_module, "table", None)
    build = written.parent
    outcome = synth("report", "--build", build, "--tensor", build / "t.npy")
    assert outcome.exception is None and (written / "index.html").read_bytes() == before
    (cached,) = (build / "cache" / "snr").iterdir()
    cached.write_text("{")
    with pytest.raises(TypeError, match="not callable"):
        quality_module.measure(str(build / "t.npy"), build)


def test_without_the_package_the_column_says_so(own, monkeypatch):
    build = own("int8_mac", 300.0, 12.0)
    monkeypatch.setattr(quality_module, "PACKAGE", "no-such-package")
    text = report.write(build).read_text()
    assert "No SNR: the package no-such-package is not installed." in text
    assert 'title="the package no-such-package is not installed">-</td>' in text


def test_a_wrong_tensor_leaves_the_earlier_report(written, synth):
    before = (written / "index.html").read_bytes()
    outcome = synth("report", "--build", written.parent, "--tensor", "nothing.npy")
    assert isinstance(outcome.exception, BadInput)
    assert (written / "index.html").read_bytes() == before


def test_the_designs_are_listed_for_make(synth):
    assert synth("questions").output.split() == designs()
