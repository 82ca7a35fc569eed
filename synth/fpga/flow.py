"""One design through Yosys and nextpnr for an FPGA, and the cache of it, addressed by content."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from golden.errors import BadInput
from golden.files import write_json

from .. import yosys
from ..sources import Source
from ..yosys import Failed
from .harness import SCAN_IN, SCAN_OUT, TOP, harness
from .result import FpgaPath, FpgaProvenance, FpgaResult, folder, from_dict, metric, save, to_dict
from .targets import TARGETS, Device, Target

FREQUENCY = 200
"""MHz that placement aims at, out of reach of most units here: it then does what it can."""
_USE = re.compile(r"Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%$")
"""A line of nextpnr's table of what a design uses."""
_RUN = "import sys; from {0} import {1}; sys.exit({1}(sys.argv[1:]))"


@dataclass(frozen=True)
class Job:
    """A design, and the device for it."""

    source: Source
    target: Target
    device: str
    seed: int
    build: Path
    timeout: float = 1800.0

    @property
    def chosen(self) -> Device:
        return self.target.device(self.device)

    @property
    def synth(self) -> str:
        """The Yosys command, but for the top module."""
        return f"{self.target.synth} {self.chosen.synth}".rstrip()

    @property
    def nextpnr(self) -> list[str]:
        """Arguments of nextpnr that decide what comes out; none where a design is only mapped."""
        if not self.target.nextpnr:
            return []
        pins = "--lpf-allow-unconstrained" if self.target.name == "ecp5" else ""
        options = [*self.chosen.nextpnr, pins, "--freq", str(FREQUENCY), "--seed", str(self.seed)]
        return [option for option in options if option]

    @property
    def key(self) -> str:
        """The cache's address of the result."""
        facts = {
            "verilog": self.source.sha256,
            "harness": self.harness,
            "top": self.source.name,
            "synth": self.synth,
            "nextpnr": self.nextpnr,
            "tools": tools(self.target),
            "flow": _flow_sha256(),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def harness(self) -> str:
        source = self.source
        return harness(source.name, ports(source), source.clock, source.reset)

    @property
    def cached(self) -> Path:
        return self.build / "cache" / "fpga" / f"{self.key}.json"

    @property
    def output(self) -> Path:
        return folder(self.build, self.target.name) / f"{self.source.name}.json"

    @property
    def command(self) -> str:
        """What to type for the same figures (from the project's folder)."""
        parts = [f"python -m synth fpga {self.source.name} --target {self.target.name}"]
        parts.append(f"--device {self.device}")
        return " ".join([*parts, *([f"--seed {self.seed}"] if self.nextpnr else [])])


@cache
def _flow_sha256() -> str:
    here = Path(__file__).parent
    files = [*sorted(here.glob("*.py")), here.parent / "yosys_worker.py"]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


@cache
def _tools(name: str) -> dict[str, str]:
    found = {"Yosys": yosys.yosys_version()}
    if TARGETS[name].nextpnr:
        package, number = _package(TARGETS[name])
        found[package.removeprefix("yowasp-")] = number
    return found


def _package(target: Target) -> tuple[str, str]:
    """The package of nextpnr for a target, and its version."""
    package = target.nextpnr.partition(":")[0].replace("_", "-")
    try:
        return package, version(package)
    except PackageNotFoundError as error:
        raise BadInput(f"{package} is not installed; `make setup` installs it") from error


def tools(target: Target) -> dict[str, str]:
    """The versions of the tools for a target; :class:`BadInput` when one is missing."""
    return _tools(target.name)


def ports(source: Source) -> list[dict[str, Any]]:
    """The ports that the manifest of a source states."""
    path = source.verilog.with_suffix(".json")
    found = json.loads(path.read_text()).get("ports")
    if not found or any({"name", "direction", "width"} - port.keys() for port in found):
        raise BadInput(f"manifest {path} states no ports; allowed: name, direction, width of each")
    return found


def from_cache(job: Job) -> FpgaResult | None:
    """The result without running anything, put in place; None when it is not cached."""
    if not job.cached.is_file():
        return None
    return _publish(job, from_dict(json.loads(job.cached.read_text())))


def run(job: Job) -> FpgaResult:
    """Map, place and route; a design that cannot be is a result too, with status "failed"."""
    found = from_cache(job)
    if found:
        return found
    job.cached.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=job.cached.parent, prefix=".work-"))
    result = _result(job)
    try:
        result = replace(result, metrics=_map(job, work))
        if job.nextpnr:
            result = _place_and_route(job, work, result)
    except Failed as failure:
        result = replace(result, status="failed", error=str(failure))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if result.status != "ok":
        save(job.output, result)
        return result
    write_json(job.cached, to_dict(result))
    return _publish(job, result)


def _publish(job: Job, result: FpgaResult) -> FpgaResult:
    # Whatever does not enter the figures does not enter the key: it may have changed since.
    result = replace(
        result,
        family=job.source.family,
        summary=job.source.summary,
        provenance=replace(result.provenance, command=job.command),
    )
    save(job.output, result)
    return result


