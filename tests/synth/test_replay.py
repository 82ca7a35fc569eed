"""A netlist that is given what the ports of a machine saw has to do the same."""

import numpy as np
import pytest

from synth.gates import Circuit, Mismatch, Replay
from synth.gates.recorded import recorded
from synth.mapping.netlist import Netlist

WIDTH = 16
DATA, WRITTEN = range(10, 10 + WIDTH), range(30, 30 + WIDTH)


@pytest.fixture(scope="module")
def circuit(osu018):
    """Writes the inverse of what was read in the cycle before, when it is valid now."""
    nets = {"clk": [2], "rst": [3], "m_axi_rvalid": [4], "m_axi_rready": ["1"],
            "m_axi_rdata": [*DATA], "m_axi_wvalid": [4], "m_axi_wstrb": [5, 6],
            "m_axi_wdata": [*WRITTEN], "strobes": [5, 6]}  # fmt: skip
    outputs = ("m_axi_rready", "m_axi_wvalid", "m_axi_wstrb", "m_axi_wdata")
    cells = {}
    for bit, (read, written) in enumerate(zip(DATA, WRITTEN, strict=True)):
        cells[f"f{bit}"] = ("DFFPOSX1", {"CLK": 2, "D": read, "Q": 50 + bit})
        cells[f"i{bit}"] = ("INVX1", {"A": 50 + bit, "Y": written})
    module = {
        "ports": {
            name: {"direction": "output" if name in outputs else "input", "bits": bits}
            for name, bits in nets.items()
        },
        "cells": {
            name: {
                "type": kind,
                "connections": {pin: [net] for pin, net in pins.items()},
                "attributes": {},
            }
            for name, (kind, pins) in cells.items()
        },
        "netnames": {
            **{name: {"bits": bits} for name, bits in nets.items()},
            **{f"q{bit}": {"bits": [50 + bit]} for bit in range(WIDTH)},
        },
    }
    netlists = {"top": Netlist("top", module, osu018)}
    return netlists, Circuit(netlists, "top", "clk")


def ports(cycles=200):
    """What such a machine sees: a read in most cycles, and what it writes then."""
    rng = np.random.default_rng(1)
    data = rng.integers(0, 2, (cycles, WIDTH), np.uint8)
    valid = rng.integers(0, 2, (cycles, 8), np.uint8)
    strobe = rng.integers(0, 2, (cycles, 8), np.uint8)
    written = 1 - np.vstack([np.zeros((1, WIDTH), np.uint8), data[:-1]])
    return {
        "rst": np.zeros((cycles, 8), np.uint8), "m_axi_rvalid": valid,
        "m_axi_rready": np.ones((cycles, 8), np.uint8), "m_axi_rdata": data,
        "m_axi_wvalid": valid.copy(), "m_axi_wstrb": strobe, "m_axi_wdata": written,
        "strobes": strobe,
    }  # fmt: skip


def replay(circuit, seen):
    return Replay("a test", seen, "reads", 7).run(circuit[1], "rst", 1)


def test_activity_of_a_replay(circuit):
    seen = ports()
    found = replay(circuit, seen)
    assert (found.cycles, found.compared, found.beats) == (200, 200, {"reads": 7})
    nets = recorded(circuit[1], circuit[0], found)
    assert nets.coverage == 1.0
    for bit, net in enumerate(DATA):
        column = np.concatenate([[0], seen["m_axi_rdata"][:, bit]])
        expected = np.count_nonzero(np.diff(column.astype(int))) / 200, column.sum() / 200
        assert nets.by_module["top"][net] == pytest.approx(expected)


def test_what_means_nothing_is_not_compared(circuit):
    seen = ports()
    valid, strobe = seen["m_axi_wvalid"][:, 0], seen["m_axi_wstrb"][:, :2]
    other = np.random.default_rng(2).integers(0, 2, (200, WIDTH), np.uint8)
    means = valid[:, None] & np.repeat(strobe, 8, axis=1)
    seen["m_axi_wdata"] = np.where(means, seen["m_axi_wdata"], other)
    assert replay(circuit, seen).compared == 200


@pytest.mark.parametrize("port", ["m_axi_rready", "m_axi_wvalid", "m_axi_wstrb", "m_axi_wdata"])
def test_what_means_something_is(circuit, port):
    seen = ports()
    busy = seen["m_axi_wvalid"][:, 0] & seen["m_axi_wstrb"][:, 0]
    cycle = int(np.flatnonzero(busy)[40])
    seen[port] = seen[port].copy()
    seen[port][cycle, 0] ^= 1
    with pytest.raises(Mismatch, match=f"{port} differs from the RTL's in cycle {cycle}"):
        replay(circuit, seen)
