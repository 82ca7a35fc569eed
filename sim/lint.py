"""Verilator's lint over emitted Verilog: every warning fails that is not waived by name."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hw.catalog import Design
from hw.verilog import VERILOG_FOLDER, emit

from .compiler import home
from .waivers import WAIVERS

_REPORT = re.compile(r"^%(Warning|Error)(?:-(\w+))?: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Lint:
    """What lint says about a design."""

    design: str
    problems: tuple[str, ...]  # errors, and warnings that are not waived
    waived: dict[str, int]  # number of warnings by the name of their waiver

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def lint(design: Design, folder: Path = VERILOG_FOLDER) -> Lint:
    """Lint a design."""
    return lint_file(emit(design, folder).with_suffix(".v"), design.name)


def lint_file(verilog: Path, top: str) -> Lint:
    """Lint a file with top module ``top``."""
    command = [str(home() / "bin" / "verilator_bin"), "--lint-only", "-Wall", "-Wno-fatal"]
    done = subprocess.run(
        [*command, "--top-module", top, str(verilog)],
        env=os.environ | {"VERILATOR_ROOT": str(home())},
        capture_output=True,
        text=True,
    )
    problems, waived = [], Counter[str]()
    for severity, rule, text in _REPORT.findall(done.stderr):
        if severity == "Warning" and rule in WAIVERS:
            waived[rule] += 1
        else:
            problems.append(f"{rule or severity}: {text}")
    if done.returncode and not problems:
        problems.append(f"Verilator ended with status {done.returncode}: {done.stderr.strip()}")
    return Lint(top, tuple(problems), dict(sorted(waived.items())))
