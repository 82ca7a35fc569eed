"""Equivalence of a mapped netlist with its RTL, as a step of the flow: proven, or, where that does
not converge in time, simulated on the unit's whole test set and marked so. Of accelerators, whose
test set is of networks, a layer is simulated instead.

Cached by content, beside the synthesis whose netlist it takes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from golden.files import write_json
from golden.process import Process
from golden.sparse.spade import SpadeConfig
from golden.unit import Unit
from sim.beats import plan

from ..cache import address
from ..equiv import compare, decide, read_rtl
from ..gates import (
    Circuit,
    Mismatch,
    Replay,
    Unsimulated,
    Workload,
    layer,
    of_beats,
    of_cases,
)
from ..mapping import hierarchy
from ..mapping.yosys import Failed
from ..metrics import Equivalence
from .job import Job, netlists
from .measure import VECTORS, check_size
from .stimulus import SYNTHETIC

_DECIDING = ("synth/flow/prove.py", "synth/equiv/*.*", "synth/gates/*.py")
BUDGET = 300.0
"""Seconds that the search for a proof of one design may take."""
COUNT = 10_000
"""Random beats of the test set, beside all corners."""
AT_ONCE = 1 << 15
"""Beats that are simulated together."""


def _path(job: Job) -> Path:
    key = address.of_facts([job.key, address.of_files(*_DECIDING)])
    return job.build / "cache" / "equivalence" / f"{key}.json"


def known(job: Job) -> Equivalence | None:
    """What was found before; None when nothing was, or with other golden vectors."""
    path = _path(job)
    if not path.is_file():
        return None
    data = json.loads(path.read_text())
    golden = data.pop("golden")
    return Equivalence(**data) if golden in ("", address.of_files(*VECTORS)) else None


def prove(job: Job, budget: float) -> Equivalence:
    """Prove, or else simulate, a design that has been synthesised."""
    found = known(job)
    if found and (found.status in ("proven", "failed") or found.budget >= budget):
        return found
    try:
        found = _proven(job, budget)
    except (Failed, Unsimulated) as why:
        found = Equivalence("open", str(why), 0, budget)
    golden = ""
    if found.status != "proven":
        found, golden = _simulated(job, found), address.of_files(*VECTORS)
    write_json(_path(job), asdict(found) | {"golden": golden})
    return found


def _proven(job: Job, budget: float) -> Equivalence:
    library = job.library
    least = (job.sram.least_bits, job.sram.least_words)
    with tempfile.TemporaryDirectory(prefix="equivalence-") as name:
        folder = Path(name)
        source = job.source
        mapped = netlists(job)
        rtl = read_rtl(
            source.verilog,
            source.name,
            least,
            library.data_load,
            folder,
            job.timeout,
            with_memories=any(netlist.memories for netlist in mapped.values()),
        )
        both = compare(mapped, rtl, source.name, source.clock, source.reset)
        outcome = decide(both, folder, budget)
    status = {"equal": "proven", "different": "failed", "open": "open"}[outcome.status]
    lost = f"; registers not in the netlist: {len(both.lost)}" if both.lost else ""
    return Equivalence(status, outcome.detail + lost, 0, budget)


def _simulated(job: Job, before: Equivalence) -> Equivalence:
    """The verdict of the whole test set, where there is one; ``before``: why there is no proof."""
    config = job.source.unit
    if not isinstance(config, Unit | Process | SpadeConfig):
        return before
    beats = 0
    try:
        mapped = netlists(job)
        check_size(hierarchy.occurrences(mapped, job.source.name))
        circuit = Circuit(mapped, job.source.name, job.source.clock)
        for work in _test_set(job, config):
            beats += work.run(circuit, job.source.reset, 1).compared
            if isinstance(work, Replay):
                before = replace(before, detail=f"{before.detail}; {work.text}: {work.equal}")
    except Unsimulated as why:
        return Equivalence(before.status, f"{before.detail}; {why}", 0, before.budget)
    except Mismatch as wrong:
        return Equivalence("failed", f"simulation: {wrong}", beats, before.budget)
    if before.status == "failed":
        detail = f"{before.detail}; {beats:,} beats agree all the same"
        return Equivalence("failed", detail, beats, before.budget)
    return Equivalence("simulated", before.detail, beats, before.budget)


def _test_set(job: Job, config: Unit | Process | SpadeConfig) -> Iterator[Workload | Replay]:
    """All that ``python -m sim run`` sends, corners first; of an accelerator the layer that its
    power is of."""
    if isinstance(config, SpadeConfig):
        cache = job.build / "cache" / "sim"
        yield layer(config, job.source.verilog, job.source.name, SYNTHETIC, cache)
        return
    manifest = json.loads(job.source.verilog.with_suffix(".json").read_text())
    if isinstance(config, Unit):
        beats = plan(config, 1, COUNT).beats
        count = len(next(iter(beats.values())))
        for start in range(0, count, AT_ONCE):
            part = {name: codes[start : start + AT_ONCE] for name, codes in beats.items()}
            copies = 64 if config.stateful else 1024
            yield of_beats(config, manifest, part, "the test set", copies)
        return
    rng = np.random.default_rng(1)
    cases, moved = list(config.corners()), 0
    while moved < COUNT:
        cases.append(config.random(rng))
        moved += sum(len(next(iter(beats.values()))) for beats in cases[-1].values())
    yield of_cases(config, manifest, cases, "the test set")
