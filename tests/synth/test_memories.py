"""Memories are counted by a model and never become flip-flops; large designs are summed."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from golden.errors import BadInput
from synth import flow, sources
from synth.library.memories import DEFAULT_SRAM, Memory, Sram
from synth.mapping.hierarchy import occurrences
from synth.metrics import KINDS, load

SAMPLES = Path(__file__).with_name("memories")


@pytest.fixture(scope="module")
def build(tmp_path_factory, osu018, synth):
    folder = tmp_path_factory.mktemp("build")
    outcome = synth("run", "--from", SAMPLES, "--build", folder)
    assert outcome.return_value == 0, outcome.output
    return folder


@pytest.fixture(scope="module")
def results(build):
    names = ("memory", "array")
    return {name: load(build / f"synth/sample_{name}/metrics.json") for name in names}


def memory(words=64, width=32, reads=1, writes=1, clocked=True):
    return Memory("m", words, width, reads, writes, clocked, {})


def coefficients(tmp_path, *changes):
    text = DEFAULT_SRAM.read_text()
    for old, new in changes:
        assert len(re.findall(old, text, re.M)) == 1, old
        text = re.sub(old, new, text, flags=re.M)
    path = tmp_path / "other.toml"
    path.write_text(text)
    return path


def test_the_model_by_hand():
    sram = Sram()
    # A one-port cell of 4.73 um2; a second port makes its edge 3.084 um.
    assert sram.area(memory(writes=0)) == pytest.approx(
        1.22 * 2048 * 2.175**2 + 190 * math.sqrt(2048)
    )
    assert sram.area(memory()) == pytest.approx(
        1.22 * 2048 * 3.084**2 + 190 * math.sqrt(2048) * 3.084 / 2.175
    )
    assert sram.energy(memory(), "read", 1.5) == pytest.approx(0.62 + 0.237 * 32 + 0.00044 * 2048)
    assert sram.energy(memory(), "write", 3.0) == pytest.approx(
        4 * (0.92 + 0.523 * 32 + 0.00043 * 2048)
    )
    assert sram.leakage(memory()) == pytest.approx(0.92e-3 * 2048 * 1.25)
    assert sram.access(memory()) == pytest.approx(1.59 + 0.00247 * math.sqrt(2048))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((r"^setup = .*\n", ""), "missing or unknown: setup"),
        ((r"^setup", "set_up"), "missing or unknown: set_up, setup"),
        ((r"^setup = .*", "setup = -1"), "setup of .* is -1; allowed: a number of 0 or more"),
        ((r"^access = .*", "access = [1.0]"), r"access of .* is \[1.0\]; allowed: a list of 2 num"),
        ((r"^setup = .*", "setup ="), "cannot be read: "),
    ],
)
def test_bad_coefficients(change, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        Sram(coefficients(tmp_path, change))
    with pytest.raises(BadInput, match="cannot be read"):
        Sram(tmp_path / "none.toml")


def test_memories_are_no_flip_flops(results):
    found = results["memory"]
    # 32 of the sum and 4 x 8 of the memory that is too small; the outputs are the memories' own.
    assert found["flip_flops"] == 32 + 4 * 8
    assert found["memory_bits"] == 2 * 64 * 32
    use = found.memories[0]
    assert len(found.memories) == 1 and use.count == 2
    assert (use.words, use.width, use.reads, use.writes) == (64, 32, 1, 1)
    sram = Sram()
    assert use.area == pytest.approx(sram.area(memory()), rel=1e-5)
    assert found["memory_area"] == pytest.approx(2 * use.area, rel=1e-5)
    assert use.read_energy == pytest.approx(sram.energy(memory(), "read", 1.8), rel=1e-5)
    assert found["memory_energy"] == pytest.approx(2 * (use.read_energy + use.write_energy))
    assert found["memory_leakage"] == pytest.approx(2 * use.leakage)
    elsewhere = {"energy_operation", "power_opensta", "corner_path", "corner_slack"}
    assert {m.name for m in found.metrics} == set(KINDS) - elsewhere
    assert "model" in found.get("memory_area").source
    assert found.provenance.memories.startswith("model CACTI 7 at 180 nm, fitted (sram.toml, sha")
    assert {"left", "right"} >= {p.name for p in found.parts} - {"registers", "handshake and glue"}
    assert results["array"].get("memory_bits") is None and not results["array"].provenance.memories


def test_paths_begin_at_the_data_of_a_memory_and_end_at_its_inputs(build, results):
    text = (build / "synth/sample_memory/sta.txt").read_text()
    points = re.findall(r"^@\tpoint\tregister-register\t(\S+)\t(\S+)$", text, re.M)
    assert re.fullmatch(r"(left|right)\.words/rd0_data_\d+", points[0][0])
    assert float(points[0][1]) == pytest.approx(Sram().access(memory()), abs=1e-3)
    path = results["memory"].critical_path
    assert path.stages[0].cell == "memory_0_64x32_1r1w" and path.start == points[0][0]
    assert "Warning" not in text


def test_a_memory_has_a_pin_for_each_enable(build):
    text = (build / "synth/sample_memory/memories.lib").read_text()
    pins = re.findall(r"pin \((\w+)\)", text)
    assert sum(pin.startswith("wr0_en_") for pin in pins) == 4
    assert sum(pin.startswith("rd0_data_") for pin in pins) == 32
    assert pins.count("clk") == 1


def test_other_coefficients(build, results, synth, tmp_path):
    path = coefficients(
        tmp_path,
        (r"^area_cells = .*", "area_cells = 2.44"),
        (r"^area_edge = .*", "area_edge = 380"),
        (r"^setup = .*", "setup = 6.0"),
    )
    command = ["run", "sample_memory", "--from", SAMPLES, "--build", tmp_path]
    assert synth(*command, "--sram", path).return_value == 0
    other = load(tmp_path / "synth/sample_memory/metrics.json")
    assert other["memory_area"] == pytest.approx(2 * results["memory"]["memory_area"], rel=1e-5)
    assert other["area"] == results["memory"]["area"]
    # A path to a memory's input, with the set-up time that it asks for, is now the longest.
    path = other.critical_path
    assert path.kind == "input-register" and re.search(r"(left|right)\.words/", path.end)
    assert 6.0 < path.delay < 6.5 and results["memory"].critical_path.delay < 6.0
    assert "--sram other.toml" in other.provenance.command
    failed = synth(*command, "--sram", tmp_path / "none.toml").exception
    assert isinstance(failed, BadInput) and "cannot be read" in str(failed)


@pytest.mark.parametrize("limit", ["least_bits = 2049", "least_words = 65"])
def test_few_bits_or_words_are_flip_flops(limit, synth, tmp_path):
    path = coefficients(tmp_path, (f"^{limit.split()[0]} = .*", limit))
    command = ["run", "sample_memory", "--from", SAMPLES, "--build", tmp_path, "--sram", path]
    assert synth(*command).return_value == 0
    flat = load(tmp_path / "synth/sample_memory/metrics.json")
    assert flat["flip_flops"] == 2 * 2048 + 2 * 32 + 32 + 4 * 8
    assert not flat.memories and flat.get("memory_area") is None


def test_a_hierarchical_design_is_a_sum(build, results, job, tmp_path):
    found = results["array"]
    assert found["flip_flops"] == 6 * 8 and found.provenance.hierarchical
    rows = [part for part in found.parts if part.module == "sample_array_row"]
    assert [part.name for part in rows] == ["row_0", "row_1"]
    assert sum(part.area for part in found.parts) == pytest.approx(found["area"])
    assert sum(facts["area"] for facts in found.cells_by_type.values()) == pytest.approx(
        found["area"]
    )
    assert "summed" in found.get("area").source and "summed" in found.provenance.line()
    # Paths are named by where they are; the widest is within an element.
    assert re.fullmatch(r"row_\d/pe_\d/o\[\d\]", found.critical_path.start)
    # Nearly what the flat netlist gives: there is little to gain across these borders.
    source = replace(sources.read(SAMPLES / "sample_array.json"), hierarchical=False)
    flat = flow.run(job(tmp_path, "sample_dot4", source=source))
    assert flat["flip_flops"] == 48
    for name in ("area", "power", "register_path"):
        assert found[name] == pytest.approx(flat[name], rel=0.15), name
    slews = (build / "synth/sample_array/sta.txt").read_text()
    assert "@\tslew\trow_0/pe_0/u1/" in slews and "row_1/" not in re.sub(
        r"(?m)^@\t(point|end)\t.*$", "", slews
    )


def test_occurrences_of_a_module_in_several_places():
    class Fake:
        def __init__(self, **children):
            self.children = children

    netlists = {
        "top": Fake(a="mid", b="mid", c="leaf"),
        "mid": Fake(x="leaf", y="leaf"),
        "leaf": Fake(),
        "unused": Fake(x="leaf"),
    }
    found = {id(each.netlist): (each.count, each.path) for each in occurrences(netlists, "top")}
    assert [found.get(id(netlists[name])) for name in netlists] == [
        (1, ""), (2, "a/"), (5, "c/"), None,
    ]  # fmt: skip


def test_the_report_says_what_is_a_model(build, synth):
    assert synth("report", "--build", build, "--open-nothing").exception is None
    text = (build / "report/index.md").read_text()
    assert "Memories, each (a model, in no other figure)" in text
    assert "| sample_memory | 2 of 64 x 32, 1 read, 1 write |" in text
    page = (build / "report/sample_memory.html").read_text()
    assert "2 of 64 x 32, 1 read, 1 write" in page and "CACTI 7 at 180 nm" in page
    index = (build / "report/index.html").read_text()
    assert "modules mapped once each and summed" in index
    data = json.loads((build / "synth/sample_memory/metrics.json").read_text())
    assert data["memories"][0]["count"] == 2
