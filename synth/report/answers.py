"""Answers to the questions: their tables, and sentences that the figures make."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ..metrics import KINDS, Kind
from ..metrics.front import front
from ..tables.figures import shown
from .collect import COMPARED, Report, Row, activity, setting
from .quality import Quality
from .questions import Claim, Entry, Question

#: The figures of an answer in the order of their columns.
FIGURES = {
    "macs": Kind("MACs", "/ cycle", "higher", "products that enter the sum in a cycle"),
    "area": KINDS["area"],
    "area_mac": COMPARED["area_mac"],
    "critical_path": KINDS["critical_path"],
    "area_rate": Kind(
        "area for a GMAC/s",
        "um2",
        "lower",
        "area over MACs a second, each design at its own fastest clock: 1 / critical path",
    ),
    "energy_mac": COMPARED["energy_mac"],
    "bits": Kind("bits", "/ weight", "lower", "bits a number, its share of the scales included"),
    "snr": Kind("SNR", "dB", "higher", "signal to quantisation noise of the weights"),
}
#: Those that depend on activity.
ENERGY = ("energy_mac",)


@dataclass(frozen=True)
class Figure:
    """``about``: an estimate, to be shown with a "~"; ``source``: what is shown on hover."""

    value: float
    unit: str
    source: str
    about: bool = False

    def __str__(self) -> str:
        return ("~" if self.about else "") + shown(self.value)


@dataclass(frozen=True)
class Line:
    """A design in the table of an answer; ``row`` is None where it has no results yet."""

    entry: Entry
    row: Row | None
    figures: dict[str, Figure]
    ratios: dict[str, float]
    """Area for a MAC a cycle and energy a MAC over those of the design it is compared with."""

    @property
    def done(self) -> bool:
        return self.row is not None and self.row.result.status == "ok"

    @property
    def command(self) -> str:
        """What makes the figures."""
        return f"python -m synth run {self.entry.design}"

    def value(self, name: str) -> float | None:
        figure = self.figures.get(name)
        return figure and figure.value


@dataclass(frozen=True)
class Answer:
    question: Question
    lines: list[Line]
    quality: Quality

    @property
    def done(self) -> list[Line]:
        return [line for line in self.lines if line.done]

    @property
    def missing(self) -> list[Line]:
        return [line for line in self.lines if not line.done]

    @cached_property
    def front(self) -> list[Line]:
        """The Pareto front: no other line has less energy a MAC and as much SNR, or the other way
        round; the thriftiest first."""
        points = [
            line
            for line in self.done
            if line.value("snr") is not None and line.value("energy_mac") is not None
        ]
        figures = [(line.value("energy_mac"), line.value("snr")) for line in points]
        return [points[index] for index in front(figures, ("lower", "higher"), repeats=False)]

    @cached_property
    def sentences(self) -> list[str]:
        """What the figures say: the ratios, the quality of the formats, the papers' claims."""
        found = [_ratios(self), _qualities(self), *(_claim(self, c) for c in self.question.claims)]
        return [sentence for sentence in found if sentence]

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.question.name,
            "title": self.question.title,
            "sentences": self.sentences,
            "claims": [asdict(claim) for claim in self.question.claims],
            "rows": [
                {
                    **asdict(line.entry),
                    "status": line.row.result.status if line.row else "missing",
                    "command": line.command,
                    "figures": {
                        name: {**asdict(figure), "better": FIGURES[name].better}
                        for name, figure in line.figures.items()
                    },
                    "ratios": line.ratios,
                    "front": line in self.front,
                }
                for line in self.lines
            ],
        }


def answer(question: Question, report: Report, quality: Quality) -> Answer:
    """The answer that the results of ``report`` give."""
    rows = {row.result.design: row for row in report.rows}
    figures = {e.design: _figures(e, rows.get(e.design), quality) for e in question.entries}
    lines = []
    for entry in question.entries:
        row, other, ratios = rows.get(entry.design), rows.get(entry.over), {}
        # Figures made in different ways do not make a ratio.
        if row and other and setting(row.result) == setting(other.result):
            for name in ("area_mac", "energy_mac"):
                one, two = (figures[design].get(name) for design in (entry.design, entry.over))
                alike = name not in ENERGY or activity(row.result) == activity(other.result)
                if one and two and one.value and two.value and alike:
                    ratios[name] = one.value / two.value
        lines.append(Line(entry, row, figures[entry.design], ratios))
    return Answer(question, lines, quality)


