"""One design through Yosys and nextpnr for an FPGA, or out of the cache."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from golden.files import write_json

from ..cache import workfolder
from ..mapping import yosys
from ..mapping.yosys import Failed
from . import nextpnr
from .harness import TOP
from .job import Job, package, tools
from .result import FpgaProvenance, FpgaResult, from_dict, metric, save, to_dict


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
    work = workfolder.make(job.cached.parent)
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
    use = nextpnr.run(job, work)
    if full := {kind: use for kind, use in use.items() if use["used"] > use["available"]}:
        needs = ", ".join(f"{u['used']:,} of {u['available']:,} {k}" for k, u in full.items())
        error = f"too large for {job.chosen.part}: needs {needs}, with its harness"
        return replace(result, status="failed", error=error, device_use=use)
    report = json.loads((work / "report.json").read_text())
    if not report["fmax"]:
        raise Failed("nextpnr found no path between registers")
    source = f"nextpnr {package(job.target)[1]}, {job.chosen.part}, seed {job.seed}"
    fmax = min(clock["achieved"] for clock in report["fmax"].values())
    return replace(
        result,
        metrics=[*result.metrics, metric("fmax", float(f"{fmax:.6g}"), source)],
        device_use=use,
        critical_path=nextpnr.longest_path(report["critical_paths"]),
    )
