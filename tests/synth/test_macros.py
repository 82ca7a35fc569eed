"""Memories by macros of the user's Liberty files, in place of the model."""

import math
from pathlib import Path

import pytest

from golden.errors import BadInput
from synth.library import macros
from synth.library.memories import Memory, Sram
from synth.metrics import load

SAMPLES = Path(__file__).with_name("memories")
#: 32 words of 16 bits, one port that reads and one that writes. By hand: nW, fF, 1.8 V, ps.
TEXT = """
library (rams) {
  time_unit : "1ps"; voltage_unit : "1V"; leakage_power_unit : "1nW";
  capacitive_load_unit (1, ff);
  type (word) { base_type : array; data_type : bit; bit_width : 16; bit_from : 15; bit_to : 0; }
  cell (ram_1r1w_32x16) {
    memory () { type : ram; address_width : 5; word_width : 16; }
    area : 5000.5;
    cell_leakage_power : 250;
    pin (clk) {
      direction : input; clock : true;
      internal_power () { when : "!en"; rise_power (scalar) { values ("10"); }
                          fall_power (scalar) { values ("20"); } }
      internal_power () { when : "en"; rise_power (scalar) { values ("900"); }
                          fall_power (a) { values ("90, 100"); } }
    }
    bus (waddr) { direction : input; pin (waddr[4:0]) { timing () { related_pin : "clk";
      timing_type : setup_rising; rise_constraint (scalar) { values ("130"); }
      fall_constraint (scalar) { values ("150"); } } } }
    bus (d) { bus_type : word; direction : input; memory_write () { address : waddr; } }
    bus (q) { bus_type : word; direction : output; memory_read () { address : raddr; }
      pin (q[15:0]) { timing () { related_pin : "clk"; timing_type : rising_edge;
        cell_rise (a) { values ("800, 950"); } cell_fall (a) { values ("700, 850"); } } } }
  }
}
"""


def memory(words=64, width=32, reads=1, writes=1, clocked=True):
    return Memory("m", words, width, reads, writes, clocked, {})


@pytest.fixture
def liberty(tmp_path):
    path = tmp_path / "rams.lib"
    path.write_text(TEXT)
    return path


def test_a_macro_by_hand(liberty):
    (macro,) = macros.read(liberty)
    assert (macro.words, macro.width, macro.reads, macro.writes) == (32, 16, 1, 1)
    assert (macro.area, macro.leakage) == (5000.5, pytest.approx(0.25))
    assert macro.energy == pytest.approx(1.0)  # fF V^2: 900 + 100
    assert (macro.access, macro.setup) == (pytest.approx(0.95), pytest.approx(0.15))


def test_memories_are_tiled_and_ports_must_suffice(liberty):
    sram, model = Sram(liberty), Sram()
    assert sram.area(memory()) == 4 * 5000.5  # two above each other, two beside
    assert sram.area(memory(33, 16)) == 2 * 5000.5
    assert sram.energy(memory(), "read", 1.8) == pytest.approx(2.0)  # only one row is selected
    assert sram.leakage(memory()) == pytest.approx(1.0)
    assert sram.access(memory()) == pytest.approx(0.95)
    assert sram.use(memory(), 1, 1.8).macro == "2 x 2 ram_1r1w_32x16"
    for other in (memory(reads=2), memory(clocked=False)):
        assert sram.area(other) == model.area(other)
        assert not sram.use(other, 1, 1.8).macro
    assert sram.sha256 != model.sha256 and sram.name == model.name


def test_a_design_with_macros(liberty, tmp_path, synth):
    command = ("run", "sample_memory", "--from", SAMPLES, "--build", tmp_path / "build")
    outcome = synth(*command, "--sram", liberty)
    assert outcome.return_value == 0, outcome.output
    folder = tmp_path / "build" / "synth" / "sample_memory"
    found = load(folder / "metrics.json")
    assert found["memory_area"] == pytest.approx(2 * 4 * 5000.5)
    assert found["memory_leakage"] == pytest.approx(2.0)
    assert found.provenance.memories == "macros of rams.lib"
    assert "--sram rams.lib" in found.provenance.command
    assert 'setup_rising;\nrise_constraint (scalar) { values ("0.150000")' in (
        folder / "memories.lib"
    ).read_text().replace("      ", "").replace("        ", "")
    assert math.isclose(found.critical_path.stages[0].arrival, 0.95, abs_tol=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("memory ()", "memo ()", "no cell has a group `memory`"),
        ("area : 5000.5;", "", "ram_1r1w_32x16 of rams.lib has no area"),
        ("internal_power", "power_internal", "has no internal_power of its clock"),
        ("setup_rising", "hold_rising", "has no setup time"),
        ('"800, 950"', '"soon"', "rams.lib cannot be understood"),
        ("}\n}\n", "}\n", "rams.lib is not a Liberty file"),
    ],
)
def test_bad_macros(liberty, old, new, what):
    assert old in TEXT
    liberty.write_text(TEXT.replace(old, new))
    with pytest.raises(BadInput, match=what):
        Sram(liberty)


def test_one_model_at_most(tmp_path):
    with pytest.raises(BadInput, match="--sram"):
        Sram(tmp_path / "a.toml", tmp_path / "b.toml")
