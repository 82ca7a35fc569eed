"""What a report is drawn from: the results in ``build/synth``, what simulation said of them, and
the ratios between them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from golden.errors import BadInput

from ..metrics import KINDS, Result, load

#: Family -> the design that its members are compared with.
YARDSTICKS = {"dot product": "int8_dot32", "mac": "int8_mac", "decoder": "mxint8_decoder"}
#: What ratios are made of, in the order of their columns.
COMPARED = ("area", "critical_path", "energy")


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

    @property
    def lanes(self) -> int | None:
        lanes = self.result.config.get("lanes") if isinstance(self.result.config, dict) else None
        return lanes if isinstance(lanes, int) and lanes > 0 else None


@dataclass(frozen=True)
class Ratio:
    """A design over its yardstick, metric by metric; ``lane_area`` is area a lane / int8_mac."""

    design: str
    ratios: dict[str, float]
    lane_area: float | None


@dataclass(frozen=True)
class Family:
    """Designs that do the same job, the yardstick of their comparison and two sentences on it."""

    name: str
    yardstick: str | None
    rows: list[Row]
    ratios: list[Ratio]
    findings: list[str]


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
        """Library, corner, recipe and clock of the figures, and the activity that power is of: one
        line where all agree."""
        results = [row.result for row in self.rows]
        return list(dict.fromkeys(f"{setting(r)}, power {activity(r)}" for r in results))

    @cached_property
    def families(self) -> list[Family]:
        names = dict.fromkeys(row.result.family or "other" for row in self.done)
        return [self._family(name) for name in names]

    def _family(self, name: str) -> Family:
        rows = [row for row in self.done if (row.result.family or "other") == name]
        found = {row.result.design: row.result for row in self.done}
        yardstick = found.get(YARDSTICKS.get(name, ""))
        # Figures made in different ways do not make a ratio.
        alike = [
            row.result for row in rows if yardstick and setting(row.result) == setting(yardstick)
        ]
        mac = found.get("int8_mac")
        ratios = []
        for row in rows:
            result = row.result
            if result not in alike:
                continue
            of = {
                key: result[key] / yardstick[key]
                for key in COMPARED
                if _both(result, yardstick, key)
            }
            lane = None
            if mac and row.lanes and name == "dot product" and setting(mac) == setting(result):
                lane = result["area"] / row.lanes / mac["area"]
            ratios.append(Ratio(result.design, of, lane))
        return Family(
            name,
            yardstick.design if yardstick else None,
            rows,
            ratios,
            _findings(yardstick.design, ratios) if yardstick else [],
        )

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


def _both(one: Result, other: Result, key: str) -> bool:
    alike = not key.startswith(("energy", "power")) or activity(one) == activity(other)
    return bool(alike and one.get(key) and other.get(key) and other[key])


def _findings(yardstick: str, ratios: list[Ratio]) -> list[str]:
    """Two sentences that the figures say: the extremes of area and of energy."""
    sentences = []
    for key, least, most in (
        ("area", "smallest", "largest"),
        ("energy", "thriftiest", "hungriest"),
    ):
        ranked = sorted(
            (r for r in ratios if key in r.ratios and r.design != yardstick),
            key=lambda r: r.ratios[key],
        )
        if len(ranked) < 2:
            continue
        low, high = ranked[0], ranked[-1]
        title = KINDS[key].title
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
