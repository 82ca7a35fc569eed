"""What metrics there are: heading, unit, which direction is better, meaning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What a metric means: heading, unit, which direction is better ("" for neither), meaning."""

    title: str
    unit: str
    better: str
    meaning: str


KINDS = {
    "area": Kind(
        "area", "um2", "lower", "sum of the cell areas of the netlist, no wiring, no memories"
    ),
    "area_nand2": Kind("area", "NAND2", "lower", "area in units of the library's smallest NAND2"),
    "area_sequential": Kind("register area", "um2", "lower", "area of flip-flops and latches"),
    "area_buffers": Kind("buffer area", "um2", "lower", "area of buffers and inverters"),
    "cells": Kind("cells", "", "lower", "library cells in the netlist"),
    "flip_flops": Kind("flip-flops", "", "lower", "flip-flops in the netlist"),
    "critical_path": Kind(
        "critical path",
        "ns",
        "lower",
        "the longest path: between registers with the set-up time, or from an input that arrives"
        " at the clock edge, or to an output",
    ),
    "register_path": Kind(
        "register to register", "ns", "lower", "the longest path between registers, with set-up"
    ),
    "fmax": Kind(
        "fmax",
        "MHz",
        "higher",
        "1 / critical path: ideal clock without skew, no wires, this recipe's one netlist",
    ),
    "corner_path": Kind(
        "slowest corner", "ns", "lower", "the critical path in the slowest of all timing corners"
    ),
    "corner_slack": Kind(
        "worst slack", "ns", "higher", "clock period less the critical path of the slowest corner"
    ),
    "slack": Kind("slack", "ns", "higher", "clock period less critical path; negative: too slow"),
    "power": Kind("power", "mW", "lower", "internal + switching + clock pins + leakage"),
    "power_internal": Kind("internal", "mW", "lower", "energy inside the cells, from the library"),
    "power_switching": Kind("switching", "mW", "lower", "C V^2 / 2 for each transition of a net"),
    "power_clock": Kind(
        "clock pins", "mW", "lower", "charging of the registers' clock pins; no clock tree"
    ),
    "leakage": Kind("leakage", "uW", "lower", "the cells' stated mean leakage"),
    "energy": Kind(
        "energy a cycle", "pJ", "lower", "(power less leakage) x clock period: the clock cancels"
    ),
    "energy_operation": Kind(
        "energy an operation",
        "pJ",
        "lower",
        "energy a cycle over the operations of a cycle: a MAC, a block, or what else it is said to"
        " be; without leakage, clock tree and memories",
    ),
    "power_opensta": Kind(
        "OpenSTA's power",
        "mW",
        "lower",
        "internal + switching + leakage by an OpenSTA that reads SAIF, on the same activity: a"
        " check, where there is one",
    ),
    "power_clock_tree": Kind(
        "clock tree",
        "mW",
        "lower",
        "an estimate: buffers that drive the clock pins at a fan-out of 16, without wires; not part"
        " of the power",
    ),
    "memory_bits": Kind("memory", "bit", "lower", "bits of memories that are not of flip-flops"),
    "memory_area": Kind(
        "memory area", "um2", "lower", "a model of memory macros; not part of the area of cells"
    ),
    "memory_energy": Kind(
        "memory energy",
        "pJ",
        "lower",
        "a model: of a cycle, with the accesses that were recorded, or, as an estimate, one of each"
        " port of each memory; not part of the power",
    ),
    "memory_leakage": Kind("memory leakage", "uW", "lower", "a model; not part of the leakage"),
}
