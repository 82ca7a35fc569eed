"""Designs that are mapped module by module: the tree of modules, and what borders may not cost."""

import json
from pathlib import Path

import pytest

from synth.metrics import load
from synth.timing.branches import branches
from synth.timing.sta import Timing

SAMPLES = Path(__file__).with_name("memories")


def test_the_tree_of_modules(synth, osu018, tmp_path):
    command = ("run", "sample_array", "--from", SAMPLES, "--build", tmp_path)
    assert synth(*command).return_value == 0
    result = load(tmp_path / "synth/sample_array/metrics.json")
    tree = {branch.path: branch for branch in result.branches}
    assert list(tree) == ["", "row_0", "row_0/pe_0"]
    assert [branch.count for branch in tree.values()] == [1, 2, 6]
    # There is nothing but elements: each level is the whole.
    for branch in tree.values():
        assert branch.area == pytest.approx(result["area"]) and branch.flip_flops == 48
        assert branch.delay == pytest.approx(result["critical_path"], abs=1e-5)
        assert branch.start.count("/") == 2 and branch.end.count("/") == 2
    said = synth("tree", "sample_array", "--build", tmp_path)
    assert not said.exit_code
    assert "pe_0 x 6" in said.output and result.branches[0].start in said.output
    said = synth("tree", "sample_array", "--build", tmp_path, "--sum", "row_*", "--sum", "row_0/*")
    assert not said.exit_code, said
    lines = [line.split() for line in said.output.splitlines() if line]
    area = f"{result['area']:,.0f}"
    # What lies in a module that is counted is not counted again.
    assert ["row_0", area, "0", area, "100.0"] in lines and ["others", *"000", "0.0"] in lines
    assert not any("pe_0" in line for line in lines)
    wrong = synth("tree", "sample_array", "--build", tmp_path, "--sum", "row_2")
    assert "--sum is 'row_2'" in str(wrong.exception)
    missing = synth("tree", "sample_dot4", "--build", tmp_path)
    assert "sample_dot4/metrics.json does not exist" in str(missing.exception)


def test_figures_of_branches():
    class Cell:
        def __init__(self, name, kind, area):
            self.name, self.kind, self.area = name, kind, area

    class Box:
        def __init__(self, cell):
            self.cell = cell

    class Fake:
        def __init__(self, instances=(), memories=(), **children):
            self.instances = [Box(cell) for cell in instances]
            self.memories = [Box(cell) for cell in memories]
            self.children = children

    gate, register = Cell("and", "logic", 2.0), Cell("dff", "flip-flop", 5.0)
    memory = Cell("words", "memory", 0.0)
    netlists = {
        "top": Fake([gate], a="mid", b="mid", c="leaf"),
        "mid": Fake([register], x="leaf", y="leaf"),
        "leaf": Fake([gate, register], [memory]),
    }
    ends = ((3.0, "p", "a/x/u1/D"), (4.0, "q", "b/u1/D"), (1.0, "p", "c/u1/D"), (5.0, "p", "o"))
    found = branches(netlists, "top", Timing({}, {}, ends), {"words": (64, 10.0)})
    facts = {
        b.path: (b.count, b.cells, b.flip_flops, b.area, b.memory_bits, b.memory_area, b.delay)
        for b in found
    }
    assert facts == {
        "": (1, 13, 7, 2 + 2 * 5 + 5 * 7, 5 * 64, 50.0, 5.0),
        "a": (2, 10, 6, 2 * 5 + 4 * 7, 4 * 64, 40.0, 4.0),
        "a/x": (4, 8, 4, 4 * 7, 4 * 64, 40.0, 3.0),
        "c": (1, 2, 1, 7, 64, 10.0, 1.0),
    }
    assert (found[1].start, found[1].end) == ("q", "b/u1/D")


def test_what_nobody_reads_across_borders_is_left_out(synth, osu018, tmp_path):
    """A register of which another module reads two bits, and one that holds a constant."""
    (tmp_path / "waste.v").write_text(
        "module waste(input clk, input [7:0] i, output [1:0] o);\n"
        "  wire [7:0] a, b;\n"
        "  first f (.clk(clk), .i(i), .o(a));\n"
        "  second s (.clk(clk), .i({a[7:4], 4'd0}), .j(a), .o(b));\n"
        "  assign o = b[1:0];\n"
        "endmodule\n"
        "module first(input clk, input [7:0] i, output [7:0] o);\n"
        "  keep k (.clk(clk), .i(i), .o(o));\nendmodule\n"
        "module keep(input clk, input [7:0] i, output reg [7:0] o);\n"
        "  always @(posedge clk) o <= i;\nendmodule\n"
        "module second(input clk, input [7:0] i, input [7:0] j, output reg [7:0] o);\n"
        "  reg [3:0] z;\n"
        "  always @(posedge clk) begin z <= i[3:0]; o <= z[1:0] ^ j[1:0]; end\nendmodule\n"
    )
    manifest = {"top": "waste", "clock": {"port": "clk"}, "hierarchical": True}
    (tmp_path / "waste.json").write_text(json.dumps(manifest))
    build = tmp_path / "build"
    assert synth("run", "--from", tmp_path, "--build", build).return_value == 0
    result = load(build / "synth/waste/metrics.json")
    # Two bits through two modules. Of the constant nothing is known before the first clock edge.
    flip_flops = {branch.path: branch.flip_flops for branch in result.branches}
    assert flip_flops["f"] == flip_flops["f/k"] == 2
    assert flip_flops["s"] <= 4
