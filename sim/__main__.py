"""`python -m sim`: simulate designs against their golden models, lint them, measure tensors."""

from __future__ import annotations

from functools import partial

import click
from rich.table import Table

from golden import cli
from golden.mx import BLOCK
from hw.catalog import select

from .check import RESULTS, Options, Result, check
from .lint import lint as lint_design
from .snr import table as snr_table
from .sparse.commands import bench_spade, spade
from .tensors import activations, load
from .waivers import WAIVERS

designs_argument = click.argument("designs", nargs=-1)
jobs_option = click.option("--jobs", type=click.IntRange(1), help="Parallel processes [all cores].")
tensor_option = click.option(
    "--tensor", metavar="FILE[:ARRAY]", help="Real numbers: .npy, .npz or .safetensors."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def sim() -> None:
    """Simulation of bitpillar's units with cocotb under Verilator."""


@sim.command()
@designs_argument
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--count",
    type=click.IntRange(0),
    default=Options.count,
    show_default=True,
    help="Random input beats, besides the directed ones; with a tensor, its first beats.",
)
@tensor_option
@click.option("--waves", is_flag=True, help="Write build/sim/NAME/dump.fst.")
@jobs_option
def run(
    designs: tuple[str, ...],
    seed: int,
    count: int,
    tensor: str | None,
    waves: bool,
    jobs: int | None,
) -> int:
    """Check every output bit of DESIGNS (names or globs; all without) against golden."""
    chosen = select(*designs)
    values = load(tensor) if tensor else None
    options = Options(seed=seed, count=count, trace="fst" if waves else "none", tensor=tensor)
    results = cli.parallel(
        partial(check, options=options, values=values),
        chosen,
        label="sim",
        describe=lambda design, result: f"{design.name} {result.status}",
        workers=jobs,
    )
    cli.output.print(_summary(results))
    for result in results:
        for failure in result.failures:
            click.echo(f"\n{result.design}: {failure}")
    failed = sum(not result.passed for result in results)
    verdict = f"{failed} of {len(results)} designs FAILED" if failed else "all passed"
    click.echo(f"\n{verdict}; results in {RESULTS}/NAME/result.json")
    if waves:
        click.echo(f"waves in {RESULTS}/NAME/dump.fst")
    return int(failed > 0)


@sim.command()
@designs_argument
@jobs_option
def lint(designs: tuple[str, ...], jobs: int | None) -> int:
    """Verilator's lint over the Verilog of DESIGNS (names or globs; all without)."""
    results = cli.parallel(
        lint_design,
        select(*designs),
        label="lint",
        describe=lambda design, result: f"{design.name} {'clean' if result.clean else 'WARNINGS'}",
        workers=jobs,
    )
    for result in results:
        for problem in result.problems:
            click.echo(problem)
    for name, reason in WAIVERS.items():
        count = sum(result.waived.get(name, 0) for result in results)
        click.echo(f"waived {name} {count} times: {reason}")
    dirty = sum(not result.clean for result in results)
    click.echo(f"{dirty} of {len(results)} designs with warnings" if dirty else "no warnings")
    return int(dirty > 0)


@sim.command()
@tensor_option
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
def snr(tensor: str | None, seed: int) -> None:
    """Quantisation SNR of each format on a tensor (without: synthetic activations)."""
    values = load(tensor) if tensor else activations(seed)
    columns = Table(box=None, pad_edge=False)
    columns.add_column("format")
    columns.add_column("scale")
    columns.add_column("bits", justify="right")
    columns.add_column("SNR dB", justify="right")
    for row in snr_table(values):
        level = "exact" if row.db is None else f"{row.db:.2f}"
        columns.add_row(row.format, row.scale, f"{row.bits:g}", level)
    name = tensor or f"synthetic activations, seed {seed}"
    cut = values.size % BLOCK
    left = f" ({cut} at the end left out)" if cut else ""
    click.echo(f"{name}: {values.size - cut} numbers{left}, shape {values.shape}")
    cli.output.print(columns)


def _summary(results: list[Result]) -> Table:
    columns = Table(box=None, pad_edge=False)
    columns.add_column("design")
    columns.add_column("status")
    for heading in ("vectors", "beats", "cycles", "stalls in", "out", "build s", "run s"):
        columns.add_column(heading, justify="right")
    for each in results:
        columns.add_row(
            each.design,
            each.status if each.passed else "FAIL",
            *(f"{n:,}" for n in (each.vectors, each.beats, each.cycles)),
            *(f"{each.stalls[side]:,}" for side in ("input", "output")),
            *(f"{each.seconds[step]:.1f}" for step in ("build", "run")),
        )
    return columns


sim.add_command(spade)
sim.add_command(bench_spade)


if __name__ == "__main__":
    cli.main(sim)
