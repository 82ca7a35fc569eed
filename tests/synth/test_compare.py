"""Comparison of figures and of commits, gates, and the golden metrics of the small set."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from golden.errors import BadInput
from synth import sources
from synth.compare import changes as compare
from synth.compare import noise, rules
from synth.compare.changes import Figures
from synth.flow import options
from synth.library import DEFAULT_LIBERTY
from synth.mapping.recipes import DEFAULT, find
from synth.metrics import load
from synth.sources import commits

ROOT = Path(__file__).parents[2]
SAMPLES = Path(__file__).with_name("samples")


def figures(name="d", status="ok", setting="s", **values):
    return Figures(name, status, "broken" if status == "failed" else "", setting, values)


BASE = {"area": 1000.0, "critical_path": 5.0, "energy": 10.0}
BAND = {"area": 1.0, "critical_path": 2.0, "energy": 1.0}


@pytest.mark.parametrize(
    ("after", "verdict", "better", "worse"),
    [
        ({}, "same", (), ()),
        ({"area": 1010.0}, "noise", (), ()),  # exactly the band
        ({"area": 990.0}, "noise", (), ()),
        ({"area": 1010.1}, "worse", (), ("area",)),
        ({"area": 989.0}, "better", ("area",), ()),
        ({"area": 989.0, "critical_path": 5.09}, "better", ("area",), ()),
        ({"area": 989.0, "critical_path": 5.11}, "trade", ("area",), ("critical_path",)),
        ({"area": 900.0, "energy": 11.0}, "trade", ("area",), ("energy",)),
        ({"critical_path": 6.0, "energy": 11.0}, "worse", (), ("critical_path", "energy")),
    ],
)
def test_verdicts(after, verdict, better, worse):
    (change,) = compare.compare([figures(**BASE)], [figures(**(BASE | after))], BAND)
    assert (change.verdict, change.better, change.worse) == (verdict, better, worse)


def test_designs_that_come_go_fail_and_mend():
    before = [figures("a", **BASE), figures("b", **BASE), figures("c", **BASE),
              figures("d", "failed"), figures("f", "failed")]  # fmt: skip
    after = [figures("b", "failed"), figures("c", **BASE), figures("d", **BASE),
             figures("e", **BASE), figures("f", "failed")]  # fmt: skip
    found = {change.design: change.verdict for change in compare.compare(before, after)}
    assert found == {
        "a": "gone", "b": "failed", "c": "same", "d": "mended", "f": "same", "e": "new",
    }  # fmt: skip


def test_one_design_against_another():
    (change,) = compare.compare([figures("a", **BASE)], [figures("b", **BASE)])
    assert change.design == "a -> b" and change.verdict == "same"


def test_something_out_of_nothing_is_worse():
    memory = {"memory_area": 0.0}, {"memory_area": 5.0}
    (change,) = compare.compare([figures(**memory[0])], [figures(**memory[1])])
    assert change.verdict == "worse" and change.percent["memory_area"] == float("inf")
    (change,) = compare.compare([figures(**memory[1])], [figures(**memory[0])])
    assert change.verdict == "better" and change.percent["memory_area"] == -100


def broken(given, before, after):
    (change,) = compare.compare([figures(**before)], [figures(**after)], BAND)
    return given.broken(change)


def test_gates(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(
        "[[gate]]\nmetric = 'area'\nworse = 3\ntrade = true\n"
        "[[gate]]\nmetric = 'fmax'\nworse = 10\ndesigns = ['d*']\n"
        "[noise]\nenergy = 2.5\n"
    )
    found = rules.read(path)
    assert found.noise == {"energy": 2.5} and found.gone
    assert broken(found, BASE, BASE | {"area": 1030.0}) == []
    (line,) = broken(found, BASE, BASE | {"area": 1030.1})
    assert line == "d: area is 3.0 % worse; allowed: 3 %"
    # Bought with delay beyond its band: shown, not refused; within its band: refused.
    assert broken(found, BASE, BASE | {"area": 1100.0, "critical_path": 4.5}) == []
    assert broken(found, BASE, BASE | {"area": 1100.0, "critical_path": 4.95})
    # Of fmax more is better.
    assert broken(found, {"fmax": 100.0}, {"fmax": 89.0}) == [
        "d: fmax is 11.0 % worse; allowed: 10 %"
    ]
    assert broken(found, {"fmax": 100.0}, {"fmax": 120.0}) == []


def test_what_fails_breaks_and_what_goes_may(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text("gone = false")
    (failed,) = compare.compare([figures(**BASE)], [figures(status="failed")])
    assert rules.Rules().broken(failed) == ["d failed: broken"]
    gone, _ = compare.compare([figures("a"), figures("b")], [figures("b"), figures("c")])[:2]
    assert rules.Rules().broken(gone) == [] and rules.read(path).broken(gone) == ["a is gone"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[[gate", "cannot be read"),
        ("colour = 1", "key is 'colour'; allowed: gate, noise, gone"),
        ("gone = 1", "gone is 1; allowed: true or false"),
        ("gate = 3", "gate is 3"),
        ("gate = [3]", "gate is 3"),
        ("[[gate]]\nmetric = 'area'", "allowed: one with 'worse'"),
        ("[[gate]]\nmetric = 'beauty'\nworse = 1", "metric is 'beauty'; allowed: area, "),
        ("[[gate]]\nmetric = 'area'\nworse = -1", "worse is -1; allowed: a percentage from 0"),
        ("[[gate]]\nmetric = 'area'\nworse = nan", "worse is nan"),
        ("[[gate]]\nmetric = 'area'\nworse = true", "worse is True"),
        ("[[gate]]\nmetric = 'area'\nworse = 1\nwhen = 2", "key is 'when'"),
        ("[[gate]]\nmetric = 'area'\nworse = 1\ndesigns = 'a'", "designs is 'a'"),
        ("[[gate]]\nmetric = 'area'\nworse = 1\ndesigns = []", "designs is []"),
        ("[[gate]]\nmetric = 'area'\nworse = 1\ntrade = 'no'", "trade is 'no'"),
        ("noise = 3", "noise is 3"),
        ("[noise]\ncells = 3", "key is 'cells'"),
        ("[noise]\narea = 'much'", "noise of area is 'much'"),
    ],
)
def test_bad_rules(tmp_path, text, what):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as raised:
        rules.read(path)
    assert what in str(raised.value) and str(path) in str(raised.value)


def test_files_and_folders(build, results, tmp_path, synth):
    one = build / "synth" / "sample_mac" / "metrics.json"
    data = json.loads(one.read_text())
    for item in data["metrics"]:
        if item["name"] == "area":
            item["value"] *= 1.05
    (tmp_path / "metrics.json").write_text(json.dumps(data))
    file = tmp_path / "rules.toml"
    file.write_text("[[gate]]\nmetric = 'area'\nworse = 3\n")
    outcome = synth("compare", one, tmp_path / "metrics.json", "--gate", file)
    assert outcome.return_value == 1, outcome.output
    assert "worse: dominated" in outcome.output and "+5.0" in outcome.output
    assert "broken: sample_mac: area is 5.0 % worse; allowed: 3 %" in outcome.output
    assert synth("compare", tmp_path / "metrics.json", one, "--gate", file).return_value == 0
    # A folder holds both samples, the other one none of sample_dot4.
    outcome = synth("compare", build / "synth", tmp_path)
    assert outcome.return_value == 0 and "gone" in outcome.output
    outcome = synth("compare", build / "synth", build / "synth", "sample_dot4")
    assert "the same" in outcome.output and "sample_mac" not in outcome.output
    # Figures made in another way are compared, and it is said so.
    for name, value in (("recipe", "area"), ("corner", "slow")):
        data["provenance"][name] = value
    (tmp_path / "metrics.json").write_text(json.dumps(data))
    outcome = synth("compare", one, tmp_path / "metrics.json")
    assert "settings differ: osu018_stdcells (typical" in outcome.output
    assert "(slow), recipe area, 10 ns" in outcome.output


@pytest.mark.parametrize("name", ["nonesuch", "-x", "--upload-pack=x"])
def test_neither_file_nor_commit(build, name, synth):
    outcome = synth("compare", "--build", build, "--", build / "synth", name)
    assert f"{name} is neither a file, nor a folder, nor a commit" in str(outcome.exception)


def test_bad_files(build, tmp_path, synth):
    (tmp_path / "none").mkdir()
    with pytest.raises(BadInput, match="holds no metrics.json"):
        compare.load(tmp_path / "none")
    for name in ("one", "two"):
        shutil.copytree(build / "synth" / "sample_mac", tmp_path / "both" / name)
    with pytest.raises(BadInput, match="two results of sample_mac"):
        compare.load(tmp_path / "both")
    for text in ("{", "[]", '{"schema": "bitpillar-baseline-1"}', "\x00\xff"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(BadInput, match=r"bad\.json is not a"):
            compare.load(tmp_path / "bad.json")
    outcome = synth("compare", build / "synth", build / "synth", "nonesuch")
    assert "designs are nonesuch; allowed: those of" in str(outcome.exception)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A project of two commits, of which the second makes `late` larger and `old` into `new`."""
    folder = tmp_path_factory.mktemp("repository")

    def git(*arguments):
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)

    (folder / "hw").mkdir()
    (folder / "hw" / "__init__.py").write_text("")
    git("init", "-q", "-b", "main")
    for names, width in ((("late", "old"), 8), (("late", "new"), 12)):
        (folder / "hw" / "catalog.py").write_text(
            "from types import SimpleNamespace as Design\n"
            f"CATALOG = [Design(name=name) for name in {names}]\n"
        )
        (folder / "hw" / "__main__.py").write_text(PROJECT.replace("WIDTH", str(width)))
        git("add", "-A")
        git("commit", "-qm", f"width {width}")
    return folder


