"""What passes between the units of the sparse accelerator, as struct layouts.

Widths come from the limits of `golden/sparse/descriptor.py` and the sizes of an
:class:`golden.sparse.accelerator.AcceleratorConfig`. `docs/spade.md` says what each stream means.
"""

from __future__ import annotations

from amaranth.hdl import unsigned
from amaranth.lib import data

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import ADDRESS_BITS, FIELDS, INDEX_BITS, SIDE, SOURCES, TAPS

COLUMN_BITS = (SIDE - 1).bit_length()
VALUE_BITS = 16
TAG_BITS = 2
"""Of a slot of tags: a tile being made, one ready, one in the array and one in the vector unit."""
POSITION_BITS = 16
"""Of a count of vectors through a ring buffer, modulo 2^16: its low bits are the ring address, and
signed differences of two counts say which came first."""


def layer_layout() -> data.StructLayout:
    """A checked descriptor, addresses cut to ``ADDRESS_BITS``; ``number`` is its place in the
    list."""
    members = {f.name: unsigned(min(f.bits, ADDRESS_BITS)) for f in FIELDS}
    return data.StructLayout({**members, "number": unsigned(16)})


def token_layout() -> data.StructLayout:
    """A step through a CPR list: an active pillar, or (``empty``) a row without any.

    ``index``: among all entries of the list, pruned ones included. ``value``: its entry's upper
    half. ``selected``: by the header's selection. ``last``: the last token of its row.
    """
    return data.StructLayout(
        {
            "column": unsigned(COLUMN_BITS),
            "index": unsigned(INDEX_BITS),
            "value": unsigned(VALUE_BITS),
            "selected": unsigned(1),
            "empty": unsigned(1),
            "last": unsigned(1),
        }
    )


def pillar_layout() -> data.StructLayout:
    """An output pillar with its rules, or (``empty``) an output row without any.

    ``last``: of its output row. ``end``: of its layer (then ``last`` too). ``index``: of the output
    pillar in its map. ``value``: of a union, the presence bits. ``hits``: bit t: tap t has a rule.
    ``inputs``: for each row of the kernel, the input index of its first hit; further hits of the
    row follow consecutively. Only where a row's taps 0 and 2 hit and a *pruned* entry lies at tap 1
    is the second hit's index one more: then the row's bit of ``gaps`` is set.
    """
    return data.StructLayout(
        {
            "column": unsigned(COLUMN_BITS),
            "index": unsigned(INDEX_BITS),
            "value": unsigned(VALUE_BITS),
            "hits": unsigned(TAPS),
            "inputs": data.ArrayLayout(unsigned(INDEX_BITS), 3),
            "gaps": unsigned(3),
            "empty": unsigned(1),
            "last": unsigned(1),
            "end": unsigned(1),
        }
    )


def rule_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A rule of a tile: input index modulo the input ring, output relative to the tile's first.
    ``first``: no earlier tap has a rule of this output."""
    return data.StructLayout(
        {
            "input": unsigned((config.input_vectors - 1).bit_length()),
            "output": unsigned((config.tile - 1).bit_length()),
            "first": unsigned(1),
        }
    )


def rule_read_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A read of rule ``number`` of ``tap`` of the tile in ``slot``."""
    return data.StructLayout(
        {
            "slot": unsigned(1),
            "tap": unsigned(TAPS.bit_length()),
            "number": unsigned((config.tile - 1).bit_length()),
        }
    )


def release_layout() -> data.StructLayout:
    """``valid``, for a cycle: the rules of the tile in ``slot`` are no longer needed."""
    return data.StructLayout({"valid": unsigned(1), "slot": unsigned(1)})


def waiting_layout() -> data.StructLayout:
    """What a pass waits for: a ``tile``, or the ``layer`` before."""
    return data.StructLayout({"tile": unsigned(1), "layer": unsigned(1)})


def ended_layout() -> data.StructLayout:
    """``valid``, for a cycle: the last pass of layer ``number`` ends."""
    return data.StructLayout({"valid": unsigned(1), "number": unsigned(16)})


def presence_layout() -> data.StructLayout:
    """Presence ``bits`` of the union's pillar of ``index``, if ``valid``."""
    return data.StructLayout(
        {"valid": unsigned(1), "index": unsigned(INDEX_BITS), "bits": unsigned(SOURCES)}
    )


def read_layout() -> data.StructLayout:
    """A read of ``beats`` beats from byte ``address``, a multiple of the beat."""
    return data.StructLayout({"address": unsigned(ADDRESS_BITS), "beats": unsigned(16)})


