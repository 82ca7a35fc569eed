"""The OpenSTA side: paths and transition times of a mapped netlist."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from golden.errors import BadInput

from ..library import Library
from ..mapping.yosys import Failed

SCRIPT = Path(__file__).with_name("sta.tcl")


@dataclass(frozen=True)
class Path_:
    """The longest path of one kind: its delay in ns and (pin, arrival in ns) along it."""

    kind: str
    delay: float
    points: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Timing:
    """``paths`` by kind; ``slews``: pin ("instance/pin") -> (rise, fall) in ns; ``ends``: the
    longest path to each end as (delay in ns, start, end), where they were asked for."""

    paths: dict[str, Path_]
    slews: dict[str, tuple[float, float]]
    ends: tuple[tuple[float, str, str], ...] = ()

    @property
    def longest(self) -> Path_ | None:
        """The longest path of all kinds."""
        return max(self.paths.values(), key=lambda path: path.delay, default=None)


@cache
def sta_version() -> str:
    """The version of the OpenSTA on PATH; :class:`BadInput` when there is none."""
    if not shutil.which("sta"):
        raise BadInput("OpenSTA (sta) is not installed; `make doctor` says how to mend it")
    result = subprocess.run(["sta", "-version"], capture_output=True, text=True, timeout=60)
    return result.stdout.strip()


def run(
    library: Library,
    netlist: Path,
    top: str,
    *,
    liberty: Path,
    clock: str | None,
    period: float,
    folder: Path,
    timeout: float,
    memories: Path | None = None,
    places: tuple[str, ...] = ("",),
    ideal: str | None = None,
    ends: bool = False,
) -> Timing:
    """Timing of ``netlist`` with an ideal clock of ``period`` ns on port ``clock``.

    ``memories``: a Liberty file of the black boxes, if there are any. ``places``: "" or "a/b/",
    the modules in which slews are wanted. ``ideal``: an input that is sharp everywhere and begins
    no path. ``ends``: whether the longest path to each end is wanted. Leaves ``sta_job.tcl`` and
    ``sta.txt`` in ``folder``. Raises :class:`Failed`.
    """
    scale = library.time_unit / 1e-9
    job = {
        "liberty": liberty,
        "memories": memories or "",
        "places": " ".join(f"{{{place}}}" for place in places),
        "netlist": netlist,
        "top": top,
        "period": period,
        "clock": clock or "",
        "ideal": ideal or "",
        "ends": int(ends),
        "driver": library.driver.name,
        "load": f"{library.output_load:.6f}",
        "slew": f"{library.clock_slew * scale:.6f}",
    }
    lines = [f"set {name} {{{value}}}" for name, value in job.items()]
    (folder / "sta_job.tcl").write_text("\n".join([*lines, f"source {{{SCRIPT}}}", ""]))
    with open(folder / "sta.txt", "wb") as log:
        try:
            subprocess.run(
                ["sta", "-exit", "-no_splash", "sta_job.tcl"],
                cwd=folder,
                env={**os.environ, "TMPDIR": str(folder.resolve())},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"OpenSTA took longer than {timeout:g} s") from None
    return read(folder / "sta.txt")


def reads_saif() -> bool:
    """Whether the OpenSTA on PATH has ``read_saif``: those from 2.6 on."""
    try:
        version = [int(part) for part in sta_version().split(".")[:2]]
    except ValueError:
        return False
    return version >= [2, 6]


def power(folder: Path, saif: Path, timeout: float) -> float:
    """OpenSTA's own power in watt of the netlist that was timed in ``folder``, with the activity in
    a SAIF file: internal, switching and leakage. Raises :class:`Failed`."""
    job = (folder / "sta_job.tcl").read_text().replace("set ends {1}", "set ends {0}")
    # The same set-up without its questions: no place is asked for slews.
    job = "\n".join("set places {}" if x.startswith("set places ") else x for x in job.splitlines())
    lines = [job, f"read_saif -scope $top {{{saif.resolve()}}}", "report_power -digits 9", "exit"]
    with tempfile.TemporaryDirectory(prefix="sta-") as name:
        script = Path(name) / "power.tcl"
        script.write_text("\n".join(lines))
        try:
            done = subprocess.run(
                ["sta", "-exit", "-no_splash", str(script)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"OpenSTA took longer than {timeout:g} s") from None
    return total_power(done.stdout + done.stderr)


def total_power(said: str) -> float:
    """The last number of the line "Total" of ``report_power``, which has four and a percentage."""
    for line in said.splitlines():
        match line.split():
            case ["Total", _, _, _, total, *_]:
                return float(total)
    problem = next((line for line in said.splitlines() if "Error" in line), "no total power")
    raise Failed(f"OpenSTA: {problem.strip()}")


def read(path: Path) -> Timing:
    """The lines of ``sta.tcl``; :class:`Failed` when they do not end well."""
    delays: dict[str, float] = {}
    points: dict[str, list[tuple[str, float]]] = {}
    slews: dict[str, tuple[float, float]] = {}
    ends: list[tuple[float, str, str]] = []
    done = False
    for line in path.read_text(errors="replace").splitlines():
        match line.split("\t"):
            case ["@", "slew", pin, rise, fall]:
                slews[pin] = (float(rise), float(fall))
            case ["@", "point", kind, pin, arrival]:
                points.setdefault(kind, []).append((pin, float(arrival)))
            case ["@", "end", delay, start, end]:
                ends.append((round(float(delay), 6), start, end))
            case ["@", "path", kind, delay]:
                delays[kind] = round(float(delay), 6)
            case ["@", "done"]:
                done = True
            case _ if "Error" in line:
                raise Failed(f"OpenSTA: {line.strip()}")
    if not done:
        raise Failed("OpenSTA stopped before its end")
    paths = {kind: Path_(kind, delay, tuple(points[kind])) for kind, delay in delays.items()}
    return Timing(paths, slews, tuple(ends))
