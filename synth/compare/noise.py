"""How far figures move when nothing changes but names: the band of :mod:`synth.compare.changes`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from golden.files import write_atomic

from ..flow.options import Setup
from ..mapping import yosys
from ..mapping.recipes import Recipe
from ..sources import Source
from .changes import COMPARED, percents


@dataclass(frozen=True)
class Noise:
    """Of one design: metric -> its change in percent under each set of names."""

    design: str
    percent: dict[str, list[float]]


def measure(setup: Setup, recipe: Recipe, seeds: int) -> list[Noise]:
    """Synthesise each design as it is and under ``seeds`` sets of random names."""
    copies = [
        copy
        for source in setup.sources
        for copy in (source, *(renamed(source, seed, setup) for seed in range(1, seeds + 1)))
    ]
    results = setup.run(
        (setup.job(copy, recipe, place=None, parts=False) for copy in copies), label="noise"
    )
    found = []
    for start in range(0, len(results), seeds + 1):
        plain, *others = results[start : start + seeds + 1]
        if any(result.status != "ok" for result in (plain, *others)):
            continue
        found.append(
            Noise(
                plain.design,
                {
                    name: [percents(plain[name], other[name]) for other in others]
                    for name in COMPARED
                    if plain.get(name)
                },
            )
        )
    return found


def renamed(source: Source, seed: int, setup: Setup) -> Source:
    """The design with random names for all wires and cells but its ports."""
    folder = setup.build / "noise" / f"{source.name}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    yosys.run(
        [
            f"read_verilog {source.verilog.resolve()}",
            f"hierarchy -top {source.name}",
            "proc",
            f"rename -scramble-name -seed {seed} */w:* */c:* */x:* %d",
            "write_verilog -noattr renamed.v",
        ],
        folder,
        setup.timeout,
    )
    # Without the first line, which says who wrote it.
    text = (folder / "renamed.v").read_text().partition("\n")[2]
    path = write_atomic(Path(folder / f"{source.name}.v"), text)
    return replace(source, verilog=path, sha256=hashlib.sha256(text.encode()).hexdigest())
