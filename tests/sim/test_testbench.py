"""The testbench passes a correct unit and catches every way of being wrong, by its name."""

import json

import pytest

from hw.catalog import select
from hw.verilog import emit
from sim.check import Options, Result, check, check_verilog

OPTIONS = Options(seed=3, count=1500)


def simulate(manifest, config, tmp_path, options=OPTIONS) -> Result:
    return check_verilog(manifest, config, options, results=tmp_path / "results")


def test_a_correct_unit_passes(mac, config, tmp_path):
    result = simulate(mac(), config, tmp_path)
    assert result.passed, result.failures
    assert result.failures == ()
    assert result.vectors == 1508 and result.origin["random"] == 1500
    assert result.beats > 1508 and result.cycles > 3000
    # Stalls on both sides, or nothing was tested.
    assert result.stalls["input"] > 300 and result.stalls["output"] > 300
    assert set(result.scenarios) == {
        "streaming",
        "latency",
        "interval",
        "valid_before_ready",
        "reset",
    }
    stored = json.loads((tmp_path / "results/mac/result.json").read_text())
    assert stored["status"] == "pass" and stored["beats"] == result.beats
    assert {"verilator", "cocotb", "g++"} <= stored["tools"].keys()


SUM = "taken[47:16] + {{16{product[15]}}, product}"
MUTANTS = {
    "wrong bit": (
        [(SUM, f"({SUM}) ^ {{31'b0, taken[7:0] == 8'h80}}")],
        {},
        ["streaming: beat", "wrong value", "a INT8: 0x80 = -128", "expected", "got"],
    ),
    "wrong sign": (
        [("$signed(taken[15:8])", "$signed({1'b0, taken[15:8]})")],
        {},
        ["wrong value", "more wrong beats"],
    ),
    "dropped beat": (
        [("taken_valid <= i__valid", "taken_valid <= i__valid & (i__payload[7:0] != 8'h80)")],
        {},
        ["lost; later beats come in its place"],
    ),
    "only the last beat dropped": (
        [
            ("reg given_valid;", "reg given_valid; reg [10:0] n;"),
            ("taken_valid <= i__valid", "taken_valid <= i__valid & (n != 11'd1507)"),
            ("if (rst) begin", "if (i__valid & i__ready) n <= n + 11'd1;\nif (rst) begin n <= 0;"),
        ],
        {},
        ["streaming: beat 1507 never came: 1507 of 1508 beats"],
    ),
    "repeated beat": (
        [
            (
                "wire advance = o__ready | ~given_valid;",
                "reg was; wire again = given_valid & o__ready & (given[7:0] == 8'h55) & ~was;"
                " wire advance = (o__ready | ~given_valid) & ~again;"
                " always @(posedge clk) if (o__ready & given_valid) was <= again;",
            )
        ],
        {},
        ["an earlier beat comes again"],
    ),
    "overtaking beat": (
        [
            (
                "wire [31:0] sum",
                "wire over = advance & taken_valid & i__valid & (i__payload[7:0] == 8'h80);"
                " wire signed [15:0] fast = $signed(i__payload[7:0]) * $signed(i__payload[15:8]);"
                "\n    wire [31:0] sum",
            ),
            (
                "given <= sum",
                "given <= over ? i__payload[47:16] + {{16{fast[15]}}, fast} : sum",
            ),
            ("taken <= i__payload", "taken <= over ? taken : i__payload"),
        ],
        {},
        ["out of order"],
    ),
    "payload changes while stalled": (
        [
            (
                "assign o__payload = given;",
                "reg waited; always @(posedge clk) waited <= given_valid & ~o__ready;"
                " assign o__payload = given ^ {31'b0, waited};",
            )
        ],
        {},
        ["o__payload changes before it transfers"],
    ),
    "valid falls while stalled": (
        [
            (
                "assign o__valid = given_valid;",
                "reg waited; always @(posedge clk) waited <= given_valid & ~o__ready;"
                " assign o__valid = given_valid & ~waited;",
            )
        ],
        {},
        ["o__valid falls before beat"],
    ),
    "valid waits for ready": (
        [("assign o__valid = given_valid;", "assign o__valid = given_valid & o__ready;")],
        {},
        ["valid_before_ready: o__valid waits for o__ready"],
    ),
    "latency stated too long": ([], {"latency": 3}, ["latency is 2 cycles, stated 3"]),
    "latency stated too short": ([], {"latency": 1}, ["latency is 2 cycles, stated 1"]),
    "half the throughput": (
        [
            (
                "assign i__ready = advance | ~taken_valid;",
                "reg turn; always @(posedge clk) turn <= ~rst & ~turn;"
                " assign i__ready = (advance | ~taken_valid) & turn;",
            ),
            ("if (i__ready) begin", "if (advance | ~taken_valid) begin"),
            ("taken_valid <= i__valid", "taken_valid <= i__valid & i__ready"),
        ],
        {},
        ["interval: 31 beats are taken in 62 cycles, stated 31"],
    ),
    "throughput stated too low": ([], {"interval": 2}, ["taken in 31 cycles, stated 62"]),
    "output not reset": (
        [("given_valid <= 1'b0;", "")],
        {},
        ["reset: after reset: beat", "is offered when only"],
    ),
    "input not reset": (
        [("taken_valid <= 1'b0;", "")],
        {},
        ["reset: after reset: beat", "is offered when only"],
    ),
    "looks at the payload without valid": (
        [("taken_valid <= i__valid", "taken_valid <= 1'b1")],
        {},
        ["is offered when only"],
    ),
    "one beat too many at the end": (
        [
            ("reg given_valid;", "reg given_valid; reg [4:0] idle;"),
            ("given_valid <= taken_valid;", "given_valid <= taken_valid | (idle == 5'd14);"),
            (
                "if (rst) begin",
                "idle <= (i__valid | taken_valid | idle == 5'd31) ? 5'd0 : idle + 5'd1;\n"
                "if (rst) begin idle <= 0;",
            ),
        ],
        {},
        ["is offered when only"],
    ),
    "never ready": (
        [("assign i__ready = advance | ~taken_valid;", "assign i__ready = 1'b0;")],
        {},
        ["streaming: beat 0 never came", "no beat moved for"],
    ),
    "simulator stops": (
        [("if (rst) begin", "if (taken[7:0] == 8'h80) $finish;\nif (rst) begin")],
        {},
        ["the simulation ended by itself", "the log ends with"],
    ),
    "simulator dies": (
        [("if (rst) begin", "if (taken[7:0] == 8'h80) $fatal;\nif (rst) begin")],
        {},
        ["the log ends with"],
    ),
    "not Verilog": ([("reg given_valid;", "reg given_valid")], {}, ["does not compile", "syntax"]),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught_by_its_name(name, mac, config, tmp_path):
    mutations, entries, messages = MUTANTS[name]
    result = simulate(mac(*mutations, **entries), config, tmp_path)
    text = "\n".join(result.failures)
    assert not result.passed
    for message in [*messages, "make sim DESIGN=mac SEED=3 N=1500"]:
        assert message in text, text
    assert json.loads((tmp_path / "results/mac/result.json").read_text())["status"] == "fail"


def test_a_failing_beat_of_a_real_unit_is_shown_in_its_formats(tmp_path):
    design = select("mxfp4_dot32")[0]
    manifest = emit(design, tmp_path)
    verilog = tmp_path / "mxfp4_dot32.v"
    text = verilog.read_text()
    head, tail = text.rsplit(" + ", 1)
    verilog.write_text(f"{head} - {tail}")
    result = simulate(manifest, design.config, tmp_path)
    text = "\n".join(result.failures)
    assert not result.passed
    for part in ("input vector", "a E2M1: [", "a_scale E8M0: 0x", "acc FP32", "result FP32"):
        assert part in text, text


def test_several_output_beats_for_an_input(tmp_path):
    design = select("mxfp4_decoder")[0]
    config = design.config.replace(lanes=8)
    serial = type(design)("mxfp4_serial", config, "", "", "")
    options = Options(seed=2, count=300)
    result = check(serial, options, verilog=tmp_path, results=tmp_path / "results")
    assert result.passed, result.failures
    assert result.beats >= 4 * result.vectors


@pytest.mark.parametrize("seed", [0, 2**40])
def test_any_seed(seed, mac, config, tmp_path):
    assert simulate(mac(), config, tmp_path, Options(seed=seed, count=10)).passed


def test_few_beats_are_still_enough_to_measure(mac, config, tmp_path):
    result = simulate(mac(), config, tmp_path, Options(count=0))
    assert result.vectors >= 32
