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

from amaranth.hdl import Shape, ShapeLike, Value
from amaranth.lib import data, wiring

from golden.files import write_atomic
from golden.unit import Config, Payload, Unit
from golden.version import __version__

from . import integration
from .axis import axis, check, inner
from .catalog import Design
from .shared import Emission

VERILOG_FOLDER = Path("build/verilog")


def emit(design: Design, folder: Path = VERILOG_FOLDER, wrap: str | None = None) -> Path:
    """Write ``NAME.v``, its manifest ``NAME.json`` and what :mod:`hw.integration` makes of it to
    ``folder``; the manifest's path.

    ``wrap``: "axis" for the design with AXI4-Stream ports (:mod:`hw.axis`), ``NAME_axis``. Files
    that already hold these bytes keep their time stamps.
    """
    if wrap is not None:
        check(design.name, design.config)
    component = design.component()
    if wrap is None:
        text = verilog(design, component)
        described = manifest(design, component, text)
    else:
        wrapper, described = axis(manifest(design, component, ""))
        text = _header(design, described["name"]) + wrapper + "\n"
        text += translate(component, inner(design.name))
        described["sha256"] = _sha256(text)
    for name, content in integration.files(described).items():
        _update(folder / name, content)
    _update(folder / described["verilog"], text)
    path = folder / f"{described['name']}.json"
    return _update(path, json.dumps(described, indent=2) + "\n")


def verilog(design: Design, component: wiring.Component) -> str:
    """The Verilog of a design: top module ``NAME``, its submodules ``NAME_submodule``."""
    return _header(design, design.name) + translate(component, design.name)


def translate(component: wiring.Component, name: str) -> str:
    """The Verilog of a component: top module ``name``, its submodules ``name_submodule``."""
    return _write_verilog(plain_names(Emission(name).convert(component)))


def manifest(design: Design, component: wiring.Component, text: str) -> dict[str, Any]:
    """Everything that a user of the Verilog ``text`` has to know."""
    config = design.config
    streams, others = _ports(component, config)
    return {
        "name": design.name,
        "summary": design.summary,
        "source": design.source,
        "family": design.family,
        "hierarchical": design.hierarchical,
        "top": design.name,
        "verilog": f"{design.name}.v",
        "sha256": _sha256(text),
        "contract": config.contract,
        "clock": {"port": "clk", "edge": "rising"},
        "reset": {"port": "rst", "active": "high", "kind": "synchronous"},
        **_regular(config, "latency", "interval", "output_beats", "stateful"),
        "timing": config.timing,
        "handshake": (
            "a beat transfers on the rising edge at which valid and ready are both high; valid"
            " never waits for ready, and payload and valid hold until the beat transfers"
        ),
        "ports": [
            {"name": "clk", "direction": "in", "width": 1, "meaning": "clock"},
            {"name": "rst", "direction": "in", "width": 1, "meaning": "synchronous reset"},
            *(port for each in streams for port in each.pop("ports")),
            *others,
        ],
        "streams": streams,
        "config": {"kind": type(config).__name__} | config.describe(),
        **_regular(config, "stages"),
        "tools": tools(),
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _regular(config: Config, *names: str) -> dict[str, Any]:
    """What is stated of a unit that gives as many beats for each one that it takes."""
    if not isinstance(config, Unit):
        return {}
    values = {name: getattr(config, name) for name in names}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}


def tools() -> dict[str, str]:
    """Versions of what writes the Verilog."""
    versions = {name: importlib.metadata.version(name) for name in ("amaranth", "pyosys")}
    return {"bitpillar": __version__} | versions


def _ports(
    component: wiring.Component, config: Config
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The streams of a component, and those of its ports that belong to none."""
    streams: dict[str, dict[str, Any]] = {}
    others = []
    for path, member, value in component.signature.flatten(component):
        name, direction = path[0], "in" if member.flow == wiring.In else "out"
        if name in config.inputs | config.outputs:
            if path[1:] == ("payload",):
                payload = (config.inputs if direction == "in" else config.outputs)[name]
                _agree(name, member.shape, payload)
                streams[name] = _stream(name, direction, payload)
        else:
            others.append(
                {
                    "name": "__".join(map(str, path)),
                    "direction": direction,
                    "width": len(Value.cast(value)),
                    "meaning": _meaning(config, name, f"part of {name}" if path[1:] else name),
                }
            )
    assert streams.keys() == config.inputs.keys() | config.outputs.keys(), streams.keys()
    return [streams[name] for name in config.inputs | config.outputs], others


def _meaning(config: Config, name: str, default: str) -> str:
    """What a port means that belongs to no stream."""
    stated = (text for key, text in config.ports.items() if f"{name}_".startswith(f"{key}_"))
    return next(stated, default)


def _agree(name: str, shape: ShapeLike, payload: Payload) -> None:
    """The hardware's layout of a payload is the one that its configuration states; a payload that
    is a plain number has one field."""
    plain = isinstance(shape, int | Shape)
    layout = data.StructLayout({payload.fields[0].name: shape}) if plain else shape
    hardware = {key: (field.offset, field.width) for key, field in data.Layout.cast(layout)}
    stated = {field.name: (offset, field.width) for field, offset in payload.offsets()}
    assert hardware == stated, f"{name}: {hardware} in hardware, {stated} in the configuration"


def _stream(name: str, direction: str, payload: Payload) -> dict[str, Any]:
    """A stream and its three ports."""
    verb = "takes" if direction == "in" else "gives"
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


def _header(design: Design, name: str) -> str:
    """What a reader of the file of module ``name`` sees first."""
    config = design.config
    lines = [
        f"{name}: {design.summary}",
        f"Source: {design.source}",
        "",
        *textwrap.wrap(config.contract, 96),
        "",
        *(
            [f"Latency {config.latency} cycles, an input beat every {config.interval}."]
            if isinstance(config, Unit)
            else textwrap.wrap(config.timing, 96)
        ),
        f"Fields of the payloads: see {name}.json",
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
