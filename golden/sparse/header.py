"""The C header of the accelerator: descriptor, memory formats, registers, error codes."""

from __future__ import annotations

from collections.abc import Iterator

from .descriptor import (
    ALIGN,
    BYTES,
    FIELDS,
    LAYERS,
    MEASURES,
    MODES,
    OPS,
    SELECTIONS,
    USES,
    reserved,
)
from .memory import VALID
from .places import HEADER_BYTES, PARAMETER_BYTES, STATISTICS_BYTES
from .record import RECORD, RECORD_WORDS
from .registers import ERRORS, IDENTITY, REGISTERS, VERSION

NUMBERED = {
    "op": OPS,
    "mode": MODES,
    "use": USES,
    "measure": MEASURES,
    "selection": SELECTIONS,
}
"""Fields whose values have names."""


def header() -> str:
    """The header as text; C99 and later with C11's static assertions, and C++11."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "/* The sparse accelerator for software. Made by `python -m golden spade-header`. */"
    yield "/* Memory is little endian, and so must a host be that uses these structs. */"
    yield "#ifndef SPADE_H"
    yield "#define SPADE_H"
    yield ""
    yield "#include <stddef.h>"
    yield "#include <stdint.h>"
    yield ""
    yield "#ifdef __cplusplus"
    yield "#define SPADE_ASSERT(condition) static_assert(condition, #condition)"
    yield "#else"
    yield "#define SPADE_ASSERT(condition) _Static_assert(condition, #condition)"
    yield "#endif"
    yield ""
    major, minor = VERSION
    yield from _defines(
        ("SPADE_IDENTITY_VALUE", f"{IDENTITY:#x}u", "of register identity"),
        ("SPADE_MAJOR", f"{major}u", "of register version: must be the same"),
        ("SPADE_MINOR", f"{minor}u", "of register version: at least"),
        ("SPADE_ALIGN", f"{ALIGN}u", "of every address and plane stride, in bytes"),
        ("SPADE_LAYERS", f"{LAYERS}u", "most descriptors of a list"),
    )
    yield ""
    for name, values in NUMBERED.items():
        yield from _enum(name, [(value, number) for number, value in enumerate(values)])
    yield from _enum("error", [(error.name, error.code) for error in ERRORS])
    yield from _descriptor()
    yield from _struct(
        "cpr",
        "Header of a CPR; rows + 1 row pointers (uint32_t) follow.",
        ("count", "flags", "threshold", "ties"),
        HEADER_BYTES,
    )
    yield from _defines(
        ("SPADE_CPR_SELECTION", f"{VALID}u", "flag: threshold and ties select entries"),
        ("SPADE_ENTRY_COLUMN", "0x0000ffffu", "of an entry, a uint32_t"),
        ("SPADE_ENTRY_VALUE", "0xffff0000u", "importance, or presence bits"),
    )
    yield ""
    yield "/* Of an output channel. */"
    yield "struct spade_parameters {"
    yield "    int32_t bias;"
    yield "    uint16_t multiplier;"
    yield "    uint8_t shift;"
    yield "    uint8_t zero;"
    yield "};"
    yield f"SPADE_ASSERT(sizeof(struct spade_parameters) == {PARAMETER_BYTES});"
    yield ""
    assert STATISTICS_BYTES == 4 * RECORD_WORDS
    yield from _struct("statistics", "Of a layer.", RECORD, STATISTICS_BYTES)
    yield from _registers()
    yield ""
    yield "#endif"


def _defines(*rows: tuple[str, str, str]) -> Iterator[str]:
    for name, value, comment in rows:
        yield f"#define {name} {value} /* {comment} */"


def _enum(name: str, values: list[tuple[str, int]]) -> Iterator[str]:
    yield f"enum spade_{name} {{"
    for value, number in values:
        yield f"    SPADE_{name}_{value}".upper().replace("-", "_") + f" = {number},"
    yield "};"
    yield ""


def _descriptor() -> Iterator[str]:
    yield "/* What the accelerator is told of a layer. Reserved bytes are zero. */"
    yield "struct spade_descriptor {"
    gaps = set(reserved())
    members = {f.offset: (f"uint{f.bits}_t {f.name};", f.meaning) for f in FIELDS}
    for byte in sorted(gaps):
        if byte - 1 not in gaps:
            end = next(b for b in range(byte, BYTES + 1) if b not in gaps)
            members[byte] = (f"uint8_t reserved{byte}[{end - byte}];", "zero")
    for _, (member, meaning) in sorted(members.items()):
        yield f"    {member} /* {meaning} */"
    yield "};"
    yield f"SPADE_ASSERT(sizeof(struct spade_descriptor) == {BYTES});"
    for f in FIELDS:
        yield f"SPADE_ASSERT(offsetof(struct spade_descriptor, {f.name}) == {f.offset});"
    yield ""


def _struct(name: str, comment: str, words: tuple[str, ...], size: int) -> Iterator[str]:
    """A struct of 32-bit words, filled up to ``size`` bytes."""
    yield f"/* {comment} */"
    yield f"struct spade_{name} {{"
    for word in words:
        yield f"    uint32_t {word};"
    yield f"    uint32_t reserved[{size // 4 - len(words)}];"
    yield "};"
    yield f"SPADE_ASSERT(sizeof(struct spade_{name}) == {size});"
    yield ""


def _registers() -> Iterator[str]:
    yield "/* Byte offsets of the registers, and the masks of their fields. */"
    for register in REGISTERS:
        prefix = f"SPADE_REG_{register.name}".upper()
        single = len(register.fields) == 1 and register.fields[0].bits == 32
        meaning = register.fields[0].meaning if single else register.name
        yield from _defines((prefix, f"{register.offset:#04x}u", meaning))
        for field in () if single else register.fields:
            mask = (1 << field.bits) - 1 << field.low
            yield from _defines((f"{prefix}_{field.name}".upper(), f"{mask:#010x}u", field.meaning))
