"""The commands that compare: ``compare``, ``baseline``, ``noise`` and ``ratios``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import click

from golden.cli import output
from golden.errors import BadInput
from golden.files import write_json

from ..flow.options import Setup, common, configure, options, prepare
from ..flow.stimulus import Stimulus
from ..flow.stimulus_options import stimulus_options
from ..mapping.candidates import find
from ..mapping.recipes import DEFAULT, Recipe
from ..sources import commits
from . import noise, ratios
from .changes import Figures, baseline, compare, load
from .rules import Rules
from .rules import read as read_rules
from .tables import show_changes, show_noise, show_ratios

#: What commits are compared by unless designs are named, and what golden metrics are kept of: one
#: of each kind of arithmetic, small enough to be synthesised in a test.
SMALL = ("int8_mac", "dint4_int8_mac", "posit8_0_mac", "int4_dot32", "mxfp4_dot32")
BASELINE = Path("tests/synth/golden_metrics.json")
RULES = Path("tests/synth/golden_rules.toml")

_recipe = click.option("--recipe", default=DEFAULT, show_default=True, help="Synthesis recipe.")


@click.command("compare")
@click.argument("before")
@click.argument("after")
@click.argument("designs", nargs=-1)
@common
@_recipe
@click.option(
    "--gate",
    "rules",
    type=click.Path(path_type=Path),
    help="Rules, TOML: status 1 where one is broken (docs/compare.md).",
)
def compare_command(
    before: str, after: str, designs: tuple[str, ...], rules: Path | None, recipe: str, **given
) -> int:
    """Compare BEFORE with AFTER: metrics files, folders of them, or git commits.

    Of commits, DESIGNS (names or globs; default: a small set) are emitted by the code of the
    commit, in a work tree of its own, and synthesised as the options say. Of files, DESIGNS choose.
    """
    chosen = read_rules(rules) if rules else Rules()
    sides = [_side(name, designs, find(recipe), given) for name in (before, after)]
    if not any(sides):
        raise BadInput(f"designs are {', '.join(designs)}; allowed: those of {before} or {after}")
    return _judge(*sides, chosen)


def _side(name: str, designs: tuple[str, ...], recipe: Recipe, given: dict) -> list[Figures]:
    path = Path(name)
    if path.exists():
        figures = load(path)
        return [
            each
            for each in figures
            if not designs or any(fnmatchcase(each.design, glob) for glob in designs)
        ]
    commit = commits.find(name)
    if commit is None:
        raise BadInput(
            f"{name} is neither a file, nor a folder, nor a commit;"
            " allowed: metrics.json, a folder of such files, a git revision"
        )
    setup = configure(**given)
    place = f"commits/{commit[:12]}"
    found = commits.emit(commit, designs or SMALL, setup.build / place / "verilog")
    jobs = [setup.job(source, recipe, place=place, parts=False) for source in found]
    return [Figures.of(result) for result in setup.run(jobs, label=f"synth {commit[:8]}")]


def _judge(before: list[Figures], after: list[Figures], rules: Rules) -> int:
    changes = compare(before, after, rules.noise)
    show_changes(changes, rules.noise)
    broken = [line for change in changes for line in rules.broken(change)]
    for line in broken:
        output.print(f"broken: {line}", soft_wrap=True, markup=False)
    return int(bool(broken))


@click.command("baseline")
@options
@_recipe
@click.option("--renew", is_flag=True, help="Write the figures instead of comparing with them.")
@click.option("--file", type=click.Path(path_type=Path), default=BASELINE, show_default=True)
@click.option("--gate", "rules", type=click.Path(path_type=Path), default=RULES, show_default=True)
def baseline_command(renew: bool, file: Path, rules: Path, recipe: str, **given) -> int:
    """Compare the golden metrics in a file with what the designs come to now; status 1 where a gate
    breaks.

    Of DESIGNS, by default those of the file.
    """
    kept = [] if renew and not file.exists() else load(file)
    chosen = read_rules(rules)
    given["designs"] = given["designs"] or tuple(each.design for each in kept) or SMALL
    setup = prepare(**given)
    figures = _figures(setup, find(recipe))
    if renew:
        write_json(file, baseline(figures, "python -m synth baseline --renew"))
        show_changes(compare(kept, figures, chosen.noise), chosen.noise)
        return 0
    names = {each.design for each in figures}
    return _judge([each for each in kept if each.design in names], figures, chosen)


def _figures(setup: Setup, recipe: Recipe) -> list[Figures]:
    jobs = [setup.job(source, recipe, place="baseline", parts=False) for source in setup.sources]
    return [Figures.of(result) for result in setup.run(jobs)]


@click.command("noise")
@options
@_recipe
@click.option("--seeds", type=click.IntRange(1, 100), default=5, show_default=True)
def noise_command(recipe: str, seeds: int, **given) -> None:
    """Measure how far the figures of DESIGNS move under other names of wires and cells."""
    given["designs"] = given["designs"] or SMALL
    show_noise(noise.measure(prepare(**given), find(recipe), seeds))


@click.command("ratios")
@options
@_recipe
@stimulus_options
def ratios_command(recipe: str, stimulus: Stimulus | None, **given) -> int:
    """Print the main ratios between formats in each --liberty, with their spread.

    Of DESIGNS, by default all that synth/compare/ratios.py pairs.
    """
    paired = dict.fromkeys(name for pair in ratios.PAIRS for name in (pair.base, pair.design))
    given["designs"] = given["designs"] or tuple(paired)
    setup = prepare(several=True, **given)
    found, results = ratios.measure(setup, find(recipe), stimulus)
    libraries = " ".join(f"--liberty {library.path.name}" for library in setup.libraries)
    command = f"python -m synth ratios --recipe {recipe} {libraries}"
    path = ratios.save(setup.build / "ratios" / "ratios.json", found, results, command)
    show_ratios(found)
    output.print(str(path), soft_wrap=True)
    return int(any(each.errors for each in found))
