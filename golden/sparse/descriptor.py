"""The layer descriptor: what software tells the accelerator of one layer, as data.

A descriptor is ``BYTES`` bytes, little endian; what no field covers is zero. From the tables of
fields and rules come the encoder, the hardware's layout and checks, the C header and the
documentation; :mod:`golden.sparse.checks` says which values go together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import require
from .accelerator import SIDE as SIDE
from .accelerator import TAPS as TAPS
from .accelerator import AcceleratorConfig
from .prune import VALUES

BYTES = 256
ALIGN = 128
"""Of every address and plane stride, in bytes: a multiple of any bus beat and any vector."""
INDEX_BITS = 22
"""Of a pillar index: a grid has at most 2^22 sites."""
SOURCES = 4
"""Most maps that a concatenated input has."""
ADDRESS_BITS = 40
"""Of an address that the machine can reach."""
LAYERS = 1024
"""Most descriptors of a list."""

OPS = ("conv", "deconv", "coords", "union")
MODES = ("spconv", "submanifold", "selective")
USES = ("ignore", "prune", "important")
MEASURES = ("none", "max-abs", "l1")
SELECTIONS = ("top-k", "threshold")


@dataclass(frozen=True)
class Field:
    """``bits`` at byte ``offset``; allowed are ``low`` to ``high`` (None: as the machine can).

    ``address``: a byte address or stride, a multiple of ``ALIGN``.
    """

    name: str
    offset: int
    bits: int
    meaning: str
    low: int = 0
    high: int | None = None
    address: bool = False


FIELDS = (
    Field("op", 0, 8, "0 conv, 1 deconv (one row phase), 2 coords (of a deconv), 3 union", 0, 3),
    Field("kernel", 1, 8, "kernel size: conv 1, 2, 3; deconv and coords 2, 4; union 1", 1, 4),
    Field("stride", 2, 8, "conv: 1, or 2 with kernel 2 or 3; else 1", 1, 2),
    Field("mode", 3, 8, "output set: 0 spconv, 1 submanifold, 2 selective", 0, 2),
    Field("phase", 4, 8, "deconv: kernel row, 0 to kernel - 1", 0, 3),
    Field("use", 5, 8, "of the source's selection: 0 ignore, 1 prune, 2 important", 0, 2),
    Field("measure", 6, 8, "importance of the outputs: 0 none, 1 max-abs, 2 L1", 0, 2),
    Field("selection", 7, 8, "of outputs: 0 top-k, 1 above a threshold", 0, 1),
    Field("relu", 8, 8, "1: negative results become zero", 0, 1),
    Field("write_cpr", 9, 8, "1: write the output CPR", 0, 1),
    Field("resident", 10, 8, "1: the layer's weights stay in the buffer from tile to tile", 0, 1),
    Field("sources", 11, 8, "maps side by side in the channels; over 1: of a union", 1, SOURCES),
    Field("rows", 12, 16, "input grid rows", 1, SIDE),
    Field("columns", 14, 16, "input grid columns", 1, SIDE),
    Field("input_tiles", 16, 16, "input channels / N", 1, 1024),
    Field("output_tiles", 18, 16, "output channels / N", 1, 1024),
    Field("first_tile", 20, 16, "outputs of the first tile, at most", 1, None),
    Field("tile", 22, 16, "outputs of the other tiles, at most", 1, None),
    Field("span", 24, 16, "input vectors of a tile, at most", 1, None),
    Field("source_tiles", 26, 16, "input_tiles / sources", 1, 1024),
    Field("cpr_after", 28, 32, "layers of the list whose CPR must be complete", 0, None),
    Field("features_after", 32, 32, "layers of the list whose features must be complete", 0, None),
    Field("capacity", 36, 32, "most output pillars", 1, 1 << INDEX_BITS),
    Field("select_count", 40, 32, "top-k: see select_ratio", 0, 1 << INDEX_BITS),
    Field("select_ratio", 44, 32, "k = select_count + ceil(outputs * this / 2^16)", 0, 1 << 16),
    Field("threshold", 48, 32, "selected is what lies strictly above", 0, VALUES - 1),
    Field("union_bit", 52, 8, "union: presence bit of the second map", 0, SOURCES - 1),
    Field("union_first", 53, 8, "union: 1 if the first map is itself a union", 0, 1),
    Field("phased", 54, 8, "1: part of a map that several layers write; no watermark", 0, 1),
    Field("source_cpr", 56, 64, "header and row pointers of the source", address=True),
    Field("source_entries", 64, 64, "entries of the source", address=True),
    Field("second_cpr", 72, 64, "union: of the second map", address=True),
    Field("second_entries", 80, 64, "union: of the second map", address=True),
    Field("output_cpr", 88, 64, "header and row pointers of the output", address=True),
    Field("output_entries", 96, 64, "entries of the output", address=True),
    *(
        Field(f"features{s}", 104 + 8 * s, 64, f"features of source {s}", address=True)
        for s in range(SOURCES)
    ),
    Field("input_plane", 136, 32, "bytes from plane to plane of the inputs", address=True),
    Field("output_plane", 140, 32, "bytes from plane to plane of the outputs", address=True),
    Field("weights", 144, 64, "weights", address=True),
    Field("parameters", 152, 64, "bias, multiplier, shift of each output channel", address=True),
    Field("output_features", 160, 64, "output features", address=True),
)  # fmt: skip

Fields = Mapping[str, int]
"""Values of a descriptor by field name; a missing field has its lowest value."""

_BY_NAME = {field.name: field for field in FIELDS}
CONV, DECONV, COORDS, UNION = range(len(OPS))


def highest(field: Field, config: AcceleratorConfig, number: int) -> int:
    """Largest value of a field that is no address, in layer ``number`` of the list."""
    machine = {
        "columns": min(SIDE, config.columns),
        "first_tile": config.tile,
        "tile": config.tile,
        "span": config.input_vectors,
        "cpr_after": number,
        "features_after": number,
    }
    high = machine.get(field.name, field.high)
    assert high is not None and not field.address
    return high


def address_mask(field: Field) -> int:
    """The bits that are zero in an address or stride: below ``ALIGN``, beyond the machine's."""
    reach = (1 << min(field.bits, ADDRESS_BITS)) - 1
    return (1 << field.bits) - 1 ^ (reach & -ALIGN)


