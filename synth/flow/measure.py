"""Power from activity: the mapped netlist simulated on golden vectors, as a step of the flow.

Cached by content, apart from the synthesis whose netlist it takes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from golden.errors import BadInput
from golden.files import write_atomic, write_json
from golden.process import Process
from golden.sparse.spade import SpadeConfig
from golden.unit import Unit

from ..cache import address
from ..gates import Circuit, Mismatch, Replay, Unsimulated, Workload, layer, saif, workload
from ..gates import Recording as Seen
from ..gates.recorded import as_saif, recorded
from ..library import memories
from ..mapping import hierarchy
from ..mapping.yosys import Failed
from ..metrics import MEASURED, Metric, Recording, Result, metric
from ..power.activity import Activity
from ..power.figures import by_module
from ..power.figures import metrics as power_metrics
from ..power.operations import operation
from ..timing import sta
from .job import Job, netlists

SAIF = "activity.saif.gz"
MOST = 500_000
"""Cells of the largest netlist that is simulated."""
#: What decides the figures of this step, beside the files of the synthesis.
_DECIDING = ("synth/flow/measure.py", "synth/gates/*.py")
#: What makes golden vectors.
VECTORS = ("golden/**/*.py", "sim/**/*.py", "sim/**/*.h", "sim/**/*.cpp")


def possible(job: Job) -> bool:
    """Whether activity is asked for, and golden vectors exist."""
    return job.stimulus is not None and isinstance(job.source.unit, Unit | Process | SpadeConfig)


def folder(job: Job) -> Path:
    """The cache's folder for this step."""
    assert job.stimulus is not None
    facts = [job.key, repr(job.source.unit), job.stimulus.facts(job.source.unit)]
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
            return _failed(result, f"the netlist is wrong: {wrong}")
        except Failed as why:  # an OpenSTA that was asked for its power
            return _failed(result, str(why))
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
    branches = [
        replace(branch, power=float(f"{branch.count * data['modules'][branch.module]:.6g}"))
        for branch in result.branches
    ]
    return replace(
        result, provenance=provenance, metrics=[*kept, *found.values()], branches=branches
    )


def _failed(result: Result, why: str) -> Result:
    return replace(result, status="failed", error=why, metrics=[])


def _estimated(result: Result, why: str) -> Result:
    activity = f"{result.provenance.activity} ({why})"
    return replace(result, provenance=replace(result.provenance, activity=activity))


def check_size(found: list[hierarchy.Occurrence]) -> None:
    """Raise :class:`Unsimulated` for a netlist of more than :data:`MOST` cells."""
    cells = sum(each.count * len(each.instances) for each in found)
    if cells > MOST:
        raise Unsimulated(f"{cells:,} cells, of which no more than {MOST:,} are simulated")


def _work(job: Job) -> Workload | Replay:
    """What the netlist is to be simulated with."""
    source, stimulus = job.source, job.stimulus
    assert stimulus is not None
    if isinstance(source.unit, SpadeConfig):
        if stimulus.tensor:
            raise BadInput(f"{source.name} takes no tensor; allowed: --frame")
        cache = job.build / "cache" / "sim"
        return layer(source.unit, source.verilog, source.name, stimulus.frame, cache)
    work = workload(
        source.unit,
        json.loads(source.verilog.with_suffix(".json").read_text()),
        beats=stimulus.beats,
        seed=stimulus.seed,
        tensor=stimulus.numbers,
        name=Path(stimulus.tensor).name if stimulus.tensor else "",
    )
    assert work is not None
    return work


def _record(job: Job, place: Path) -> None:
    """Simulate, and write what was found: the SAIF file first, then the figures."""
    source, stimulus = job.source, job.stimulus
    assert stimulus is not None
    mapped = netlists(job)
    found = hierarchy.occurrences(mapped, source.name)
    check_size(found)
    circuit = Circuit(mapped, source.name, source.clock)
    work = _work(job)
    seen = work.run(circuit, source.reset, stimulus.seed)
    if not seen.cycles:
        raise Unsimulated("the simulation ended before the first cycle that is recorded")
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
        moved=work.moved,
        equal=work.equal,
    )
    text = described(facts)
    activities = {
        name: Activity.recorded(text, nets.by_module[name], netlist.port(source.clock))
        for name, netlist in mapped.items()
    }
    timing = sta.read(job.cached / "sta.txt")
    clocked = {"clock": source.clock, "period": job.period}
    watts = by_module(found, timing, lambda netlist: activities[netlist.name], **clocked)
    what = operation(source.unit)
    operations = what.each * seen.beats[what.stream] / seen.cycles
    metrics = power_metrics(job.library, found, watts, text, operations=operations, **clocked)
    if circuit.memories:
        metrics.append(_memory_energy(job, circuit, seen))
    if sta.reads_saif():
        theirs = sta.power(job.cached, place / SAIF, job.timeout)
        how = f"OpenSTA {sta.sta_version()}, read_saif of the same activity"
        metrics.append(metric("power_opensta", theirs * 1e3, how))
    data = {"source": text, "recording": asdict(facts), "metrics": [asdict(m) for m in metrics]}
    data["modules"] = {name: each.total * 1e3 for name, each in watts.items()}
    write_json(place / "activity.json", data)


def _memory_energy(job: Job, circuit: Circuit, seen: Seen) -> Metric:
    """Of the accesses that were recorded."""
    kinds, volts = memories.read(job.cached / "memories.json"), job.library.voltage
    energy, counts = 0.0, {"read": 0, "write": 0}
    for (_, instance), done in zip(circuit.memories, seen.accesses, strict=True):
        for access, count in done.items():
            energy += job.sram.energy(kinds[instance.cell.name], access, volts) * count
            counts[access] += count
    rates = " and ".join(f"{n / seen.cycles:.3g} {kind}s" for kind, n in counts.items())
    uses = [job.sram.use(kind, 1, volts) for kind in kinds.values()]
    how = f"{job.sram.described(uses)}; {rates} a cycle recorded"
    return metric("memory_energy", energy / seen.cycles, how)


def described(facts: Recording) -> str:
    """The activity in one line."""
    kind = "measured" if facts.coverage >= MEASURED else "estimate"
    return (
        f"{kind}: netlist simulated for {facts.cycles:,} cycles with {facts.beats:,} {facts.moved}"
        f" of {facts.stimulus} (seed {facts.seed}), {facts.compared:,} {facts.equal};"
        f" activity of {100 * facts.coverage:.2f} % of {facts.nets:,} nets; zero delay: no glitches"
    )
