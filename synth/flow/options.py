"""What all commands that synthesise have in common: their options, the checks of them, the jobs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from golden.cli import parallel
from golden.errors import BadInput, require

from .. import flow, sources
from ..library import DEFAULT_LIBERTY, Library
from ..library.memories import Sram
from ..mapping.recipes import Recipe
from ..metrics import Result
from ..sources import Source
from ..timing import corners

DEFAULT_PERIOD = 10.0

build_option = click.option(
    "--build",
    type=click.Path(path_type=Path),
    default=Path("build"),
    help="Where results and caches lie.",
)
jobs_option = click.option("--jobs", type=click.IntRange(1), help="Processes (default: all cores).")
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(1),
    default=1800.0,
    show_default=True,
    help="Seconds that one tool may take for one design.",
)
sram_option = click.option(
    "--sram",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Memories: coefficients, TOML (default: 180 nm); macros, Liberty; repeatable.",
)
dont_use_option = click.option("--dont-use", multiple=True, metavar="GLOB", help="Cells to avoid.")
designs_argument = click.argument("designs", nargs=-1)
folder_option = click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path),
    help="Designs from a folder of NAME.v + NAME.json instead of the catalog.",
)
_COMMON = (
    click.option(
        "--liberty",
        type=click.Path(path_type=Path),
        multiple=True,
        default=[DEFAULT_LIBERTY],
        help="Standard-cell library, .lib or .lib.gz (default: OSU 0.18 um); repeated: several.",
    ),
    click.option(
        "--corner",
        type=click.Path(path_type=Path),
        multiple=True,
        help="Liberty of the same cells at other conditions: times the netlist too; repeatable.",
    ),
    click.option(
        "--period",
        type=float,
        default=DEFAULT_PERIOD,
        show_default=True,
        help="Clock period in ns: for slack and power.",
    ),
    sram_option,
    dont_use_option,
    jobs_option,
    timeout_option,
    build_option,
)


def common(command):
    """Give ``command`` the options that :func:`configure` takes."""
    for option in reversed(_COMMON):
        command = option(command)
    return command


def options(command):
    """Give ``command`` the options that :func:`prepare` takes."""
    return designs_argument(common(folder_option(command)))


@dataclass(frozen=True)
class Setup:
    """Designs, and all of how they are synthesised but the recipe.

    ``libraries``: those that were given, of which jobs take the first.
    """

    sources: list[Source]
    libraries: tuple[Library, ...]
    corners: tuple[Path, ...]
    period: float
    dont_use: tuple[str, ...]
    sram: Sram
    workers: int | None
    timeout: float
    build: Path

    def job(self, source: Source, recipe: Recipe, **changes) -> flow.Job:
        """``changes``: other fields of the job than those of this set-up."""
        facts = {
            "source": source,
            "recipe": recipe,
            "liberty": self.libraries[0].path,
            "dont_use": self.dont_use,
            "library_sha256": self.libraries[0].sha256,
            "corners": self.corners,
            "period": self.period,
            "build": self.build,
            "timeout": self.timeout,
            "sram": self.sram,
        }
        return flow.Job(**(facts | changes))

    def each(self) -> list[Setup]:
        """A set-up for each library."""
        return [replace(self, libraries=(library,)) for library in self.libraries]

    def run(self, jobs: Iterable[flow.Job], label: str = "synth") -> list[Result]:
        """Results in the order of ``jobs``; those in the cache take no process."""
        return run(jobs, label=label, workers=self.workers)


def configure(
    *,
    liberty: tuple[Path, ...],
    corner: tuple[Path, ...] = (),
    period: float,
    dont_use: tuple[str, ...],
    sram: tuple[Path, ...] = (),
    jobs: int | None,
    timeout: float,
    build: Path,
    several: bool = False,
) -> Setup:
    """Check the options; a set-up without designs. ``several``: whether many libraries may be."""
    positive("period", period)
    flow.tools()
    require(several or len(liberty) == 1, "--liberty", [str(p) for p in liberty], "one file here")
    libraries = tuple(Library(path, dont_use) for path in liberty)
    names = [library.name for library in libraries]
    require(len(set(names)) == len(names), "--liberty", names, "libraries of different names")
    for library in libraries:
        corners.check(library, corner)
    return Setup([], libraries, corner, period, dont_use, Sram(*sram), jobs, timeout, build)


def prepare(*, designs: tuple[str, ...], folder: Path | None, **given) -> Setup:
    """Check all options before anything is written, then emit the Verilog of the designs."""
    setup = configure(**given)
    found = (
        sources.from_folder(folder, designs)
        if folder
        else sources.from_catalog(designs, setup.build / "verilog", setup.workers)
    )
    return replace(setup, sources=found)


def positive(name: str, value: float) -> None:
    """Require ``value`` to be a time in ns that tools can work with."""
    if not (math.isfinite(value) and 0 < value <= 1e6):
        raise BadInput(f"{name} is {value!r} ns; allowed: above 0, up to 1e6")


def run(jobs: Iterable[flow.Job], *, label: str, workers: int | None) -> list[Result]:
    """Results of ``jobs`` in order, from the cache or from parallel processes."""
    jobs = list(jobs)
    results = [flow.from_cache(job) for job in jobs]
    missing = [index for index, result in enumerate(results) if result is None]
    if missing:
        fresh = parallel(
            flow.run,
            [jobs[index] for index in missing],
            label=label,
            describe=lambda job, result: f"{job.source.name} {job.recipe.name} {result.status}",
            workers=workers,
        )
        for index, result in zip(missing, fresh, strict=True):
            results[index] = result
    return results