def reserved() -> Iterator[int]:
    """Offsets of the bytes that no field covers."""
    used = {f.offset + byte for f in FIELDS for byte in range(f.bits // 8)}
    yield from (byte for byte in range(BYTES) if byte not in used)


def complete(fields: Fields) -> dict[str, int]:
    """All fields; those that are not given have their lowest value."""
    for name in fields:
        require(name in _BY_NAME, "descriptor field", name, ", ".join(_BY_NAME))
    return {field.name: int(fields.get(field.name, field.low)) for field in FIELDS}


def encode(fields: Fields) -> bytes:
    """The bytes of a descriptor. A value that does not fit its field is :class:`BadInput`."""
    data = bytearray(BYTES)
    values = complete(fields)
    for field in FIELDS:
        value = values[field.name]
        top = (1 << field.bits) - 1
        require(0 <= value <= top, field.name, value, f"0 to {top}")
        data[field.offset : field.offset + field.bits // 8] = value.to_bytes(
            field.bits // 8, "little"
        )
    return bytes(data)


def decode(data: bytes) -> dict[str, int]:
    """The fields of a descriptor's bytes, whatever they are."""
    require(len(data) == BYTES, "bytes of a descriptor", len(data), f"{BYTES}")
    return {
        f.name: int.from_bytes(data[f.offset : f.offset + f.bits // 8], "little") for f in FIELDS
    }
