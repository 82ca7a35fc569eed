"""What a run is reported as: one record a layer, totals, a table, JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from typing import Any

from .accelerator import AcceleratorConfig
from .cycles import Cost
from .run import LayerRun


@dataclass(frozen=True, kw_only=True)
class Record:
    """One layer; ``cost`` by the cycle model."""

    name: str
    role: str
    operation: str
    grid: tuple[int, int]
    active_in: int
    active_out: int
    generated: int
    density: float
    rules: int
    macs: int
    dense_macs: int
    cost: Cost

    @property
    def saving(self) -> float:
        """Share of the dense network's MACs that is not done."""
        return 1 - self.macs / self.dense_macs if self.dense_macs else 0.0


def record(run: LayerRun) -> Callable[[Cost], Record]:
    """The record of a layer, once its cost is known: that is, after the whole run."""
    return partial(
        _record,
        name=run.layer.name,
        role=run.layer.role,
        operation=operation(run),
        grid=run.generated.shape,
        active_in=len(run.source.active),
        active_out=len(run.output.active),
        generated=len(run.generated),
        density=run.output.active.density,
        rules=len(run.rules) if run.rules else 0,
        macs=run.macs,
        dense_macs=run.dense_macs,
    )


def _record(cost: Cost, **counts: Any) -> Record:
    return Record(**counts, cost=cost)


def operation(run: LayerRun) -> str:
    """The convolution by its name in the papers."""
    c = run.convolution
    if c is None:
        return "concat"
    if len(run.source.active) == run.source.active.shape[0] * run.source.active.shape[1]:
        name = "dense"
    elif c.transposed:
        return f"SpDeconv {c.kernel}x{c.kernel}"
    elif c.stride == 2:
        return f"SpStConv {c.kernel}x{c.kernel}"
    elif c.kernel == 1:
        return "1x1"
    else:
        name = {"spconv": "SpConv", "submanifold": "SpConv-S", "selective": "SD-Conv"}[c.mode]
        if len(run.output.active) < len(run.generated):
            name = "SpConv-P"
    return f"{name} {c.kernel}x{c.kernel}" + (f"/{c.stride}" if c.stride > 1 else "")


@dataclass(frozen=True)
class Summary:
    """Totals of a run. ``fps``: frames a second at the clock of the accelerator."""

    macs: int
    dense_macs: int
    rules: int
    cycles: int
    useful: int
    dense_cycles: int
    parts: dict[str, int]
    bytes_moved: int
    fps: float

    @property
    def saving(self) -> float:
        """Share of the dense network's MACs that is not done."""
        return 1 - self.macs / self.dense_macs

    @property
    def utilization(self) -> float:
        """Share of cycles in which the array does useful MACs."""
        return self.useful / self.cycles

    @property
    def speedup(self) -> float:
        """Over the ideal dense array of the same size."""
        return self.dense_cycles / self.cycles


def backbone(records: list[Record]) -> list[Record]:
    """The backbone with its up-sampling: without concatenation and head."""
    return [r for r in records if r.role in ("body", "down", "up")]


def summary(records: list[Record], config: AcceleratorConfig) -> Summary:
    """Totals over ``records``."""
    costs = [r.cost for r in records]
    cycles = sum(c.cycles for c in costs)
    return Summary(
        macs=sum(r.macs for r in records),
        dense_macs=sum(r.dense_macs for r in records),
        rules=sum(r.rules for r in records),
        cycles=cycles,
        useful=sum(c.useful for c in costs),
        dense_cycles=sum(c.dense for c in costs),
        parts={name: sum(c.parts[name] for c in costs) for name in costs[0].parts},
        bytes_moved=sum(c.bytes_read + c.bytes_written for c in costs),
        fps=config.frequency * 1e6 / cycles,
    )


def as_json(records: list[Record], config: AcceleratorConfig, context: dict[str, Any]) -> dict:
    """A JSON value: ``context`` (frame, preset, variant), accelerator, layers, totals."""
    total = summary(records, config)
    layers = []
    for r in records:
        row = {k: v for k, v in asdict(r).items() if k != "cost"}
        row |= {
            "saving": r.saving,
            "first_tile": r.cost.first_tile,
            "tile": r.cost.tile,
            "tiles": r.cost.tiles,
            "cycles": r.cost.cycles,
            "cycles_by_cause": r.cost.parts,
            "binds": r.cost.binds,
            "utilization": r.cost.utilization,
            "dense_cycles": r.cost.dense,
            "speedup": r.cost.speedup if r.cost.cycles else None,
            "bytes_read": r.cost.bytes_read,
            "bytes_written": r.cost.bytes_written,
        }
        layers.append(row)
    totals = asdict(total) | {
        "saving": total.saving,
        "utilization": total.utilization,
        "speedup": total.speedup,
    }
    return {
        "tool": "bitpillar",
        "version": _version(),
        "units": {
            "cycles": "clock cycles of the cycle model",
            "fps": "frames a second",
            "macs": "multiply-accumulates",
            "frequency": "MHz",
        },
        **context,
        "accelerator": asdict(config),
        "layers": layers,
        "totals": totals,
        "backbone_utilization": summary(backbone(records), config).utilization,
    }


def _version() -> str:
    try:
        return metadata.version("bitpillar")
    except metadata.PackageNotFoundError:  # run from the tree, not installed
        return "unknown"


def table(records: list[Record], config: AcceleratorConfig, title: str):
    """A rich table of ``records`` with totals."""
    from rich import box
    from rich.table import Table

    result = Table(title=title, title_justify="left", show_footer=True, box=box.SIMPLE)
    total = summary(records, config)
    columns = (
        ("layer", "total", "left"),
        ("operation", "", "left"),
        ("grid", "", "right"),
        ("in", "", "right"),
        ("out", "", "right"),
        ("density", "", "right"),
        ("rules", f"{total.rules:,}", "right"),
        ("MMAC", f"{total.macs / 1e6:,.1f}", "right"),
        ("dense", f"{total.dense_macs / 1e6:,.1f}", "right"),
        ("saving", f"{total.saving:.1%}", "right"),
        ("tile", "", "right"),
        ("cycles", f"{total.cycles:,}", "right"),
        ("useful", f"{total.utilization:.1%}", "right"),
        ("speed-up", f"{total.speedup:.2f}", "right"),
        ("binds", "", "left"),
    )
    for name, footer, side in columns:
        result.add_column(name, footer=footer, justify=side, no_wrap=True)
    for r in records:
        speedup = f"{r.cost.speedup:.2f}" if r.cost.cycles and r.cost.dense else "-"
        result.add_row(
            r.name,
            r.operation,
            f"{r.grid[0]}x{r.grid[1]}",
            f"{r.active_in:,}",
            f"{r.active_out:,}",
            f"{r.density:.1%}",
            f"{r.rules:,}",
            f"{r.macs / 1e6:,.1f}",
            f"{r.dense_macs / 1e6:,.1f}",
            f"{r.saving:.1%}" if r.dense_macs else "-",
            f"{r.cost.tile}" if r.cost.tile else "-",
            f"{r.cost.cycles:,}",
            f"{r.cost.utilization:.1%}",
            speedup,
            r.cost.binds,
        )
    return result