def _result(job: Job) -> FpgaResult:
    return FpgaResult(
        design=job.source.name,
        family=job.source.family,
        summary=job.source.summary,
        status="ok",
        error="",
        provenance=FpgaProvenance(
            tools=tools(job.target),
            target=job.target.name,
            device=job.device,
            part=job.chosen.part,
            synth=job.synth,
            nextpnr=" ".join(job.nextpnr),
            seed=job.seed,
            verilog_sha256=job.source.sha256,
            command=job.command,
        ),
    )


def _map(job: Job, work: Path) -> list[Any]:
    """Map the design by itself; ``harness.json`` in ``work`` is it with its harness around it."""
    name = job.source.name
    (work / "design.v").write_bytes(job.source.verilog.read_bytes())
    # ABC's check of its own result does not end on large products.
    steps = ["scratchpad -set abc9.verify false", "read_verilog design.v"]
    if job.nextpnr:
        (work / "harness.v").write_text(job.harness)
        steps += [
            "read_verilog harness.v",
            f"hierarchy -check -top {TOP}",
            # Of the design itself all modules dissolve, and it alone stays: a row in `stat`.
            f"setattr -mod -set keep_hierarchy 1 {name}",
            f"{job.synth} -top {TOP}",
        ]
    else:
        steps.append(f"{job.synth} -top {name} -flatten -noiopad -noclkbuf")
    steps.append("tee -q -o cells.json stat -json")
    if job.nextpnr:
        steps += [
            f"setattr -mod -unset keep_hierarchy {name}",
            "flatten",
            "opt_clean",
            "write_json harness.json",
        ]
    yosys.run(steps, work, job.timeout)
    modules = json.loads((work / "cells.json").read_text())["modules"]
    counts = modules[f"\\{name}"]["num_cells_by_type"]
    try:
        used = job.target.uses(counts)
    except KeyError as error:
        raise Failed(f"{job.target.name} has no cell {error.args[0]}") from None
    source = f"Yosys {tools(job.target)['Yosys']}, {job.synth}, the design without its harness"
    return [metric(resource, count, source) for resource, count in used.items()]


def _place_and_route(job: Job, work: Path, result: FpgaResult) -> FpgaResult:
    use = _nextpnr(job, work)
    if full := {kind: use for kind, use in use.items() if use["used"] > use["available"]}:
        needs = ", ".join(f"{u['used']:,} of {u['available']:,} {k}" for k, u in full.items())
        error = f"too large for {job.chosen.part}: needs {needs}, with its harness"
        return replace(result, status="failed", error=error, device_use=use)
    report = json.loads((work / "report.json").read_text())
    if not report["fmax"]:
        raise Failed("nextpnr found no path between registers")
    source = f"nextpnr {_package(job.target)[1]}, {job.chosen.part}, seed {job.seed}"
    fmax = min(clock["achieved"] for clock in report["fmax"].values())
    return replace(
        result,
        metrics=[*result.metrics, metric("fmax", float(f"{fmax:.6g}"), source)],
        device_use=use,
        critical_path=_path(report["critical_paths"]),
    )


def _nextpnr(job: Job, work: Path) -> dict[str, dict[str, int]]:
    """Run nextpnr; what it uses of the device, by kind of its cells.

    Where that is more than there is, it is stopped: some kinds it would try to place for minutes.
    """
    module, function = job.target.nextpnr.split(":")
    command = [sys.executable, "-c", _RUN.format(module, function), *job.nextpnr]
    files = ["--json", "harness.json", "--report", "report.json", "--timing-allow-fail"]
    use: dict[str, dict[str, int]] = {}
    errors, last = [], "no output"
    process = subprocess.Popen(
        [*command, *files],
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    late = threading.Event()
    timer = threading.Timer(job.timeout, lambda: (late.set(), process.kill()))
    timer.start()
    try:
        for line in process.stdout:
            last = line.strip() or last
            if found := _USE.match(line):
                used, available = int(found[2]), int(found[3])
                if used:
                    use[found[1]] = {"used": used, "available": available}
            elif line.startswith("ERROR: "):
                errors.append(line.removeprefix("ERROR: ").strip())
            elif any(u["used"] > u["available"] for u in use.values()):
                return use
        status = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
    if late.is_set():
        raise Failed(f"nextpnr took longer than {job.timeout:g} s")
    if status:
        raise Failed(f"nextpnr: {(errors or [last])[-1]} (status {status})")
    return use


def _path(paths: list[Mapping[str, Any]]) -> FpgaPath | None:
    """The longest of the paths between registers of a clock."""
    between = [p for p in paths if p["from"] == p["to"] and p["from"].startswith("posedge")]
    if not between:
        return None
    longest = max((path["path"] for path in between), key=lambda p: sum(s["delay"] for s in p))
    wires = sum(step["delay"] for step in longest if step["type"] == "routing")
    delay = sum(step["delay"] for step in longest)
    start, end = longest[0]["from"]["cell"], longest[-1]["to"]["cell"]
    return FpgaPath(
        delay=round(delay, 3),
        logic=round(delay - wires, 3),
        routing=round(wires, 3),
        start=start.removeprefix("design_."),
        end=end.removeprefix("design_."),
        harness=all(cell.startswith((SCAN_IN, SCAN_OUT)) for cell in (start, end)),
    )
