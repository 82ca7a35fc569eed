"""What the top module of a design contains and how it is wired, read from the Verilog that Yosys
wrote of it: nothing but instances, assignments and registers, one a line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_MODULE = re.compile(r"^module (\S+?)\((?:.*?)\);\n(.*?)^endmodule", re.M | re.S)
_PORT = re.compile(r"^  (input|output) (?:\[(\d+):(\d+)\] )?(\S+);", re.M)
_INSTANCE = re.compile(r"^  (\S+) (\S+) \(\n((?:    \.[^\n]*\n)+)  \);", re.M)
_PIN = re.compile(r"\.(\S+?)\((.*)\),?$", re.M)
_ASSIGN = re.compile(r"^\s+(?:assign )?(\S.*?) <?= (.*);$", re.M)
_CONSTANT = re.compile(r"\d+'s?[bhd][0-9a-fxz?]+|\[[^\]]*\]")
_NAME = re.compile(r"\\\S+|[A-Za-z_][\w$]*")
#: More instances of a module than these are drawn as one.
SEVERAL = 4


@dataclass(frozen=True)
class Edge:
    """``width`` bits from one node to another; ports of the top are nodes of their own."""

    source: str
    target: str
    width: int


@dataclass
class Structure:
    """``nodes``: instance name, or module name with their number, and the instances it stands for;
    ``ports``: those of the top that edges begin or end at."""

    nodes: dict[str, list[str]] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


def read(verilog: str, top: str, apart: frozenset[str]) -> Structure:
    """The structure of module ``top``; the inputs ``apart`` (clock, reset) are left out."""
    modules = {name: body for name, body in _MODULE.findall(verilog)}
    body = modules[top]
    ports = {name: _ports(text) for name, text in modules.items()}
    instances = [
        (module, name, dict(_PIN.findall(pins)))
        for module, name, pins in _INSTANCE.findall(body)
        if module in ports
    ]
    node = _named(instances, top)
    # Of every net, what drives it (node, its port, width), or the nets that it is made of.
    drivers: dict[str, list[tuple[str, str, int]]] = {}
    made: dict[str, set[str]] = {}
    found = Structure(outputs=[], inputs=[])
    for name, (direction, width) in ports[top].items():
        if direction == "input" and name not in apart:
            drivers[name] = [(f"port {name}", name, width)]
    for module, name, pins in instances:
        for pin, text in pins.items():
            direction, width = ports[module][pin]
            if direction == "output":
                for net in _nets(text):
                    drivers.setdefault(net, []).append((node[name], f"{name}.{pin}", width))
    for left, right in _ASSIGN.findall(body):
        for net in _nets(left):
            made.setdefault(net, set()).update(_nets(right))

    def sources(nets: set[str]) -> dict[str, int]:
        reached, waiting, ends = set(), list(nets), set()
        while waiting:
            net = waiting.pop()
            if net in reached or net in apart:
                continue
            reached.add(net)
            if net in drivers:
                ends.update(drivers[net])
            else:
                waiting += made.get(net, ())
        total: dict[str, int] = {}
        for source, _, width in sorted(ends):
            total[source] = total.get(source, 0) + width
        return total

    edges: dict[tuple[str, str], int] = {}
    for module, name, pins in instances:
        found.nodes.setdefault(node[name], []).append(name)
        for pin, text in pins.items():
            direction, width = ports[module][pin]
            if direction == "input":
                for source, bits in sources(_nets(text)).items():
                    key = (source, node[name])
                    edges[key] = edges.get(key, 0) + min(bits, width)
    for name, (direction, width) in ports[top].items():
        if direction == "output":
            for source, bits in sources({name}).items():
                edges[source, f"port {name}"] = min(bits, width)
    found.edges = [Edge(*ends, width) for ends, width in edges.items() if ends[0] != ends[1]]
    ends = {end for edge in found.edges for end in (edge.source, edge.target)}
    for name, (direction, _) in ports[top].items():
        if f"port {name}" in ends:
            (found.inputs if direction == "input" else found.outputs).append(name)
    return found


def _ports(body: str) -> dict[str, tuple[str, int]]:
    """Direction and width by name."""
    return {
        name: (direction, int(high or 0) - int(low or 0) + 1)
        for direction, high, low, name in _PORT.findall(body)
    }


def _nets(text: str) -> set[str]:
    return set(_NAME.findall(_CONSTANT.sub(" ", text)))


def _named(instances: list[tuple[str, str, dict[str, str]]], top: str) -> dict[str, str]:
    """The node of each instance."""
    alike: dict[str, list[str]] = {}
    for module, name, _ in instances:
        alike.setdefault(module, []).append(name)
    return {
        name: f"{module.removeprefix(f'{top}_')} x {len(alike[module])}"
        if len(alike[module]) > SEVERAL
        else name
        for module, name, _ in instances
    }