PROJECT = """
import json, sys
from pathlib import Path
_, verilog, *names, option, folder = sys.argv
assert (verilog, option) == ("verilog", "--output")
for name in names:
    text = f"module {name}(input clk, input [WIDTH-1:0] a, output reg [WIDTH-1:0] q);"
    text += " always @(posedge clk) q <= q + a; endmodule"
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / f"{name}.v").write_text(text)
    (Path(folder) / f"{name}.json").write_text(json.dumps({"top": name, "clock": {"port": "clk"}}))
"""


@pytest.mark.usefixtures("osu018")
def test_commits(repository, tmp_path, monkeypatch, synth):
    monkeypatch.chdir(repository)
    outcome = synth("compare", "HEAD~1", "main", "*", "--build", tmp_path)
    assert outcome.return_value == 0, (outcome.output, outcome.exception)
    verdicts = {line.split()[0]: line for line in outcome.output.splitlines() if line.strip()}
    assert "worse: dominated" in verdicts["late"]
    assert verdicts["old"].endswith("gone ") or "gone" in verdicts["old"]
    assert "new" in verdicts["new"].split()[1:]
    heads = sorted(path.name for path in (tmp_path / "commits").iterdir())
    assert len(heads) == 2 and commits.find("main")[:12] in heads
    late = [load(tmp_path / "commits" / h / "late" / "metrics.json")["flip_flops"] for h in heads]
    assert sorted(late) == [8, 12]
    # Nothing of the work trees remains.
    trees = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True).stdout
    assert trees.count("\n") == 1
    # A commit that cannot write its Verilog says so in one line.
    (repository / "hw" / "catalog.py").write_text("raise SystemExit('no catalog today')")
    git = ("git", "-c", "user.name=n", "-c", "user.email=e@example.com")
    subprocess.run([*git, "commit", "-qam", "broken"], check=True)
    outcome = synth("compare", "HEAD", "HEAD~1", "--build", tmp_path)
    assert "does not give its Verilog: no catalog today" in str(outcome.exception)
    trees = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True).stdout
    assert trees.count("\n") == 1


