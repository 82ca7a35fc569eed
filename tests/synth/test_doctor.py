"""make doctor: what it finds, what it says, how it ends."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from synth import doctor

ROOT = Path(__file__).parents[2]


def test_pins_are_those_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    installed = extras["all"][0].removeprefix("bitpillar[").removesuffix("]").split(",")
    lists = [project["dependencies"], *(extras[name] for name in installed)]
    assert doctor.pins() == list(dict(pin.split("==") for pins in lists for pin in pins).items())
    assert "torch" not in dict(doctor.pins())  # an oracle that `make` does not install


def test_runs_on_the_standard_library_alone():
    """In an isolated interpreter without site-packages, from another folder."""
    outcome = subprocess.run(
        [sys.executable, "-S", "-I", ROOT / "synth" / "doctor.py"],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert outcome.returncode in (0, 1) and outcome.stderr == ""
    lines = outcome.stdout.splitlines()
    assert lines[0].split() == ["tool", "found", "needed"]
    names = {line.strip().split("  ")[0] for line in lines}
    for tool in (
        "g++",
        "make",
        "perl",
        "iverilog",
        "sta",
        "dot",
        "chromium",
        "osu018 library",
        "libpython",
        "Python.h",
        "python venv",
    ):
        assert tool in names
    assert names >= {name for name, _ in doctor.pins()}


def _rows(rows):
    """Stands for ``command_rows``: nothing is amiss with what only tests need."""
    return lambda wanted=doctor.COMMANDS: rows if wanted is doctor.COMMANDS else []


@pytest.fixture
def healthy(monkeypatch):
    """A machine on which all is well, as far as the doctor can see."""
    monkeypatch.setattr(doctor, "python_rows", lambda: [("python", "3.11.2", "3.11", True, "")])
    monkeypatch.setattr(doctor, "command_rows", _rows([("sta", "2.0.17", "", True, "")]))
    monkeypatch.setattr(doctor, "file_rows", lambda: [("osu018 library", "present", "", True, "")])
    monkeypatch.setattr(doctor, "package_rows", lambda: [("numpy", "1", "1", True, "")])


def test_all_well(healthy, capsys):
    assert doctor.main() == 0
    assert "all 4 as needed" in capsys.readouterr().out


def test_missing_tools_and_how_to_mend(healthy, monkeypatch, capsys):
    monkeypatch.setattr(
        doctor,
        "command_rows",
        _rows(
            [
                ("sta", "-", "2.0.17", False, doctor.apt("opensta")),
                ("perl", "-", "5", False, doctor.apt("perl")),
            ]
        ),
    )
    monkeypatch.setattr(
        doctor, "package_rows", lambda: [("rich", "14.0", "15.0.0", False, "make setup")]
    )
    assert doctor.main() == 1
    *_, summary, first, second = capsys.readouterr().out.splitlines()
    assert summary == "3 of 5 not as needed: sta, perl, rich"
    assert first == "  " + doctor.apt("opensta perl") and second == "  make setup"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo tool 156.0; echo line 9: oops >&2", "tool 156.0"),
        ("echo tool 1.2 >&2", "tool 1.2"),
        ("exit 3", ""),
    ],
)
def test_what_a_command_prints_goes_before_its_complaints(script, said):
    assert doctor.output("sh", "-c", script) == said


def test_absent_command(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    rows = list(doctor.command_rows())
    assert rows and all(found == "-" and not good for _, found, _, good, _ in rows)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("g++ (Debian 12.2.0-14) 12.2.0", (12, 2, 0)), ("2.0.17", (2, 0, 17)), ("none", ())],
)
def test_version(text, numbers):
    assert doctor.version(text) == numbers
