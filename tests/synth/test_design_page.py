"""The page of a design: its structure from Verilog, its path, its waveform, and the page itself."""

import itertools
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from hw.catalog import select
from hw.verilog import emit
from synth import report
from synth.metrics import Step, load, save
from synth.report import diagram, wave
from synth.report.structure import Edge, Structure, read
from synth.timing.critical import by_part
from synth.timing.sta import Path_, Timing

VERILOG = """
module top(clk, rst, a, v, o);
  input clk;
  wire clk;
  input rst;
  wire rst;
  input [7:0] a;
  wire [7:0] a;
  input v;
  wire v;
  output [3:0] o;
  wire [3:0] o;
  reg [7:0] held;
  wire [5:0] \\x.y ;
  always @(posedge clk)
    held <= _0_;
  assign _0_ = v ? a : { 4'hf, held[3:0] };
  top_one one (
    .clk(clk),
    .i(held),
    .o(\\x.y )
  );
  top_two two (
    .i({ 2'h0, \\x.y [3:0] }),
    .o(o)
  );
endmodule
module top_one(clk, i, o);
  input clk;
  input [7:0] i;
  output [5:0] o;
endmodule
module top_two(i, o);
  input [5:0] i;
  output [3:0] o;
endmodule
"""


def test_structure_by_hand():
    found = read(VERILOG, "top", frozenset({"clk", "rst"}))
    assert found.nodes == {"one": ["one"], "two": ["two"]}
    assert (found.inputs, found.outputs) == (["a", "v"], ["o"])
    assert set(found.edges) == {
        Edge("port a", "one", 8),  # through a multiplexer and a register
        Edge("port v", "one", 1),
        Edge("one", "two", 6),
        Edge("two", "port o", 4),
    }


def test_a_net_in_pieces_is_as_wide_as_all_of_them():
    text = VERILOG.replace(".o(\\x.y )\n", ".o(\\x.y [4:0]),\n    .p(\\x.y [5])\n")
    text = text.replace("output [5:0] o;", "output [4:0] o;\n  output p;")
    text = text.replace(".i({ 2'h0, \\x.y [3:0] })", ".i(\\x.y )")
    assert Edge("one", "two", 6) in read(text, "top", frozenset({"clk", "rst"})).edges


def test_many_of_a_kind_are_one():
    lanes = "".join(
        f"  top_one lane{k} (\n    .clk(clk),\n    .i(a),\n    .o(n{k})\n  );\n" for k in range(5)
    )
    head, rest = VERILOG.split("  top_one one (")
    text = head + lanes + "  top_one one (" + rest
    found = read(text, "top", frozenset({"clk", "rst"}))
    assert found.nodes["one x 6"] == [*(f"lane{k}" for k in range(5)), "one"]
    assert Edge("one x 6", "two", 6) in found.edges


def test_structure_of_a_datapath_is_its_row_of_stages(tmp_path):
    (design,) = select("mxfp4_dot32")
    verilog = emit(design, tmp_path).with_suffix(".v").read_text()
    found = read(verilog, "mxfp4_dot32", frozenset({"clk", "rst"}))
    row = ["port i__payload", "front", *design.config.stages, "back", "port o__payload"]
    wide = [(e.source, e.target) for e in found.edges if e.width > 1]
    assert sorted(wide) == sorted(itertools.pairwise(row))
    assert next(e.width for e in found.edges if e.source == row[0]) == design.config.input.width


def test_a_stream_is_one_end_of_a_diagram(tmp_path):
    (design,) = select("int8_mac")
    verilog = emit(design, tmp_path).with_suffix(".v").read_text()
    text = diagram.dot(read(verilog, "int8_mac", frozenset({"clk", "rst"})), [])
    assert '"port i" -> "front" [label=" 48"];' in text  # the payload, without valid
    assert '"front" -> "port i" [style=dashed constraint=false];' in text  # ready
    assert '"back" -> "port o" [label=" 32"];' in text and "__" not in text


def test_a_diagram_of_many_edges_is_of_the_wide_ones():
    names = [f"n{k}" for k in range(diagram.MOST + 1)]
    edges = [Edge("port m_axi_arready", "n0", 1), Edge("port m_axi_rdata", "n0", 64)]
    edges += [Edge("n0", name, 1) for name in names]
    text = diagram.dot(Structure({name: [name] for name in names}, [], [], edges), [])
    assert text.count("->") == 1 and '"port m_axi" -> "n0" [label=" 64"];' in text