def _figures(entry: Entry, row: Row | None, quality: Quality) -> dict[str, Figure]:
    found: dict[str, Figure] = {}

    def add(name: str, value: float | None, source: str, about: bool = False) -> None:
        if value is not None:
            unit = FIGURES[name].unit
            found[name] = Figure(float(f"{value:.6g}"), unit, source, about)

    macs = entry.macs
    mode = ", ".join(f"{name} {value}" for name, value in entry.mode.items())
    stated = f"{shown(macs)} MACs a cycle" + (f" with {mode}" if mode else "")
    add("macs", macs, f"of the configuration: {stated}")
    if row is not None and row.result.status == "ok":
        result = row.result
        line = result.provenance.line()
        area, delay = result["area"], result.get("critical_path")
        add("area", area, f"{result.get('area').source}\n{line}")
        add("area_mac", area / macs, f"area / {stated}\n{line}")
        if delay:
            add("critical_path", delay.value, f"{delay.source}\n{line}")
            add("area_rate", area / macs * delay.value, f"area x critical path / {stated}\n{line}")
        energy = result.get("energy")
        if energy:
            source = f"{energy.source}, over {stated}\n{line}"
            add("energy_mac", energy.value / macs, source, not result.provenance.measured)
    kept = quality.rows.get(entry.format)
    if kept:
        scale = f"{kept.format}, scale {kept.scale}"
        add("bits", kept.bits, f"of the format: {scale}")
        numbers = f"{quality.tensor}, shape {quality.shape}, sha256 {quality.sha256[:12]}"
        add("snr", kept.db, f"golden model; {scale}; {numbers}; {quality.command}")
    return found


def _listed(parts: list[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]


def _ratios(answer: Answer) -> str:
    """Area and energy beside each of the designs that others are compared with: in full the first
    time, then the numbers alone."""
    groups: dict[str, list[str]] = {}
    full = True
    for line in answer.lines:
        if "area_mac" not in line.ratios:
            continue
        name, area, energy = line.entry.design, *map(line.ratios.get, ("area_mac", "energy_mac"))
        if energy is None:
            said = f"{name} {'takes ' * full}{area:.2f} times the area"
        elif full:
            said = f"{name} takes {area:.2f} times the area and {energy:.2f} times the energy"
        else:
            said = f"{name} {area:.2f} and {energy:.2f}"
        full = full and energy is None
        groups.setdefault(line.entry.over, []).append(said)
    parts = [f"beside {over}, {', '.join(group)}" for over, group in groups.items()]
    return f"At equal throughput, {'; '.join(parts)}." if parts else ""


def _qualities(answer: Answer) -> str:
    kept = {
        line.entry.format: line.value("snr")
        for line in answer.done
        if line.value("snr") is not None
    }
    if len(kept) < 2:
        return ""
    ranked = sorted(kept, key=lambda name: -kept[name])
    listed = _listed([f"{kept[name]:.1f} dB in {name}" for name in ranked])
    pareto = ""
    if answer.front:
        verb = "are" if len(answer.front) > 1 else "is"
        front = _listed([line.entry.design for line in answer.front])
        pareto = f"; {front} {verb} on the Pareto front of energy against SNR"
    return f"The SNR on {answer.quality.tensor} is {listed}{pareto}."


def _claim(answer: Answer, claim: Claim) -> str:
    """The paper's ratios beside ours, which are the other way round than those of the table."""
    what = {"area_mac": "area", "energy_mac": "energy a MAC"}

    def said(ratios: dict[str, float]) -> str:
        return _listed([f"{ratio:.2f} times the {what[name]}" for name, ratio in ratios.items()])

    ours = []
    for line in answer.lines:
        inverse = {name: 1 / line.ratios[name] for name in claim.ratios if name in line.ratios}
        if line.entry.design in claim.designs and inverse:
            ours.append(f"{line.entry.over} takes {said(inverse)} of {line.entry.design}")
    here = f"here {_listed(ours)}" if ours else "here none has been measured yet"
    return f"{claim.source} claims {said(claim.ratios)}; {here}."
