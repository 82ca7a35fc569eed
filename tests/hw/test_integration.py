"""FuseSoC cores, file lists and texts to copy, as the tools take them that they are for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from golden.version import __version__
from hw import integration
from hw.catalog import CATALOG, select
from hw.verilog import emit
from sim.lint import lint_file
from sim.waivers import WAIVERS

SOME = ("int8_mac", "cpr_encoder")


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cores")
    for design in select(*SOME):
        emit(design, folder)
        emit(design, folder, "axis")
    return folder


@pytest.fixture
def fusesoc(tmp_path):
    """Runs fusesoc with a folder of cores, without the user's own settings."""

    def run(folder, *arguments):
        script = Path(sys.executable).with_name("fusesoc")
        (tmp_path / "fusesoc.conf").write_text("[main]\n")
        command = [script, "--config", tmp_path / "fusesoc.conf", "--cores-root", folder]
        environment = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ERROR" not in done.stderr and "Failed" not in done.stdout + done.stderr
        return done.stdout

    return run


def test_fusesoc_knows_every_design(tmp_path, fusesoc):
    """The whole catalog; a core that does not parse would be left out."""
    cores = tmp_path / "cores"
    cores.mkdir()
    for design in CATALOG:
        facts = {"name": design.name, "top": design.name, "summary": design.summary}
        core = integration.core(facts | {"verilog": f"{design.name}.v"})
        (cores / f"{design.name}.core").write_text(core)
    listed = fusesoc(cores, "core", "list")
    found = {line.split()[0] for line in listed.splitlines() if line.startswith("bitpillar::")}
    assert found == {f"bitpillar::{design.name}:{__version__}" for design in CATALOG}


@pytest.mark.parametrize("name", ["int8_mac", "cpr_encoder_axis"])
def test_fusesoc_sets_a_design_up(emitted, fusesoc, tmp_path, name):
    shown = fusesoc(emitted, "core", "show", f"bitpillar::{name}")
    assert json.loads((emitted / f"{name}.json").read_text())["summary"] in shown
    work = tmp_path / "work"
    arguments = ("run", "--target", "lint", "--setup", "--work-root", work)
    fusesoc(emitted, *arguments, f"bitpillar::{name}")
    (copy,) = work.rglob("*.v")
    assert copy.read_bytes() == (emitted / f"{name}.v").read_bytes()
    (options,) = work.glob("*.vc")
    assert f"--top-module {name}" in options.read_text()


def test_lint_of_the_core_waives_what_ours_does():
    assert set(integration.WAIVED) == set(WAIVERS)


@pytest.mark.parametrize("name", ["int8_mac", "cpr_encoder_axis"])
def test_file_list_and_instance_compile(emitted, tmp_path, name):
    """The copied text in a module is whole: no pin is missing, none has another width."""
    (listed,) = (emitted / f"{name}.f").read_text().split()
    text = (emitted / f"{name}_instance.vh").read_text()
    described = json.loads((emitted / f"{name}.json").read_text())
    for port in described["ports"]:
        assert f"// {port['direction']} {port['width']}: {port['meaning']}" in text
    for stream in described["streams"]:
        for field in stream["fields"]:
            assert f"{field['name']}, " in text and field["meaning"] in text
    user = tmp_path / "user.v"
    body = f"module user;\n{text}endmodule\n"
    user.write_text((emitted / listed).read_text() + body)
    problems = lint_file(user, "user").problems
    # Inputs that nobody drives are all that is amiss: the user's own signals go there.
    assert problems and {problem.split(":")[0] for problem in problems} == {"UNDRIVEN"}
