"""One design through the tools: figures, cache, and what happens when something is wrong."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from golden.errors import BadInput
from synth import flow, sources
from synth.cache import address
from synth.flow.job import DECIDING
from synth.library import DEFAULT_LIBERTY, Library
from synth.mapping import yosys
from synth.mapping.netlist import read
from synth.mapping.recipes import RECIPES, find
from synth.metrics import load
from synth.timing import sta

SAMPLES = Path(__file__).with_name("samples")
pytestmark = pytest.mark.usefixtures("osu018")


def test_area_is_what_yosys_says(build, results, tmp_path):
    """The sum over the netlist against Yosys's own `stat -liberty`, design by design."""
    for name, result in results.items():
        netlist = build / "synth" / name / "mapped.v"
        steps = [f"read_verilog {netlist}", f"stat -liberty {DEFAULT_LIBERTY} -top {name}"]
        yosys.run(steps, tmp_path, 60)
        said = re.search(r"Chip area for module.*?: ([\d.]+)", (tmp_path / "yosys.log").read_text())
        assert result["area"] == float(said[1])
        assert result["area_nand2"] == pytest.approx(result["area"] / 24, rel=1e-5)
        # and against a count of the netlist's text
        text = netlist.read_text()
        cells = Counter(re.findall(r"^  ([A-Z]+\d*\w*) u\d+ \(", text, re.MULTILINE))
        assert {c: facts["count"] for c, facts in result.cells_by_type.items()} == cells
        assert result["cells"] == cells.total()
        assert result["flip_flops"] == cells["DFFPOSX1"]


def test_flip_flops_are_those_of_the_source(results):
    assert results["sample_mac"]["flip_flops"] == 48 + 32 + 2
    assert results["sample_dot4"]["flip_flops"] == 32 + 10 + 2


