"""One design through Yosys and OpenSTA: what is run, what comes out, and the cache of it.

The cache is addressed by content: the Verilog, the recipe, the library's bytes, the clock, the
versions of the tools and the text of this flow itself. So a hit is as good as a run, and there is
nothing to invalidate.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from golden.files import write_atomic, write_json

from . import corners, hierarchy, measure, memories, powered, prove, sta, workfolder, yosys
from .activity import Activity
from .critical import by_part, critical_path, named
from .hierarchy import Occurrence
from .library import DEFAULT_LIBERTY, Library
from .measure import NETLIST, Stimulus
from .memories import DEFAULT_SRAM, Sram
from .metrics import Branch, MemoryUse, Metric, Provenance, Result, from_dict, metric
from .metrics import save as save_result
from .netlist import Netlist, read
from .operations import each_cycle, operation
from .recipes import Recipe
from .sources import Source
from .yosys import Failed

#: The files whose text decides what comes out.
_FLOW = (
    "activity.py",
    "boolean.py",
    "clock_tree.py",
    "corners.py",
    "critical.py",
    "flow.py",
    "hierarchy.py",
    "liberty.py",
    "library.py",
    "memories.py",
    "metrics.py",
    "netlist.py",
    "operations.py",
    "power.py",
    "powered.py",
    "sta.py",
    "sta.tcl",
    "yosys.py",
    "yosys_worker.py",
)
#: What a run leaves beside the figures.
_KEPT = (
    "mapped.v",
    "memories.lib",
    "yosys.log",
    "parts.log",
    "sta_job.tcl",
    "sta.txt",
    "constraints",
)


@dataclass(frozen=True)
class Job:
    """A design and how to synthesise it; ``liberty`` is the file as the user named it.

    ``place``: the folder of ``build`` where the results of the design go, None for nowhere but the
    cache. ``parts``: whether the area by submodule is wanted, for which all is mapped again.
    ``corners``: Liberty files of the same cells that the netlist is timed with too. ``stimulus``:
    what activity is recorded from, None for power from default activity.
    """

    source: Source
    recipe: Recipe
    liberty: Path
    dont_use: tuple[str, ...]
    library_sha256: str
    period: float
    build: Path
    timeout: float = 1800.0
    sram: Sram = field(default_factory=Sram)
    place: str | None = "synth"
    parts: bool = True
    corners: tuple[Path, ...] = ()
    stimulus: Stimulus | None = None

    @property
    def key(self) -> str:
        """The cache's address of the result."""
        facts = {
            "verilog": self.source.sha256,
            "top": [self.source.name, self.source.clock, self.source.reset],
            "recipe": asdict(self.recipe),
            "library": self.library_sha256,
            "dont_use": self.dont_use,
            "period": self.period,
            "sram": self.sram.sha256,
            "hierarchical": self.source.hierarchical,
            "parts": self.parts,
            "corners": [[path.name, corners.read(path).sha256] for path in self.corners],
            "operation": [operation(self.source.unit).name, each_cycle(self.source.unit)],
            "tools": tools(),
            "flow": _flow_sha256(),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def cached(self) -> Path:
        return self.build / "cache" / "synth" / self.key

    @property
    def output(self) -> Path | None:
        return self.build / self.place / self.source.name if self.place else None

    @property
    def command(self) -> str:
        """What to type for the same figures (from the project's folder)."""
        parts = [f"python -m synth run {self.source.name}", f"--recipe {self.recipe.name}"]
        if self.recipe.target_ns is not None:
            parts.append(f"--target {self.recipe.target_ns:g}")
        if self.liberty != DEFAULT_LIBERTY:
            parts.append(f"--liberty {self.liberty.name}")
        parts += [f"--corner {path.name}" for path in self.corners]
        parts += [f"--dont-use '{glob}'" for glob in self.dont_use]
        if self.sram.path != DEFAULT_SRAM:
            parts.append(f"--sram {self.sram.path.name}")
        parts.append(f"--period {self.period:g}")
        parts += self.stimulus.options if self.stimulus else ["--activity default"]
        return " ".join(parts)


@cache
def _flow_sha256() -> str:
    folder = Path(__file__).parent
    return hashlib.sha256(b"\0".join((folder / n).read_bytes() for n in _FLOW)).hexdigest()


@cache
def tools() -> dict[str, str]:
    """The versions of the tools; :class:`BadInput` when one is missing."""
    return {"Yosys": yosys.yosys_version(), "OpenSTA": sta.sta_version()}


def from_cache(job: Job) -> Result | None:
    """The result without running anything, its files put in place; None when it is not cached."""
    path = job.cached / "result.json"
    if not path.is_file() or not measure.ready(job):
        return None
    return _publish(job, json.loads(path.read_text()))


def run(job: Job) -> Result:
    """Synthesise; a design that cannot be is a Result too, with status "failed"."""
    if (job.cached / "result.json").is_file():
        return _publish(job, json.loads((job.cached / "result.json").read_text()))
    work = workfolder.make(job.cached.parent)
    try:
        begin = time.monotonic()
        try:
            result = _synthesise(job, work)
        except Failed as failure:
            result = _result(job, _library(job.liberty, job.dont_use), str(failure))
            _put(job, work, result)
            return result
        seconds = round(time.monotonic() - begin, 2)
        data = {"schema": result.schema, **asdict(result)}
        write_json(work / "result.json", data)
        write_json(work / "seconds.json", seconds)
        _compress(work / "mapped.json", work / NETLIST)
        keep = {"result.json", "seconds.json", "memories.json", NETLIST, *_KEPT}
        for path in work.iterdir():
            if path.name not in keep:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        work.chmod(0o755)
        if not job.cached.exists():
            work.rename(job.cached)
        return _publish(job, data)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _compress(source: Path, target: Path) -> None:
    """The same bytes for the same bytes: without a time."""
    target.write_bytes(gzip.compress(source.read_bytes(), 6, mtime=0))


def _publish(job: Job, data: dict) -> Result:
    """Put a cached result in its place, the figures last: they vouch for the rest."""
    result = from_dict(data)
    # Whatever does not enter the figures does not enter the key: it may have changed since.
    result = replace(
        result,
        family=job.source.family,
        summary=job.source.summary,
        config=job.source.config,
        provenance=replace(result.provenance, library_file=job.liberty.name, command=job.command),
    )
    result = replace(measure.measured(job, result), equivalence=prove.known(job))
    _put(job, job.cached, result)
    return result


def _put(job: Job, folder: Path, result: Result) -> None:
    """Copy what there is in ``folder`` to the job's place."""
    if job.output:
        for name in _KEPT:
            if (folder / name).exists():
                write_atomic(job.output / name, (folder / name).read_bytes())
        save_result(job.output / "metrics.json", result)


@cache
def _library(liberty: Path, dont_use: tuple[str, ...]) -> Library:
    return Library(liberty, dont_use)


def _unpacked(job: Job, library: Library) -> Path:
    """The library as a plain file that the tools can read, whatever the user's file is."""
    path = job.build / "cache" / "liberty" / f"{library.sha256}.lib"
    return (path if path.exists() else write_atomic(path, library.bytes)).resolve()


def _synthesise(job: Job, work: Path) -> Result:
    library = _library(job.liberty, job.dont_use)
    liberty = _unpacked(job, library)
    top = job.source.name
    (work / "design.v").write_bytes(job.source.verilog.read_bytes())
    (work / "constraints").write_text(yosys.constraints(job.recipe, library))

    def map_it(mapping: yosys.Mapping) -> dict[str, Netlist]:
        steps = yosys.commands(
            job.recipe,
            library,
            Path("design.v"),
            top,
            liberty=liberty,
            mapping=mapping,
            least=(job.sram.least_bits, job.sram.least_words),
        )
        yosys.run(steps, work, job.timeout)
        kinds = memories.read(work / "memories.json")
        boxes = {name: kind.cell(library.data_load) for name, kind in kinds.items()}
        netlists = read(work / "mapped.json", library, boxes)
        for netlist in netlists.values():
            if netlist.unmapped:
                left = ", ".join(f"{n} {kind}" for kind, n in sorted(netlist.unmapped.items()))
                raise Failed(f"library {library.name} has no cell for {left} in {netlist.name}")
            latches = sum(instance.cell.kind == "latch" for instance in netlist.instances)
            if latches:  # no unit here has one: something was inferred that nobody wrote
                raise Failed(f"{latches} latches in {netlist.name}")
        return netlists

    steps = []
    if job.source.hierarchical:
        netlists = map_it("modules")
        parts = hierarchy.parts(netlists, top)
        (work / "parts.log").write_text("The netlist is that of yosys.log.\n")
    elif job.parts:
        parts = hierarchy.parts(map_it("parts"), top)
        _memory_library(job, library, work)
        steps = by_part(_timed(job, library, liberty, work, places=()))
        (work / "yosys.log").rename(work / "parts.log")
        netlists = map_it("flat")
    else:
        parts, netlists = [], map_it("flat")
    found = hierarchy.occurrences(netlists, top)
    kinds = _memory_library(job, library, work)

    def time_it(corner: Library, folder: Path, *, details: bool = False) -> sta.Timing:
        # Driving cell, loads and the clock's slew are those of the mapping in every corner.
        return _timed(
            job,
            library,
            _unpacked(job, corner),
            folder,
            Path() if folder == work else Path(".."),
            places=tuple(each.path for each in found if each.instances) if details else (),
            ends=job.source.hierarchical and details,
        )

    timing = time_it(library, work, details=True)
    slower = corners.timed(job.corners, job.period, time_it, work)
    uses = _memories(job, library, kinds, found)
    result = _result(job, library)
    if uses:
        sram = f"model {job.sram.name} ({job.sram.path.name}, sha256 {job.sram.sha256[:12]})"
        result = replace(result, provenance=replace(result.provenance, memories=sram))
    figures = _metrics(job, library, found, timing)
    return replace(
        result,
        metrics=[
            *figures,
            *corners.metrics(slower, figures, f"OpenSTA {tools()['OpenSTA']}"),
            *job.sram.metrics(uses),
        ],
        corners=slower,
        cells_by_type=_by_type(library, found),
        parts=parts,
        memories=uses,
        branches=_branches(job, netlists, kinds, timing) if job.source.hierarchical else [],
        critical_path=critical_path(netlists, top, timing),
        path_by_part=by_part(timing) if job.source.hierarchical else steps,
    )


def _memory_library(job: Job, library: Library, work: Path) -> dict[str, memories.Memory]:
    """The memories that the mapping set aside; ``memories.lib`` says how fast they are."""
    kinds = memories.read(work / "memories.json")
    text = job.sram.liberty(list(kinds.values()), library.data_load)
    (work / "memories.lib").write_text(text)
    return kinds


def _timed(
    job: Job, library: Library, liberty: Path, folder: Path, up: Path = Path(), **wanted: Any
) -> sta.Timing:
    """Timing of ``mapped.v`` in the folder ``up`` of ``folder``; ``wanted``: slews and ends."""
    boxes = memories.read(folder / up / "memories.json")
    return sta.run(
        library,
        up / "mapped.v",
        job.source.name,
        liberty=liberty,
        clock=job.source.clock,
        period=job.period,
        folder=folder,
        timeout=job.timeout,
        memories=up / "memories.lib" if boxes else None,
        # Reset reaches every module by one net, which a layout buffers as it does the clock.
        ideal=job.source.reset if job.source.hierarchical else None,
        **wanted,
    )


def _default(job: Job, netlist: Netlist) -> Activity:
    """Of a module, whose clock and reset have the names of those of the top."""
    clock, reset = (powered.port(netlist, name) for name in (job.source.clock, job.source.reset))
    return Activity.default(clock, frozenset({reset} - {None}))


def _memories(
    job: Job, library: Library, kinds: dict[str, memories.Memory], found: list[Occurrence]
) -> list[MemoryUse]:
    """The memories of the design, the largest kind first."""
    counts: Counter[str] = Counter()
    for each in found:
        for instance in each.netlist.memories:
            counts[instance.cell.name] += each.count
    uses = [job.sram.use(kinds[name], n, library.voltage) for name, n in counts.items()]
    return sorted(uses, key=lambda use: (-use.count * use.area, use.shape))


def _branches(
    job: Job,
    netlists: dict[str, Netlist],
    kinds: dict[str, memories.Memory],
    timing: sta.Timing,
) -> list[Branch]:
    sizes = {name: (kind.bits, job.sram.area(kind)) for name, kind in kinds.items()}
    top = job.source.name
    return [
        replace(
            branch,
            start=named(netlists, top, branch.start),
            end=named(netlists, top, branch.end),
        )
        for branch in hierarchy.branches(netlists, top, timing, sizes)
    ]


def _result(job: Job, library: Library, error: str = "") -> Result:
    provenance = Provenance(
        tools=tools(),
        library=library.name,
        library_file=job.liberty.name,
        library_sha256=library.sha256,
        corner=library.corner,
        dont_use=len(library.dont_use),
        recipe=job.recipe.name,
        recipe_steps=asdict(job.recipe),
        period_ns=job.period,
        driving_cell=library.driver.name,
        output_load_pf=round(library.output_load, 6),
        clock_slew_ns=round(library.clock_slew * library.time_unit / 1e-9, 6),
        activity=Activity.default(None, frozenset()).source,
        verilog_sha256=job.source.sha256,
        command=job.command,
        operation=operation(job.source.unit).name if job.source.unit else "",
        hierarchical=job.source.hierarchical,
    )
    return Result(
        design=job.source.name,
        family=job.source.family,
        summary=job.source.summary,
        config=job.source.config,
        status="failed" if error else "ok",
        error=error,
        provenance=provenance,
    )


def _metrics(
    job: Job, library: Library, found: list[Occurrence], timing: sta.Timing
) -> list[Metric]:
    cells = [(each.count, instance.cell) for each in found for instance in each.instances]

    def area_of(*kinds: str) -> float:
        return sum(count * cell.area for count, cell in cells if not kinds or cell.kind in kinds)

    area, longest = area_of(), timing.longest
    netlist = "modules mapped once each and summed" if job.source.hierarchical else "flat netlist"
    mapped = f"Yosys {tools()['Yosys']}, {netlist}, areas of {library.name}"
    timed = f"OpenSTA {tools()['OpenSTA']}, ideal clock, no wire loads"
    figures = [
        metric("area", area, mapped),
        metric("area_nand2", area / library.nand2.area, f"{mapped}; unit {library.nand2.name}"),
        metric("area_sequential", area_of("flip-flop", "latch"), mapped),
        metric("area_buffers", area_of("buffer"), mapped),
        metric("cells", sum(count for count, _ in cells), mapped),
        metric("flip_flops", sum(n for n, cell in cells if cell.kind == "flip-flop"), mapped),
    ]
    if longest:
        figures += [
            metric("critical_path", longest.delay, timed),
            metric("slack", job.period - longest.delay, timed),
        ]
        if longest.delay > 0:
            figures.append(metric("fmax", 1e3 / longest.delay, timed))
    if "register-register" in timing.paths:
        delay = timing.paths["register-register"].delay
        figures.append(metric("register_path", delay, timed))
    return [
        *figures,
        *powered.metrics(
            library,
            found,
            timing,
            lambda netlist: _default(job, netlist),
            clock=job.source.clock,
            period=job.period,
            operations=each_cycle(job.source.unit),
        ),
    ]


def _by_type(library: Library, found: list[Occurrence]) -> dict[str, dict[str, float]]:
    counts: Counter[str] = Counter()
    for each in found:
        for instance in each.instances:
            counts[instance.cell.name] += each.count
    areas = {name: library.cells[name].area for name in counts}
    ordered = sorted(counts, key=lambda name: (-counts[name] * areas[name], name))
    return {
        name: {"count": counts[name], "area": round(counts[name] * areas[name], 4)}
        for name in ordered
    }
