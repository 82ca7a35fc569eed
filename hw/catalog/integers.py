"""Designs of integer formats."""

from __future__ import annotations

from collections.abc import Iterable

from golden.dot import DotConfig
from golden.formats import DINT4, INT4, INT8, INT32, integer

from .design import Design
from .sources import PLAIN


def integer_designs() -> Iterable[Design]:
    yield Design(
        "int8_mac",
        DotConfig(a=INT8, w=INT8, lanes=1, accumulator=INT32),
        "INT8 x INT8 multiply-accumulate into INT32",
        PLAIN,
        "mac",
    )
    for fmt in (INT8, INT4):
        yield Design(
            f"{fmt.name.lower()}_dot32",
            DotConfig(a=fmt, w=fmt, accumulator=INT32),
            f"32-lane {fmt.name} dot product accumulating into INT32",
            PLAIN,
            "dot product",
        )
    yield Design(
        "int4_int8_dot32",
        DotConfig(a=INT8, w=INT4, accumulator=INT32),
        "32-lane dot product of INT8 activations by INT4 weights accumulating into INT32",
        PLAIN,
        "dot product",
    )


def dint_designs() -> Iterable[Design]:
    halves = integer(32, fraction_bits=1)
    for lanes in (1, 32):
        yield Design(
            "dint4_int8_mac" if lanes == 1 else f"dint4_int8_dot{lanes}",
            DotConfig(a=INT8, w=DINT4, lanes=lanes, accumulator=halves),
            f"INT8 activations by dINT4 weights, {lanes} lanes, accumulating halves",
            "arXiv 2311.05161 (dINT)",
            "mac" if lanes == 1 else "dot product",
        )
