"""Several libraries at once, and several corners of one."""

import json
import re
from pathlib import Path

import pytest

from golden.errors import BadInput
from synth import flow
from synth.compare import ratios
from synth.flow.figures import no_figures
from synth.library import DEFAULT_LIBERTY, Library
from synth.metrics import load
from synth.timing import corners

pytestmark = pytest.mark.usefixtures("osu018")
SAMPLES = Path(__file__).with_name("samples")
_TIMES = re.compile(
    r"((?:cell_rise|cell_fall|rise_transition|fall_transition|rise_constraint|fall_constraint)"
    r"\s*\([^)]*\)\s*\{.*?values\s*\()([^)]*)(\))",
    re.DOTALL,
)


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """The default library with every time in its tables multiplied by 1.5."""
    text = DEFAULT_LIBERTY.read_text().replace("osu018_stdcells)", "osu018_slow)")

    def scaled(match):
        numbers = re.sub(r"-?\d+(?:\.\d+)?", lambda n: f"{1.5 * float(n[0]):.6f}", match[2])
        return match[1] + numbers + match[3]

    path = tmp_path_factory.mktemp("corner") / "slow.lib"
    path.write_text(_TIMES.sub(scaled, text))
    return path


def test_a_corner_times_the_same_netlist(build, results, slow, tmp_path, synth):
    outcome = synth(
        "run", "sample_mac", "--from", SAMPLES, "--build", tmp_path, "--corner", slow,
        "--activity", "default",
    )  # fmt: skip
    assert outcome.return_value == 0, (outcome.output, outcome.exception)
    result, plain = load(tmp_path / "synth" / "sample_mac" / "metrics.json"), results["sample_mac"]
    assert result["area"] == plain["area"] and result["critical_path"] == plain["critical_path"]
    same = [folder / "synth" / "sample_mac" / "mapped.v" for folder in (build, tmp_path)]
    assert same[0].read_bytes() == same[1].read_bytes()
    (corner,) = result.corners
    assert (corner.library, corner.file) == ("osu018_slow", "slow.lib")
    # Delays grow by half; slews grow too, and with them delays a little more.
    assert 1.45 < corner.critical_path / plain["critical_path"] < 2.0
    assert corner.slack == pytest.approx(10 - corner.critical_path, abs=1e-4)
    assert result["corner_path"] == corner.critical_path > result["critical_path"]
    assert result["corner_slack"] == corner.slack < result["slack"]
    assert "--corner slow.lib" in result.provenance.command
    assert "slowest corner" in outcome.output


def test_the_worst_corner_may_be_that_of_the_mapping(slow, tmp_path, job):
    library = Library(slow)
    result = flow.run(
        job(
            tmp_path,
            "sample_mac",
            liberty=slow,
            library_sha256=library.sha256,
            corners=(DEFAULT_LIBERTY,),
            parts=False,
        )
    )
    assert result.status == "ok", result.error
    assert result["corner_path"] == result["critical_path"] > result.corners[0].critical_path
    assert result["corner_slack"] == result["slack"]


def test_corners_are_part_of_the_job(slow, tmp_path, job):
    assert job(tmp_path).key != job(tmp_path, corners=(slow,)).key


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda text: text.replace("cell (AOI21X1)", "cell (OTHER)"), "has no AOI21X1"),
        (lambda text: text, "is the same as"),
        (lambda text: text[:5000], "is not a Liberty file"),
    ],
)
def test_what_is_no_corner(tmp_path, synth, change, what):
    path = tmp_path / "corner.lib"
    path.write_text(change(DEFAULT_LIBERTY.read_text()))
    build = tmp_path / "build"
    outcome = synth("run", "--from", SAMPLES, "--build", build, "--corner", path)
    assert isinstance(outcome.exception, BadInput) and what in str(outcome.exception)
    assert not build.exists()