def write_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A beat to write at byte ``address``, a multiple of the beat.

    ``flush``: the burst ends here; else it may go on as long as addresses are consecutive.
    ``vector``, ``layer``: marks that are counted when the beat has been acknowledged, and with it
    every beat that the client wrote before; a beat with ``layer`` also has ``flush``. A beat whose
    ``strobe`` is zero is not written, but its marks count in their turn.
    """
    return data.StructLayout(
        {
            "address": unsigned(ADDRESS_BITS),
            "data": unsigned(config.bus_bits),
            "strobe": unsigned(config.beat),
            "flush": unsigned(1),
            "vector": unsigned(1),
            "layer": unsigned(1),
        }
    )


def done_layout() -> data.StructLayout:
    """Marks of a write client that were acknowledged in this cycle; of a burst, vectors come
    before the layer."""
    return data.StructLayout({"vectors": unsigned(8), "layers": unsigned(1)})


def finish_layout(config: AcceleratorConfig) -> data.StructLayout:
    """Sums that are complete: a tile's outputs for one output-channel tile, for the vector unit.

    ``half``: of the sum buffer. ``count``: outputs, 0 only for a layer without any. ``base``: index
    of the first in the output map; ``tags``: slot of the tile's tags. ``address``: byte address of
    the output plane. ``first``, ``last``: first, last output-channel tile of the tile. ``end``: of
    the layer too.
    """
    return data.StructLayout(
        {
            "half": unsigned(1),
            "tags": unsigned(TAG_BITS),
            "count": unsigned(config.tile.bit_length()),
            "base": unsigned(INDEX_BITS),
            "address": unsigned(ADDRESS_BITS),
            "first": unsigned(1),
            "last": unsigned(1),
            "end": unsigned(1),
        }
    )


def drain_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A read of sum vector ``output`` of ``half``, if ``enable``."""
    return data.StructLayout(
        {
            "enable": unsigned(1),
            "half": unsigned(1),
            "output": unsigned((config.tile - 1).bit_length()),
        }
    )


def free_layout() -> data.StructLayout:
    """``valid``, for a cycle: ``half`` of the sums has been read and may be written again."""
    return data.StructLayout({"valid": unsigned(1), "half": unsigned(1)})


def tag_read_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A read of the tag of ``output`` in ``slot``, if ``enable``."""
    return data.StructLayout(
        {
            "enable": unsigned(1),
            "slot": unsigned(TAG_BITS),
            "output": unsigned((config.tile - 1).bit_length()),
        }
    )


def tile_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A tile that the tiler has made.

    ``slot``: half of the rule banks; ``tags``: slot of its tags. ``count``: outputs, 0 only for a
    layer without any; ``base``: index of the first. ``low``, ``span``: the contiguous range of
    input indices that its rules need. ``counts``: rules of each tap. ``last``: of its layer.
    """
    outputs = unsigned(config.tile.bit_length())
    return data.StructLayout(
        {
            "slot": unsigned(1),
            "tags": unsigned(TAG_BITS),
            "count": outputs,
            "base": unsigned(INDEX_BITS),
            "low": unsigned(INDEX_BITS),
            "span": unsigned(config.input_vectors.bit_length()),
            "counts": data.ArrayLayout(outputs, TAPS),
            "last": unsigned(1),
        }
    )


def pass_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A pass: the rules of a tile for one input-channel and one output-channel tile.

    ``inputs``, ``weights``: positions in the rings of its first input vector (which is input
    ``low`` of the tile) and of its first weight row. ``free_inputs``, ``free_weights``: vectors
    and rows that nobody needs after it. ``start``, ``stop``: first, last pass of a group of sums;
    ``done``: last pass of the tile. ``idle``: there is nothing to compute, ``finish`` alone counts.
    """
    return data.StructLayout(
        {
            "slot": unsigned(1),
            "counts": data.ArrayLayout(unsigned(config.tile.bit_length()), TAPS),
            "low": unsigned((config.input_vectors - 1).bit_length()),
            "inputs": unsigned(POSITION_BITS),
            "weights": unsigned(POSITION_BITS),
            "free_inputs": unsigned(POSITION_BITS),
            "free_weights": unsigned(POSITION_BITS),
            "start": unsigned(1),
            "stop": unsigned(1),
            "done": unsigned(1),
            "idle": unsigned(1),
            "number": unsigned(16),
            "finish": finish_layout(config),
        }
    )


def fill_layout(sparse: bool = True) -> data.StructLayout:
    """What the next data of the load client are: ``count`` vectors from ring position ``position``.

    ``weights``: rows of weights. ``sparse``: of inputs, only those present in ``source`` come; the
    presence bits begin at input index ``index``. A machine that is not ``sparse`` has not these.
    """
    members = {
        "weights": unsigned(1),
        "position": unsigned(POSITION_BITS),
        "count": unsigned(POSITION_BITS),
    }
    presence = {"sparse": unsigned(1), "source": unsigned(2), "index": unsigned(INDEX_BITS)}
    return data.StructLayout(members | presence if sparse else members)
