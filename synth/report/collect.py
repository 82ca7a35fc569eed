"""What a report is drawn from: the results in ``build/synth``, what simulation said of them, and
the ratios between them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from golden.errors import BadInput

from ..metrics import KINDS, Kind, Result, load
from ..tables.figures import shown

#: Family -> the design that its members are compared with.
YARDSTICKS = {
    "dot product": "int8_dot32",
    "mac": "int8_mac",
    "decoder": "mxint8_decoder",
    "encoder": "mxint8_encoder",
    "requantizer": "requant_int32_int8",
}
#: What ratios are made of, in the order of their columns.
COMPARED = {
    "area": KINDS["area"],
    "critical_path": KINDS["critical_path"],
    "energy": KINDS["energy"],
    "area_mac": Kind(
        "area for a MAC a cycle", "um2", "lower", "area over MACs a cycle: at equal throughput"
    ),
    "energy_mac": Kind("energy a MAC", "pJ", "lower", "energy a cycle over MACs a cycle"),
}


@dataclass(frozen=True)
class Simulation:
    """What the simulation of a design found, as seen from its synthesised Verilog."""

    status: str  #: "pass", "fail", "stale" (of other Verilog), "not run"
    detail: str


@dataclass(frozen=True)
class Row:
    """One design of the report. ``outdated``: its Verilog has been emitted anew since."""

    result: Result
    simulation: Simulation
    outdated: bool

    @property
    def too_slow(self) -> bool:
        """Whether the design misses the clock that its power is stated at."""
        slack = self.result.get("slack")
        return slack is not None and slack.value < 0

    @cached_property
    def figures(self) -> dict[str, float]:
        """Those of :data:`COMPARED` that there are. MACs a cycle are those that were counted while
        activity was recorded, or else that the configuration states."""
        result = self.result
        found = {m.name: m.value for m in result.metrics if m.name in COMPARED and m.value}
        operation = result.get("energy_operation")
        if operation and operation.value and result.provenance.operation == "MAC":
            macs = result["energy"] / operation.value
            found |= {"area_mac": result["area"] / macs, "energy_mac": operation.value}
        return found


@dataclass(frozen=True)
class Ratio:
    """A design over its yardstick, metric by metric; ``sources``: of what figures."""

    design: str
    ratios: dict[str, float]
    sources: dict[str, str]


@dataclass(frozen=True)
class Family:
    """Designs that do the same job, the yardstick of their comparison and two sentences on it."""

    name: str
    yardstick: str | None
    rows: list[Row]
    ratios: list[Ratio]
    findings: list[str]

    @property
    def compared(self) -> list[str]:
        """Those of :data:`COMPARED` that any of its designs has a ratio of."""
        return [name for name in COMPARED if any(name in ratio.ratios for ratio in self.ratios)]


@dataclass(frozen=True)
class Report:
    rows: list[Row]

    @cached_property
    def done(self) -> list[Row]:
        return [row for row in self.rows if row.result.status == "ok"]

    @property
    def with_memories(self) -> list[Row]:
        return [row for row in self.done if row.result.memories]

    @cached_property
    def settings(self) -> list[str]:
        """Library, corner, recipe and clock of the figures, a line each, with the activity that
        power is of and, where it is not the same for all, of how many designs."""
        ways: dict[str, Counter[str]] = {}
        for row in self.rows:
            ways.setdefault(setting(row.result), Counter())[activity(row.result)] += 1
        return [
            f"{way}. Power " + "; ".join(_counted(text, n, len(found)) for text, n in found.items())
            for way, found in ways.items()
        ]

    @cached_property
    def families(self) -> list[Family]:
        names = dict.fromkeys(row.result.family or "other" for row in self.done)
        return [self._family(name) for name in names]

    def _family(self, name: str) -> Family:
        rows = [row for row in self.done if (row.result.family or "other") == name]
        found = {row.result.design: row for row in self.done}
        yardstick = found.get(YARDSTICKS.get(name, ""))
        if yardstick is None:
            return Family(name, None, rows, [], [])
        # Figures made in different ways do not make a ratio.
        alike = [row for row in rows if setting(row.result) == setting(yardstick.result)]
        ratios = [_ratio(row, yardstick) for row in alike]
        design = yardstick.result.design
        return Family(name, design, rows, ratios, _findings(design, ratios))

    def as_dict(self) -> dict[str, Any]:
        return {
            "schema": "bitpillar-report-1",
            "designs": [
                {
                    **asdict(row.result),
                    "simulation": asdict(row.simulation),
                    "outdated": row.outdated,
                }
                for row in self.rows
            ],
            "ratios": [
                {"family": family.name, "yardstick": family.yardstick, **asdict(ratio)}
                for family in self.families
                for ratio in family.ratios
            ],
        }


def setting(result: Result) -> str:
    """How figures were made: what must be alike where they are compared."""
    p = result.provenance
    return f"{p.library} ({p.corner}), recipe {p.recipe}, clock {p.period_ns:g} ns"


def activity(result: Result) -> str:
    """What power is of: what must be alike where power or energy is compared."""
    recording = result.provenance.recording
    if recording is None:
        return "estimated from default activity"
    kind = "measured" if recording.measured else "estimated"
    return f"{kind} with {recording.stimulus}, seed {recording.seed}"


def _counted(activity: str, designs: int, kinds: int) -> str:
    return activity if kinds == 1 else f"{activity} ({designs} design{'s' * (designs > 1)})"


def _ratio(row: Row, yardstick: Row) -> Ratio:
    ratios, sources = {}, {}
    alike = activity(row.result) == activity(yardstick.result)
    for name, kind in COMPARED.items():
        one, other = row.figures.get(name), yardstick.figures.get(name)
        if one and other and (alike or not name.startswith("energy")):
            ratios[name] = one / other
            sources[name] = f"{kind.title}: {shown(one)} over {shown(other)} {kind.unit}"
    return Ratio(row.result.design, ratios, sources)


def _findings(yardstick: str, ratios: list[Ratio]) -> list[str]:
    """Two sentences that the figures say: the extremes of area and of energy, at equal throughput
    where all have MACs."""
    sentences = []
    macs = "_mac" if all("area_mac" in ratio.ratios for ratio in ratios) else ""
    for key, least, most in (
        (f"area{macs}", "smallest", "largest"),
        (f"energy{macs}", "thriftiest", "hungriest"),
    ):
        ranked = sorted(
            (r for r in ratios if key in r.ratios and r.design != yardstick),
            key=lambda r: r.ratios[key],
        )
        if len(ranked) < 2:
            continue
        low, high = ranked[0], ranked[-1]
        title = COMPARED[key].title
        sentences.append(
            f"Beside {yardstick}, the {least} is {low.design} with {low.ratios[key]:.2f} times its"
            f" {title}, and the {most} is {high.design} with {high.ratios[key]:.2f} times."
        )
    return sentences


def collect(build: Path) -> Report:
    """Every ``metrics.json`` under ``build/synth``, in the order of the catalog.

    Raises :class:`BadInput` when there is none, or one cannot be read.
    """
    paths = sorted((build / "synth").glob("*/metrics.json"))
    if not paths:
        raise BadInput(f"{build / 'synth'} holds no results; `make synth` makes them")
    results = [load(path) for path in paths]
    order = _catalog_order()
    results.sort(key=lambda result: (order.get(result.design, len(order)), result.design))
    return Report(
        [
            Row(
                result,
                simulation(build, result.design, result.provenance.verilog_sha256),
                _outdated(build, result),
            )
            for result in results
        ]
    )


def _catalog_order() -> dict[str, int]:
    from hw.catalog import CATALOG

    return {design.name: index for index, design in enumerate(CATALOG)}


def _outdated(build: Path, result: Result) -> bool:
    path = build / "verilog" / f"{result.design}.v"
    if not path.is_file():
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() != result.provenance.verilog_sha256


def simulation(build: Path, design: str, verilog_sha256: str) -> Simulation:
    """What ``build/sim/NAME/result.json`` says, held against the Verilog that was synthesised."""
    path = build / "sim" / design / "result.json"
    if not path.is_file():
        return Simulation("not run", f"python -m sim run {design}")
    try:
        data = json.loads(path.read_text())
        status, sha256 = data["status"], data["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        return Simulation("fail", f"{path.name} cannot be read: {error!r}")
    if sha256 != verilog_sha256:
        return Simulation("stale", "simulated with other Verilog than was synthesised")
    counts = [f"{data[key]:,} {key}" for key in ("vectors", "beats") if key in data]
    seed = [f"seed {data['seed']}"] if "seed" in data else []
    return Simulation("pass" if status == "pass" else "fail", ", ".join(counts + seed))
