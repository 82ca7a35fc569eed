"""SAIF files: what is written is read again, what other tools write is understood."""

import pytest

from golden.errors import BadInput
from synth.gates import saif

OTHER = """(SAIFILE (SAIFVERSION "2.0") (DIRECTION "backward") (DESIGN "x")
// of another tool
(TIMESCALE 10 ps) (DURATION 4000.00)
(INSTANCE TOP (INSTANCE "unit" dut
  (PORT (clk (T0 2000) (T1 2000) (TX 0) (TC 800)))
  (NET (a\\[3\\] (T0 1000) (T1 2900) (TX 100) (TC 7) (IG 0))
       (\\front.b\\[0\\] (T0 4000) (T1 0) (TC 0)))
)))"""


@pytest.mark.parametrize("name", ["some.saif", "some.saif.gz"])
def test_written_and_read(tmp_path, name):
    nets = {
        ("top", "clk"): saif.Net(5, 5, 0, 10),
        ("top", "front.data[3]"): saif.Net(3, 7, 0, 4),
        ("top", "lane", "p[0]"): saif.Net(10, 0, 0, 0),
    }
    path = saif.write(tmp_path / name, saif.Saif(10, nets))
    assert saif.read(path) == saif.Saif(10, nets)
    first = path.read_bytes()
    assert saif.write(path, saif.Saif(10, nets)).read_bytes() == first


def test_files_of_other_tools(tmp_path):
    path = tmp_path / "other.saif"
    path.write_text(OTHER)
    read = saif.read(path)
    assert read.duration == 4000
    assert read.nets == {
        ("TOP", "dut", "clk"): saif.Net(2000, 2000, 0, 800),
        ("TOP", "dut", "a[3]"): saif.Net(1000, 2900, 100, 7),
        ("TOP", "dut", "front.b[0]"): saif.Net(4000, 0, 0, 0),
    }


@pytest.mark.parametrize(
    "text",
    ["", "(SAIFILE", "(SAIFILE))", "(VCD (DURATION 1))", "(SAIFILE (DURATION 5))",
     "(SAIFILE (INSTANCE a (NET (b (T0 1) (T1 1) (TC 0)))))",
     "(SAIFILE (DURATION 0) (INSTANCE a (NET (b (T0 1) (T1 1) (TC 0)))))",
     "(SAIFILE (DURATION 5) (INSTANCE a (NET (b (T0 x)))))"],
)  # fmt: skip
def test_what_is_none_is_refused_in_a_line(tmp_path, text):
    path = tmp_path / "bad.saif"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"bad\.saif") as error:
        saif.read(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        saif.read(tmp_path / "none.saif")
