"""Graphs as AIGER files (Biere, "The AIGER And-Inverter Graph (AIG) Format", 2007: binary)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..gates.graph import Graph


def write(path: Path, graph: Graph, outputs: Sequence[int]) -> dict[int, int]:
    """Write what ``outputs`` (literals) depend on. Returns input number -> node of the graph."""
    wanted = _cone(graph, outputs)
    gates = [gate for gate in graph.gates if gate[3] in wanted]
    made = {gate[3] for gate in gates}
    inputs = sorted(node for node in wanted - made if node)
    literal = {0: 0} | {node: 2 * (k + 1) for k, node in enumerate(inputs)}
    ands: list[tuple[int, int]] = []

    def both(a: int, b: int) -> int:
        ands.append((max(a, b), min(a, b)))
        return 2 * (len(inputs) + len(ands))

    for xor, a, b, node in gates:
        a, b = (literal[x >> 1] ^ (x & 1) for x in (a, b))
        if xor:
            literal[node] = both(both(a, b) ^ 1, both(a ^ 1, b ^ 1) ^ 1)
        else:
            literal[node] = both(a, b)
    data = bytearray()
    count = len(inputs) + len(ands)
    data += f"aig {count} {len(inputs)} 0 {len(outputs)} {len(ands)}\n".encode()
    for out in outputs:
        data += f"{literal[out >> 1] ^ (out & 1)}\n".encode()
    for index, (high, low) in enumerate(ands):
        lhs = 2 * (len(inputs) + index + 1)
        for delta in (lhs - high, high - low):
            while delta & ~0x7F:
                data.append(delta & 0x7F | 0x80)
                delta >>= 7
            data.append(delta)
    path.write_bytes(bytes(data))
    return dict(enumerate(inputs))


def _cone(graph: Graph, outputs: Sequence[int]) -> set[int]:
    """The nodes that literals depend on, themselves included."""
    wanted = {literal >> 1 for literal in outputs}
    for _, a, b, node in reversed(graph.gates):  # each after what it is made of
        if node in wanted:
            wanted |= {a >> 1, b >> 1}
    return wanted
