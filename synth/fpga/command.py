"""``python -m synth fpga``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from golden.cli import parallel
from hw.catalog import Design, select

from .. import sources
from ..flow.options import (
    build_option,
    designs_argument,
    folder_option,
    jobs_option,
    timeout_option,
)
from . import flow
from .result import FpgaResult
from .result import folder as results_folder
from .table import show
from .targets import TARGETS


@click.command()
@designs_argument
@click.option(
    "--target",
    type=click.Choice(list(TARGETS)),
    default="ecp5",
    show_default=True,
    help="Family of FPGAs; xilinx only maps.",
)
@click.option("--device", help="Device of the family (default: the largest; of xilinx, 7 series).")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of placement.")
@jobs_option
@timeout_option
@folder_option
@build_option
def fpga(
    designs: tuple[str, ...],
    target: str,
    device: str | None,
    seed: int,
    jobs: int | None,
    timeout: float,
    folder: Path | None,
    build: Path,
) -> int:
    """Map, place and route DESIGNS (names or globs; default: the whole catalog) on an FPGA.

    Where the FPGA has multiplier blocks, dot products of the catalog are made with `multiplier` =
    "operator", whose products are left to them.
    """
    family = TARGETS[target]
    family.device(device)
    flow.tools(family)
    if folder:
        found = sources.from_folder(folder, designs)
    elif family.multipliers:
        chosen = [_whole(design) for design in select(*designs)]
        found = sources.from_designs(chosen, build / "verilog-fpga", jobs)
    else:
        found = sources.from_catalog(designs, build / "verilog", jobs)
    todo = [
        flow.Job(source, family, device or family.default, seed, build, timeout) for source in found
    ]
    results: list[FpgaResult | None] = [flow.from_cache(job) for job in todo]
    missing = [index for index, result in enumerate(results) if result is None]
    if missing:
        fresh = parallel(
            flow.run,
            [todo[index] for index in missing],
            label=f"fpga {target}",
            describe=lambda job, result: f"{job.source.name} {result.status}",
            workers=jobs,
        )
        for index, result in zip(missing, fresh, strict=True):
            results[index] = result
    show(results)
    print(f"figures and where they come from: {results_folder(build, target)}")
    return int(any(result.status != "ok" for result in results))


def _whole(design: Design) -> Design:
    """A design with its products left whole, where its configuration has the choice."""
    if not hasattr(design.config, "multiplier"):
        return design
    return replace(design, config=replace(design.config, multiplier="operator"))
