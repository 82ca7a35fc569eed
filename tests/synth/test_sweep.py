"""What a sweep file says: its points, its errors, the table and the fronts made of it."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from golden.dot import DotConfig
from golden.errors import BadInput
from golden.formats import DINT4, E4M3, FP32, INT8, INT32, MXINT8, integer
from golden.one_of import one_of
from golden.posit import P8_0
from hw.catalog import CATALOG, select
from synth.metrics.front import front
from synth.sweep import spec
from synth.sweep.points import design_of
from synth.sweep.run import run
from synth.sweep.table import Plot, evaluate, row, table, write
from synth.sweep.values import find_format, name_of
from synth.sweep.work import record


@pytest.fixture
def sweep(tmp_path):
    """Reads a sweep file with this text."""

    def read(text):
        path = tmp_path / "some.toml"
        path.write_text(text)
        return spec.read(path)

    return read


GRID = """
[[grid]]
base = "int8_dot32"
recipe = ["balanced", "area"]
period = [5, 10]
fields.lanes = [2, 4]
fields.accumulator = ["none", "FP32"]
cases = [{ label = "four", a = "INT4", w = "INT4" }, { label = "mixed", w = "dINT4" }]
"""


def test_grid_is_every_combination_in_order(sweep):
    points = sweep(GRID).points
    told = [(p.label, p.design.config.lanes, p.recipe.name, p.period) for p in points]
    assert len(points) == len({(p.design, p.recipe.name, p.period) for p in points}) == 32
    assert told[:5] == [
        ("four", 2, "balanced", 5.0),
        ("four", 2, "balanced", 10.0),
        ("four", 2, "area", 5.0),
        ("four", 2, "area", 10.0),
        ("four", 2, "balanced", 5.0),
    ]
    assert points[4].design.config.accumulator == FP32
    assert points[-1].design.config == DotConfig(a=INT8, w=DINT4, lanes=4, accumulator=FP32)
    assert sweep(GRID).columns == ["label", "a", "w", "lanes", "accumulator", "recipe", "period_ns"]


def test_targets_are_other_recipes(sweep):
    points = sweep('[[grid]]\nbase = "int8_mac"\ntarget = ["none", 2, 4.5]\n').points
    assert [point.recipe.target_ns for point in points] == [None, 2.0, 4.5]
    assert len({point.recipe.script for point in points}) == 3


def test_what_is_the_same_is_one_point(sweep):
    """Two grids that overlap, and a configuration that the catalog has under its own name."""
    both = sweep(GRID + GRID + '[[grid]]\nbase = "int8_mac"\nfields.lanes = 32\n')
    assert len(both.points) == 33
    assert both.points[-1].design == select("int8_dot32")[0]


@pytest.mark.parametrize("design", CATALOG, ids=lambda design: design.name)
def test_every_design_of_the_catalog_can_be_a_base(sweep, design):
    found = sweep(f'[[grid]]\nbase = "{design.name}"\n').points
    assert [point.design for point in found] == [design]


def test_parts_of_a_configuration(sweep):
    points = sweep(
        '[[grid]]\nbase = "requant_int32_int8"\nfields.requant.output_bits = [4, 6]\n'
        "fields.requant.relu = false\n"
        '[[grid]]\nconfig = "EncoderConfig"\nfields.format = ["mxfp4"]\n'
        '[[grid]]\nconfig = "SimdMacConfig"\nfields.formats = [["E2M1", "INT8"]]\n'
    ).points
    assert [p.fields["requant_output_bits"] for p in points[:2]] == [4, 6]
    assert not any(p.design.config.requant.relu for p in points[:2])
    assert points[2].design == select("mxfp4_encoder")[0]
    assert points[3].fields["formats"] == "E2M1, INT8"


def test_a_name_is_that_of_its_configuration():
    """The same name and the same text wherever it turns up; another for any other field."""
    config = DotConfig(a=INT8, w=INT8, lanes=3, accumulator=INT32)
    names = {
        design_of(each, False).name
        for each in (config, config.replace(lanes=5), config.replace(a=integer(8, signed=False)))
    }
    assert len(names) == 3
    assert design_of(config, False) == design_of(config.replace(), False)


@pytest.mark.parametrize(
    ("name", "fmt"),
    [
        ("INT8", INT8),
        ("MXINT8", MXINT8),
        ("dINT4", DINT4),
        ("E4M3", E4M3),
        ("INT32 (1 fraction bit)", integer(32, fraction_bits=1)),
        ("posit(8,0)", P8_0),
        ("E4M3 or INT8", one_of(E4M3, INT8)),
    ],
)
def test_formats_have_names_that_find_them(name, fmt):
    assert find_format(name) == fmt
    assert find_format(name_of(fmt)) == fmt


WRONG = [
    ("grid = 1", "grid is 1; allowed: a list of tables"),
    ("x =", "is not TOML"),
    ("", "there is no [[grid]]"),
    ("[[grid]]\nbase = 'x'\nlanes = 1", "grid 1: 'lanes' is not known; allowed: base, cases,"),
    ("[[grid]]", "grid 1: allowed: either base (a design) or config (a kind)"),
    ("[[grid]]\nbase = 'nonesuch'", "grid 1: base is 'nonesuch'; allowed: a design"),
    ("[[grid]]\nconfig = 'Dot'", "grid 1: config is 'Dot'; allowed: DotConfig, "),
    ("[[grid]]\nconfig = 'DotConfig'", "grid 1: DotConfig needs a, which is not in every case"),
    ("B\nfields.lane = 2", "grid 1: field 'lane' is not one of DotConfig; allowed: pipeline, "),
    ("B\nfields.lanes.x = 2", "grid 1: field 'lanes.x' has no parts; allowed: lanes"),
    ("B\nfields.lanes = 'two'", "grid 1: lanes is 'two'; allowed: an integer"),
    ("B\nfields.lanes = [2, true]", "grid 1: lanes is True; allowed: an integer"),
    ("B\nfields.lanes = []", "grid 1: lanes is []; allowed: one value or more"),
    ("B\ncases = []", "grid 1: cases is []; allowed: one or more"),
    ("B\nfields.a = 8", "grid 1: a is 8; allowed: the name of a format"),
    ("B\nfields.a = 'INTT'", "grid 1: a is 'INTT'; allowed: BF16, "),
    ("B\nfields.scale = 'INT8'", "grid 1: scale is 'INT8'; allowed: a format of kind Float or"),
    ("B\nfields.asymmetric = 'no'", "grid 1: asymmetric is 'no'; allowed: none, a, both"),
    ("B\nfields.lanes = 2\ncases = [{lanes = 3}]", "grid 1: lanes is in a case and in fields"),
    ("B\nrecipe = 'best'", "recipe is 'best'; allowed: balanced, "),
    ("B\nrecipe = []", "grid 1: recipe is []; allowed: a string, or a list of them"),
    ("B\nperiod = 0", "grid 1: period is 0.0 ns; allowed: above 0, up to 1e6"),
    ("B\nperiod = [nan]", "grid 1: period is nan ns"),
    ("B\nperiod = 'none'", "grid 1: period is 'none'; allowed: ns"),
    ("B\ntarget = true", "grid 1: target is True; allowed: ns"),
    ("B\nhierarchical = 1", "grid 1: hierarchical is 1; allowed: true, false"),
    ("activity = 'some'\nB", "activity is 'some'; allowed: default, vectors"),
    ("beats = 9\nB", "beats is 9; allowed: none without activity"),
    ("activity = 'vectors'\nbeats = 0\nB", "beats is 0; allowed: an integer, 1 or more"),
    ("timeout = 0\nB", "timeout is 0; allowed: seconds, 1 or more"),
    ("B\n[[plot]]\nz = 'area'", "plot 1: 'z' is not known; allowed: x, y, colour"),
    ("B\n[[plot]]\ny = 'size'", "plot 1: y is 'size'; allowed: "),
    ("B\n[[plot]]\ny = 'area / a'", "plot 1: y is 'area / a'; allowed: "),
    ("B\n[[plot]]\n[[plot]]", "plot 2 has the axes of an earlier one"),
]


@pytest.mark.parametrize(("text", "what"), WRONG, ids=[text[:40] for text, _ in WRONG])
def test_each_error_is_a_line_that_says_where(sweep, text, what):
    with pytest.raises(BadInput) as caught:
        sweep(re.sub("(?m)^B$", "[[grid]]\nbase = 'int8_dot32'", text))
    assert what in str(caught.value) and "\n" not in str(caught.value)
    assert "some.toml" in str(caught.value)


def test_the_front_is_what_none_beats():
    """Against the definition, on all points of a small grid with ties."""
    points = [(x * y % 5, (x + 2 * y) % 7) for x in range(6) for y in range(6)]
    for directions in (("lower", "lower"), ("lower", "higher"), ("higher", "lower")):
        signs = [1 if d == "lower" else -1 for d in directions]

        def dominates(one, other, signs=signs):
            less = [(a - b) * s for a, b, s in zip(one, other, signs, strict=True)]
            return max(less) <= 0 and min(less) < 0

        expected = [i for i, p in enumerate(points) if not any(dominates(q, p) for q in points)]
        assert sorted(front(points, directions)) == expected
    assert front([], ("lower", "lower")) == []


def test_the_table_is_tidy(sweep, tmp_path):
    """A column a field, a figure and a fact of provenance; figures say what they are in."""
    read = sweep('[[grid]]\nbase = "int8_dot32"\nfields.accumulator = ["none", "FP32"]\n')
    area = {"name": "area", "value": 12, "unit": "um2", "better": "lower", "source": ""}
    provenance = {"tools": {"Yosys": "0.70"}, "corner": "typical", "library_sha256": "ab"}
    good = record("ok") | {"key": "cd", "result": {"metrics": [area], "provenance": provenance}}
    bad = record("failed", "synthesis", "Yosys took\nlonger than 1 s")
    rows = [row(p, r, "command") for p, r in zip(read.points, (good, bad), strict=True)]
    files = list(write(tmp_path, table(rows, read.text)))
    found = parquet.read_table(files[0])
    assert [path.name for path in files] == ["points.parquet", "points.csv"]
    assert found.schema.field("area").type == pa.float64()
    assert found.schema.field("lanes").type == pa.int64()
    assert found.schema.field("area").metadata[b"unit"] == b"um2"
    assert found.schema.metadata[b"sweep"].decode() == read.text
    assert found["area"].to_pylist() == [12.0, None]
    assert found["accumulator"].to_pylist() == [None, "FP32"]
    assert found["error"].to_pylist() == ["", "Yosys took longer than 1 s"]
    assert found["tools"].to_pylist() == ["Yosys 0.70", None]
    assert {"recipe", "period_ns", "library", "corner", "design", "command"} <= {
        *found.schema.names
    }


def test_axes_may_be_divided():
    assert evaluate("area / lanes", {"area": 12.0, "lanes": 4}) == 3
    assert evaluate("area / lanes", {"area": None, "lanes": 4}) is None
    assert evaluate("area", {}) is None
    assert Plot(y="area / lanes").name == "area-lanes-by-critical-path"
    assert not Plot(x="lanes").directed and Plot(x="fmax").directed


def test_a_library_that_is_none_stops_before_anything_is_run(sweep, tmp_path, osu018):
    described = sweep('[[grid]]\nbase = "int8_mac"\nlibrary = "nonesuch.lib"\n')
    with pytest.raises(BadInput, match="nonesuch.lib cannot be read"):
        run(described, tmp_path / "build")
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(("name", "count"), [("dots", 68), ("array", 9)])
def test_the_sweeps_of_the_documentation(name, count):
    points = spec.read(Path(spec.__file__).parents[1] / "sweeps" / f"{name}.toml").points
    assert len(points) == count and all(point.design for point in points)
