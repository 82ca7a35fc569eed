"""Power from activity: the mapped netlist simulated on golden vectors, as a step of the flow.

Cached by content, apart from the synthesis whose netlist it takes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from golden.files import write_atomic, write_json
from golden.process import Process
from golden.unit import Unit
from sim import tensors

from . import hierarchy, memories, powered, saif, sta
from .activity import Activity
from .gates import Circuit, Mismatch, Unsimulated, workload
from .gates.recorded import Nets, as_saif, recorded
from .library import Library
from .metrics import MEASURED, Metric, Recording, Result, metric
from .netlist import Netlist, read
from .operations import operation

if TYPE_CHECKING:
    from .flow import Job

NETLIST = "mapped.json.gz"
SAIF = "activity.saif.gz"
BEATS = 2048
_HERE = Path(__file__).parent
#: What decides the figures of this step, beside the flow's own files.
_TEXTS = (_HERE / "measure.py", _HERE / "saif.py", *sorted((_HERE / "gates").glob("*.py")))


@dataclass(frozen=True)
class Stimulus:
    """What is sent while activity is recorded: ``tensor`` is a file as the user named it, None for
    random numbers; at least ``beats`` beats, drawn with ``seed``."""

    beats: int = BEATS
    seed: int = 1
    tensor: str | None = None

    @property
    def options(self) -> list[str]:
        """What to type for it."""
        given = [f"--tensor {self.tensor}"] if self.tensor else []
        given += [f"--beats {self.beats}"] if self.beats != BEATS else []
        return given + ([f"--seed {self.seed}"] if self.seed != 1 else [])

    @property
    def numbers(self) -> NDArray[np.float64] | None:
        return _load(self.tensor) if self.tensor else None

    @property
    def facts(self) -> list[object]:
        """What the activity depends on."""
        numbers = self.numbers
        digest = None if numbers is None else hashlib.sha256(numbers.tobytes()).hexdigest()
        return [self.beats, self.seed, digest]


@cache
def _load(tensor: str) -> NDArray[np.float64]:
    return tensors.finite(tensors.load(tensor))


def _digest(texts: Iterable[Path]) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in texts)).hexdigest()


@cache
def golden_sha256() -> str:
    """Of the text of everything that makes golden vectors."""
    root = _HERE.parent
    return _digest([*sorted((root / "golden").rglob("*.py")), *sorted((root / "sim").glob("*.py"))])


@cache
def _sha256() -> str:
    return _digest(_TEXTS)


def netlists(job: Job) -> dict[str, Netlist]:
    """The modules of a netlist in the cache."""
    library = Library(job.liberty, job.dont_use)
    kinds = memories.read(job.cached / "memories.json")
    boxes = {name: kind.cell(library.data_load) for name, kind in kinds.items()}
    return read(job.cached / NETLIST, library, boxes)


def possible(job: Job) -> bool:
    """Whether activity is asked for, and golden vectors exist."""
    return job.stimulus is not None and isinstance(job.source.unit, Unit | Process)


def folder(job: Job) -> Path:
    """The cache's folder for this step."""
    assert job.stimulus is not None
    facts = [job.key, repr(job.source.unit), job.stimulus.facts, _sha256(), golden_sha256()]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
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
    metrics = powered.metrics(
        Library(job.liberty, job.dont_use),
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
    return Activity.recorded(text, nets.by_module[netlist.name], powered.port(netlist, clock))


def described(facts: Recording) -> str:
    """The activity in one line."""
    kind = "measured" if facts.coverage >= MEASURED else "estimate"
    return (
        f"{kind}: netlist simulated for {facts.cycles:,} cycles with {facts.beats:,} beats of"
        f" {facts.stimulus} (seed {facts.seed}), {facts.compared:,} output beats equal to golden;"
        f" activity of {100 * facts.coverage:.2f} % of {facts.nets:,} nets; zero delay: no glitches"
    )
