"""Formats by name."""

from __future__ import annotations

from typing import Literal

from ..errors import require
from .floats import Float
from .integers import DInt, Int


def integer(width: int, *, signed: bool = True, fraction_bits: int = 0) -> Int:
    """INT``width`` or UINT``width``."""
    return Int(f"{'' if signed else 'U'}INT{width}", width, signed, fraction_bits)


def dint(width: int, halves: tuple[int, int] | None = None) -> DInt:
    """dINT``width``; see :class:`DInt` for ``halves``."""
    least = 1 << width - 1
    return DInt(f"dINT{width}", width, (least, least + 1) if halves is None else halves)


def minifloat(
    exponent_bits: int,
    mantissa_bits: int,
    *,
    bias: int | None = None,
    specials: Literal["ieee", "fn", "none"] = "none",
    signed: bool = True,
) -> Float:
    """E``x``M``y`` (UE``x``M``y`` when unsigned); the bias is ``2**(x-1) - 1`` unless given."""
    require(1 <= exponent_bits <= 11, "exponent_bits", exponent_bits, "1 to 11")
    bias = (1 << exponent_bits - 1) - 1 if bias is None else bias
    name = f"{'' if signed else 'U'}E{exponent_bits}M{mantissa_bits}"
    return Float(name, exponent_bits, mantissa_bits, bias, specials, signed)


INT2, INT3, INT4, INT5, INT6, INT7, INT8 = (integer(n) for n in range(2, 9))
UINT2, UINT3, UINT4, UINT5, UINT6, UINT7, UINT8 = (integer(n, signed=False) for n in range(2, 9))
INT32 = integer(32)
DINT4 = dint(4)
FLAG = Int("flag", 1, is_signed=False)

# OCP MX v1.0 element formats (tables 1 to 4 and section 5.3.4).
E5M2 = minifloat(5, 2, specials="ieee")
E4M3 = minifloat(4, 3, specials="fn")
E3M2 = minifloat(3, 2)
E2M3 = minifloat(2, 3)
E2M1 = minifloat(2, 1)
MXINT8 = Int("INT8 (6 fraction bits)", 8, fraction_bits=6)

# Scale formats. E8M0: OCP MX v1.0, section 5.4.1; E4M3: NVFP4; UE5M3: E5M3 without sign.
E8M0 = Float("E8M0", 8, 0, bias=127, specials="fn", is_signed=False, subnormals=False)
UE5M3 = minifloat(5, 3, specials="fn", signed=False)

FP16 = Float("FP16", 5, 10, bias=15, specials="ieee")
BF16 = Float("BF16", 8, 7, bias=127, specials="ieee")
FP32 = Float("FP32", 8, 23, bias=127, specials="ieee")
