"""One design through Yosys and OpenSTA: what is run, what comes out, and the cache of it.

The cache is addressed by content: the Verilog, the recipe, the library's bytes, the clock, the
versions of the tools and the text of this flow itself. So a hit is as good as a run, and there is
nothing to invalidate.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from golden.files import write_atomic, write_json

from . import sta, yosys
from .library import DEFAULT_LIBERTY, Library
from .metrics import CriticalPath, Metric, Part, Provenance, Result, Stage, from_dict, metric, save
from .netlist import Net, Netlist, read
from .power import Activity, Power, power
from .recipes import Recipe
from .sources import Source
from .yosys import Failed

#: The files whose text decides what comes out.
_FLOW = (
    "boolean.py",
    "flow.py",
    "liberty.py",
    "library.py",
    "metrics.py",
    "netlist.py",
    "power.py",
    "sta.py",
    "sta.tcl",
    "yosys.py",
    "yosys_worker.py",
)
#: What a run leaves beside the figures.
_KEPT = ("mapped.v", "yosys.log", "parts.log", "sta_job.tcl", "sta.txt", "constraints")


@dataclass(frozen=True)
class Job:
    """A design and how to synthesise it; ``liberty`` is the file as the user named it."""

    source: Source
    recipe: Recipe
    liberty: Path
    dont_use: tuple[str, ...]
    library_sha256: str
    period: float
    build: Path
    timeout: float = 1800.0

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
            "tools": tools(),
            "flow": _flow_sha256(),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def cached(self) -> Path:
        return self.build / "cache" / "synth" / self.key

    @property
    def output(self) -> Path:
        return self.build / "synth" / self.source.name

    @property
    def command(self) -> str:
        """What to type for the same figures (from the project's folder)."""
        parts = [f"python -m synth run {self.source.name}", f"--recipe {self.recipe.name}"]
        if self.liberty != DEFAULT_LIBERTY:
            parts.append(f"--liberty {self.liberty.name}")
        parts += [f"--dont-use '{glob}'" for glob in self.dont_use]
        return " ".join([*parts, f"--period {self.period:g}"])


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
    if not path.is_file():
        return None
    return _publish(job, json.loads(path.read_text()))


def run(job: Job) -> Result:
    """Synthesise; a design that cannot be is a Result too, with status "failed"."""
    found = from_cache(job)
    if found:
        return found
    cache_folder = job.cached.parent
    cache_folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=cache_folder, prefix=".work-"))
    try:
        begin = time.monotonic()
        try:
            result = _synthesise(job, work)
        except Failed as failure:
            for name in _KEPT:
                if (work / name).exists():
                    write_atomic(job.output / name, (work / name).read_bytes())
            result = _result(job, _library(job.liberty, job.dont_use), str(failure))
            save(job.output / "metrics.json", result)
            return result
        seconds = round(time.monotonic() - begin, 2)
        data = {"schema": result.schema, **asdict(result)}
        write_json(work / "result.json", data)
        write_json(work / "seconds.json", seconds)
        keep = {"result.json", "seconds.json", *_KEPT}
        for path in work.iterdir():
            if path.name not in keep:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        work.chmod(0o755)
        if not job.cached.exists():
            work.rename(job.cached)
        return _publish(job, data)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _publish(job: Job, data: dict) -> Result:
    """Copy a cached result to build/synth/NAME, the figures last: they vouch for the rest."""
    result = from_dict(data)
    # Whatever does not enter the figures does not enter the key: it may have changed since.
    result = replace(
        result,
        family=job.source.family,
        summary=job.source.summary,
        config=job.source.config,
        provenance=replace(result.provenance, library_file=job.liberty.name, command=job.command),
    )
    for name in _KEPT:
        write_atomic(job.output / name, (job.cached / name).read_bytes())
    save(job.output / "metrics.json", result)
    return result


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

    def map_it(flat: bool) -> dict[str, Netlist]:
        steps = yosys.commands(
            job.recipe, library, Path("design.v"), top, liberty=liberty, flat=flat
        )
        yosys.run(steps, work, job.timeout)
        netlists = read(work / "mapped.json", library)
        for netlist in netlists.values():
            if netlist.unmapped:
                left = ", ".join(f"{n} {kind}" for kind, n in sorted(netlist.unmapped.items()))
                raise Failed(f"library {library.name} has no cell for {left} in {netlist.name}")
            latches = sum(instance.cell.kind == "latch" for instance in netlist.instances)
            if latches:  # no unit here has one: something was inferred that nobody wrote
                raise Failed(f"{latches} latches in {netlist.name}")
        return netlists

    parts = _parts(map_it(flat=False), top)
    (work / "yosys.log").rename(work / "parts.log")
    netlist = map_it(flat=True)[top]
    timing = sta.run(
        library,
        Path("mapped.v"),
        top,
        liberty=liberty,
        clock=job.source.clock,
        period=job.period,
        folder=work,
        timeout=job.timeout,
    )
    clock = _net(netlist, job.source.clock)
    reset = _net(netlist, job.source.reset)
    activity = Activity.default(clock, frozenset({reset} - {None}))
    watts = power(netlist, timing, activity, clock=clock, period=job.period)
    return replace(
        _result(job, library),
        metrics=_metrics(job, library, netlist, timing, watts),
        cells_by_type=_by_type(netlist),
        parts=parts,
        critical_path=_critical(netlist, timing),
    )


