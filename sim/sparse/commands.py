"""Commands of ``python -m sim``: frames on the accelerator, and how close it comes to the bound."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table

from golden.cli import output, progress
from golden.errors import require
from golden.files import write_json
from golden.sparse.accelerator import ACCELERATORS, AcceleratorConfig
from golden.sparse.commands import QUIET, preset_of, read
from golden.sparse.cycles import costs
from golden.sparse.descriptor import encode
from golden.sparse.networks import NETWORKS, network_of
from golden.sparse.program import Program
from golden.sparse.record import CAUSES
from golden.sparse.variants import VARIANTS, variant_of

from .harness import Machine
from .spade import Excerpt, Report, excerpt, machine, planned, share, simulate
from .steps import Timing

SIZES = [name[1:] for name in ACCELERATORS if name != "n8"]


@click.command()
@click.option("--frame", default="synthetic", show_default=True, metavar="FILE|synthetic")
@click.option("--network", type=click.Choice(list(NETWORKS)), help="Network and grid.")
@click.option("--variant", type=click.Choice(list(VARIANTS)), default="spconv-s", show_default=True)
@click.option("--array", type=click.Choice(SIZES), default="16", show_default=True)
@click.option("--layers", multiple=True, help="Names or globs [default: block1.*; '*' for all].")
@click.option("--latency", type=click.IntRange(0), default=100, show_default=True)
@click.option("--separate", is_flag=True, help="Reads and writes do not share the memory's beats.")
@click.option("--dense", is_flag=True, help="On the dense machine; of variant dense, N = 16.")
@click.option("--json", "json_path", help="Write the figures to a file.")
def spade(
    frame: str,
    network: str | None,
    variant: str,
    array: str,
    layers: tuple[str, ...],
    latency: int,
    separate: bool,
    dense: bool,
    json_path: str | None,
) -> int:
    """Simulate real layers of a frame in RTL: every coordinate and feature against golden.

    FILE is KITTI .bin, nuScenes .pcd.bin, .npy, .npz, Argoverse 2 .feather or .pcd.
    """
    config = ACCELERATORS[f"n{array}"].replace(latency=latency)
    preset = network or preset_of(frame)
    patterns = layers or ("block1.*",)
    patterns = () if patterns == ("*",) else patterns
    require(not dense or variant == "dense", "variant", variant, "dense, on the dense machine")
    made = machine(config, sparse=not dense)
    work, program = prepared(frame, preset, variant, config, patterns)
    report = simulate(work, program, timing_of(config, separate), made, lists=not dense)
    title = f"{network_of(preset).name}, {variant}, {Path(frame).name}, N = {config.array}"
    title += ", dense machine" if dense else ""
    output.print(table(report, title))
    click.echo(summary(report, config))
    for line in report.differences:
        click.echo(line)
    click.echo("bit-exact" if report.exact else "NOT bit-exact")
    if json_path:
        click.echo(f"wrote {write_json(Path(json_path), as_json(report, config, title))}")
    return int(not report.exact)


def prepared(
    frame: str,
    preset: str,
    variant: str,
    config: AcceleratorConfig,
    patterns: tuple[str, ...],
) -> tuple[Excerpt, Program]:
    """Golden and plan of a frame, with progress on standard error."""
    steps = len(network_of(preset).layers)
    with progress("golden", steps, QUIET) as step:
        work = excerpt(read(frame, preset), preset, variant_of(variant), patterns, step=step)
    with progress("plan", len(work.runs), QUIET) as step:
        return work, planned(work, preset, config, patterns, step)


def timing_of(config: AcceleratorConfig, separate: bool = False) -> Timing:
    """Of the memory that ``config`` is for; ``separate``: reads and writes do not share beats."""
    return Timing(read_latency=config.latency, write_latency=config.latency, shared=not separate)


def table(report: Report, title: str) -> Table:
    """A row a layer, and the totals."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE)
    made.add_column("layer", no_wrap=True)
    made.add_column("operation", no_wrap=True)
    for heading in ("out", "cycles", "useful", *CAUSES[1:], "MB read", "written", "speed-up"):
        made.add_column(heading, justify="right", no_wrap=True)
    made.add_column("model", justify="right", no_wrap=True)
    beat = {"read": "beats_read", "written": "beats_written"}
    bytes_of = report.counts["read_bytes"] / max(1, report.counts["read_beats"])
    for layer in report.layers:
        counts = layer.counts
        made.add_row(
            layer.name,
            layer.operation,
            f"{layer.outputs:,}",
            f"{layer.cycles:,}",
            f"{layer.useful:.1%}",
            *(f"{counts[cause]:,}" if counts[cause] else "-" for cause in CAUSES[1:]),
            *(f"{counts[key] * bytes_of / 1e6:.2f}" for key in beat.values()),
            f"{layer.speedup:.2f}" if layer.cycles and layer.model.dense else "-",
            f"{layer.deviation:+.1%}" if layer.cycles and layer.model.dense else "-",
        )
    return made


