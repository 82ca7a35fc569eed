"""The report: what it says of given results."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from golden.errors import BadInput
from synth import report
from synth.fmax import curve
from synth.fpga import result as fpga
from synth.metrics import Branch, MemoryUse, Recording, load, metric, save
from synth.report import drawing, plots
from synth.report.collect import simulation
from synth.tables.figures import COLUMNS, figure, shown

SAMPLES = Path(__file__).with_name("samples")


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    """Measuring the real weights takes half a minute."""
    monkeypatch.setattr("synth.report.quality.PACKAGE", "no-such-package")


@pytest.fixture
def own(build, tmp_path):
    """A copy of the results that a test may change."""
    shutil.copytree(build / "synth", tmp_path / "synth")
    return tmp_path


def sim(build, name, **changes):
    sha256 = load(build / "synth" / name / "metrics.json").provenance.verilog_sha256
    facts = {
        "design": name, "status": "pass", "vectors": 10000, "beats": 12, "seed": 1,
        "sha256": sha256,
    }  # fmt: skip
    path = build / "sim" / name / "result.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts | changes))


class Page(HTMLParser):
    """Cells of the table of all designs, links out of the page, and the nesting of tags."""

    VOID = frozenset({"meta", "br", "link", "img", "use", "path", "input"})

    def __init__(self, text):
        super().__init__()
        self.rows, self.external, self.open, self.cell, self.within = [], [], [], None, False
        self.ids = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        facts = dict(attributes)
        self.open += [] if tag in self.VOID else [tag]
        if tag == "table":
            self.within = facts.get("id") == "results"
        self.ids += [facts["id"]] if "id" in facts else []
        for key in ("src", "href", "xlink:href"):
            if key in facts and not facts[key].startswith("#"):
                self.external.append(facts[key])
        if self.within and tag == "tr":
            self.rows.append([])
        if self.within and tag in ("td", "th"):
            self.cell = ""
            self.rows[-1].append(facts.get("title", ""))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("td", "th") and self.cell is not None:
            self.rows[-1][-1] = (self.cell.strip(), self.rows[-1][-1])
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


def test_page_shows_the_metrics_with_their_provenance(own):
    page = Page(report.write(own).read_text())
    assert page.open == []  # every tag closed
    rows = {row[0][0]: row[1:] for row in page.rows[1:]}
    assert set(rows) == {"sample_mac", "sample_dot4"}
    for name, cells in rows.items():
        result = load(own / "synth" / name / "metrics.json")
        for column, (text, title) in zip(COLUMNS, cells, strict=False):
            assert text == figure(result, column)
            if text == "-":
                continue
            assert result.get(column).source in title
            assert result.provenance.line() in title
        assert [cell[0] for cell in cells[-2:]] == ["not run", "-"]


def test_pages_need_no_network(own):
    folder = report.write(own).parent
    pages = {path.name: path.read_text() for path in folder.glob("*.html")}
    assert set(pages) == {"index.html", "sample_mac.html", "sample_dot4.html"}
    for text in pages.values():
        page = Page(text)
        assert page.open == [] and set(page.external) <= set(pages)  # links to each other only
        assert not re.search(r"url\((?!#)|@import|<link|src=", text)
    assert set(Page(pages["index.html"]).external) == set(pages) - {"index.html"}


def test_ids_are_unique(own):
    ids = Page(report.write(own).read_text()).ids
    assert len(ids) == len(set(ids)) and "sample_mac" in ids


def test_pictures_take_the_colour_of_the_page(own):
    text = report.write(own).read_text()
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(pictures) == 2  # two families of one: bars only
    for picture in pictures:
        assert "currentColor" in picture
        assert not re.search(r"#000000|#ffffff|\bblack\b|\bwhite\b|#010203", picture)


def test_same_results_give_the_same_bytes(own):
    def files():
        return {path.name: path.read_bytes() for path in report.write(own).parent.iterdir()}

    first = files()
    assert set(first) == {
        "index.html", "index.md", "report.json", "sample_mac.html", "sample_dot4.html"
    }  # fmt: skip
    assert files() == first


def test_markdown_and_json_say_the_same(own):
    folder = report.write(own).parent
    data = {d["design"]: d for d in json.loads((folder / "report.json").read_text())["designs"]}
    lines = (folder / "index.md").read_text().splitlines()
    for name, facts in data.items():
        result = load(own / "synth" / name / "metrics.json")
        values = {metric["name"]: metric["value"] for metric in facts["metrics"]}
        assert values == {metric.name: metric.value for metric in result.metrics}
        (line,) = (line for line in lines if line.startswith(f"| {name} |"))
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells == [name, *(figure(result, column) for column in COLUMNS), "not run", "-"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "pass"),
        ({"status": "fail"}, "fail"),
        ({"sha256": "0" * 64}, "stale"),
        ({"status": "fail", "sha256": "0" * 64}, "stale"),
        ({"status": None}, "fail"),
    ],
)
def test_simulation_status(own, changes, status):
    sim(own, "sample_mac", **changes)
    rows = {row.result.design: row for row in report.collect(own).rows}
    assert rows["sample_mac"].simulation.status == status
    assert rows["sample_dot4"].simulation.status == "not run"
    if status == "pass":
        assert rows["sample_mac"].simulation.detail == "10,000 vectors, 12 beats, seed 1"


def test_unreadable_simulation_is_no_pass(own):
    sim(own, "sample_mac")
    (own / "sim" / "sample_mac" / "result.json").write_text("{")
    assert simulation(own, "sample_mac", "x").status == "fail"


def test_outdated_verilog_is_marked(own):
    (own / "verilog").mkdir()
    (own / "verilog" / "sample_mac.v").write_text("module sample_mac; endmodule\n")
    rows = {row.result.design: row for row in report.collect(own).rows}
    assert rows["sample_mac"].outdated and not rows["sample_dot4"].outdated
    assert ">outdated<" in report.write(own).read_text()


def named(own, sample, name, **provenance):
    """The sample's result under a catalog name."""
    result = load(own / "synth" / sample / "metrics.json")
    changed = replace(result.provenance, **provenance)
    save(
        own / "synth" / name / "metrics.json",
        replace(result, design=name, family="dot product", config={"lanes": 4}, provenance=changed),
    )
    return result


