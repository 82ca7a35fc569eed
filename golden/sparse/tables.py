"""Descriptors, registers and error codes as Markdown tables, for the documentation."""

from __future__ import annotations

from .checks import RULES
from .descriptor import ADDRESS_BITS, ALIGN, FIELDS
from .registers import ACCESSES, ERRORS, REGISTERS

_BY_MACHINE = {
    "columns": "the machine's columns",
    "first_tile": "the machine's tile",
    "tile": "the machine's tile",
    "span": "the machine's input vectors",
    "cpr_after": "its place in the list",
    "features_after": "its place in the list",
}


def descriptor_table() -> str:
    """The fields of a descriptor."""
    rows = ["| offset | bits | field | allowed | meaning |", "|---|---|---|---|---|"]
    for field in FIELDS:
        allowed = f"{field.low} to {_BY_MACHINE.get(field.name, field.high)}"
        if field.address:
            allowed = f"multiple of {ALIGN} below 2^{min(field.bits, ADDRESS_BITS)}"
        rows.append(
            f"| {field.offset} | {field.bits} | {field.name} | {allowed} | {field.meaning} |"
        )
    return "\n".join(rows)


def rule_table() -> str:
    """What must hold between the fields of a descriptor."""
    rows = ["| field | allowed |", "|---|---|"]
    rows += [f"| {rule.field} | {rule.allowed} |" for rule in RULES]
    return "\n".join(rows)


def access_table() -> str:
    """What the kinds of access mean."""
    rows = ["| access | meaning |", "|---|---|"]
    rows += [f"| {name} | {meaning} |" for name, meaning in ACCESSES.items()]
    return "\n".join(rows)


def register_table() -> str:
    """The registers in Markdown."""
    rows = ["| offset | register | bits | field | access | meaning |", "|---|---|---|---|---|---|"]
    for register in REGISTERS:
        for field in register.fields:
            high = field.low + field.bits - 1
            bits = f"{high}:{field.low}" if field.bits > 1 else f"{field.low}"
            rows.append(
                f"| {register.offset:#04x} | {register.name} | {bits} | {field.name}"
                f" | {field.access} | {field.meaning} |"
            )
    return "\n".join(rows)


def error_table() -> str:
    """The error codes in Markdown."""
    rows = ["| code | error | meaning | detail |", "|---|---|---|---|"]
    rows += [f"| {e.code} | {e.name} | {e.meaning} | {e.detail} |" for e in ERRORS]
    return "\n".join(rows)
