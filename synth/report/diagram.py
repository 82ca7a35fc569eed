"""Block diagrams: the structure of a design, laid out by graphviz."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from golden.files import write_atomic

from ..metrics import Part
from ..tables.figures import shown
from .drawing import INK
from .structure import Edge, Structure

_PORT = "port "
#: The stream or AXI bus that a port belongs to, else its whole name.
_STREAM = re.compile(r"port [ms]_axi[ls]?(?=_)|port .+?(?=__)|port .+")
#: More edges than these are too many to follow.
MOST = 40
_HEAD = f"""digraph {{
rankdir=LR; bgcolor=transparent; nodesep=0.25; ranksep=0.35;
node [shape=box style=rounded fontname=sans fontsize=11 color="{INK}" fontcolor="{INK}" height=0.4];
edge [fontname=sans fontsize=9 color="{INK}" fontcolor="{INK}" arrowsize=0.6];
"""


def available() -> bool:
    """Whether graphviz is installed."""
    return shutil.which("dot") is not None


def dot(structure: Structure, parts: list[Part]) -> str:
    """The graph in graphviz's language. Single bits, which steer, are dashed and shape nothing."""
    areas = {part.name: part.area for part in parts}
    lines = []
    for node, instances in structure.nodes.items():
        area = sum(areas.get(name, 0.0) for name in instances)
        under = f"\\n{shown(round(area))} µm²" if area else ""
        lines.append(f'"{node}" [label="{_text(node)}{under}"];')
    edges = _by_stream(structure)
    for end in dict.fromkeys(end for edge in edges for end in (edge.source, edge.target)):
        if end.startswith(_PORT):
            lines.append(f'"{end}" [shape=plaintext label="{_text(end.removeprefix(_PORT))}"];')
    for edge in edges:
        one = edge.width == 1
        style = "style=dashed constraint=false" if one else f'label=" {edge.width}"'
        lines.append(f'"{edge.source}" -> "{edge.target}" [{style}];')
    return _HEAD + "\n".join(lines) + "\n}\n"


def svg(text: str, build: Path) -> str:
    """What graphviz draws of ``text``, kept in ``build/cache/dot``; "" where it is not
    installed or fails."""
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    path = build / "cache" / "dot" / f"{key}.svg"
    if path.is_file():
        return path.read_text()
    if not available():
        return ""
    try:
        done = subprocess.run(
            ["dot", "-Tsvg"], input=text, capture_output=True, text=True, timeout=120
        )
    except subprocess.TimeoutExpired:
        return ""
    if done.returncode or "<svg" not in done.stdout:
        return ""
    drawn = done.stdout[done.stdout.index("<svg") :]
    drawn = re.sub(r"<!--.*?-->\s*|<title>.*?</title>\s*", "", drawn, flags=re.S)
    drawn = re.sub(r' id="[^"]*"| xmlns:xlink="[^"]*"| font-family="[^"]*"', "", drawn)
    drawn = drawn.replace(INK, "currentColor")
    drawn = drawn.replace("<svg", '<svg role="img" aria-label="block diagram"', 1)
    return write_atomic(path, drawn.strip()).read_text()


def _by_stream(structure: Structure) -> list[Edge]:
    """The edges, with the ports of a stream or bus as one end: of its wires one way those of more
    than one bit count, where there are any. Of more than :data:`MOST` edges, those of one bit are
    left out."""
    widths: dict[tuple[str, str], list[int]] = {}
    for edge in structure.edges:
        ends = tuple(
            _STREAM.match(end)[0] if end.startswith(_PORT) else end
            for end in (edge.source, edge.target)
        )
        widths.setdefault(ends, []).append(edge.width)
    edges = [
        Edge(*ends, sum(width for width in found if width > 1) or 1)
        for ends, found in widths.items()
    ]
    return edges if len(edges) <= MOST else [edge for edge in edges if edge.width > 1]


def _text(name: str) -> str:
    return name.lstrip("\\").replace('"', '\\"')
