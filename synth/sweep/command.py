"""``python -m synth sweep``."""

from __future__ import annotations

from pathlib import Path

import click

from golden.cli import output

from ..flow.options import build_option, dont_use_option, jobs_option, sram_option


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--scheduler", metavar="ADDRESS", help="A Dask scheduler, tcp://host:port (default: none)."
)
@jobs_option
@click.option("--again", is_flag=True, help="Run points once more that failed earlier.")
@sram_option
@dont_use_option
@build_option
def sweep(
    file: Path,
    scheduler: str | None,
    jobs: int | None,
    again: bool,
    sram: tuple[Path, ...],
    dont_use: tuple[str, ...],
    build: Path,
) -> int:
    """Synthesise all points of the sweep FILE (TOML) into one table, with pictures of it.

    Goes on where it stopped, whatever stopped it. Points that fail stay in the table; the status is
    1 when a tool failed, 0 when all that failed are parameters that do not go together.
    """
    if jobs and scheduler:
        raise click.UsageError("jobs is for this machine; allowed: --jobs or --scheduler")
    from . import plots, run, spec, summary, table

    described = spec.read(file)
    records, fresh = run.run(
        described,
        build,
        scheduler=scheduler,
        workers=jobs,
        dont_use=dont_use,
        sram=sram,
        again=again,
    )
    command = " ".join(
        [f"python -m synth sweep {file}"]
        + [f"--dont-use '{glob}'" for glob in dont_use]
        + [f"--sram {path.name}" for path in sram]
    )
    rows = [
        table.row(point, record, command)
        for point, record in zip(described.points, records, strict=True)
    ]
    for plot in described.plots:
        best = {id(row) for front in plots.fronts(plot, rows).values() for row in front}
        for row in rows if plot.directed else ():
            row[plot.column] = id(row) in best
    folder = build / "sweep" / described.name
    written = [
        *table.write(folder, table.table(rows, described.text)),
        *(plots.write(plot, rows, folder) for plot in described.plots),
        summary.write(described, rows, folder),
    ]
    output.print(f"{summary.outcome(rows)}; {fresh} run now, the others known")
    for path in written:
        output.print(str(path))
    return int(any(row["status"] != "ok" and row["stage"] != "parameters" for row in rows))
