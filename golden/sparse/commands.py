"""Commands of ``python -m golden``: a frame through a network, and the benchmark."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from ..cli import console, progress
from ..files import write_atomic, write_json
from . import plots
from .accelerator import ACCELERATORS, AcceleratorConfig, accelerator_of
from .checkpoint import load_state
from .cycles import costs
from .frames import Frame, read_frame
from .header import header
from .networks import NETWORKS, network_of
from .pillars import Pillars, grid_of, pillarize
from .plan import plan
from .prune import MEASURES
from .quantize import quantize
from .report import Record, as_json, backbone, record, summary, table
from .run import LayerRun, run
from .save import Archive
from .scene import synthetic_frame
from .variants import VARIANTS, Variant, variant_of
from .workload import Workload

QUIET = 2.0  # seconds between lines of progress in a log


@click.command()
@click.argument("source", metavar="FILE|synthetic")
@click.option(
    "--preset",
    type=click.Choice(list(NETWORKS)),
    help="Network and grid [default: centerpoint-nuscenes for .pcd.bin, else pointpillars-kitti].",
)
@click.option("--variant", type=click.Choice(list(VARIANTS)), default="spconv", show_default=True)
@click.option("--t", type=float, help="SD-Conv: per cent of pillars that dilate [default: 2].")
@click.option("--t-of", type=click.Choice(["active", "grid"]), help="... of what [default: grid].")
@click.option("--keep", type=float, help="SpConv-P: share of vectors kept [default: 0.5].")
@click.option("--threshold", type=int, help="SpConv-P: keep vectors above this instead.")
@click.option("--measure", type=click.Choice(MEASURES), help="Importance [default: max-abs].")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="OpenPCDet parameters, .npz or .safetensors [default: random].",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of random weights.")
@click.option("--scene", type=int, default=0, show_default=True, help="Of the synthetic scene.")
@click.option(
    "--accelerator",
    type=click.Choice(list(ACCELERATORS)),
    default="n64",
    show_default=True,
    help="Size of the modelled accelerator.",
)
@click.option("--bus", type=int, help="Its AXI data width in bits.")
@click.option("--latency", type=int, help="Its memory latency in cycles.")
@click.option("--frequency", type=float, help="Its clock in MHz [default: 1000].")
@click.option("--json", "json_path", help="Write the figures to a file, or - for standard output.")
@click.option("--plot", type=click.Path(path_type=Path), help="Write pictures into this folder.")
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    help="Write coordinates, rules, features and weights of every layer (.npz).",
)
def frame(
    source: str,
    preset: str | None,
    variant: str,
    weights: Path | None,
    seed: int,
    scene: int,
    accelerator: str,
    json_path: str | None,
    plot: Path | None,
    save: Path | None,
    **changes: object,
) -> None:
    """Run a LiDAR frame through a pillar network in exact integers and count the work.

    FILE is KITTI .bin, nuScenes .pcd.bin, .npy, .npz, Argoverse 2 .feather or .pcd; `synthetic` is
    a generated street.
    """
    given = {k: v for k, v in changes.items() if v is not None}
    machine = {"bus": "bus_bits", "latency": "latency", "frequency": "frequency"}
    config = accelerator_of(accelerator).replace(
        **{field: given.pop(name) for name, field in machine.items() if name in given}
    )
    form = variant_of(variant).replace(**given)
    preset = preset or preset_of(source)
    points = read(source, preset, scene)
    state = load_state(weights) if weights else None
    stages = plots.StageMaps() if plot else None
    records, pillars = run_frame(points, preset, form, config, state, seed, stages, save)
    context = {
        "frame": {
            "name": points.name,
            "points": len(points.points),
            "invalid": points.invalid,
            "outside": pillars.outside,
            "crowded_out": pillars.crowded,
            "pillars": len(pillars.active),
            "pillars_dropped": pillars.dropped,
        },
        "preset": preset,
        "network": network_of(preset).name,
        "variant": asdict(form),
        "weights": weights.name if weights else f"random, seed {seed}",
    }
    title = f"{network_of(preset).name}, {variant}, {points.name}"
    if plot and stages:
        for path in (
            plots.birds_eye(stages, f"Active pillars: {title}", plot / "pillars.png"),
            plots.bars(
                records, f"Savings and cycles: {title}, N = {config.array}", plot / "layers.png"
            ),
        ):
            console.out(f"wrote {path}")
    if save:
        console.out(f"wrote {save}")
    value = as_json(records, config, context)
    if json_path == "-":
        print(json.dumps(value, indent=2))
        return
    if json_path:
        console.out(f"wrote {write_json(Path(json_path), value)}")
    _print(records, config, title, points, pillars)


def preset_of(source: str) -> str:
    nuscenes = source.lower().endswith(".pcd.bin")
    return "centerpoint-nuscenes" if nuscenes else "pointpillars-kitti"


def read(source: str, preset: str, scene: int = 0) -> Frame:
    if source == "synthetic":
        return synthetic_frame(scene, grid_of(preset).intensity)
    return read_frame(source)


def run_frame(
    points: Frame,
    preset: str,
    variant: Variant,
    config: AcceleratorConfig,
    state: dict | None = None,
    seed: int = 0,
    stages: plots.StageMaps | None = None,
    save: Path | None = None,
) -> tuple[list[Record], Pillars]:
    """Quantize a network, run a frame through it and plan it; progress goes to standard error."""
    network = network_of(preset).for_variant(variant)
    layers = len(network.layers)
    scene, workload = Workload(), Workload()
    with progress("calibrate", layers, QUIET) as step:

        def calibrated(done: LayerRun) -> None:
            scene(done)
            step(done.layer.name)

        integers = quantize(network, variant, grid_of(preset), state, seed, calibrated)
    pillars = pillarize(points, integers.grid)
    start = integers.encoder(pillars, integers.grid)
    archive = Archive(save) if save else None
    drafts = {}
    with progress("run", layers, QUIET) as step:
        if archive:
            archive.__enter__()
        try:
            if stages:
                stages.add("pillars", start)
            if archive:
                archive.add_map("pillars", start)
            for done in run(network, variant, start, integers.parameters):
                workload(done)
                drafts[done.layer.name] = record(done)
                if stages:
                    stages.add_layer(done.layer, done.output)
                if archive:
                    archive.add_layer(done, integers.layers.get(done.layer.name))
                step(f"{done.layer.name}: {len(done.output.active):,} pillars")
        finally:
            if archive:
                archive.__exit__(*sys.exc_info())
    # A dense network has the same pillars in every frame, and is not calibrated on all of them.
    reference = workload if variant.dense else scene
    with progress("plan", layers, QUIET) as step:
        made = plan(network, variant, integers.grid.shape, config, reference, step)
    found = costs(made, workload, ends=True)
    return [draft(found[name]) for name, draft in drafts.items()], pillars


def _print(
    records: list[Record], config: AcceleratorConfig, title: str, points: Frame, pillars: Pillars
) -> None:
    from rich.console import Console

    out = Console(highlight=False)
    shown = table(records, config, title)
    if not out.is_terminal:  # a pipe has no width: keep the columns whole
        whole = Console(width=1000).measure(shown).maximum
        out = Console(highlight=False, width=whole)
    out.print(shown)
    total = summary(records, config)
    active = pillars.active
    print(
        f"{len(points.points):,} points, {pillars.outside:,} out of range, "
        f"{pillars.crowded:,} beyond what a pillar keeps; {len(active):,} active pillars of "
        f"{active.shape[0]}x{active.shape[1]} ({active.density:.2%})"
    )
    if points.invalid:
        print(f"{points.invalid:,} points without a return left out")
    if pillars.dropped:
        print(f"WARNING: {pillars.dropped:,} pillars beyond the limit of the preset left out")
    print(
        f"N = {config.array}, {config.bus_bits}-bit bus, {config.buffers // 1024} KiB buffers: "
        f"{total.cycles:,} cycles, {total.fps:,.1f} frames/s at {config.frequency:g} MHz; "
        f"{total.utilization:.1%} of cycles useful; {total.speedup:.2f} times the ideal dense "
        f"array ({total.dense_cycles:,} cycles)"
    )
    body = summary(backbone(records), config)
    print(
        f"backbone and up-sampling alone: {body.cycles:,} cycles, {body.utilization:.1%} useful; "
        + ", ".join(f"{k} {v / body.cycles:.1%}" for k, v in body.parts.items() if k != "useful")
    )
    fewer = f"{total.dense_macs / total.macs:.2f} times fewer" if total.macs else "nothing to do"
    print(
        f"{total.macs / 1e9:.3f} of {total.dense_macs / 1e9:.3f} GMAC: "
        f"{total.saving:.1%} saved, {fewer}"
    )


@click.command()
@click.argument("source", metavar="FILE|synthetic")
@click.option("--preset", type=click.Choice(list(NETWORKS)), help="As for frame.")
@click.option(
    "--accelerator",
    type=click.Choice(list(ACCELERATORS)),
    default="n64",
    show_default=True,
    help="Size of the modelled accelerator.",
)
def savings(source: str, preset: str | None, accelerator: str) -> None:
    """Every variant of a network on one frame, as a Markdown table."""
    preset = preset or preset_of(source)
    points = read(source, preset)
    config = accelerator_of(accelerator)
    lines = []
    for name, variant in VARIANTS.items():
        records, pillars = run_frame(points, preset, variant, config)
        total = summary(records, config)
        lines.append(
            f"| {name} | {total.macs / 1e9:.2f} | {total.dense_macs / 1e9:.2f} "
            f"| {100 * total.saving:.1f} % | {total.dense_macs / max(1, total.macs):.2f} "
            f"| {total.speedup:.2f} | {100 * total.utilization:.1f} % | {total.fps:,.0f} |"
        )
    active = pillars.active
    print(
        f"{network_of(preset).name}, {points.name}: {len(active):,} active pillars of "
        f"{active.shape[0]} x {active.shape[1]} ({active.density:.2%}); N = {config.array}, "
        f"{config.frequency:g} MHz\n"
    )
    print(
        "| variant | GMAC | dense | saved | times fewer MACs | speed-up | cycles useful "
        "| frames/s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))


@click.command()
@click.option("--frame", "source", default="synthetic", show_default=True, metavar="FILE|synthetic")
@click.option("--repeat", type=click.IntRange(1, 100), default=5, show_default=True)
def bench(source: str, repeat: int) -> None:
    """Time PointPillars on one frame: rules, whole network, memory; against spconv and PyTorch."""
    from .bench import PRESET, bench_lines

    points = read(source, PRESET)
    for line in bench_lines(points, repeat):
        print(line, flush=True)


@click.command("spade-header")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="[default: print]")
def spade_header(output: Path | None) -> None:
    """The C header of the sparse accelerator: descriptors, memory formats, registers, errors."""
    if output is None:
        click.echo(header(), nl=False)
    else:
        write_atomic(output, header())
        click.echo(str(output))