@pytest.mark.usefixtures("osu018")
def test_golden_metrics(tmp_path, monkeypatch, synth):
    """The small set has not become larger by more than its rules allow.

    `python -m synth baseline --renew` writes the file anew, where a change is meant.
    """
    monkeypatch.chdir(ROOT)
    outcome = synth("baseline", "--build", tmp_path)
    assert outcome.return_value == 0, outcome.output


@pytest.mark.usefixtures("osu018")
def test_baseline_is_renewed_and_breaks(tmp_path, monkeypatch, synth):
    monkeypatch.chdir(ROOT)
    file = tmp_path / "kept.json"
    options_ = ("--from", SAMPLES, "--build", tmp_path / "build", "--file", file)
    assert synth("baseline", "sample_mac", "--renew", *options_).return_value == 0
    data = json.loads(file.read_text())
    assert set(data["designs"]) == {"sample_mac"} and "osu018" in data["setting"]
    assert synth("baseline", *options_).return_value == 0
    data["designs"]["sample_mac"]["area"] /= 1.031
    file.write_text(json.dumps(data))
    outcome = synth("baseline", *options_)
    assert outcome.return_value == 1 and "broken: sample_mac: area is 3.1 % worse" in outcome.output
    # More area that bought delay is shown as the trade it is.
    data["designs"]["sample_mac"]["critical_path"] *= 1.1
    file.write_text(json.dumps(data))
    outcome = synth("baseline", *options_)
    assert outcome.return_value == 0 and "trade" in outcome.output


@pytest.mark.usefixtures("osu018")
def test_noise_is_of_names_only(tmp_path, osu018):
    setup = options.configure(
        liberty=(DEFAULT_LIBERTY,), period=10.0, dont_use=(), jobs=1, timeout=100.0,
        sram=(), build=tmp_path,
    )  # fmt: skip
    source = sources.read(SAMPLES / "sample_mac.json")
    one, other = (noise.renamed(source, seed, setup) for seed in (1, 2))
    texts = [each.verilog.read_text() for each in (one, other)]
    assert texts[0] != texts[1] and noise.renamed(source, 1, setup).sha256 == one.sha256
    assert "out_data" in source.verilog.read_text()
    assert not any("out_data" in text for text in texts)
    plain, *copies = setup.run(
        setup.job(each, find(DEFAULT), place=None, parts=False) for each in (source, one, other)
    )
    for copy in copies:
        assert copy["flip_flops"] == plain["flip_flops"]
        assert copy["area"] == pytest.approx(plain["area"], rel=0.05)
