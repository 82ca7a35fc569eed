"""``build/report``: one self-contained page, its Markdown twin and the JSON that both say."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2

from golden.files import write_atomic, write_json

from ..metrics import KINDS
from ..tables import columns, figure, shown
from . import answer_plots, plots
from .answers import FIGURES, Answer, answer
from .collect import COMPARED, Report, collect
from .quality import Quality, measure
from .questions import designs, questions

FOLDER = Path(__file__).with_name("templates")
TEMPLATES = ("report.html.j2", "report.md.j2")


def write(build: Path, tensor: str | None = None) -> Path:
    """Write ``index.html``, ``index.md`` and ``report.json`` to ``build/report``; the page's path.

    ``tensor``: what the SNR of formats is of, ``FILE[:ARRAY]``. The same results give the same
    bytes.
    """
    report = collect(build)
    asked = set(designs())
    quality = (
        measure(tensor, build)
        if any(row.result.design in asked for row in report.done)
        else Quality("", (), "", {}, "", "none of the designs has been synthesised")
    )
    answers = [answer(question, report, quality) for question in questions()]
    folder = build / "report"
    # All are rendered before any is written, so that an error leaves the earlier report whole.
    page, text = (render(report, answers, quality, name) for name in TEMPLATES)
    write_json(folder / "report.json", report.as_dict() | _as_dict(answers, quality))
    write_atomic(folder / "index.md", text)
    return write_atomic(folder / "index.html", page)


def _as_dict(answers: list[Answer], quality: Quality) -> dict[str, Any]:
    return {
        "questions": [each.as_dict() for each in answers],
        "quality": asdict(quality),
    }


def render(report: Report, answers: list[Answer], quality: Quality, template: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=template.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["figure"] = figure
    environment.filters["typeset"] = lambda unit: unit.replace("um2", "µm²").replace("uW", "µW")
    pictures: dict[str, Any] = {}
    if template.endswith(".html.j2"):
        pictures["delays"] = {f.name: plots.area_against_delay(f) for f in report.families}
        pictures["parts"] = {f.name: plots.area_by_part(f) for f in report.families}
        pictures["answered"] = {a.question.name: answer_plots.picture(a) for a in answers}
        pictures["formats"] = answer_plots.formats_by_bits(quality) if quality.rows else ""
    return environment.get_template(template).render(
        report=report,
        answers=answers,
        quality=quality,
        kinds=KINDS,
        columns=columns([row.result for row in report.rows]),
        compared=COMPARED,
        answer_columns=FIGURES,
        **pictures,
    )
