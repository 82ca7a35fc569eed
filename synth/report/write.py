"""``build/report``: one self-contained page, its Markdown twin and the JSON that both say."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2

from golden.files import write_atomic, write_json

from ..fmax.curve import Curve
from ..fpga import result as fpga
from ..fpga.table import columns as fpga_columns
from ..metrics import KINDS
from ..tables.figures import MEMORY_COLUMNS, columns, figure, shown
from . import answer_plots, curve_plots, plots
from .answers import FIGURES, Answer, answer
from .collect import COMPARED, Report, collect
from .design_page import DesignPage, make
from .drawing import COLOURS
from .links import Links, links, load_curves
from .quality import Quality, measure
from .questions import designs, questions

FOLDER = Path(__file__).with_name("templates")
TEMPLATES = ("report.html.j2", "report.md.j2")
MEMORIES = ("memory_bits", "memory_area", "memory_energy", "memory_leakage")


def write(build: Path, tensor: str | None = None) -> Path:
    """Write ``index.html``, ``index.md``, ``report.json`` and a page for each design to
    ``build/report``; the path of the first.

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
    others = links(build)
    singles = [make(row, build, others.get(row.result.design, Links())) for row in report.rows]
    # All are rendered before any is written, so that an error leaves the earlier report whole.
    page, text = (render(report, answers, quality, build, name) for name in TEMPLATES)
    pages = {each.row.result.design: _design(each) for each in singles}
    for name, html in pages.items():
        write_atomic(folder / f"{name}.html", html)
    _remove_others(folder, set(pages))
    write_json(folder / "report.json", report.as_dict() | _as_dict(answers, quality, build))
    write_atomic(folder / "index.md", text)
    return write_atomic(folder / "index.html", page)


def _remove_others(folder: Path, designs: set[str]) -> None:
    """Remove the pages of designs that earlier reports had; other files are not ours."""
    for path in folder.glob("*.html"):
        if path.stem not in designs and f"<title>{path.stem}: bitpillar</title>" in path.read_text(
            errors="replace"
        ):
            path.unlink()


def _as_dict(answers: list[Answer], quality: Quality, build: Path) -> dict[str, Any]:
    return {
        "questions": [each.as_dict() for each in answers],
        "quality": asdict(quality),
        "fpga": {
            target: [fpga.to_dict(result) for result in found]
            for target, found in fpga.load_all(build).items()
        },
        "curves": [asdict(found) for found in load_curves(build).values()],
    }


def _environment(html: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=html,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["figure"] = figure
    environment.filters["typeset"] = lambda unit: unit.replace("um2", "µm²").replace("uW", "µW")
    return environment


def _design(page: DesignPage) -> str:
    found = page.links.curve
    return (
        _environment(html=True)
        .get_template("design.html.j2")
        .render(
            page=page,
            kinds=KINDS,
            fpga_kinds=fpga.KINDS,
            columns=columns([page.row.result]),
            curve=curve_plots.curves([found], found.design) if found and found.good else "",
        )
    )


def render(
    report: Report, answers: list[Answer], quality: Quality, build: Path, template: str
) -> str:
    html = template.endswith(".html.j2")
    devices = fpga.load_all(build)
    pictures: dict[str, Any] = {}
    if html:
        pictures["delays"] = {f.name: plots.area_against_delay(f) for f in report.families}
        pictures["parts"] = {f.name: plots.area_by_part(f) for f in report.families}
        pictures["answered"] = {a.question.name: answer_plots.picture(a) for a in answers}
        pictures["formats"] = answer_plots.formats_by_bits(quality) if quality.rows else ""
        pictures["curves"] = _curves(build)
    return (
        _environment(html)
        .get_template(template)
        .render(
            report=report,
            answers=answers,
            quality=quality,
            kinds=KINDS,
            columns=[
                name
                for name in columns([row.result for row in report.rows])
                if name not in MEMORY_COLUMNS  # few have any: they are a table of their own
            ],
            memory_columns=MEMORIES,
            compared=COMPARED,
            answer_columns=FIGURES,
            devices=devices,
            fpga_kinds=fpga.KINDS,
            fpga_columns={target: fpga_columns(found) for target, found in devices.items()},
            pages={row.result.design for row in report.rows},
            **pictures,
        )
    )


def _curves(build: Path) -> list[str]:
    """The curves, those of one library together, no more in a picture than can be told apart."""
    groups: dict[str, list[Curve]] = {}
    for found in load_curves(build).values():
        if found.good:
            groups.setdefault(f"{found.library}, {found.corner}", []).append(found)
    most = len(COLOURS)
    return [
        curve_plots.curves(group[k : k + most], f"{name}, {k}")
        for name, group in groups.items()
        for k in range(0, len(group), most)
    ]
