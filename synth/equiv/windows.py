"""Equal functions of few inputs, found by trying all of them: no search can be surprised by what
they compute, such as a multiplier in another form."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from ..gates.graph import ALL, Graph, Words

INPUTS = 16
"""Most inputs of a window: 65,536 assignments, a kilobyte of bits for each node."""
LEAST = 8
"""Fewest nodes that depend on exactly the inputs of a window for which it is worth making."""


def merged(graph: Graph, outputs: Sequence[int]) -> tuple[Graph, list[int]]:
    """A graph in which nodes that equal each other as functions of at most :data:`INPUTS` leaves
    are one, and what ``outputs`` are in it."""
    return _rebuilt(graph, _equals(graph), outputs)


def _equals(graph: Graph) -> dict[int, int]:
    """Node -> literal of an earlier node that it equals."""
    gate = {node: (xor, a, b) for xor, a, b, node in graph.gates}
    support = _supports(graph)
    found: dict[int, int] = {}
    for window, nodes in _windows(graph, support).items():
        inside, waiting = set(), list(nodes)
        while waiting:
            node = waiting.pop()
            if node in gate and node not in inside:
                inside.add(node)
                waiting += [literal >> 1 for literal in gate[node][1:]]
        _merge(
            gate, sorted(inside), [b for b in range(window.bit_length()) if window >> b & 1], found
        )
    return found


def _supports(graph: Graph) -> dict[int, int]:
    """Node -> the leaves that it depends on, as bits by their node; left out where too many."""
    made = {node for *_, node in graph.gates}
    support = {node: 1 << node for node in range(1, graph.size) if node not in made}
    support[0] = 0
    for _, a, b, node in graph.gates:
        if a >> 1 in support and b >> 1 in support:
            union = support[a >> 1] | support[b >> 1]
            if union.bit_count() <= INPUTS:
                support[node] = union
    return support


def _windows(graph: Graph, support: dict[int, int]) -> dict[int, list[int]]:
    """Sets of leaves that many nodes depend on, none within another, with the nodes of each."""
    sets = Counter(support[node] for *_, node in graph.gates if node in support)
    chosen: list[int] = []
    for each, count in sorted(sets.items(), key=lambda s: (-s[0].bit_count(), -s[1], s[0])):
        if count >= LEAST and not any(each & ~other == 0 for other in chosen):
            chosen.append(each)
    nodes: dict[int, list[int]] = defaultdict(list)
    for *_, node in graph.gates:
        mine = support.get(node)
        window = next((w for w in chosen if mine & ~w == 0), None) if mine is not None else None
        if window is not None:
            nodes[window].append(node)
    return nodes


def _merge(
    gate: dict[int, tuple[bool, int, int]],
    nodes: list[int],
    leaves: list[int],
    found: dict[int, int],
) -> None:
    """Evaluate ``nodes`` for all values of ``leaves``, and note in ``found`` which are equal."""
    values: dict[int, Words] = {0: np.zeros(max(1, 2 ** len(leaves) // 64), np.uint64)}
    count = np.arange(2 ** max(6, len(leaves)), dtype=np.uint32)
    for place, leaf in enumerate(leaves):
        bits = (count >> place & 1).astype(np.uint8)
        values[leaf] = np.packbits(bits, bitorder="little").view(np.uint64)
    known: dict[bytes, int] = {}
    for node, words in values.items():
        known[words.tobytes()], known[(words ^ ALL).tobytes()] = 2 * node, 2 * node + 1
    for node in nodes:
        xor, a, b = gate[node]
        left, right = (values[x >> 1] ^ ALL if x & 1 else values[x >> 1] for x in (a, b))
        words = values[node] = left ^ right if xor else left & right
        same = known.setdefault(words.tobytes(), 2 * node)
        if same != 2 * node:
            found.setdefault(node, same)
        else:
            known[(words ^ ALL).tobytes()] = 2 * node + 1


def _rebuilt(
    graph: Graph, equals: dict[int, int], outputs: Sequence[int]
) -> tuple[Graph, list[int]]:
    new, made = Graph(), {node: (xor, a, b) for xor, a, b, node in graph.gates}
    place = [0] * graph.size

    def literal(old: int) -> int:
        return place[old >> 1] ^ (old & 1)

    for node in range(1, graph.size):
        if node in equals:
            place[node] = literal(equals[node])
        elif node in made:
            xor, a, b = made[node]
            place[node] = (new.odd if xor else new.both)(literal(a), literal(b))
        else:
            place[node] = new.leaf()
    return new, [literal(output) for output in outputs]
