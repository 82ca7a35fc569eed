"""Netlists against their RTL: what is equal is proven, what is not is found."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from hw.catalog import select
from synth import sources
from synth.equiv import Outcome, engine
from synth.equiv.compare import Comparison
from synth.equiv.engine import decide
from synth.flow import measure, prove
from synth.flow.stimulus import Stimulus
from synth.gates import Replay
from synth.gates.graph import Graph
from synth.metrics import Equivalence, load

NAME = "int8_mac"
TRICKY = """module tricky(input clk, input rst, input [7:0] i__payload, input i__valid,
    output i__ready, output reg [7:0] o__payload, output reg o__valid, input o__ready);
  // Registers that synthesis does without: one that is another again, one that is constant, one
  // that is the opposite of another; and an enable.
  reg [3:0] a, same; reg never; reg up, down;
  assign i__ready = 1'b1;
  always @(posedge clk) begin
    if (i__valid) begin a <= i__payload[3:0]; same <= i__payload[3:0]; end
    never <= never & i__payload[7];
    up <= i__payload[0]; down <= ~i__payload[0];
    o__payload <= never ? 8'hff : {a ^ same, a} * i__payload + {up, 6'd0, down};
    o__valid <= i__valid;
    if (rst) begin a <= 0; same <= 0; never <= 0; up <= 0; down <= 1; o__valid <= 0; end
  end
endmodule
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory, osu018, synth):
    """A build folder with the samples and one unit of the catalog, looked into."""
    folder = tmp_path_factory.mktemp("equivalence")
    outcome = synth("equiv", NAME, "--build", folder)
    assert outcome.return_value == 0, outcome.output
    return folder


@pytest.fixture
def own(build, tmp_path):
    shutil.copytree(build, tmp_path / "build")
    return tmp_path / "build"


@pytest.fixture
def mac(job):
    """Makes the job of the unit of the catalog."""

    def make(folder):
        source = sources.read(folder / "verilog" / f"{NAME}.json")
        return job(folder, source=source, stimulus=Stimulus())

    return make


def test_a_unit_is_proven(build, synth):
    found = load(build / "synth" / NAME / "metrics.json").equivalence
    assert found.status == found.verdict == "proven" and "functions" in found.detail
    assert "proven" in synth("run", NAME, "--build", build).output  # and stays so


def test_registers_that_synthesis_does_without(tmp_path, synth, osu018):
    folder = tmp_path / "designs"
    folder.mkdir()
    (folder / "tricky.v").write_text(TRICKY)
    (folder / "tricky.json").write_text(
        '{"top": "tricky", "clock": {"port": "clk"}, "reset": {"port": "rst"}}'
    )
    outcome = synth("equiv", "--from", folder, "--build", tmp_path / "build")
    found = load(tmp_path / "build" / "synth" / "tricky" / "metrics.json")
    assert found.equivalence.status == "proven", outcome.output
    assert found["flip_flops"] < 8 + 1 + 4 + 4 + 1 + 2


@pytest.mark.parametrize("cells", [("NAND2X1", "NOR2X1"), ("AOI21X1", "OAI21X1")])
def test_a_swapped_cell_is_found(own, mac, swap, cells):
    swap(own, *cells)
    shutil.rmtree(own / "cache" / "equivalence")
    found = prove.prove(mac(own), 60)
    assert found.status == "failed" and found.detail
    assert prove.known(mac(own)) == found


def test_without_a_proof_the_test_set_decides(own, mac, swap, monkeypatch):
    monkeypatch.setattr(prove, "decide", lambda *_: Outcome("open", "undecided", 1.0))
    shutil.rmtree(own / "cache" / "equivalence")
    found = prove.prove(mac(own), 60)
    assert found.status == "simulated" and found.beats > prove.COUNT
    assert found.verdict == f"simulated ({found.beats:,} beats)"
    shutil.rmtree(own / "cache" / "equivalence")
    swap(own)
    found = prove.prove(mac(own), 60)
    assert found.status == "failed" and "differs from the golden model" in found.detail


