"""Power from activity: the mapped netlist simulated on golden vectors, as a step of the flow.

Cached by content, apart from the synthesis whose netlist it takes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from golden.files import write_atomic, write_json
from golden.process import Process
from golden.unit import Unit

from ..cache import address
from ..gates import Circuit, Mismatch, Unsimulated, saif, workload
from ..gates.recorded import Nets, as_saif, recorded
from ..mapping import hierarchy
from ..mapping.netlist import Netlist
from ..metrics import MEASURED, Metric, Recording, Result, metric
from ..power.activity import Activity
from ..power.figures import metrics as power_metrics
from ..power.operations import operation
from ..timing import sta
from .job import Job, netlists

SAIF = "activity.saif.gz"
#: What decides the figures of this step, beside the files of the synthesis.
_DECIDING = ("synth/flow/measure.py", "synth/gates/*.py")
#: What makes golden vectors.
VECTORS = ("golden/**/*.py", "sim/*.py")


def possible(job: Job) -> bool:
    """Whether activity is asked for, and golden vectors exist."""
    return job.stimulus is not None and isinstance(job.source.unit, Unit | Process)


def folder(job: Job) -> Path:
    """The cache's folder for this step."""
    assert job.stimulus is not None
    facts = [job.key, repr(job.source.unit), job.stimulus.facts]
    key = address.of_facts([*facts, address.of_files(*_DECIDING), address.of_files(*VECTORS)])
    return job.build / "cache" / "activity" / key


def ready(job: Job) -> bool:
    """Whether nothing is left to be run."""
    return not possible(job) or (folder(job) / "activity.json").is_file()


def measured(job: Job, result: Result) -> Result:
    """``result`` with power from activity, where that is asked for and possible.

    A netlist that gives other outputs than the golden model is a failed result.
    """
    if result.status != "ok" or job.stimulus is None:
        return result
    if not possible(job):
        return _estimated(result, "no golden vectors for it")
    place = folder(job)
    path = place / "activity.json"
    if not path.is_file():
        try:
            _record(job, place)
        except Unsimulated as why:
            write_json(path, {"unsimulated": str(why)})
        except Mismatch as wrong:
            return replace(
                result, status="failed", error=f"the netlist is wrong: {wrong}", metrics=[]
            )
    data = json.loads(path.read_text())
    if "unsimulated" in data:
        return _estimated(result, data["unsimulated"])
    if job.output:
        write_atomic(job.output / SAIF, (place / SAIF).read_bytes())
    found = {item["name"]: Metric(**item) for item in data["metrics"]}
    kept = [found.pop(each.name, each) for each in result.metrics]
    provenance = replace(
        result.provenance, activity=data["source"], recording=Recording(**data["recording"])
    )
    return replace(result, provenance=provenance, metrics=[*kept, *found.values()])


def _estimated(result: Result, why: str) -> Result:
    activity = f"{result.provenance.activity} ({why})"
    return replace(result, provenance=replace(result.provenance, activity=activity))


def _record(job: Job, place: Path) -> None:
    """Simulate, and write what was found: the SAIF file first, then the figures."""
    source, stimulus = job.source, job.stimulus
    assert stimulus is not None
    mapped = netlists(job)
    circuit = Circuit(mapped, source.name, source.clock)
    manifest = json.loads(source.verilog.with_suffix(".json").read_text())
    name = Path(stimulus.tensor).name if stimulus.tensor else ""
    work = workload(
        source.unit,
        manifest,
        beats=stimulus.beats,
        seed=stimulus.seed,
        tensor=stimulus.numbers,
        name=name,
    )
    seen = work.run(circuit, source.reset, stimulus.seed)
    nets = recorded(circuit, mapped, seen)
    saif.write(place / SAIF, as_saif(circuit, mapped, seen, source.name, job.period))
    facts = Recording(
        stimulus=work.text,
        seed=stimulus.seed,
        beats=next(iter(seen.beats.values())),
        cycles=seen.cycles,
        compared=seen.compared,
        nets=nets.count,
        coverage=round(nets.coverage, 6),
    )
    text = described(facts)
    what = operation(source.unit)
    metrics = power_metrics(
        job.library,
        hierarchy.occurrences(mapped, source.name),
        sta.read(job.cached / "sta.txt"),
        lambda netlist: _activity(text, nets, netlist, source.clock),
        clock=source.clock,
        period=job.period,
        operations=what.each * seen.beats[what.stream] / seen.cycles,
    )
    if sta.reads_saif():
        watts = sta.power(job.cached, place / SAIF, job.timeout)
        how = f"OpenSTA {sta.sta_version()}, read_saif of the same activity"
        metrics.append(metric("power_opensta", watts * 1e3, how))
    found = {"source": text, "recording": asdict(facts), "metrics": [asdict(m) for m in metrics]}
    write_json(place / "activity.json", found)


def _activity(text: str, nets: Nets, netlist: Netlist, clock: str | None) -> Activity:
    return Activity.recorded(text, nets.by_module[netlist.name], netlist.port(clock))


def described(facts: Recording) -> str:
    """The activity in one line."""
    kind = "measured" if facts.coverage >= MEASURED else "estimate"
    return (
        f"{kind}: netlist simulated for {facts.cycles:,} cycles with {facts.beats:,} beats of"
        f" {facts.stimulus} (seed {facts.seed}), {facts.compared:,} output beats equal to golden;"
        f" activity of {100 * facts.coverage:.2f} % of {facts.nets:,} nets; zero delay: no glitches"
    )
