"""A layer on a part of a frame, as it is on the ports of an accelerator: every cycle in a file that
other simulators of the same machine can follow."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golden.sparse import image
from golden.sparse.commands import preset_of, read
from golden.sparse.cpr import Cpr
from golden.sparse.plan import plan
from golden.sparse.run import FeatureMap, run
from golden.sparse.spade import SpadeConfig
from golden.sparse.variants import variant_of

from ..cache import CACHE
from .check import build
from .harness import Died
from .machine import differences, job, outcome
from .spade import Excerpt, excerpt
from .steps import Timing

LAYER = "block1.1"
"""The layer that is recorded: 64 to 64 channels, 3x3."""
PILLARS = 8
"""About so many active pillars for each row of the array (of a dense machine, sites): 13,000 cycles
with N = 16."""
SIDE = 32
"""Of the part of the grid that they lie in."""
LIMIT = 1_000_000


@dataclass(frozen=True, eq=False)
class PortRecording:
    """``bits`` on each port but the clock, ``(cycles, whole bytes)``, from the end of reset on;
    ``rules`` that streamed through the array meanwhile; ``pillars`` compared with golden, with all
    their channels; ``text``: what was done."""

    bits: dict[str, NDArray[np.uint8]]
    rules: int
    pillars: int
    text: str


def record(
    config: SpadeConfig, verilog: Path, top: str, frame: str = "synthetic", cache: Path = CACHE
) -> PortRecording:
    """Carry out :data:`LAYER` on a part of ``frame``, every coordinate and feature compared.

    Raises :class:`BadInput` for a frame that cannot be read, :class:`Died` for a machine that does
    not do what golden does.
    """
    preset, variant = preset_of(frame), variant_of("spconv-s" if config.sparse else "dense")
    whole = excerpt(read(frame, preset), preset, variant, (LAYER,))
    pillars = PILLARS * config.accelerator.array
    work = _window(whole, SIDE if config.sparse else round(pillars**0.5), pillars)
    program = plan(
        work.network, variant, work.start.active.shape, config.accelerator, work.workload
    )
    content = image.build(program, work.start, work.integers.layers)
    latency = config.accelerator.latency
    made = build(verilog, top, config.accelerator, cache=cache)
    given = job(
        "layer",
        program,
        content,
        timing=Timing(read_latency=latency, write_latency=latency),
        limit=LIMIT,
    )
    with tempfile.TemporaryDirectory(prefix="recording-") as folder:
        result = made.run(replace(given, ports=True), folder=Path(folder))
        bits = read_ports(Path(folder) / "layer.ports")
    found = outcome(program, result, lists=config.sparse)
    expected = {done.layer.name: done.output for done in work.runs}
    wrong = list(differences(expected, found.maps))
    if wrong:
        raise Died(f"{top} does not do what golden does: {wrong[0]}")
    sites = len(work.start.active)
    rows, columns = work.start.active.shape
    return PortRecording(
        bits,
        sum(each.counts["useful"] for each in found.records),
        sum(len(each.active) for each in expected.values()),
        f"layer {LAYER} ({variant.name}) of {Path(frame).name} on {sites} pillars of"
        f" {rows} x {columns}",
    )


def _window(work: Excerpt, side: int, pillars: int) -> Excerpt:
    """The layers of ``work`` on the part of ``side`` x ``side`` sites whose number of active
    pillars is nearest to ``pillars``."""
    active = work.start.active
    rows, columns = np.divmod(active.keys, active.shape[1])
    there = np.zeros(active.shape, np.int64)
    there[rows, columns] = 1
    above = np.pad(there.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    counts = above[side:, side:] - above[:-side, side:] - above[side:, :-side]
    counts += above[:-side, :-side]
    row, column = np.unravel_index(np.argmin(np.abs(counts - pillars)), counts.shape)
    inside = (rows >= row) & (rows < row + side) & (columns >= column) & (columns < column + side)
    pointers = np.searchsorted(rows[inside] - row, np.arange(side + 1)).astype(np.int32)
    part = Cpr((side, side), pointers, (columns[inside] - column).astype(np.int32))
    start = FeatureMap(part, work.start.features[inside])
    runs = tuple(run(work.network, work.variant, start, work.integers.parameters))
    return replace(work, start=start, runs=runs)


def read_ports(path: Path) -> dict[str, NDArray[np.uint8]]:
    """A file of ``ports.h``: bits by port, the lowest first."""
    content = path.read_bytes()
    head, _, body = content.partition(b"\n")
    words = head.decode().split()
    sizes = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    rows = np.frombuffer(body, np.uint8).reshape(-1, sum(sizes.values()))
    ends = np.cumsum(list(sizes.values()))
    return {
        name: np.unpackbits(rows[:, end - size : end], axis=1, bitorder="little")
        for (name, size), end in zip(sizes.items(), ends, strict=True)
    }
