"""AXI4-Stream around a unit: ``NAME_axis``, which a tool for system design connects by itself.

Stream ``i`` becomes ``s_axis_i_tdata``, ``_tvalid``, ``_tready``; stream ``o`` the same with
``m_axis_o``. TDATA is the payload, each field at the offset that the manifest states, padded to
whole bytes by zeros. Every beat is full, so there is neither TKEEP nor TSTRB. TLAST is there where
it means something: on a stream with a field ``last`` of one bit it is that field, such as the last
beat of a block or of a map. On an input the bit in TDATA is then not read.

ACLK is the clock and ARESETn the reset, active low and synchronous. While it is low, no TVALID of
the wrapper is high. All other ports of the unit are passed on.
"""

from __future__ import annotations

import copy
from typing import Any

from golden.errors import BadInput
from golden.unit import Config

SUFFIX = "_axis"
CLOCK, RESET = "ACLK", "ARESETn"


def inner(name: str) -> str:
    """Name of the module of the unit itself within its wrapper's Verilog."""
    return f"{name}{SUFFIX}_unit"


def check(name: str, config: Config) -> None:
    """:class:`BadInput` for a design without streams, as those are that have AXI4 by themselves."""
    if not config.inputs | config.outputs:
        raise BadInput(f"design {name!r} has no streams to wrap; allowed: designs with streams")


def axis(manifest: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The Verilog of the wrapper of a unit, and the wrapper's manifest, from that of the unit.

    The Verilog instantiates module :func:`inner`.
    """
    name = manifest["name"]
    streams = [_stream(stream) for stream in manifest["streams"]]
    own = {s[role] for s in manifest["streams"] for role in ("payload", "valid", "ready")}
    own |= {manifest["clock"]["port"], manifest["reset"]["port"]}
    others = [port for port in manifest["ports"] if port["name"] not in own]
    ports = [
        {"name": CLOCK, "direction": "in", "width": 1, "meaning": "clock"},
        {
            "name": RESET,
            "direction": "in",
            "width": 1,
            "meaning": "synchronous reset, active low",
        },
        *(port for stream in streams for port in _ports(stream)),
        *others,
    ]
    wrapped = copy.deepcopy(manifest) | {
        "name": f"{name}{SUFFIX}",
        "top": f"{name}{SUFFIX}",
        "verilog": f"{name}{SUFFIX}.v",
        "summary": f"{manifest['summary']}; with AXI4-Stream ports",
        "clock": {"port": CLOCK, "edge": "rising"},
        "reset": {"port": RESET, "active": "low", "kind": "synchronous"},
        "wraps": {"design": name, "protocol": "AXI4-Stream"},
        "ports": ports,
        "streams": streams,
    }
    return _verilog(manifest, wrapped, others), wrapped


def _stream(stream: dict[str, Any]) -> dict[str, Any]:
    """The wrapper's entry of a stream: payload is TDATA, with its ``data_width`` in whole bytes."""
    prefix = f"{'s' if stream['direction'] == 'in' else 'm'}_axis_{stream['name']}"
    last = next((f for f in stream["fields"] if f["name"] == "last" and f["width"] == 1), None)
    return {
        "name": stream["name"],
        "direction": stream["direction"],
        "payload": f"{prefix}_tdata",
        "valid": f"{prefix}_tvalid",
        "ready": f"{prefix}_tready",
        "last": f"{prefix}_tlast" if last else None,
        "last_offset": last["offset"] if last else None,
        "width": stream["width"],
        "data_width": -(-stream["width"] // 8) * 8,
        "fields": stream["fields"],
    }


def _ports(stream: dict[str, Any]) -> list[dict[str, Any]]:
    forth = stream["direction"]
    back = "out" if forth == "in" else "in"
    verb = "takes" if forth == "in" else "gives"
    padding = stream["data_width"] - stream["width"]
    pads = f", {padding} zero bits above it" if padding else ""
    name = stream["name"]
    ports = [
        (
            stream["payload"],
            forth,
            stream["data_width"],
            f"the beat that stream {name} {verb}{pads}",
        ),
        (stream["valid"], forth, 1, f"stream {name} offers a beat"),
        (stream["ready"], back, 1, f"stream {name} can take a beat"),
    ]
    if stream["last"]:
        field = next(field for field in stream["fields"] if field["name"] == "last")
        ports.append((stream["last"], forth, 1, f"field last: {field['meaning']}"))
    return [dict(zip(("name", "direction", "width", "meaning"), p, strict=True)) for p in ports]


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


def _verilog(
    manifest: dict[str, Any], wrapped: dict[str, Any], others: list[dict[str, Any]]
) -> str:
    head = ",\n".join(
        f"  {port['direction']}put wire {_range(port['width'])}{port['name']}"
        for port in wrapped["ports"]
    )
    wires, pins = [], [f".{port['name']}({port['name']})" for port in others]
    for unit, stream in zip(manifest["streams"], wrapped["streams"], strict=True):
        give = _input if stream["direction"] == "in" else _output
        more, connected = give(unit, stream)
        wires += more
        pins += connected
    body = "".join(f"  {line}\n" for line in wires)
    clock, reset = manifest["clock"]["port"], manifest["reset"]["port"]
    pins = [f".{clock}({CLOCK})", f".{reset}(rst)", *pins]
    connections = ",\n    ".join(pins)
    return (
        f"module {wrapped['name']}(\n{head}\n);\n"
        f"  wire rst = ~{RESET};\n{body}"
        f"  {inner(manifest['name'])} core(\n    {connections}\n  );\nendmodule\n"
    )


def _input(unit: dict[str, Any], stream: dict[str, Any]) -> tuple[list[str], list[str]]:
    data, top = stream["payload"], stream["width"] - 1
    if (at := stream["last_offset"]) is not None:
        above = [f"{data}[{top}:{at + 1}]"] if at < top else []
        below = [f"{data}[{at - 1}:0]"] if at else []
        payload = f"{{{', '.join([*above, stream['last'], *below])}}}"
    else:
        payload = f"{data}[{top}:0]"
    return [], [
        f".{unit['payload']}({payload})",
        f".{unit['valid']}({stream['valid']})",
        f".{unit['ready']}({stream['ready']})",
    ]


def _output(unit: dict[str, Any], stream: dict[str, Any]) -> tuple[list[str], list[str]]:
    name, padding = stream["name"], stream["data_width"] - stream["width"]
    payload, valid = f"{name}_payload", f"{name}_valid"
    padded = f"{{{padding}'d0, {payload}}}" if padding else payload
    wires = [
        f"wire {_range(stream['width'])}{payload};",
        f"wire {valid};",
        f"assign {stream['payload']} = {padded};",
        f"assign {stream['valid']} = {valid} & {RESET};",
    ]
    if stream["last_offset"] is not None:
        bit = f"{payload}[{stream['last_offset']}]" if stream["width"] > 1 else payload
        wires.append(f"assign {stream['last']} = {bit};")
    return wires, [
        f".{unit['payload']}({payload})",
        f".{unit['valid']}({valid})",
        f".{unit['ready']}({stream['ready']})",
    ]