def test_timing_is_what_opensta_reports(build, results, osu018, tmp_path):
    """Critical path, its ends and its cells against the text of OpenSTA's `report_checks`."""
    for name, result in results.items():
        script = (
            f"read_liberty {DEFAULT_LIBERTY}\n"
            f"read_verilog {build / 'synth' / name / 'mapped.v'}\nlink_design {name}\n"
            "create_clock -name clk -period 10 [get_ports clk]\n"
            f"set_clock_transition {osu018.clock_slew} [get_clocks clk]\n"
            "foreach p [all_inputs] { if {[get_property $p full_name] ne {clk}} {\n"
            "  set_driving_cell -lib_cell INVX2 $p; set_input_delay 0 -clock clk $p } }\n"
            "set_output_delay 0 -clock clk [all_outputs]\n"
            f"set_load {osu018.output_load} [all_outputs]\n"
            "report_checks -path_delay max -digits 5\n"
        )
        (tmp_path / "check.tcl").write_text(script)
        said = subprocess.run(
            ["sta", "-exit", "-no_splash", "check.tcl"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        ).stdout
        slack = float(re.search(r"([\d.-]+)\s+slack", said)[1])
        assert result["critical_path"] == pytest.approx(10 - slack, abs=2e-5)
        assert result["fmax"] == pytest.approx(1e3 / (10 - slack), rel=1e-4)
        assert result["slack"] == pytest.approx(slack, abs=2e-5)
        path = result.critical_path
        assert [s.instance for s in path.stages] == re.findall(r"[v^] (u\d+)/[YQ] \(", said)
        assert path.start.startswith("in_data[") and path.end.startswith("o__payload[")
        assert sum(stage.delay for stage in path.stages) == pytest.approx(
            path.stages[-1].arrival, abs=1e-5
        )


def test_every_path_counts(tmp_path, synth):
    """A design whose longest path ends at an output, not at a register, is as slow as that path."""
    (tmp_path / "late.v").write_text(
        "module late(input clk, input [15:0] a, output reg [15:0] q, output [31:0] p);\n"
        "  always @(posedge clk) q <= a;\n  assign p = q * q;\nendmodule\n"
    )
    manifest = {"top": "late", "clock": {"port": "clk"}}
    (tmp_path / "late.json").write_text(json.dumps(manifest))
    build = tmp_path / "build"
    assert synth("run", "--from", tmp_path, "--build", build).return_value == 0
    result = load(build / "synth" / "late" / "metrics.json")
    assert result.critical_path.kind == "register-output"
    assert result.critical_path.end.startswith("p[")
    assert result.get("register_path") is None and result["critical_path"] > 2


def test_parts_are_the_instances_of_the_top(results):
    parts = {part.name: part for part in results["sample_dot4"].parts}
    assert set(parts) == {
        "lane0", "lane1", "lane2", "lane3", "tree", "registers", "handshake and glue",
    }  # fmt: skip
    assert len({parts[f"lane{i}"].area for i in range(4)}) == 1
    assert parts["registers"].flip_flops == 44 and parts["registers"].area == 44 * 96
    # Borders cost something, but it is the same design.
    total = sum(part.area for part in parts.values())
    assert results["sample_dot4"]["area"] < total < 1.25 * results["sample_dot4"]["area"]


def test_two_runs_give_the_same_bytes(build, tmp_path, synth):
    """No cache between them: another build folder. Netlist and figures alike."""
    assert synth("run", "--from", SAMPLES, "--build", tmp_path, "--jobs", 1).return_value == 0
    for name in ("sample_mac", "sample_dot4"):
        for file in ("metrics.json", "mapped.v"):
            one, other = (folder / "synth" / name / file for folder in (build, tmp_path))
            assert one.read_bytes() == other.read_bytes()


def imported(path):
    """The files of `synth` that a file of it imports: modules, and faces that names come from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            if folder.with_suffix(".py").is_file():
                yield folder.with_suffix(".py")
                continue
            for alias in node.names:
                module = folder / f"{alias.name}.py"
                yield module if module.is_file() else folder / "__init__.py"


def test_all_that_decides_the_figures_is_in_the_address():
    """What the step from a design to its figures imports, and so on, is digested or is data."""
    synth = address.ROOT / "synth"
    data = ["sources/*.py", "cache/*.py", "mapping/recipes.py", "flow/stimulus.py"]
    known = set(address.files(*DECIDING))
    apart = {path for glob in data for path in synth.glob(glob)}
    reached = [synth / "flow" / "synthesise.py"]
    for path in reached:
        reached += [p for p in imported(path) if p not in reached and p not in apart]
    assert len(reached) > 20
    assert not set(reached) - known
    assert (synth / "timing" / "sta.tcl") in known
    assert not any("__pycache__" in path.parts for path in known)


def test_an_address_is_of_names_and_text(tmp_path, monkeypatch):
    monkeypatch.setattr(address, "ROOT", tmp_path)
    found = set()
    for name, text in (("a.py", "x"), ("a.py", "y"), ("b.py", "y")):
        path = tmp_path / name
        path.write_text(text)
        address.of_files.cache_clear()
        found.add(address.of_files("*.py"))
        path.unlink()
    assert len(found) == 3
    with pytest.raises(AssertionError, match=r"matches \*\.py"):
        address.files("*.py")
    address.of_files.cache_clear()


def test_cache_answers_without_tools(build, monkeypatch, job):
    def refuse(*arguments, **options):
        raise AssertionError("a cached design was run again")

    monkeypatch.setattr(yosys, "run", refuse)
    before = (build / "synth" / "sample_dot4" / "metrics.json").read_bytes()
    shutil.rmtree(build / "synth" / "sample_dot4")
    assert flow.run(job(build)).status == "ok"
    assert (build / "synth" / "sample_dot4" / "metrics.json").read_bytes() == before


def test_cache_key_holds_all_that_matters(tmp_path, job):
    base = job(tmp_path)
    others = [
        job(tmp_path, "sample_mac"),
        job(tmp_path, recipe=find("area")),
        job(tmp_path, period=9.0),
        job(tmp_path, library_sha256="0"),
        job(tmp_path, dont_use=("AOI*",)),
    ]
    assert len({base.key, *(other.key for other in others)}) == 6
    assert base.key == job(tmp_path / "elsewhere").key


def test_dont_use_is_heeded(tmp_path, job):
    result = flow.run(job(tmp_path, dont_use=("AOI*", "OAI*")))
    assert not [name for name in result.cells_by_type if "OI" in name or "AI" in name]
    assert "--dont-use 'AOI*'" in result.provenance.command


# Small enough for a proof: a signed product, sums of 13 and 11 bits, a comparison.
SMALL = """
module small_product(input signed [3:0] a, input signed [3:0] w, output signed [7:0] p);
  assign p = a * w;
endmodule
module small(input clk, input en, input [3:0] a, input [3:0] w, input [12:0] c,
             output reg [12:0] sum, output reg [10:0] difference, output reg less);
  wire signed [7:0] p;
  small_product product(.a(a), .w(w), .p(p));
  always @(posedge clk) if (en) begin
    sum <= $signed(c) + p;
    difference <= c[10:0] - c[12:2];
    less <= $signed(c[7:0]) < p;
  end
endmodule
"""


@pytest.mark.parametrize("recipe", RECIPES)
def test_mapped_netlist_computes_what_the_verilog_says(recipe, tmp_path, job):
    """Formal equivalence of each recipe's netlist with its source, register by register."""
    (tmp_path / "small.v").write_text(SMALL)
    (tmp_path / "small.json").write_text(json.dumps({"top": "small", "clock": {"port": "clk"}}))
    source = sources.read(tmp_path / "small.json")
    result = flow.run(job(tmp_path, source=source, recipe=find(recipe)))
    assert result.status == "ok" and result.provenance.recipe == recipe
    mapped = tmp_path / "synth" / "small" / "mapped.v"
    assert prove(source, mapped, tmp_path) == ""
    # The proof can fail: exchange one gate of the netlist.
    text = mapped.read_text()
    broken = text.replace("OAI21X1 u", "AOI21X1 u", 1)
    assert broken != text
    mapped.write_text(broken)
    assert "unproven" in prove(source, mapped, tmp_path)


def prove(source, mapped, folder):
    """What Yosys has against the equivalence of ``mapped`` with its source; "" for nothing."""
    prepare = [f"prep -flatten -top {source.name}", "splitnets -ports"]
    steps = [
        f"read_verilog {source.verilog}",
        *prepare,
        "design -stash gold",
        f"read_liberty -ignore_miss_func {DEFAULT_LIBERTY}",
        f"read_verilog {mapped}",
        *prepare,
        "design -stash gate",
        f"design -copy-from gold -as gold {source.name}",
        f"design -copy-from gate -as gate {source.name}",
        "equiv_make gold gate equiv",
        "hierarchy -top equiv",
        "equiv_simple -undef",
        "equiv_induct -undef",
        "equiv_status -assert",
    ]
    try:
        yosys.run(steps, folder, 600)
    except yosys.Failed as failure:
        return str(failure)
    return ""


def test_failed_design_stays_in_the_table(tmp_path, synth):
    """A latch that nobody meant: one failed row, the other design done, status 1."""
    folder = tmp_path / "verilog"
    shutil.copytree(SAMPLES, folder)
    text = (folder / "sample_dot4.v").read_text()
    broken = text.replace("always @(posedge clk) begin", "always @* begin")
    (folder / "sample_dot4.v").write_text(broken)
    outcome = synth("run", "--from", folder, "--build", tmp_path / "build")
    assert outcome.return_value == 1
    result = load(tmp_path / "build" / "synth" / "sample_dot4" / "metrics.json")
    assert result.status == "failed" and "latch" in result.error and not result.metrics
    assert "sample_dot4 failed: " in outcome.output and " 82 " in outcome.output
    report = synth("report", "--build", tmp_path / "build")
    assert report.exception is None and "failed" in report.output


def test_syntax_error_fails_with_its_line(tmp_path, synth):
    (tmp_path / "bad.v").write_text("module bad(input clk;\nendmodule\n")
    (tmp_path / "bad.json").write_text(json.dumps({"top": "bad", "clock": {"port": "clk"}}))
    outcome = synth("run", "--from", tmp_path, "--build", tmp_path / "build")
    assert "bad failed: Yosys: " in outcome.output and "syntax error" in outcome.output


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["nonesuch"], "design 'nonesuch' is not in"),
        (["--period", "0"], "period is 0.0 ns; allowed: above 0"),
        (["--period", "nan"], "period is nan ns"),
        (["--period", "-3"], "period is -3.0 ns"),
        (["--liberty", "nonesuch.lib"], "nonesuch.lib cannot be read"),
        (["--liberty", __file__], "is not a Liberty file: line"),
        (["--dont-use", "DFF*", "--dont-use", "LATCH"], "has no flip-flop"),
        (["--recipe", "best"], "recipe is 'best'; allowed: balanced, area, speed, reference"),
    ],
)
def test_bad_input_leaves_earlier_results(build, arguments, what, synth):
    before = snapshot(build)
    outcome = synth("run", "--from", SAMPLES, "--build", build, *arguments)
    assert isinstance(outcome.exception, BadInput), outcome.output
    assert what in str(outcome.exception) and "\n" not in str(outcome.exception)
    assert snapshot(build) == before


def snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_command_line_says_one_line_and_exits_with_2(tmp_path):
    """Through the real process, from the project's folder."""
    outcome = subprocess.run(
        [sys.executable, "-m", "synth", "run", "nonesuch", "--build", tmp_path],
        capture_output=True,
        text=True,
        cwd=SAMPLES.parents[2],
    )
    assert outcome.returncode == 2 and outcome.stdout == ""
    assert outcome.stderr.startswith("error: design 'nonesuch' is not in the catalog; allowed: ")
    assert outcome.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_missing_driving_cell(tmp_path, synth):
    path = tmp_path / "other.lib"
    path.write_bytes(DEFAULT_LIBERTY.read_bytes().replace(b"INVX2", b"INVB"))
    with pytest.raises(BadInput, match="'reference' drives inputs with INVX2, which library"):
        yosys.constraints(find("reference"), Library(path))
    outcome = synth(
        "run", "--from", SAMPLES, "--build", tmp_path, "--liberty", path, "--recipe", "reference"
    )
    assert isinstance(outcome.exception, BadInput)


@pytest.mark.parametrize("file", ["sky130hd_tt.lib.gz", "sg13g2_stdcell_typ_1p20V_25C.lib.gz"])
def test_other_libraries(file, tmp_path, synth, job):
    path = SAMPLES.parents[3] / "shared" / "liberty" / file
    if not path.is_file():
        pytest.skip(f"{file} is not on this machine")
    outcome = synth("run", "--from", SAMPLES, "--build", tmp_path, "--liberty", path)
    assert outcome.return_value == 0, outcome.output
    result = load(tmp_path / "synth" / "sample_mac" / "metrics.json")
    assert result["flip_flops"] == 82 and 1 < result["critical_path"] < 10
    assert 800 < result["area_nand2"] < 2500 and result["power"] > 0
    library = Library(path)
    assert not set(result.cells_by_type) & set(library.dont_use)
    cached = flow.run(job(tmp_path, "sample_mac", liberty=path, library_sha256=library.sha256))
    assert cached == result


def test_interrupted_run_leaves_no_half_result(tmp_path, monkeypatch, job):
    """Whatever stops a run in its middle, neither cache nor output hold anything of it."""

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(sta, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        flow.run(job(tmp_path))
    assert not list((tmp_path / "cache" / "synth").iterdir())
    assert not (tmp_path / "synth").exists()


def test_timeout_is_a_failure(tmp_path, job):
    result = flow.run(job(tmp_path, timeout=0.01))
    assert result.status == "failed" and "took longer than 0.01 s" in result.error


def test_netlist_reads_names(build, osu018, tmp_path):
    """Register names in the netlist's JSON survive flattening."""
    steps = [
        f"read_verilog {build / 'synth' / 'sample_mac' / 'mapped.v'}",
        "write_json mapped.json",
    ]
    yosys.run(steps, tmp_path, 60)
    netlist = read(tmp_path / "mapped.json", osu018)["sample_mac"]
    flops = [i for i in netlist.instances if i.cell.kind == "flip-flop"]
    names = {netlist.names[flop.pins["Q"]] for flop in flops}
    assert {"o__valid", "in_valid", "o__payload[0]", "o__payload[31]"} <= names
