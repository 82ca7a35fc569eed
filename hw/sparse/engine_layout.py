"""What passes between the units and the engine: rules, loads, and what is written to its banks."""

from __future__ import annotations

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig

from .layout import drain_layout

SUM = signed(32)


def issue_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A rule for the array, if ``valid``: input vector ``input`` of the ring times the weights,
    added to sum vector ``output`` of ``half``.

    ``swap``: the weights that were loaded last count from this rule on. ``first``: what the sum
    was before does not count. ``end``: the last rule of a group; see ``ended``.
    """
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "input": unsigned((config.input_vectors - 1).bit_length()),
            "swap": unsigned(1),
            "half": unsigned(1),
            "output": unsigned((config.tile - 1).bit_length()),
            "first": unsigned(1),
            "end": unsigned(1),
        }
    )


def load_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A row of weights on its way into the array, if ``valid``: row N - 1 of the tile first, with
    ``start``, row 0 last. ``address``: in the ring."""
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "start": unsigned(1),
            "address": unsigned((config.weight_vectors - 1).bit_length()),
        }
    )


def _fill_layout(config: AcceleratorConfig, vectors: int, **more: int) -> data.StructLayout:
    lanes = min(config.beat, config.array)
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "address": unsigned((vectors - 1).bit_length()),
            "group": unsigned((config.array // lanes - 1).bit_length()),
            "data": unsigned(8 * lanes),
            **more,
        }
    )


def write_input_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A beat of an input vector into the ring, if ``valid``: bytes ``group`` times their number and
    on. ``zero``: the whole vector becomes zero; ``group`` and ``data`` do not matter."""
    return _fill_layout(config, config.input_vectors, zero=1)


def write_weight_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A beat of a row of weights into the ring, as :func:`write_input_layout`."""
    return _fill_layout(config, config.weight_vectors)


def engine_ports(config: AcceleratorConfig) -> dict[str, wiring.Member]:
    """Those of :class:`hw.sparse.engine.Engine`."""
    return {
        "rule": In(issue_layout(config)),
        "load": In(load_layout(config)),
        "write_input": In(write_input_layout(config)),
        "write_weight": In(write_weight_layout(config)),
        "drain": In(drain_layout(config)),
        "sums": Out(data.ArrayLayout(SUM, config.array)),
        "ended": Out(1),
    }
