"""What the tests of the synthesis flow share: tools, libraries, and one run of the samples."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from synth import flow, sources
from synth.cli import main
from synth.flow.stimulus import Stimulus
from synth.library import DEFAULT_LIBERTY, Library
from synth.mapping.recipes import DEFAULT, find
from synth.metrics import load

SAMPLES = Path(__file__).with_name("samples")


def pytest_collection_modifyitems(items):
    """A machine without the tools of Debian skips, and says so, what needs them."""
    if shutil.which("sta") and DEFAULT_LIBERTY.is_file():
        return
    for item in items:
        if {"osu018"} & set(item.fixturenames):
            item.add_marker(pytest.mark.skip(reason="needs OpenSTA and qflow-tech-osu018"))


@pytest.fixture(scope="session")
def osu018():
    return Library(DEFAULT_LIBERTY)


@pytest.fixture(scope="session")
def synth():
    """Runs ``python -m synth`` in this process; gives return_value, output, exception."""

    def run(*arguments):
        return CliRunner().invoke(main, [str(a) for a in arguments], standalone_mode=False)

    return run


@pytest.fixture(scope="session")
def build(tmp_path_factory, osu018, synth):
    """A build folder with the samples synthesised."""
    folder = tmp_path_factory.mktemp("build")
    outcome = synth("run", "--from", SAMPLES, "--build", folder)
    assert outcome.return_value == 0, outcome.output
    return folder


@pytest.fixture(scope="session")
def results(build):
    """The samples' results by name."""
    return {p.parent.name: load(p) for p in sorted((build / "synth").glob("*/metrics.json"))}


@pytest.fixture
def job(osu018):
    """Makes a job for a sample, with the default recipe, library and clock."""

    def make(build, name="sample_dot4", **changes):
        facts = {
            "source": sources.read(SAMPLES / f"{name}.json"),
            "recipe": find(DEFAULT),
            "liberty": DEFAULT_LIBERTY,
            "dont_use": (),
            "library_sha256": osu018.sha256,
            "period": 10.0,
            "build": build,
            "stimulus": Stimulus(),
        }
        return flow.Job(**(facts | changes))

    return make


@pytest.fixture
def swap():
    """Makes the first cell ``one`` of the only cached netlist with such another kind of cell that
    has the same pins."""

    def break_it(build, one="NAND2X1", other="NOR2X1"):
        (path,) = build.glob("cache/synth/*/mapped.json.gz")
        data = json.loads(gzip.decompress(path.read_bytes()))
        (module,) = (m for m in data["modules"].values() if m["attributes"].get("top"))
        cell = next(cell for cell in module["cells"].values() if cell["type"] == one)
        cell["type"] = other
        path.write_bytes(gzip.compress(json.dumps(data).encode()))
        shutil.rmtree(build / "cache" / "activity")

    return break_it
