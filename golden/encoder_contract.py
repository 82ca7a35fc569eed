"""What encoders promise, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .block import POLICIES, POWERS_OF_TWO, max_exponent, max_number
from .formats import Int

if TYPE_CHECKING:
    from .encoder import EncoderConfig

TIES = {"even": "to even", "away": "away from zero"}


def contract(config: EncoderConfig) -> str:
    """The contract of an encoder."""
    fmt = config.format
    rounding = f"to nearest, ties {TIES[fmt.rounding]}"
    if config.stochastic:
        rounding = (
            f"down, or up if the first {config.random_bits} lost bits and as many random bits"
            " add up to a carry"
        )
    flush = " Subnormal values count as zeros." if config.subnormals == "flush" else ""
    lowest = isinstance(fmt.element, Int) and not fmt.full_range
    symmetric = " The most negative code is not used." if lowest else ""
    name = "scale[s]" if fmt.asymmetric else "scale"
    zero = "1" if config.zero_scale == "one" else "2**-127"
    peak, block, holds = "the largest magnitude", "A block of zeros has scale", "one"
    if fmt.asymmetric:
        peak += " among the values whose sign bit is s"
        block, holds = "Where all of these are zeros, it is", "a block"
    if config.fraction:
        rule = POLICIES[fmt.policy].replace("as scale_rounding says", TIES[fmt.scale_rounding])
        if fmt.tensor_scale:
            rule = rule.replace("peak / max", "peak / (max * tensor_scale)")
        least = {"least": "the least positive one", "one": "1"}[fmt.underflow]
        limits = f"saturated, and {least} where it would be zero but peak is not"
        largest = f"max is {max_number(fmt.element):g}"
        if fmt.policy in POWERS_OF_TWO:
            limits = f"kept within the powers of two of {fmt.scale.name}"
            largest = f"emax is {max_exponent(fmt.element)}"
        chosen = f"{name} is {rule}, where peak is {peak} and {largest}; {limits}."
        number = f"({name} * tensor_scale)" if fmt.tensor_scale else name
    else:
        number = f"2**({name} - 127)"
        chosen = (
            f"{number} is {POLICIES[fmt.policy]}, where peak is {peak} and emax is"
            f" {max_exponent(fmt.element)}, kept within 2**-127 and 2**127."
        )
    unusable = ", or whose tensor_scale is NaN, infinite or zero," if fmt.tensor_scale else ""
    first = f"First: {config.transform.contract} With those: " if config.transform else ""
    return (
        f"{first}{chosen} elements[k] is values[k] / {number}, its magnitude rounded"
        f" {rounding}, and saturated.{symmetric}{flush} Zeros keep their sign where the"
        f" element format has one. {block} {zero}; {holds} that holds NaN or an infinity"
        f"{unusable} has {'NaN scales' if fmt.asymmetric else 'the NaN scale'}, elements zero."
    )
