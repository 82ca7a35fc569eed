"""`python -m hw`: the catalog and its Verilog."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
from rich.table import Table

from golden import cli
from golden.unit import Unit

from .axis import check
from .catalog import select
from .verilog import VERILOG_FOLDER, emit


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def hw() -> None:
    """The units of bitpillar: list them, write their Verilog."""


@hw.command("list")
@click.argument("designs", nargs=-1)
def list_designs(designs: tuple[str, ...]) -> None:
    """List the catalog, or the DESIGNS (names or globs) of it."""
    table = Table("design", "what it is", "latency", "source", box=None, pad_edge=False)
    for design in select(*designs):
        latency = str(design.config.latency) if isinstance(design.config, Unit) else ""
        table.add_row(design.name, design.summary, latency, design.source)
    cli.output.print(table)


@hw.command()
@click.argument("designs", nargs=-1)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=VERILOG_FOLDER,
    show_default=True,
    help="Folder for NAME.v, NAME.json and what goes with them.",
)
@click.option(
    "--wrap",
    type=click.Choice(["axis"]),
    help="Instead with these ports: AXI4-Stream; files are NAME_axis.v and so on.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Parallel processes [all cores].")
def verilog(designs: tuple[str, ...], output: Path, wrap: str | None, jobs: int | None) -> None:
    """Write the Verilog and the manifest of DESIGNS (names or globs; all without), with a FuseSoC
    core, a file list and a text that instantiates it."""
    chosen = select(*designs)
    if wrap and designs:
        for design in chosen:
            check(design.name, design.config)
    elif wrap:
        chosen = [d for d in chosen if d.config.inputs | d.config.outputs]
    cli.parallel(
        partial(emit, folder=output, wrap=wrap),
        chosen,
        label="verilog",
        describe=lambda design, manifest: str(manifest.with_suffix(".v")),
        workers=jobs,
    )
    click.echo(f"{len(chosen)} designs in {output}")


if __name__ == "__main__":
    cli.main(hw)
