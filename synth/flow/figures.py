"""The figures of a design that has been mapped and timed."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace

from ..library import Library
from ..library.memories import Memory
from ..mapping.hierarchy import Occurrence
from ..mapping.netlist import Netlist
from ..metrics import Branch, MemoryUse, Metric, Provenance, Result, metric
from ..power.activity import Activity
from ..power.figures import by_module
from ..power.figures import metrics as power_metrics
from ..power.operations import each_cycle, operation
from ..timing.branches import branches
from ..timing.critical import named
from ..timing.sta import Timing
from .job import Job, tools


def no_figures(job: Job, error: str = "") -> Result:
    """A result without figures: one that failed where there is an ``error``."""
    library = job.library
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


def metrics(job: Job, found: list[Occurrence], timing: Timing) -> list[Metric]:
    """Area, delay and power (from default activity)."""
    library = job.library
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
    clocked = {"clock": job.source.clock, "period": job.period}
    watts = by_module(found, timing, lambda netlist: _default(job, netlist), **clocked)
    activity = Activity.default(None, frozenset()).source
    operations = each_cycle(job.source.unit)
    powers = power_metrics(library, found, watts, activity, operations=operations, **clocked)
    return [*figures, *powers]


def _default(job: Job, netlist: Netlist) -> Activity:
    """Of a module, whose clock and reset have the names of those of the top."""
    clock, reset = map(netlist.port, (job.source.clock, job.source.reset))
    return Activity.default(clock, frozenset({reset} - {None}))


def by_type(library: Library, found: list[Occurrence]) -> dict[str, dict[str, float]]:
    """Cell -> how often it is in the design ("count"), and their "area"; the largest first."""
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


def memory_uses(
    job: Job, library: Library, kinds: dict[str, Memory], found: list[Occurrence]
) -> list[MemoryUse]:
    """The memories of the design, the largest kind first."""
    counts: Counter[str] = Counter()
    for each in found:
        for instance in each.netlist.memories:
            counts[instance.cell.name] += each.count
    uses = [job.sram.use(kinds[name], n, library.voltage) for name, n in counts.items()]
    return sorted(uses, key=lambda use: (-use.count * use.area, use.shape))


def tree(
    job: Job,
    netlists: dict[str, Netlist],
    kinds: dict[str, Memory],
    timing: Timing,
) -> list[Branch]:
    """The tree of modules, registers named by the nets that they drive."""
    sizes = {name: (kind.bits, job.sram.area(kind)) for name, kind in kinds.items()}
    top = job.source.name
    return [
        replace(
            branch,
            start=named(netlists, top, branch.start),
            end=named(netlists, top, branch.end),
        )
        for branch in branches(netlists, top, timing, sizes)
    ]
