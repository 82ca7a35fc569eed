"""What the tests of the synthesis flow share: tools, libraries, and one run of the samples."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from synth import flow, sources
from synth.cli import main
from synth.library import DEFAULT_LIBERTY, Library
from synth.recipes import DEFAULT, find

SAMPLES = Path(__file__).with_name("samples")


def pytest_collection_modifyitems(items):
    """A machine without the tools of Debian skips, and says so, what needs them."""
    if shutil.which("sta") and DEFAULT_LIBERTY.is_file():
        return
    for item in items:
        if {"osu018", "results", "build", "run_samples"} & set(item.fixturenames):
            item.add_marker(pytest.mark.skip(reason="needs OpenSTA and qflow-tech-osu018"))


@pytest.fixture(scope="session")
def osu018():
    return Library(DEFAULT_LIBERTY)


@pytest.fixture(scope="session")
def build(tmp_path_factory, osu018):
    """A build folder with the samples synthesised."""
    folder = tmp_path_factory.mktemp("build")
    outcome = synth("run", "--from", SAMPLES, "--build", folder)
    assert outcome.exit_code == 0, outcome.output
    return folder


@pytest.fixture(scope="session")
def results(build):
    from synth.metrics import load

    return {p.parent.name: load(p) for p in sorted((build / "synth").glob("*/metrics.json"))}


def synth(*arguments):
    """Run ``python -m synth`` in this process; the outcome has exit_code, output, exception."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def job(build, name="sample_dot4", **changes):
    """A job for a sample, with the default recipe, library and clock."""
    facts = {
        "source": sources.read(SAMPLES / f"{name}.json"),
        "recipe": find(DEFAULT),
        "liberty": DEFAULT_LIBERTY,
        "dont_use": (),
        "library_sha256": Library(DEFAULT_LIBERTY).sha256,
        "period": 10.0,
        "build": build,
    }
    return flow.Job(**(facts | changes))
