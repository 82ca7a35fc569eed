"""One design through Yosys and OpenSTA: what is run, and what comes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from golden.files import write_atomic

from ..library import Library, memories
from ..mapping import hierarchy, yosys
from ..mapping.netlist import Netlist, read
from ..mapping.yosys import Failed
from ..metrics import Result
from ..timing import corners, sta
from ..timing.critical import by_part, critical_path
from . import figures
from .job import Job, tools


def _unpacked(job: Job, library: Library) -> Path:
    """The library as a plain file that the tools can read, whatever the user's file is."""
    path = job.build / "cache" / "liberty" / f"{library.sha256}.lib"
    return (path if path.exists() else write_atomic(path, library.bytes)).resolve()


def synthesise(job: Job, work: Path) -> Result:
    """The result of a job, whose files are left in ``work``. Raises :class:`Failed`."""
    library = job.library
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
    uses = figures.memory_uses(job, library, kinds, found)
    result = figures.no_figures(job)
    if uses:
        sram = job.sram.described(uses)
        result = replace(result, provenance=replace(result.provenance, memories=sram))
    own = figures.metrics(job, found, timing)
    return replace(
        result,
        metrics=[
            *own,
            *corners.metrics(slower, own, f"OpenSTA {tools()['OpenSTA']}"),
            *job.sram.metrics(uses),
        ],
        corners=slower,
        cells_by_type=figures.by_type(library, found),
        parts=parts,
        memories=uses,
        branches=figures.tree(job, netlists, kinds, timing) if job.source.hierarchical else [],
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