def test_curves_and_fpgas_are_drawn_with_their_provenance(own):
    points = [
        curve.Point("speed", target, 2.0, {"critical_path": delay, "area": area}, "", "again")
        for target, delay, area in ((None, 2.0, 900.0), (3.0, 3.0, 500.0), (4.0, 3.5, 600.0))
    ]
    found = curve.Curve(
        "sample_mac", "", "a library", "typical", {}, "0", "python -m synth fmax", 500.0, points
    )
    curve.save(own / "fmax" / "sample_mac" / "curve.json", found)
    made = fpga.FpgaProvenance(
        {"Yosys": "0"}, "ecp5", "25k", "LFE5U", "synth_ecp5", "-r", 1, "0", "cmd"
    )
    uses = [fpga.metric("lut", 123, "counted"), fpga.metric("fmax", 98.5, "routed")]
    rows = (
        fpga.FpgaResult("sample_mac", "mac", "", "ok", "", made, uses),
        fpga.FpgaResult("sample_dot4", "mac", "", "failed", "does not fit", made),
    )
    for row in rows:
        fpga.save(fpga.folder(own, "ecp5") / f"{row.design}.json", row)
    page = report.write(own)
    text, one, markdown = (
        page.with_name(name).read_text() for name in ("index.html", "sample_mac.html", "index.md")
    )
    for each in (text, one):
        assert 'aria-label="area-delay curves' in each
        assert "does not fit" in text and f"counted&#10;{made.line()}" in each
    assert "500 MHz" in one and "python -m synth fmax" in one
    assert "| sample_mac | 123 |" in markdown and "failed: does not fit" in markdown
    data = json.loads(page.with_name("report.json").read_text())
    assert [row["design"] for row in data["fpga"]["ecp5"]] == ["sample_dot4", "sample_mac"]
    assert [len(each["points"]) for each in data["curves"]] == [3]


def test_ratios_are_of_the_figures(own):
    base = named(own, "sample_mac", "int8_dot32")
    other = named(own, "sample_dot4", "mxfp4_dot32")
    shutil.copytree(own / "synth" / "sample_mac", own / "synth" / "int8_mac")
    mac = replace(base, design="int8_mac", family="mac")
    save(own / "synth" / "int8_mac" / "metrics.json", mac)
    families = {family.name: family for family in report.collect(own).families}
    dots = {ratio.design: ratio for ratio in families["dot product"].ratios}
    assert dots["int8_dot32"].ratios == {"area": 1, "critical_path": 1, "energy": 1}
    for key in ("area", "critical_path", "energy"):
        assert dots["mxfp4_dot32"].ratios[key] == other[key] / base[key]
    text = report.write(own).read_text()
    assert f"{other['area'] / base['area']:.2f}</td>" in text
    assert f'title="area: {shown(other["area"])} over {shown(base["area"])} um2"' in text


def test_ratios_of_macs_are_at_equal_throughput(own):
    def made(sample, name, macs):
        result = named(own, sample, name, operation="MAC")
        energy = metric("energy_operation", result["energy"] / macs, "made up")
        metrics = [m for m in result.metrics if m.name != energy.name]
        path = own / "synth" / name / "metrics.json"
        save(path, replace(load(path), metrics=[*metrics, energy]))
        return result["area"] / macs, result["energy"] / macs

    base, other = made("sample_mac", "int8_dot32", 1), made("sample_dot4", "mxfp4_dot32", 4)
    shutil.rmtree(own / "synth" / "sample_mac")
    shutil.rmtree(own / "synth" / "sample_dot4")
    (family,) = report.collect(own).families
    (_, ratio) = family.ratios
    assert ratio.ratios["area_mac"] == pytest.approx(other[0] / base[0])
    assert ratio.ratios["energy_mac"] == pytest.approx(other[1] / base[1])
    text = report.write(own).read_text()
    assert ">area for a MAC a cycle<" in text and "area for a MAC a cycle, 1000 µm²" in text


