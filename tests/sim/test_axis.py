"""Designs with AXI4-Stream ports against golden, and what their manifests say."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from golden.decoder import DecoderConfig
from golden.errors import BadInput
from golden.formats import E2M1
from golden.process import Process
from golden.unit import concatenate
from hw.axis import axis
from hw.catalog import Design, select
from hw.verilog import emit
from sim.lint import lint_file
from sim.verilator import build, run

SERIAL = Design(
    "serial_decoder",
    DecoderConfig(element=E2M1, lanes=8),
    "blocks of 32 E2M1, 8 a cycle",
    "-",
    "decoder",
)
DESIGNS = {
    "mac": select("int8_mac")[0],  # one beat for each: no TLAST
    "serial": SERIAL,  # four beats for each, the last one marked
    "streams": select("cpr_encoder")[0],  # three streams, two with a field `last`, all padded
}


def cut(words, last_offset):
    """Words as frames that end where the bit of `last` says so."""
    frames = [[]]
    for word in words:
        frames[-1].append(word)
        if word >> last_offset & 1:
            frames.append([])
    assert not frames.pop(), "beats after the last"
    return frames


def frames(stream, words):
    if stream["last_offset"] is not None:
        return cut(words, stream["last_offset"])
    # A sink that sees no TLAST takes each beat for a frame.
    return [words] if stream["direction"] == "in" else [[word] for word in words]


def traffic(config):
    """Packed words by stream, and by stream those that golden gives."""
    rng = np.random.default_rng(1)
    if not isinstance(config, Process):
        corners = concatenate(*config.corners())
        rows = rng.permutation(len(next(iter(corners.values()))))[:60]
        beats = {name: codes[rows] for name, codes in corners.items()}
        beats = concatenate(beats, config.random(rng, 60))
        return {"i": config.input.pack(beats)}, {"o": config.output.pack(config.compute(beats))}
    inputs = {name: [] for name in config.inputs}
    outputs = {name: [] for name in config.outputs}
    for _ in range(6):
        case = config.random(rng)
        for words, payloads, beats in (
            (inputs, config.inputs, case),
            (outputs, config.outputs, config.process(case)),
        ):
            for name, of in beats.items():
                words[name] += payloads[name].pack(of)
    return inputs, outputs


def job(config, manifest):
    inputs, outputs = traffic(config)
    sides = {"inputs": {}, "outputs": {}}
    for stream in manifest["streams"]:
        side, words = ("inputs", inputs) if stream["direction"] == "in" else ("outputs", outputs)
        of = frames(stream, words[stream["name"]])
        if side == "inputs" and stream["last_offset"] is not None:
            # The bit within TDATA is not what counts.
            of = [[word ^ 1 << stream["last_offset"] for word in words] for words in of]
        prefix = stream["payload"].removesuffix("_tdata")
        facts = {"bytes": stream["data_width"] // 8, "last": bool(stream["last"]), "frames": of}
        sides[side][prefix] = facts
    return {"seed": 1, **sides}


@pytest.fixture(scope="module")
def wrapped(tmp_path_factory):
    """Manifests of the wrapped designs."""
    folder = tmp_path_factory.mktemp("axis")
    return {kind: emit(design, folder, "axis") for kind, design in DESIGNS.items()}


@pytest.mark.parametrize("kind", DESIGNS)
def test_every_beat_with_stalls(kind, wrapped, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])
    manifest = json.loads(wrapped[kind].read_text())
    done = run(
        build(wrapped[kind].with_suffix(".v"), top=manifest["top"]),
        "axis_testbench",
        folder=tmp_path,
        env={"AXIS_JOB": json.dumps(job(DESIGNS[kind].config, manifest))},
        seed=1,
    )
    assert (done.tests, done.failures, done.error) == (4, 0, ""), done.log


@pytest.mark.parametrize("kind", DESIGNS)
def test_lint_is_clean(kind, wrapped):
    result = lint_file(wrapped[kind].with_suffix(".v"), wrapped[kind].stem)
    assert result.problems == ()


def test_the_manifest_describes_the_ports(wrapped):
    manifest = json.loads(wrapped["streams"].read_text())
    assert manifest["name"] == manifest["top"] == "cpr_encoder_axis"
    assert manifest["clock"]["port"] == "ACLK" and manifest["reset"] == {
        "port": "ARESETn", "active": "low", "kind": "synchronous",
    }  # fmt: skip
    ports = {port["name"]: port for port in manifest["ports"]}
    by_name = {stream["name"]: stream for stream in manifest["streams"]}
    for name, width, last in (("i", 24, True), ("pointers", 24, True), ("entries", 16, False)):
        stream = by_name[name]
        assert stream["data_width"] == ports[stream["payload"]]["width"] == width
        assert (stream["last"] in ports) == last
        assert all(field["offset"] + field["width"] <= width for field in stream["fields"])
    assert "wraps" in manifest and len(ports) == len(manifest["ports"]) == 2 + 4 + 4 + 3
    serial = json.loads(wrapped["serial"].read_text())["streams"]
    assert serial[0]["last"] is None and serial[1]["last"] == "m_axis_o_tlast"


def test_a_design_without_streams(tmp_path):
    with pytest.raises(BadInput, match="'spade_n16' has no streams"):
        emit(select("spade_n16")[0], tmp_path, "axis")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("at", "payload"),
    [
        (0, "{s_axis_i_tdata[4:1], s_axis_i_tlast}"),
        (2, "{s_axis_i_tdata[4:3], s_axis_i_tlast, s_axis_i_tdata[1:0]}"),
        (4, "{s_axis_i_tlast, s_axis_i_tdata[3:0]}"),
    ],
)
def test_where_last_lies_in_a_payload(at, payload):
    fields = [{"name": "last", "offset": at, "width": 1, "meaning": "of a row"}]
    ports = {"payload": "i__payload", "valid": "i__valid", "ready": "i__ready"}
    stream = {"name": "i", "direction": "in", "width": 5, "fields": fields, **ports}
    manifest = {
        "name": "d", "summary": "", "clock": {"port": "clk"}, "reset": {"port": "rst"},
        "ports": [], "streams": [stream],
    }  # fmt: skip
    text, wrapped = axis(manifest)
    assert f".i__payload({payload})," in text
    assert wrapped["ports"][-1]["meaning"] == "field last: of a row"
