"""Netlists at work: Boolean functions, registers and memories against plain Python."""

import json
import random
from itertools import product

import numpy as np
import pytest

from sim.job import StreamPorts
from synth.gates import Circuit, Mismatch, Stream, Unsimulated, simulate
from synth.gates.bench import bits_of, spread
from synth.gates.graph import Graph
from synth.gates.recorded import as_saif, recorded
from synth.library import Cell, Pin, boolean
from synth.library.liberty import Group
from synth.mapping.netlist import Instance, Netlist, Port


def expression(rng, depth):
    if depth == 0:
        return rng.choice(["a", "b", "c", "d", "0", "1"])
    kind = rng.choice(["!", "'", "&", "*", "|", "+", "^", " "])
    one = expression(rng, depth - 1)
    if kind == "!":
        return f"!({one})"
    return f"({one})'" if kind == "'" else f"({one}{kind}{expression(rng, depth - 1)})"


def test_graph_computes_what_truth_tables_say():
    rng, names = random.Random(1), ("a", "b", "c", "d")
    for _ in range(200):
        text = expression(rng, rng.randint(1, 5))
        graph = Graph()
        leaves = {name: graph.leaf() for name in names}
        found = boolean.evaluate(boolean.parse(text), leaves, graph)
        compiled = graph.compiled()
        values = np.zeros((compiled.rows, 1), np.uint64)
        for place, name in enumerate(names):  # assignment n is bit n, the last name fastest
            word = sum(1 << n for n in range(16) if n >> (3 - place) & 1)
            values[compiled.place[leaves[name] >> 1]] = word
        compiled.evaluate(values)
        word = int(compiled.read(values, np.array([found]))[0, 0])
        assert tuple(bool(word >> n & 1) for n in range(16)) == boolean.truth_table(text, names)


def unit(library, cells, width=1):
    """A unit of streams of ``width`` bits around (instance, cell, {pin: net}) cells: payloads are
    nets 10 to 10 + width and 30 to 30 + width, the handshake is free."""
    one = {"i__valid": 3, "o__ready": 4, "clk": 2, "rst": 5}
    ports = {name: {"direction": "input", "bits": [net]} for name, net in one.items()}
    ports["i__payload"] = {"direction": "input", "bits": list(range(10, 10 + width))}
    ports["o__payload"] = {"direction": "output", "bits": list(range(30, 30 + width))}
    ports["i__ready"] = {"direction": "output", "bits": ["1"]}
    ports["o__valid"] = {"direction": "output", "bits": [3]}
    names = {name: {"bits": facts["bits"]} for name, facts in ports.items()}
    names |= {
        f"n{net}": {"bits": [net]}
        for _, _, pins in cells
        for net in pins.values()
        if not any(net in facts["bits"] for facts in ports.values())
    }
    module = {
        "ports": ports,
        "cells": {
            name: {
                "type": cell,
                "connections": {pin: [net] for pin, net in pins.items()},
                "attributes": {},
            }
            for name, cell, pins in cells
        },
        "netnames": names,
    }
    return Netlist("top", module, library)


def streams(inputs, outputs, width, copies=1):
    def stream(name, words):
        ports = StreamPorts(f"{name}__payload", f"{name}__valid", f"{name}__ready", width)
        return Stream(ports, bits_of(words, width), spread(len(words), copies))

    return {"i": stream("i", inputs)}, {"o": stream("o", outputs)}


def run(netlist, inputs, outputs, width=1, copies=1, warm=None):
    circuit = Circuit({"top": netlist}, "top", "clk")
    given, expected = streams(inputs, outputs, width, copies)
    seen = simulate(circuit, "rst", given, expected, patience=8, warm=warm, seed=1)
    return circuit, seen


def test_activity_of_a_gate_by_hand(osu018):
    """An AND of bits that are known: transitions and time at 1 counted on paper."""
    gate = unit(osu018, [("u0", "AND2X2", {"A": 10, "B": 11, "Y": 30}),
                         ("u1", "INVX1", {"A": 30, "Y": 31})], 2)  # fmt: skip
    words = [0b00, 0b01, 0b11, 0b11, 0b10, 0b11, 0b01, 0b00]
    both = [int(word == 3) for word in words]  # 0 0 1 1 0 1 0 0
    circuit, seen = run(gate, words, [b | (1 - b) << 1 for b in both], 2, warm=1)
    nets = recorded(circuit, {"top": gate}, seen)
    assert seen.cycles == 7 and seen.compared == 8 and nets.coverage == 1.0
    found = nets.by_module["top"]
    assert found[10] == (pytest.approx(4 / 7), pytest.approx(5 / 7))  # a: 0 1 1 1 0 1 1 0
    assert found[11] == (pytest.approx(2 / 7), pytest.approx(4 / 7))  # b: 0 0 1 1 1 1 0 0
    assert found[30] == (pytest.approx(4 / 7), pytest.approx(3 / 7))
    assert found[31] == (pytest.approx(4 / 7), pytest.approx(4 / 7))
    file = as_saif(circuit, {"top": gate}, seen, "top", 2e-6)
    assert file.duration == 14 and file.nets["top", "u0", "B"] == file.nets["top", "i__payload[1]"]
    net = file.nets["top", "o__payload[0]"]
    assert (net.low, net.high, net.transitions) == (8, 6, 4)


