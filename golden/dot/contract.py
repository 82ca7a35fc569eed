"""The contract of dot products: which real number is the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..formats import Int
from ..one_of import OneOf

if TYPE_CHECKING:
    from .config import DotConfig


def contract(config: DotConfig) -> str:
    """What the data sheet says of a configuration."""
    return _of_result(config) + _choice(config)


def _choice(config: DotConfig) -> str:
    """What the contract says of formats that are chosen at run time."""
    chosen = [n for n, f in (("a", config.a), ("w", config.w)) if isinstance(f, OneOf)]
    names = " and ".join(f"{name}_format" for name in chosen)
    return (
        f" {names} choose the formats of {' and '.join(chosen)} for each beat: bits above a"
        " narrower code are ignored, and a position at which there is no format makes its"
        " operand NaN."
        if chosen
        else ""
    )


def _of_result(config: DotConfig) -> str:
    """The contract, whatever the formats of the operands."""
    factors = ["tensor_scale * "] if config.tensor_scale is not None else []
    if config.scale is not None and config.asymmetric == "none":
        factors.append("a_scale * w_scale * ")
    product = "a[k] * w[k]"
    if config.asymmetric != "none":
        factors.append("w_scale * " if config.asymmetric == "a" else "")
        scales = "a_scale[s]" + (" * w_scale[t]" if config.asymmetric == "both" else "")
        which = "s is the sign bit of a[k]"
        which += " and t that of w[k]" if config.asymmetric == "both" else ""
        product = f"{scales} * {product}, where {which},"
    dot = f"{''.join(factors)}sum over {config.lanes} lanes of {product}"
    fmt = config.floating
    if isinstance(config.accumulator, Int):
        return f"result is acc + {dot}, modulo 2**{config.accumulator.bits} units (it wraps)."
    if fmt is None:
        special = (
            " nan is set when a lane is NaN or infinity times zero, or infinities of both signs"
            " meet; inf when products are infinite, all of one sign (negative); either way sum"
            " is 0."
            if config.has_specials
            else ""
        )
        return f"sum is {dot}, exact: it never rounds and never wraps.{special}"
    scales = (
        " Scales are magnitudes: a sign bit is ignored; one that is NaN or infinite gives NaN."
        if config.scales
        else ""
    )
    return (
        f"result is {'acc + ' if config.accumulator is not None else ''}{dot}, computed exactly"
        f" and rounded once to {fmt.name},"
        " to nearest even. Subnormals are kept; overflow gives infinity. A sum that is"
        " exactly zero is +0; one that rounds to zero keeps its sign. NaN (positive, quiet)"
        " comes from a NaN operand or scale, infinity times zero, and infinities of both"
        f" signs; otherwise an infinite operand gives infinity.{scales}"
    )
