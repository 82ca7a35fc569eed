"""A page for each design: block diagram, ports, contract, timing, area, critical path, waveform."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden.unit import Unit
from hw.catalog import CATALOG

from . import diagram, structure, wave
from .collect import Row
from .links import Links


@dataclass(frozen=True)
class DesignPage:
    """What the page of ``row`` is drawn from: its manifest (None where the Verilog of the figures
    is not at hand), pictures as SVG ("" for none, ``no_diagram`` says why), other results."""

    row: Row
    manifest: dict[str, Any] | None
    block_diagram: str
    no_diagram: str
    waveform: str
    links: Links

    @property
    def powers(self) -> dict[str, float]:
        """mW of the modules of the top, where they have been measured."""
        return {
            branch.path: branch.power
            for branch in self.row.result.branches
            if branch.power is not None and branch.count == 1
        }


def make(row: Row, build: Path, links: Links) -> DesignPage:
    """Gather what there is of a design; what is missing is said on the page."""
    result = row.result
    verilog = build / "verilog" / f"{result.design}.v"
    manifest, drawn, why, shown = None, "", "", ""
    text = verilog.read_text() if verilog.is_file() else ""
    if hashlib.sha256(text.encode()).hexdigest() != result.provenance.verilog_sha256:
        why = f"the Verilog of these figures is not in {build / 'verilog'}"
    else:
        manifest = json.loads(verilog.with_suffix(".json").read_text())
        apart = frozenset({manifest["clock"]["port"], (manifest.get("reset") or {}).get("port")})
        graph = structure.read(text, manifest["top"], apart - {None})
        if not graph.nodes:
            why = "it has no modules inside"
        else:
            drawn = diagram.svg(diagram.dot(graph, result.parts), build)
            why = "" if drawn else "graphviz (dot) is not installed; `make doctor` says how"
        shown = _waveform(result.design)
    return DesignPage(row, manifest, drawn, why, shown, links)


def _waveform(name: str) -> str:
    config = next((design.config for design in CATALOG if design.name == name), None)
    return wave.svg(config) if isinstance(config, Unit) else ""