def test_several_libraries_make_a_row_each(slow, tmp_path, synth):
    outcome = synth(
        "run", "sample_mac", "--from", SAMPLES, "--build", tmp_path,
        "--liberty", DEFAULT_LIBERTY, "--liberty", slow,
    )  # fmt: skip
    assert outcome.return_value == 0, (outcome.output, outcome.exception)
    first = load(tmp_path / "synth" / "sample_mac" / "metrics.json")
    other = load(tmp_path / "libraries" / "osu018_slow" / "sample_mac" / "metrics.json")
    assert first.provenance.library == "osu018_stdcells" and first["critical_path"] < 6
    assert other["critical_path"] > 1.4 * first["critical_path"]
    rows = [line.split() for line in outcome.stdout.splitlines() if " sample_mac" in line]
    assert [row[1] for row in rows] == ["osu018_stdcells", "osu018_slow"]


@pytest.mark.parametrize(
    ("command", "files", "what"),
    [
        ("fmax", 2, "allowed: one file here"),
        ("run", 1, "allowed: libraries of different names"),
    ],
)
def test_libraries_that_do_not_go_together(slow, tmp_path, synth, command, files, what):
    given = [slow, DEFAULT_LIBERTY][:files] if files == 2 else [slow, slow]
    words = [word for path in given for word in ("--liberty", path)]
    outcome = synth(command, "--from", SAMPLES, "--build", tmp_path / "build", *words)
    assert isinstance(outcome.exception, BadInput) and what in str(outcome.exception)


def test_ratios_and_their_spread(slow, tmp_path, synth, monkeypatch):
    pair = ratios.Pair("four lanes over one", "sample_dot4", "sample_mac")
    monkeypatch.setattr(ratios, "PAIRS", (pair,))
    outcome = synth(
        "ratios", "--from", SAMPLES, "--build", tmp_path, "--activity", "default",
        "--liberty", DEFAULT_LIBERTY, "--liberty", slow,
    )  # fmt: skip
    assert outcome.return_value == 0, (outcome.output, outcome.exception)
    data = json.loads((tmp_path / "ratios" / "ratios.json").read_text())
    (found,) = data["ratios"]
    for library in ("osu018_stdcells", "osu018_slow"):
        design, base = (
            load(tmp_path / "ratios" / library / name / "metrics.json")
            for name in ("sample_dot4", "sample_mac")
        )
        for name in ("area", "critical_path", "energy"):
            assert found["values"][name][library] == design[name] / base[name]
        assert library in data["provenance"]
    two = found["values"]["critical_path"].values()
    assert found["spread"]["critical_path"] == pytest.approx(max(two) / min(two) - 1)
    assert f"{found['values']['area']['osu018_slow']:.3f}" in outcome.output


def test_a_ratio_of_what_failed_says_why(tmp_path, job):
    good = no_figures(job(tmp_path))
    bad = no_figures(job(tmp_path, "sample_mac"), "broken")
    pair = ratios.Pair("", "sample_dot4", "sample_mac")
    (found,) = ratios.ratios([pair], [good, bad])
    assert found.errors == {"osu018_stdcells": "sample_mac: broken"} and not found.spread


def test_ratios_of_nothing(tmp_path, synth):
    outcome = synth("ratios", "--from", SAMPLES, "--build", tmp_path)
    assert "designs are" in str(outcome.exception) or "is not in" in str(outcome.exception)


def test_delay_cells_are_not_buffers(tmp_path):
    """Libraries whose names are known keep their delay cells out of the mapping."""
    text = DEFAULT_LIBERTY.read_text()
    text = text.replace("osu018_stdcells)", "sg13g2_stdcell_typ)")
    text = text.replace("cell (BUFX2)", "cell (sg13g2_dlygate4sd1_1)")
    path = tmp_path / "ihp.lib"
    path.write_text(text)
    assert Library(path).dont_use == ("sg13g2_dlygate4sd1_1",)


def test_corner_is_found_by_content(slow, tmp_path):
    copy = tmp_path / "copy.lib"
    copy.write_bytes(slow.read_bytes())
    library = Library(DEFAULT_LIBERTY)
    with pytest.raises(BadInput, match="is the same as"):
        corners.check(library, (slow, copy))
    corners.check(library, (slow,))