def test_of_an_accelerator_a_layer_decides(mac, own, monkeypatch):
    """What its netlist is given is recorded from its RTL: here nothing but idleness."""
    (design,) = select("spade_n16")
    accelerator = replace(mac(own), source=replace(mac(own).source, unit=design.config))
    cycles = {name: np.zeros((20, 64), np.uint8) for name in ("i__payload", "i__valid", "o__ready")}
    outputs = {"o__valid": np.zeros((20, 64), np.uint8)}
    seen = Replay("a layer", cycles | outputs, "rules", 5)
    monkeypatch.setattr(prove, "layer", lambda *_: seen)
    mapped, undecided = prove.netlists(mac(own)), Equivalence("open", "undecided", 0, 60.0)
    monkeypatch.setattr(prove, "netlists", lambda _: mapped)
    monkeypatch.setattr(prove, "_proven", lambda *_: undecided)
    found = prove.prove(accelerator, 60)
    assert found.verdict == "simulated (20 beats)"
    assert found.detail.startswith("undecided; a layer: cycles with the outputs of the RTL")
    outputs["o__valid"][9] = 1
    shutil.rmtree(own / "cache" / "equivalence")
    found = prove.prove(accelerator, 60)
    assert found.status == "failed" and "o__valid differs from the RTL's in cycle 9" in found.detail
    monkeypatch.setattr(measure, "MOST", 10)
    shutil.rmtree(own / "cache" / "equivalence")
    found = prove.prove(accelerator, 60)
    assert found.status == "open" and "of which no more than 10 are simulated" in found.detail


def add(graph, one, two):
    """A ripple-carry sum, without what is carried out."""
    carry, total = 0, []
    for x, y in zip(one, two, strict=True):
        total.append(graph.odd(graph.odd(x, y), carry))
        carry = graph.any(graph.both(x, y), graph.both(carry, graph.odd(x, y)))
    return total


def comparison(graph, left, right, wrong):
    """``left`` against ``right``; ``wrong`` spoils a bit for one value of the inputs, of so many
    that random ones never find it."""
    if wrong:
        everything = 1
        for node in range(1, graph.size):
            if not any(node == gate[3] for gate in graph.gates):
                everything = graph.both(everything, 2 * node)
        right[-1] = graph.odd(right[-1], everything)
    both = enumerate(zip(left, right, strict=True))
    return Comparison(graph, [(f"p[{k}]", x, y) for k, (x, y) in both], [])


def multipliers(width, wrong=False):
    """Two multipliers: shift-and-add from either end, from either factor."""
    graph = Graph()
    a, b = ([graph.leaf() for _ in range(width)] for _ in range(2))

    def multiply(order, one, two):
        total = [0] * 2 * width
        for k in order:
            row = [0] * k + [graph.both(x, two[k]) for x in one] + [0] * (width - k)
            total = add(graph, total, row)
        return total

    left, right = multiply(range(width), a, b), multiply(reversed(range(width)), b, a)
    return comparison(graph, left, right, wrong)


def sums(width, wrong=False):
    """Two sums of three numbers."""
    graph = Graph()
    a, b, c = ([graph.leaf() for _ in range(width)] for _ in range(3))
    left, right = add(graph, add(graph, a, b), c), add(graph, a, add(graph, c, b))
    return comparison(graph, left, right, wrong)


def test_multipliers_by_exhaustion(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "_abc", lambda *_: pytest.fail("not by search"))
    assert decide(multipliers(7), tmp_path, 10).status == "equal"


def test_sums_by_search(tmp_path):
    found = decide(sums(12), tmp_path, 60)
    assert found.status == "equal" and "by SAT sweeping" in found.detail


@pytest.mark.parametrize("make, width", [(multipliers, 8), (sums, 8), (sums, 12)])
def test_one_wrong_case_of_many_is_found(tmp_path, make, width):
    assert decide(make(width, wrong=True), tmp_path, 60).status == "different"


def test_time_is_kept(tmp_path):
    found = decide(multipliers(24), tmp_path, 1)
    assert found.status == "open" and "undecided after 1 s" in found.detail
    assert found.seconds < 60
