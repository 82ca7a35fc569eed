"""``build/report``: one self-contained page, its Markdown twin and the JSON that both say."""

from __future__ import annotations

from pathlib import Path

import jinja2

from golden.files import write_atomic, write_json

from . import plots
from .collect import COMPARED, Report, collect
from .metrics import KINDS
from .tables import columns, figure, shown

TEMPLATES = Path(__file__).with_name("templates")


def write(build: Path) -> Path:
    """Write ``index.html``, ``index.md`` and ``report.json`` to ``build/report``; the page's path.

    The same results give the same bytes.
    """
    report = collect(build)
    folder = build / "report"
    # All are rendered before any is written, so that an error leaves the earlier report whole.
    page, text = render(report, "report.html.j2"), render(report, "report.md.j2")
    write_json(folder / "report.json", report.as_dict())
    write_atomic(folder / "index.md", text)
    return write_atomic(folder / "index.html", page)


def render(report: Report, template: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=template.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["figure"] = figure
    environment.filters["typeset"] = lambda unit: unit.replace("um2", "µm²").replace("uW", "µW")
    pictures = {}
    if template.endswith(".html.j2"):
        pictures["delays"] = {f.name: plots.area_against_delay(f) for f in report.families}
        pictures["parts"] = {f.name: plots.area_by_part(f) for f in report.families}
    return environment.get_template(template).render(
        report=report,
        kinds=KINDS,
        columns=columns([row.result for row in report.rows]),
        compared=COMPARED,
        **pictures,
    )
