"""The accelerator's registers and error codes, as data: hardware, C header and documentation.

Every register has 32 bits. An access beyond the last one is answered with SLVERR.
"""

from __future__ import annotations

from dataclasses import dataclass

from .accelerator import AcceleratorConfig

ADDRESS_BITS = 8
"""Of a byte address in the register page."""
IDENTITY = 0x53504144
"""Reads as "SPAD"."""
VERSION = (1, 0)
"""Of registers and descriptors together: major, minor."""

ACCESSES = {
    "ro": "read only",
    "rw": "read and write; while the machine is busy, writes do nothing",
    "en": "read and write at any time",
    "w1c": "reads as 1 when it has happened; writing 1 clears it",
    "w1s": "writing 1 does it; reads as 0",
}


@dataclass(frozen=True)
class Bits:
    """``bits`` of a register from bit ``low``. ``access``: one of ``ACCESSES``."""

    name: str
    low: int
    bits: int
    access: str
    meaning: str


@dataclass(frozen=True)
class Register:
    """A register at byte ``offset``."""

    name: str
    offset: int
    fields: tuple[Bits, ...]


def _whole(name: str, offset: int, access: str, meaning: str, bits: int = 32) -> Register:
    return Register(name, offset, (Bits(name, 0, bits, access, meaning),))


REGISTERS = (
    _whole("identity", 0x00, "ro", f"{IDENTITY:#x}"),
    Register(
        "version",
        0x04,
        (
            Bits("minor", 0, 16, "ro", "grows with what is added"),
            Bits("major", 16, 16, "ro", "grows when old software would no longer work"),
        ),
    ),
    Register(
        "array",
        0x08,
        (
            Bits("array", 0, 16, "ro", "N, rows and columns of the array"),
            Bits("bus_bits", 16, 16, "ro", "data width of the memory port"),
        ),
    ),
    Register(
        "inputs",
        0x0C,
        (
            Bits("input_vectors", 0, 16, "ro", "input vectors of N that the buffer holds"),
            Bits("columns", 16, 16, "ro", "most columns of an input grid"),
        ),
    ),
    Register(
        "sums",
        0x10,
        (
            Bits("tile", 0, 16, "ro", "most outputs of a tile"),
            Bits("weight_vectors", 16, 16, "ro", "rows of N weights that the buffer holds"),
        ),
    ),
    Register(
        "control",
        0x14,
        (
            Bits("start", 0, 1, "w1s", "carry out the list; nothing while busy or stopped"),
            Bits("soft_reset", 1, 1, "w1s", "stop, let the bus come to rest, begin anew"),
            Bits("interrupt", 2, 1, "en", "interrupt on done and on error"),
        ),
    ),
    Register(
        "status",
        0x18,
        (
            Bits("busy", 0, 1, "ro", "a list or a soft reset is under way"),
            Bits("done", 1, 1, "w1c", "the list was carried out, all of it is in memory"),
            Bits("error", 2, 1, "w1c", "the machine stopped: see error and detail"),
            Bits("stopped", 3, 1, "ro", "only a soft reset helps"),
        ),
    ),
    Register(
        "error",
        0x1C,
        (
            Bits("code", 0, 8, "ro", "what went wrong last: see the error codes"),
            Bits("layer", 16, 16, "ro", "in which layer, or (codes 3 and above) how many are done"),
        ),
    ),
    _whole("detail", 0x20, "ro", "see the error codes"),
    _whole("list_low", 0x24, "rw", "address of the list, a multiple of 128, bits 0 to 31"),
    _whole("list_high", 0x28, "rw", "its bits from 32"),
    _whole("count", 0x2C, "rw", "descriptors of the list"),
    _whole("statistics_low", 0x30, "rw", "address of the statistics, or 0, bits 0 to 31"),
    _whole("statistics_high", 0x34, "rw", "its bits from 32"),
    _whole("cycles_low", 0x38, "ro", "cycles of the last list, bits 0 to 31; read when not busy"),
    _whole("cycles_high", 0x3C, "ro", "its bits from 32"),
    _whole("layers_done", 0x40, "ro", "layers of the list that are complete", 16),
)


@dataclass(frozen=True)
class Error:
    """An error code and what register ``detail`` then says."""

    code: int
    name: str
    meaning: str
    detail: str


ERRORS = (
    Error(0, "none", "nothing went wrong", "0"),
    Error(1, "list", "address, count or statistics is not allowed", "offset of the register"),
    Error(2, "descriptor", "a descriptor is malformed; nothing was done", "byte of the field"),
    Error(3, "read", "the memory answered a read with an error", "RRESP, from bit 8 the reader"),
    Error(4, "write", "the memory answered a write with an error", "BRESP, from bit 8 the writer"),
    Error(5, "coordinates", "a CPR in memory is malformed", "0"),
    Error(6, "capacity", "more output pillars than the layer's capacity", "0"),
    Error(7, "span", "one output pillar needs more inputs than the layer's span", "0"),
)
FAULTS = ("coordinates", "capacity", "span")
"""What the units report, least significant bit first."""


def error_code(name: str) -> int:
    """The code of an error by name."""
    return next(error.code for error in ERRORS if error.name == name)


def offset_of(name: str) -> int:
    """The byte offset of a register by name."""
    return next(register.offset for register in REGISTERS if register.name == name)


def constants(config: AcceleratorConfig) -> dict[str, int]:
    """What the fields that never change read as, by name."""
    major, minor = VERSION
    return {
        "identity": IDENTITY,
        "minor": minor,
        "major": major,
        "array": config.array,
        "bus_bits": config.bus_bits,
        "input_vectors": config.input_vectors,
        "columns": config.columns,
        "tile": config.tile,
        "weight_vectors": config.weight_vectors,
    }
