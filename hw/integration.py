"""What helps a design into somebody else's project, all made from its manifest: a FuseSoC core, a
file list, and a text to copy that instantiates it."""

from __future__ import annotations

import json
from typing import Any

from golden.version import __version__

VENDOR = "bitpillar"
#: What lint of the core waives: forms that Yosys gives Verilog, as `make lint` has it.
WAIVED = ("CASEOVERLAP", "DECLFILENAME", "PROCASSINIT", "UNUSEDSIGNAL", "WIDTHEXPAND")


def files(manifest: dict[str, Any]) -> dict[str, str]:
    """By file name, the texts that go beside the Verilog and the manifest of a design."""
    name = manifest["name"]
    return {
        f"{name}.core": core(manifest),
        f"{name}.f": f"{manifest['verilog']}\n",
        f"{name}_instance.vh": instance(manifest),
    }


def core(manifest: dict[str, Any]) -> str:
    """A FuseSoC core, CAPI2: ``bitpillar::NAME``. Its target ``lint`` runs Verilator."""
    name, top = manifest["name"], manifest["top"]
    options = ["-Wall", *(f"-Wno-{rule}" for rule in WAIVED)]
    # JSON is YAML, and quotes whatever a summary holds.
    return f"""CAPI=2:
name: {VENDOR}::{name}:{__version__}
description: {json.dumps(manifest["summary"])}
filesets:
  rtl:
    files: [{manifest["verilog"]}]
    file_type: verilogSource
targets:
  default:
    filesets: [rtl]
    toplevel: {top}
  lint:
    default_tool: verilator
    filesets: [rtl]
    toplevel: {top}
    tools:
      verilator:
        mode: lint-only
        verilator_options: {json.dumps(options)}
"""


def instance(manifest: dict[str, Any]) -> str:
    """Declarations of a wire for each port, and an instance that they are connected to."""
    ports = manifest["ports"]
    spans = [f"[{port['width'] - 1}:0]" if port["width"] > 1 else "" for port in ports]
    span = max(map(len, spans), default=0)
    width = max(len(port["name"]) for port in ports)
    lines = [
        f"// {manifest['name']}: {manifest['summary']}",
        f"// To copy: wires of its ports, and an instance. More in {manifest['name']}.json.",
    ]
    for stream in manifest["streams"]:
        verb = "takes" if stream["direction"] == "in" else "gives"
        lines += ["//", f"// Stream {stream['name']} {verb}, in {stream['payload']}:"]
        for field in stream["fields"]:
            high = field["offset"] + field["width"] - 1
            lanes = "" if field["lanes"] == 1 else f"{field['lanes']} x "
            form = f"{lanes}{field['format']['name']}"
            lines.append(
                f"//   [{high}:{field['offset']}] {field['name']}, {form}: {field['meaning']}"
            )
    lines.append("")
    for port, bits in zip(ports, spans, strict=True):
        lines.append(f"wire {bits:{span}} {port['name']};".replace("  ;", ";"))
    lines += ["", f"{manifest['top']} {manifest['name']}_instance ("]
    for index, port in enumerate(ports):
        comma = "," if index + 1 < len(ports) else " "
        pin = f".{port['name']:{width}} ({port['name']}){comma}"
        lines.append(
            f"  {pin:{2 * width + 5}} // {port['direction']} {port['width']}: {port['meaning']}"
        )
    return "\n".join([*lines, ");", ""])
