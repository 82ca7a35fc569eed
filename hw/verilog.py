"""Verilog and its manifest, from which a stranger can drive the unit without reading our code.

Emission is deterministic: Amaranth writes RTLIL without source paths, and the pinned native Yosys
turns it into Verilog. The same commit gives the same bytes in another folder, on another machine.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

from amaranth.back import rtlil

from golden.files import write_atomic
from golden.unit import Payload, Unit
from golden.version import __version__

from .catalog import Design

VERILOG_FOLDER = Path("build/verilog")


def emit(design: Design, folder: Path = VERILOG_FOLDER) -> Path:
    """Write ``NAME.v`` and its manifest ``NAME.json`` to ``folder``; the manifest's path.

    Files that already hold these bytes keep their time stamps.
    """
    text = verilog(design)
    _update(folder / f"{design.name}.v", text)
    return _update(
        folder / f"{design.name}.json", json.dumps(manifest(design, text), indent=2) + "\n"
    )


def verilog(design: Design) -> str:
    """The Verilog of a design: top module ``NAME``, its submodules ``NAME_submodule``."""
    text = rtlil.convert(design.component(), name=design.name, emit_src=False)
    return _header(design) + _write_verilog(plain_names(text))


def manifest(design: Design, text: str) -> dict[str, Any]:
    """Everything that a user of the Verilog ``text`` has to know."""
    config = design.config
    most = "" if type(config).intervals is Unit.intervals else "up to "
    streams = [
        _stream("i", "in", config.input, "takes"),
        _stream("o", "out", config.output, "gives"),
    ]
    return {
        "name": design.name,
        "summary": design.summary,
        "source": design.source,
        "family": design.family,
        "top": design.name,
        "verilog": f"{design.name}.v",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "contract": config.contract,
        "clock": {"port": "clk", "edge": "rising"},
        "reset": {"port": "rst", "active": "high", "kind": "synchronous"},
        "latency": config.latency,
        "interval": config.interval,
        "output_beats": config.output_beats,
        "stateful": config.stateful,
        "timing": (
            f"{most}{config.latency} cycles from the one in which an input beat transfers to the"
            f" one in which its first output beat is offered; an input beat every"
            f" {most}{config.interval} cycle(s); {config.output_beats} output beat(s) for each"
        ),
        "handshake": (
            "a beat transfers on the rising edge at which valid and ready are both high; valid"
            " never waits for ready, and payload and valid hold until the beat transfers"
        ),
        "ports": [
            {"name": "clk", "direction": "in", "width": 1, "meaning": "clock"},
            {"name": "rst", "direction": "in", "width": 1, "meaning": "synchronous reset"},
            *(port for stream in streams for port in stream.pop("ports")),
        ],
        "streams": streams,
        "config": {"kind": type(config).__name__} | config.describe(),
        "stages": list(config.stages),
        "tools": tools(),
    }


def tools() -> dict[str, str]:
    """Versions of what writes the Verilog."""
    versions = {name: importlib.metadata.version(name) for name in ("amaranth", "pyosys")}
    return {"bitpillar": __version__} | versions


def _stream(name: str, direction: str, payload: Payload, verb: str) -> dict[str, Any]:
    """A stream and its three ports."""
    back = "out" if direction == "in" else "in"
    ports = [
        (f"{name}__payload", direction, payload.width, f"the beat that stream {name} {verb}"),
        (f"{name}__valid", direction, 1, f"stream {name} offers a beat"),
        (f"{name}__ready", back, 1, f"stream {name} can take a beat"),
    ]
    return {
        "name": name,
        "direction": direction,
        "payload": f"{name}__payload",
        "valid": f"{name}__valid",
        "ready": f"{name}__ready",
        "width": payload.width,
        "fields": [
            {
                "name": field.name,
                "offset": offset,
                "width": field.width,
                "lanes": field.lanes,
                "lane_width": field.format.bits,
                "signed": field.format.signed,
                "format": field.format.describe(),
                "meaning": field.meaning,
            }
            for field, offset in payload.offsets()
        ],
        "ports": [
            dict(zip(("name", "direction", "width", "meaning"), p, strict=True)) for p in ports
        ],
    }


def _header(design: Design) -> str:
    """What a reader of the file sees first."""
    config = design.config
    lines = [
        f"{design.name}: {design.summary}",
        f"Source: {design.source}",
        "",
        *textwrap.wrap(config.contract, 96),
        "",
        f"Latency {config.latency} cycles, an input beat every {config.interval}.",
        f"Fields of the payloads: see {design.name}.json",
        f"bitpillar {__version__}, Apache-2.0",
    ]
    return "".join(f"// {line}".rstrip() + "\n" for line in lines) + "\n"


def plain_names(text: str) -> str:
    """RTLIL with public names that need no escaping in Verilog: letters, digits, underscores.

    Modules ``top.sub`` become ``top_sub``; within a module, a name that is taken gets a number.
    """
    identifier = re.compile(r"\\[^\s]+")
    modules: dict[str, str] = {}
    for name in re.findall(r"^module (\\[^\s]+)", text, re.MULTILINE):
        modules[name] = _free(name, set(modules.values()))
    pieces = re.split(r"(?m)(?=^(?:attribute [^\n]*\n)*module )", text)
    tables: dict[str, dict[str, str]] = {}  # of the names within each module
    for piece in pieces:
        wires = set(re.findall(r"^  wire .*?(\\[^\s]+)$", piece, re.MULTILINE))
        wires |= set(re.findall(r"^  cell \S+ (\\[^\s]+)$", piece, re.MULTILINE))
        names: dict[str, str] = {name: name for name in wires if _plain(name)}
        for name in sorted(wires - names.keys()):
            names[name] = _free(name, set(names.values()))
        tables[_module(piece)] = names
    result = []
    for piece in pieces:
        ports: dict[str, str] = {}
        table = modules | tables[_module(piece)]
        # The ports of an instance have their names from within the module that it is of.
        for line in piece.splitlines(keepends=True):
            if cell := re.match(r"  cell (\S+) ", line):
                ports = tables.get(cell[1], {})
            start = 0
            if port := re.match(r"    connect (\\\S+)", line):
                result.append(f"    connect {ports.get(port[1], port[1])}")
                start = port.end()
            rest = line[start:]
            result.append(identifier.sub(lambda found, t=table: t.get(found[0], found[0]), rest))
    return "".join(result)


def _module(piece: str) -> str:
    """Name of the module that a piece of RTLIL defines; "" for what stands before all modules."""
    found = re.search(r"^module (\\[^\s]+)", piece, re.MULTILINE)
    return found[1] if found else ""


def _plain(name: str) -> bool:
    return re.fullmatch(r"\\[A-Za-z_][A-Za-z0-9_]*", name) is not None


def _free(name: str, taken: set[str]) -> str:
    """``name`` in plain characters, with a number if ``taken`` has it."""
    plain = "\\" + re.sub(r"[^A-Za-z0-9_]", "_", name[1:])
    candidate, number = plain, 1
    while candidate in taken:
        number += 1
        candidate = f"{plain}_{number}"
    return candidate


_TRANSLATE = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in sys.argv[1:]:
    ys.run_pass(command, design)
"""


def _write_verilog(text: str) -> str:
    """RTLIL to Verilog by the pinned native Yosys.

    In a fresh process each time: what Yosys writes depends on what it has read before.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "design.il").write_text(text)
        passes = ["read_rtlil design.il", "proc -noopt", "clean -purge"]
        command = [sys.executable, "-c", _TRANSLATE, *passes, "write_verilog -noattr design.v"]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"Yosys failed: {result.stderr.strip() or result.stdout.strip()}")
        # The first line names the compiler that built Yosys.
        return Path(folder, "design.v").read_text().split("\n", 2)[2]


def _update(path: Path, text: str) -> Path:
    if path.exists() and path.read_text() == text:
        return path
    return write_atomic(path, text)