def test_path_by_part_by_hand():
    points = (("f/u1/Q", 0.25), ("p/u1/A", 0.25), ("p/u1/Y", 1.0), ("p/u9/Y", 1.5), ("u3/Y", 1.75))
    path = Path_("register-output", 2.0, (*points, ("o", 1.75)))
    steps = by_part(Timing({path.kind: path}, {}))
    assert steps == [Step("f", 0.25), Step("p", 1.25), Step("", 0.5)]
    assert by_part(Timing({}, {})) == []


def test_path_by_part_of_a_design(results):
    result = results["sample_dot4"]
    names = {part.name for part in result.parts}
    assert result.path_by_part and {s.name for s in result.path_by_part} - {""} <= names
    assert sum(s.delay for s in result.path_by_part) == pytest.approx(
        result["critical_path"], rel=0.5
    )


@pytest.mark.parametrize("name", ["int8_mac", "lut_w4a8_serial_dot32", "bitmod_pe"])
def test_waveform_is_the_golden_model_at_its_timing(name):
    config = select(name)[0].config
    found = {track.name: track.values for track in wave.tracks(config)}
    beats = config.random(np.random.default_rng(1), wave.BEATS)
    takes = config.intervals(beats)
    sent = [cycle for cycle, bit in enumerate(found["i transfers"]) if bit]
    given = [cycle for cycle, bit in enumerate(found["o transfers"]) if bit]
    assert len(sent) == len(given) == wave.BEATS
    assert np.array_equal(np.diff(sent), takes[:-1])
    early = config.interval - takes
    assert [o - i for i, o in zip(sent, given, strict=True)] == list(config.latency - early)
    (field,) = (f for f in config.output.fields if f.lanes == 1)
    results = config.compute(beats)[field.name][:, 0]
    shown = [found[f"o.{field.name}"][cycle] for cycle in given]
    assert [int(text, 16) for text in shown] == [int(code) for code in results]


@pytest.fixture
def page(build, tmp_path):
    """The report of a design of the catalog, whose figures are those of a sample."""
    (design,) = select("int8_mac")
    manifest = emit(design, tmp_path / "verilog")
    sha256 = re.search(r'"sha256": "(\w+)"', manifest.read_text())[1]
    sample = load(build / "synth" / "sample_dot4" / "metrics.json")
    provenance = replace(sample.provenance, verilog_sha256=sha256)
    save(
        tmp_path / "synth" / "int8_mac" / "metrics.json",
        replace(sample, design="int8_mac", provenance=provenance),
    )
    np.save(tmp_path / "t.npy", np.random.default_rng(0).standard_normal(1024))

    def write():
        return report.write(tmp_path, f"{tmp_path}/t.npy").with_name("int8_mac.html").read_text()

    return write


def test_page_says_all_that_is_known(page):
    text, config = page(), select("int8_mac")[0].config
    assert config.contract in text and "incoming accumulator" in text and "i__payload" in text
    assert config.timing[1:] in text
    assert 'aria-label="waveform"' in text
    for step in load_steps(text):
        assert step > 0
    if diagram.available():
        drawn = re.search(r'<svg role="img" aria-label="block diagram".*?</svg>', text, re.S)[0]
        assert all(f">{name}<" in drawn for name in ("front", *config.stages, "back"))
        assert "currentColor" in drawn and "black" not in drawn and "#010203" not in drawn
        assert page() == text  # from the cache


def load_steps(text):
    """The delays of the critical path by part."""
    found = [float(x) for x in re.findall(r'<span style="flex-grow:([\d.]+)"', text)]
    assert found
    return found


def test_page_without_graphviz_or_verilog_says_so(page, monkeypatch, tmp_path):
    monkeypatch.setattr(diagram, "available", lambda: False)
    assert "None: graphviz (dot) is not installed" in page()
    shutil.rmtree(tmp_path / "verilog")
    text = page()
    assert "the Verilog of these figures is not in" in text and "Ports</h2>" not in text