def _net(netlist: Netlist, port: str | None) -> Net | None:
    return next((p.bits[0] for p in netlist.ports if p.name == port), None)


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
    job: Job, library: Library, netlist: Netlist, timing: sta.Timing, watts: Power
) -> list[Metric]:
    cells = [instance.cell for instance in netlist.instances]
    area = sum(cell.area for cell in cells)
    sequential = [cell for cell in cells if cell.kind in ("flip-flop", "latch")]
    longest = timing.longest
    mapped = f"Yosys {tools()['Yosys']}, flat netlist, areas of {library.name}"
    timed = f"OpenSTA {tools()['OpenSTA']}, ideal clock, no wire loads"
    powered = f"Liberty tables at OpenSTA's slews; {Activity.default(None, frozenset()).source}"
    figures = [
        metric("area", area, mapped),
        metric("area_nand2", area / library.nand2.area, f"{mapped}; unit {library.nand2.name}"),
        metric("area_sequential", sum(cell.area for cell in sequential), mapped),
        metric("area_buffers", sum(c.area for c in cells if c.kind == "buffer"), mapped),
        metric("cells", len(cells), mapped),
        metric("flip_flops", sum(cell.kind == "flip-flop" for cell in cells), mapped),
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
        metric("power", watts.total * 1e3, powered),
        metric("power_internal", watts.internal * 1e3, powered),
        metric("power_switching", watts.switching * 1e3, powered),
        metric("power_clock", watts.clock * 1e3, powered),
        metric("leakage", watts.leakage * 1e6, f"cell_leakage_power of {library.name}"),
        metric("energy", (watts.total - watts.leakage) * job.period * 1e3, powered),
    ]


def _by_type(netlist: Netlist) -> dict[str, dict[str, float]]:
    counts = Counter(instance.cell.name for instance in netlist.instances)
    areas = {name: netlist.library.cells[name].area for name in counts}
    ordered = sorted(counts, key=lambda name: (-counts[name] * areas[name], name))
    return {
        name: {"count": counts[name], "area": round(counts[name] * areas[name], 4)}
        for name in ordered
    }


def _parts(netlists: dict[str, Netlist], top: str) -> list[Part]:
    """Area by submodule of ``top``; what is in no submodule, as registers and as other logic."""

    def part(name: str, module: str, instances: list) -> Part:
        cells = [instance.cell for instance in instances]
        flops = sum(cell.kind == "flip-flop" for cell in cells)
        return Part(name, module, len(cells), flops, round(sum(cell.area for cell in cells), 4))

    own = netlists[top].instances
    registers = [i for i in own if i.cell.kind in ("flip-flop", "latch")]
    rest = [i for i in own if i.cell.kind not in ("flip-flop", "latch")]
    parts = [
        part("registers", top, registers),
        part("handshake and glue", top, rest),
        *(
            part(name, module, netlists[module].instances)
            for name, module in sorted(netlists[top].children.items())
        ),
    ]
    return sorted((p for p in parts if p.cells), key=lambda p: (-p.area, p.name))


def _critical(netlist: Netlist, timing: sta.Timing) -> CriticalPath | None:
    path = timing.longest
    if path is None:
        return None
    instances = {instance.name: instance for instance in netlist.instances}

    def named(pin: str) -> str:
        """A register's pin by the net that the register drives; a port by itself."""
        owner, _, local = pin.partition("/")
        if owner not in instances:
            return pin
        nets = [instances[owner].pins.get(name) for name in instances[owner].cell.outputs]
        return next(
            (netlist.names[net] for net in nets if net in netlist.names), f"{owner}/{local}"
        )

    stages, entered, before = [], "", 0.0
    for pin, arrival in path.points:
        owner, _, local = pin.partition("/")
        if owner not in instances:
            continue
        cell = instances[owner].cell
        if local in cell.outputs:
            delay = round(arrival - before, 6)
            stages.append(Stage(owner, cell.name, entered, local, delay, round(arrival, 6)))
            before = arrival
        entered = local
    return CriticalPath(
        path.kind, named(path.points[0][0]), named(path.points[-1][0]), path.delay, stages
    )
