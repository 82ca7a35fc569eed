"""``python -m synth``: the command line of the cost side."""

from __future__ import annotations

import math
from pathlib import Path

import click

from golden.cli import parallel
from golden.errors import BadInput

from . import flow, recipes, sources
from .library import DEFAULT_LIBERTY, Library
from .memories import DEFAULT_SRAM, Sram
from .metrics import Result, load
from .tables import show, show_paths, show_recipes, show_sum, show_tree

DEFAULT_PERIOD = 10.0

_build = click.option(
    "--build",
    type=click.Path(path_type=Path),
    default=Path("build"),
    help="Where results and caches lie.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Area, timing and power of the catalog's designs, and the report of them."""


def _options(command):
    for option in reversed(
        (
            click.argument("designs", nargs=-1),
            click.option(
                "--liberty",
                type=click.Path(path_type=Path),
                default=DEFAULT_LIBERTY,
                help="Standard-cell library, .lib or .lib.gz (default: OSU 0.18 um).",
            ),
            click.option(
                "--period",
                type=float,
                default=DEFAULT_PERIOD,
                show_default=True,
                help="Clock period in ns: for slack and power.",
            ),
            click.option(
                "--sram",
                type=click.Path(path_type=Path),
                default=DEFAULT_SRAM,
                help="Coefficients of memories, TOML (default: 180 nm).",
            ),
            click.option("--dont-use", multiple=True, metavar="GLOB", help="Cells to avoid."),
            click.option("--jobs", type=click.IntRange(1), help="Processes (default: all cores)."),
            click.option(
                "--timeout",
                type=click.FloatRange(1),
                default=1800.0,
                show_default=True,
                help="Seconds that one tool may take for one design.",
            ),
            click.option(
                "--from",
                "folder",
                type=click.Path(path_type=Path),
                help="Designs from a folder of NAME.v + NAME.json instead of the catalog.",
            ),
            _build,
        )
    ):
        command = option(command)
    return command


@main.command()
@_options
@click.option("--recipe", default=recipes.DEFAULT, show_default=True, help="Synthesis recipe.")
def run(recipe: str, build: Path, **options) -> int:
    """Synthesise DESIGNS (names or globs; default: the whole catalog) and print the table."""
    results = synthesise([recipes.find(recipe)], build=build, **options)
    show(results)
    print(f"netlists, logs, metrics.json: {build / 'synth'}")
    return int(any(result.status != "ok" for result in results))


def synthesise(
    chosen: list[recipes.Recipe],
    *,
    designs: tuple[str, ...],
    liberty: Path,
    period: float,
    dont_use: tuple[str, ...],
    sram: Path,
    jobs: int | None,
    timeout: float,
    folder: Path | None,
    build: Path,
) -> list[Result]:
    """Results of every design with every recipe; input is checked before anything is written."""
    if not (math.isfinite(period) and 0 < period <= 1e6):
        raise BadInput(f"period is {period!r} ns; allowed: above 0, up to 1e6")
    flow.tools()
    library = Library(liberty, dont_use)
    coefficients = Sram(sram)
    found = (
        sources.from_folder(folder, designs)
        if folder
        else sources.from_catalog(designs, build / "verilog", jobs)
    )
    todo = [
        flow.Job(
            source,
            recipe,
            liberty,
            dont_use,
            library.sha256,
            period,
            build,
            timeout,
            coefficients,
        )
        for source in found
        for recipe in chosen
    ]
    results = [flow.from_cache(job) for job in todo]
    missing = [index for index, result in enumerate(results) if result is None]
    if missing:
        fresh = parallel(
            flow.run,
            [todo[index] for index in missing],
            label="synth",
            describe=lambda job, result: f"{job.source.name} {job.recipe.name} {result.status}",
            workers=jobs,
        )
        for index, result in zip(missing, fresh, strict=True):
            results[index] = result
    return results


@main.command("recipes")
@_options
def compare_recipes(build: Path, **options) -> None:
    """Synthesise DESIGNS with every recipe, and print how the recipes compare.

    Results go to build/recipes/RECIPE, so that those of `run` stay.
    """
    results = []
    for recipe in recipes.RECIPES.values():
        results += synthesise([recipe], build=build / "recipes" / recipe.name, **options)
    results.sort(key=lambda result: result.design)
    show(results)
    show_recipes(results, recipes.DEFAULT)


@main.command()
@click.argument("design")
@_build
@click.option(
    "--least",
    type=click.FloatRange(0, 100),
    default=0.5,
    show_default=True,
    help="Share of all area, in percent, of the smallest module that is shown.",
)
@click.option(
    "--paths",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Modules whose longest path is shown.",
)
@click.option(
    "--sum",
    "globs",
    multiple=True,
    metavar="GLOB",
    help="Instead: the sum of the modules at paths such as 'vpu/entr*', and of all others.",
)
def tree(design: str, build: Path, least: float, paths: int, globs: tuple[str, ...]) -> None:
    """Print the modules of DESIGN with their areas, and the modules with the longest paths.

    Of a design that is mapped module by module, from its results.
    """
    path = build / "synth" / design / "metrics.json"
    if not path.is_file():
        raise BadInput(f"{path} does not exist; `python -m synth run {design}` makes it")
    result = load(path)
    if not result.branches:
        raise BadInput(f"{design} is no design that is mapped module by module")
    if globs:
        show_sum(result, globs)
    else:
        show_tree(result, least / 100)
        show_paths(result, paths)


@main.command()
@_build
@click.option("--open-nothing", is_flag=True, help="Print only the page's path.")
def report(build: Path, open_nothing: bool) -> None:
    """Write build/report (HTML, Markdown, JSON) from the results there are."""
    from .collect import collect  # these two load matplotlib, which a run does without
    from .report import write

    page = write(build)
    if not open_nothing:
        show([row.result for row in collect(build).rows])
    print(page)
