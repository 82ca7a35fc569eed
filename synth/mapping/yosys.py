"""The Yosys side: from Verilog to a mapped netlist, once flat and once by submodule."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from golden.errors import BadInput

from ..library import Library
from .recipes import Recipe

#: What nobody reads, and constants, across the borders of modules: one level of them a time.
_BORDERS = ("opt_hier", "opt_clean")
WORKER = Path(__file__).with_name("yosys_worker.py")
Mapping = Literal["flat", "parts", "modules"]


class Failed(Exception):
    """A tool gave up on a design; the message is one line, its log is in the work folder."""


def check_signal(tool: str, status: int) -> None:
    """Raise :class:`Failed` for a tool that a signal ended: what it said last is not why."""
    if status < 0:
        raise Failed(f"{tool} was ended by {signal.Signals(-status).name}")


def yosys_version() -> str:
    try:
        return version("pyosys")
    except PackageNotFoundError as error:
        raise BadInput(
            "pyosys (Yosys) is not installed; `make doctor` says how to mend it"
        ) from error


def constraints(recipe: Recipe, library: Library) -> str:
    """ABC's constraint file: driving cell and output load (fF)."""
    driver = recipe.driver or library.driver.name
    if driver not in library.cells:
        raise BadInput(
            f"recipe {recipe.name!r} drives inputs with {driver}, which library {library.name} has"
            " not; choose another recipe"
        )
    load = recipe.load_ff if recipe.load_ff is not None else round(library.data_load * 1000, 3)
    return f"set_driving_cell {driver}\nset_load {load}\n"


def commands(
    recipe: Recipe,
    library: Library,
    verilog: Path,
    top: str,
    *,
    liberty: Path,
    mapping: Mapping,
    least: tuple[int, int],
) -> list[str]:
    """The commands from ``verilog`` to ``mapped.json`` (and ``mapped.v``) in the work folder.

    ``mapping``: "flat" dissolves all modules first, so that logic is optimised across their
    borders; "parts" keeps the modules that ``top`` instantiates, each mapped by itself with all
    below dissolved; "modules" keeps all. Memories of at least so many bits and words (``least``)
    become black boxes.
    """
    avoid = "".join(f" -dont_use {name}" for name in library.dont_use)
    script = f" -script +{recipe.script.replace(' ', ',')}" if recipe.script else ""
    delay = f" -D {recipe.delay_ps:g}" if recipe.delay_ps else ""
    flatten = "" if mapping == "modules" else " -flatten"
    steps = [f"read_verilog {verilog}", f"hierarchy -check -top {top}"]
    if mapping == "parts":
        steps.append(f"@keep {top}")
    steps += [
        f"synth -top {top}{flatten} {recipe.synth}".rstrip() + " -run begin:fine",
        f"@memories {least[0]} {least[1]}",
        f"synth -top {top}{flatten} {recipe.synth}".rstrip() + " -run fine:",
        *(_BORDERS * 3 if mapping == "modules" else ()),
        *([recipe.before] if recipe.before else ()),
        f"dfflibmap -liberty {liberty}{avoid}",
        "opt -fast",
        f"abc -liberty {liberty} -constr constraints{delay}{avoid}{script}",
        "setundef -zero",
        "splitnets",
        "opt_clean -purge",
    ]
    high, low = library.tie(True), library.tie(False)
    if high and low:
        steps.append(
            f"hilomap -singleton -hicell {high[0]} {high[1]} -locell {low[0]} {low[1]}",
        )
    return [
        *steps,
        # The names that Verilog and JSON have in common: what a SAIF file of it calls them.
        "@enumerate",
        "rename -enumerate -pattern _%_ w:*",  # what no cell uses
        "@unsign",
        "check -mapped",
        "write_verilog -noattr -simple-lhs mapped.v",
        "write_json mapped.json",
    ]


def run(steps: list[str], folder: Path, timeout: float) -> None:
    """Run ``steps`` in ``folder``; the log is ``yosys.log`` there. Raises :class:`Failed`."""
    (folder / "commands.json").write_text(json.dumps(steps, indent=1))
    # ABC's temporary files go with the work folder, so that a kill leaves nothing behind.
    environment = {**os.environ, "TMPDIR": str(folder.resolve())}
    with open(folder / "yosys.log", "wb") as log:
        try:
            status = subprocess.run(
                [sys.executable, str(WORKER), "commands.json"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            ).returncode
        except subprocess.TimeoutExpired:
            raise Failed(f"Yosys took longer than {timeout:g} s") from None
    check_signal("Yosys", status)
    if status:
        lines = (folder / "yosys.log").read_text(errors="replace").splitlines()
        errors = [line for line in lines if "ERROR" in line or "Error" in line]
        said = (errors or lines or ["no output"])[-1].strip().replace(f"{folder.resolve()}/", "")
        raise Failed(f"Yosys: {said} (status {status})")