def test_pictures_lead_to_pages_and_name_those_of_the_front(own):
    result = named(own, "sample_mac", "int8_dot32")
    for k in range(drawing.NAMED):  # all in one place, and not as good
        path = own / "synth" / f"big{k}" / "metrics.json"
        worse = [replace(m, value=m.value * (2 + k / 1000)) for m in result.metrics]
        save(path, replace(result, design=f"big{k}", family="dot product", metrics=worse))
    families = {family.name: family for family in report.collect(own).families}
    drawn = plots.area_against_delay(families["dot product"])
    links = re.findall(r'<a href="(.*?).html"><title>(.*?)</title>', drawn)
    assert all(name == title for name, title in links)
    names = {f"big{k}" for k in range(drawing.NAMED)}
    assert {name for name, _ in links} == names | {"int8_dot32", "sample_dot4"}
    texts = re.findall(r"<text[^>]*>(.*?)</text>", drawn, re.S)
    assert "int8_dot32" in texts and len(names & set(texts)) < drawing.NAMED


def test_each_part_has_a_colour_of_its_own(own):
    path = own / "synth" / "sample_dot4" / "metrics.json"
    found = load(path)
    many = [replace(found.parts[0], name=f"part{k:02}", area=99.0 - k) for k in range(14)]
    save(path, replace(found, parts=many))
    families = {family.name: family for family in report.collect(own).families}
    drawn = plots.area_by_part(families["dot product"])
    assert "part08" in drawn and "part09" not in drawn and "others" in drawn


def test_settings_say_of_how_many_designs(own):
    named(own, "sample_mac", "int8_dot32", recording=Recording("numbers", 1, 9, 9, 9, 9, 1.0))
    (setting,) = report.collect(own).settings
    assert "measured with numbers, seed 1 (1 design)" in setting
    assert "(2 designs)" in setting


def test_memories_are_a_table_of_their_own(own):
    path = own / "synth" / "sample_mac" / "metrics.json"
    found = load(path)
    use = MemoryUse(64, 8, 1, 1, 2, 5.0, 1.0, 1.5, 0.25, "")
    values = {"memory_bits": 1024, "memory_area": 10, "memory_energy": 5, "memory_leakage": 0.5}
    metrics = [*found.metrics, *(metric(name, value, "a model") for name, value in values.items())]
    save(path, replace(found, metrics=metrics, memories=[use]))
    text = report.write(own).read_text()
    _, table = text.split("<h3>Memories</h3>")
    assert 'data-value="1024.0" title="a model&#10;' in table or 'data-value="1024"' in table
    page = Page(text)
    assert not any("memory" in cell[0] for cell in page.rows[0])


def test_unlike_figures_make_no_ratio(own):
    named(own, "sample_mac", "int8_dot32")
    named(own, "sample_dot4", "mxfp4_dot32", recipe="area")
    whole = report.collect(own)
    families = {family.name: family for family in whole.families}
    ratios = families["dot product"].ratios
    assert [ratio.design for ratio in ratios] == ["int8_dot32", "sample_dot4"]
    assert len(whole.settings) == 2


def test_too_slow_for_the_clock_is_said(build, tmp_path, synth):

    outcome = synth("run", "--from", SAMPLES, "--build", tmp_path, "--period", 1, "sample_dot4")
    assert outcome.return_value == 0
    assert load(tmp_path / "synth" / "sample_dot4" / "metrics.json")["slack"] < 0
    page = report.write(tmp_path)
    assert "slower than the clock" in page.read_text()
    assert "slower than the clock" in (page.parent / "index.md").read_text()


def test_nothing_to_report(tmp_path):
    with pytest.raises(BadInput, match="holds no results; `make synth` makes them"):
        report.write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_error_leaves_the_earlier_report(own, synth):
    page = report.write(own)
    before = page.read_bytes()
    (own / "synth" / "sample_mac" / "metrics.json").write_text("{}")
    outcome = synth("report", "--build", own)
    assert isinstance(outcome.exception, BadInput) and page.read_bytes() == before


def test_pages_of_designs_that_are_gone_are_removed(own):
    folder = report.write(own).parent
    (folder / "notes.html").write_text("<title>mine</title>")
    shutil.rmtree(own / "synth" / "sample_dot4")
    report.write(own)
    assert {path.name for path in folder.glob("*.html")} == {
        "index.html", "notes.html", "sample_mac.html",
    }  # fmt: skip


def test_power_by_module_where_it_is_measured(own):
    path = own / "synth" / "sample_mac" / "metrics.json"
    found = load(path)
    part = found.parts[0]
    branch = Branch(part.name, part.module, 1, 1, 0, 1.0, 0, 0.0, None, "", "", 1.25)
    save(path, replace(found, branches=[branch]))
    text = (report.write(own).parent / "sample_mac.html").read_text()
    assert "Area and power by submodule" in text and ">1.25 mW</td>" in text
    assert "power by submodule" not in (own / "report" / "sample_dot4.html").read_text()