def test_activity_of_a_register_and_the_clock(osu018):
    flop = unit(osu018, [("u0", "DFFPOSX1", {"CLK": 2, "D": 40, "Q": 30}),
                         ("u1", "INVX1", {"A": 30, "Y": 40})])  # fmt: skip
    # It divides by two from an unknown state: whichever it is, one of both is what comes out.
    for first in (0, 1):
        try:
            circuit, seen = run(flop, [0] * 9, [(first + k) % 2 for k in range(9)], warm=1)
        except Mismatch:
            continue
        found = recorded(circuit, {"top": flop}, seen).by_module["top"]
        assert found[30] == (1.0, 0.5) and found[40] == (1.0, 0.5)
        assert found[2] == (2.0, 0.5)
        assert (
            as_saif(circuit, {"top": flop}, seen, "top", 1.0).nets["top", "clk"].transitions == 16
        )
        return
    raise AssertionError("neither order came out")


def test_copies_see_their_own_beats_only(osu018):
    gate = unit(osu018, [("u0", "INVX1", {"A": 10, "Y": 30})])
    words = [0, 1] * 70
    for copies in (1, 7, 65, 140):
        _, seen = run(gate, words, [1 - word for word in words], copies=copies, warm=0)
        assert (seen.compared, seen.cycles) == (140, 140)


def test_copies_that_are_done_count_no_more(osu018):
    """A register that never rests, in copies of two and of three beats."""
    cells = [("u0", "INVX1", {"A": 10, "Y": 30}), ("u1", "DFFPOSX1", {"CLK": 2, "D": 41, "Q": 40}),
             ("u2", "INVX1", {"A": 40, "Y": 41})]  # fmt: skip
    netlist = unit(osu018, cells)
    circuit, seen = run(netlist, [0] * 5, [1] * 5, copies=2, warm=0)
    found = recorded(circuit, {"top": netlist}, seen).by_module["top"]
    assert seen.cycles == 5 and found[40][0] == found[41][0] == 1.0
    assert found[40][1] + found[41][1] == 1.0 and found[30] == (0.0, 1.0)
    _, later = run(netlist, [0] * 5, [1] * 5, copies=2, warm=2)
    assert (later.cycles, later.beats["i"]) == (1, 1)


def test_a_wrong_bit_is_found_and_named(osu018):
    gate = unit(osu018, [("u0", "INVX1", {"A": 10, "Y": 30})])
    words = [0, 1, 1, 0]
    with pytest.raises(Mismatch, match="o: beat 2 differs .* in bits 0; 2 were right"):
        run(gate, words, [1, 0, 1, 1])
    with pytest.raises(Mismatch, match="nobody asked for"):
        run(gate, words, [1, 0, 0])
    with pytest.raises(Mismatch, match="no beat moves for 8 cycles"):
        run(gate, words, [1, 0, 0, 1, 1])


def test_what_cannot_be_simulated_is_said(osu018):
    loop = [("u0", "INVX1", {"A": 40, "Y": 41}), ("u1", "INVX1", {"A": 41, "Y": 40})]
    with pytest.raises(Unsimulated, match="combinational loop"):
        run(unit(osu018, loop), [0], [0])
    with pytest.raises(Unsimulated, match="nothing drives net 77"):
        run(unit(osu018, [("u0", "INVX1", {"A": 77, "Y": 30})]), [0], [0])
    with pytest.raises(Unsimulated, match="u0 .* is not clocked by the clock"):
        run(unit(osu018, [("u0", "DFFPOSX1", {"CLK": 10, "D": 10, "Q": 30})]), [0], [0])
    with pytest.raises(Unsimulated, match="LATCH has no function"):
        run(unit(osu018, [("u0", "LATCH", {"CLK": 10, "D": 10, "Q": 30})]), [0], [0])


@pytest.mark.parametrize("clocked, transparent", [*product("01", "01")])
def test_memories_read_and_write_as_yosys_says(osu018, clocked, transparent):
    """One word of four, written and read in the same cycle, against a list."""
    pins = ["rd0_addr_0", "rd0_addr_1", "wr0_addr_0", "wr0_addr_1", "wr0_data_0", "wr0_en_0"]
    names = {name: "input" for name in pins} | {"rd0_data_0": "output"}
    group = Group("")
    inside = {name: Pin(name, kind, 0.0, None, False, group) for name, kind in names.items()}
    box = Cell("memory_0", 0, 0, "memory", False, inside, group)
    behaviour = {
        "words": 4, "width": 1, "clocked": clocked, "transparent": transparent, "initial": "0110",
        "wiring": {"rd0_addr": pins[:2], "rd0_en": ["1"], "rd0_data": ["rd0_data_0"],
                   "rd0_srst": ["0"], "wr0_addr": pins[2:4], "wr0_data": [pins[4]],
                   "wr0_en": [pins[5]]},
    }  # fmt: skip
    wires = {pin: 10 + k for k, pin in enumerate(pins)} | {"rd0_data_0": 30}
    base = unit(osu018, [], 6)
    others = [port for port in base.ports if port.name != "o__payload"]
    base.ports = [*others, Port("o__payload", "output", (30, *"00000"))]
    base.memories = [Instance("storage", box, wires, json.dumps(behaviour))]
    rng = random.Random(3)
    words = [rng.randrange(64) for _ in range(300)]
    state, expected = [0, 1, 1, 0], []
    data = state[0]  # read during reset, when all inputs are 0
    for word in words:
        read, write, value, enable = word & 3, word >> 2 & 3, word >> 4 & 1, word >> 5
        expected.append(data if clocked == "1" else state[read])
        hit = transparent == "1" and enable and read == write
        data = value if hit else state[read]
        if enable:
            state[write] = value
    _, seen = run(base, words, expected, 6)
    assert seen.compared == 300