def summary(report: Report, config: AcceleratorConfig) -> str:
    """What it comes to, in a few lines."""
    body = report.backbone
    dense = sum(layer.model.dense for layer in report.layers)
    model = sum(layer.model.cycles for layer in report.layers)
    idle = ", ".join(f"{cause} {share(body, cause):.2%}" for cause in CAUSES[1:])
    fps = config.frequency * 1e6 / report.cycles
    return "\n".join(
        (
            f"{report.cycles:,} cycles from start to interrupt ({fps:,.1f} a second at"
            f" {config.frequency:g} MHz), {dense / report.cycles:.2f} times the ideal dense array;"
            f" cycle model {model / report.cycles - 1:+.2%}",
            f"backbone with up-sampling: {share(body, 'useful'):.2%} of cycles useful; {idle}",
            f"simulated in {report.seconds:.1f} s ({report.cycles / report.seconds:,.0f} cycles/s)",
        )
    )


def as_json(report: Report, config: AcceleratorConfig, title: str) -> dict[str, Any]:
    """Figures for other programs."""
    layers = []
    for layer in report.layers:
        row = {"name": layer.name, "operation": layer.operation, "outputs": layer.outputs}
        row |= {"cycles": layer.cycles, "model_cycles": layer.model.cycles, **layer.counts}
        layers.append(row | {"dense_cycles": layer.model.dense})
    return {
        "title": title,
        "accelerator": asdict(config),
        "exact": report.exact,
        "cycles": report.cycles,
        "backbone_useful": share(report.backbone, "useful"),
        "backbone_rule": share(report.backbone, "rule"),
        "memory": report.counts,
        "layers": layers,
    }


BENCH = Path("build/bench/spade")
NETWORK_OF = {"pointpillars-kitti": "PointPillars", "centerpoint-nuscenes": "CenterPoint"}


@click.command()
@click.option("--frame", "frames", multiple=True, metavar="FILE", help="Besides the synthetic one.")
@click.option("--array", "arrays", multiple=True, type=click.Choice(SIZES), default=("16", "64"))
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(list(VARIANTS)),
    default=("spconv", "spconv-s", "sdconv"),
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    type=click.Choice(list(NETWORK_OF)),
    default=tuple(NETWORK_OF),
)
@click.option("--latency", type=click.IntRange(0), default=100, show_default=True)
def bench_spade(
    frames: tuple[str, ...],
    arrays: tuple[str, ...],
    variants: tuple[str, ...],
    networks: tuple[str, ...],
    latency: int,
) -> int:
    """Whole networks in RTL against the bound: a row each, kept in build/bench/spade.

    A row is simulated once for a machine and a list of descriptors: an interrupted benchmark goes
    on where it stopped. All of it takes hours. A frame runs in the network of its format, the
    synthetic scene in all.
    """
    columns = ("frame", "network", "variant", "N", "useful", "rule", "cycles", "frames/s", "exact")
    columns += ("model", "worst layer")
    click.echo("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    wrong = 0
    for array in arrays:
        config = ACCELERATORS[f"n{array}"].replace(latency=latency)
        made = machine(config)
        for frame in ("synthetic", *frames):
            for preset in networks:
                if frame != "synthetic" and preset != preset_of(frame):
                    continue
                for variant in variants:
                    row = _bench_row(frame, preset, variant, config, made)
                    click.echo("| " + " | ".join(row["cells"]) + " |")
                    wrong += not row["exact"]
    return int(wrong > 0)


def _bench_row(
    frame: str, preset: str, variant: str, config: AcceleratorConfig, made: Machine
) -> dict[str, Any]:
    """A row of the benchmark; simulated, unless an earlier run had the same machine, frame and
    descriptors: of that one only the model's cycles are made anew."""
    name = Path(frame).name.split(".")[0]
    work, program = prepared(frame, preset, variant, config, ())
    descriptors = b"".join(encode(step.fields) for step in program.steps)
    digest = hashlib.sha256(descriptors).hexdigest()
    key = [made.binary.parent.name, frame, preset, variant, config.latency, digest]
    path = BENCH / f"{name}-{preset}-{variant}-n{config.array}.json"
    row = json.loads(path.read_text()) if path.exists() else {}
    if row.get("key") != key:
        report = simulate(work, program, timing_of(config), made)
        row = {"key": key} | as_json(report, config, name)
    model = costs(program, work.workload)
    for layer in row["layers"]:
        layer["model_cycles"] = model[layer["name"]].cycles
    cycles = sum(layer["model_cycles"] for layer in row["layers"])
    row["cells"] = [
        name,
        NETWORK_OF[preset],
        variant,
        f"{config.array}",
        f"{row['backbone_useful']:.2%}",
        f"{row['backbone_rule']:.2%}",
        f"{row['cycles']:,}",
        f"{config.frequency * 1e6 / row['cycles']:,.0f}",
        "yes" if row["exact"] else "NO",
        f"{cycles / row['cycles'] - 1:+.2%}",
        f"{_worst(row['layers']):+.2%}",
    ]
    write_json(path, row)
    return row


def _worst(layers: list[dict[str, Any]]) -> float:
    """The largest deviation of the model among the layers that compute."""
    off = [
        layer["model_cycles"] / layer["cycles"] - 1
        for layer in layers
        if layer["cycles"] and layer["dense_cycles"]
    ]
    return max(off, key=abs, default=0.0)
