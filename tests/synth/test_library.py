"""What the flow finds in a library."""

import gzip
from pathlib import Path

import pytest

from golden.errors import BadInput
from synth.library import Library

SHARED = Path(__file__).parents[3] / "shared" / "liberty"
SKY130 = SHARED / "sky130hd_tt.lib.gz"
SG13G2 = SHARED / "sg13g2_stdcell_typ_1p20V_25C.lib.gz"

TINY = """library (tiny) {
  capacitive_load_unit (10, ff); voltage_unit : "1V"; leakage_power_unit : "1uW"; nom_voltage : 2;
  cell (INV)  { area : 1; pin (A) { direction : input; capacitance : 1; }
                pin (Y) { direction : output; function : "!A"; } }
  cell (INV2) { area : 1; pin (A) { direction : input; capacitance : 2; }
                pin (Y) { direction : output; function : "A'"; } }
  cell (ND2)  { area : 3; cell_leakage_power : 4;
                pin (A) { direction : input; capacitance : 1; }
                pin (B) { direction : input; capacitance : 1; }
                pin (Y) { direction : output; function : "(A B)'"; } }
  cell (FF)   { area : 9; ff (Q, QN) { next_state : "D"; clocked_on : "C"; }
                pin (C) { direction : input; clock : true; capacitance : 1; }
                pin (D) { direction : input; capacitance : 3; }
                pin (Q) { direction : output; function : "Q"; } }
}
"""


def tiny(folder, text=TINY, name="tiny.lib"):
    path = folder / name
    path.write_text(text)
    return path


def test_tiny(tmp_path):
    library = Library(tiny(tmp_path))
    assert library.nand2.name == "ND2" and library.nand2.area == 3
    assert library.nand2.leakage == pytest.approx(4e-6)
    assert library.driver.name == "INV2"  # twice the input of the smallest inverter
    assert library.output_load == pytest.approx(4 * 0.02)  # pF
    assert library.data_load == pytest.approx(0.03)
    assert library.energy_unit == pytest.approx(10e-15)  # 10 fF x 1 V^2
    assert library.tie(True) is None
    kinds = {name: cell.kind for name, cell in library.cells.items()}
    assert kinds == {"INV": "buffer", "INV2": "buffer", "ND2": "combinational", "FF": "flip-flop"}


@pytest.mark.parametrize(
    ("cell", "what"), [("ff (", "flip-flop"), ('"!A"', "inverter"), ('"(A B)\'"', "NAND2")]
)
def test_what_a_library_must_have(tmp_path, cell, what):
    replacement = {"ff (": "statetable (", '"!A"': '"A"', '"(A B)\'"': '"A B"'}[cell]
    text = TINY.replace(cell, replacement).replace('"A\'"', '"A"' if what == "inverter" else '"!A"')
    with pytest.raises(BadInput, match=f"has no {what}"):
        Library(tiny(tmp_path, text))


def test_dont_use(tmp_path):
    marked = TINY.replace("cell (INV2) {", "cell (INV2) { dont_use : true;")
    assert Library(tiny(tmp_path, marked)).driver.name == "INV"
    assert Library(tiny(tmp_path), dont_use=("*V2",)).dont_use == ("INV2",)
    with pytest.raises(BadInput, match="no flip-flop"):
        Library(tiny(tmp_path), dont_use=("F*",))


def test_gzip_is_told_by_its_bytes(tmp_path):
    path = tmp_path / "packed.lib"
    path.write_bytes(gzip.compress(TINY.encode()))
    assert Library(path).sha256 == Library(tiny(tmp_path)).sha256


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read"),
        (gzip.compress(TINY.encode(), mtime=0)[:40], "cannot be read"),
        (b"\xff\xfe\x00", "not text"),
        (b"library (x) {", "end of the file"),
    ],
    ids=["absent", "cut short", "binary", "no end"],
)
def test_files_that_are_none(tmp_path, content, what):
    path = tmp_path / "x.lib"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=what):
        Library(path)


def test_osu018(osu018):
    assert osu018.name == "osu018_stdcells" and osu018.corner == "typical, 1.8 V, 25 C"
    assert (osu018.nand2.name, osu018.nand2.area) == ("NAND2X1", 24)
    assert osu018.driver.name == "INVX2"
    assert osu018.output_load == pytest.approx(4 * 0.0186567)
    assert osu018.clock_slew == 0.06
    assert osu018.cells["DFFPOSX1"].kind == "flip-flop" and osu018.cells["LATCH"].kind == "latch"


@pytest.mark.parametrize(
    ("path", "nand2", "driver", "high", "avoided"),
    [
        (SKY130, "nand2_1", "inv_2", ("conb_1", "HI"), "sky130_fd_sc_hd__probe_p_8"),
        (SG13G2, "nand2_1", "inv_2", ("tiehi", "L_HI"), "sg13g2_fill_1"),
    ],
    ids=["sky130hd", "sg13g2"],
)
def test_other_libraries(path, nand2, driver, high, avoided):
    if not path.is_file():
        pytest.skip(f"{path.name} is not on this machine")
    library = Library(path)
    assert library.nand2.name.endswith(nand2) and library.driver.name.endswith(driver)
    cell, pin = library.tie(True)
    assert cell.endswith(high[0]) and pin == high[1]
    assert avoided in library.dont_use
