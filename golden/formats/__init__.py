"""Number formats as data: one decoder and one encoder for all of a kind.

A format maps codes (unsigned bit patterns) to numbers. Codes are NumPy integers: ``int64``, or
Python integers in an ``object`` array for formats wider than 62 bits.

Sources: OCP Microscaling Formats (MX) v1.0, tables 1 to 7; OCP 8-bit Floating Point v1.0; IEEE
Std 754-2019, table 3.5; bfloat16 as the upper half of binary32; arXiv 2311.05161 (dINT).
"""

from .floats import Float
from .format import ROUNDINGS, Codes, Format, Overflow, Quanta, Rounding, nearest
from .integers import DInt, Int
from .named import (
    BF16,
    DINT4,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    FLAG,
    FP16,
    FP32,
    INT2,
    INT3,
    INT4,
    INT5,
    INT6,
    INT7,
    INT8,
    INT32,
    MXINT8,
    UE5M3,
    UINT2,
    UINT3,
    UINT4,
    UINT5,
    UINT6,
    UINT7,
    UINT8,
    dint,
    integer,
    minifloat,
)

__all__ = [
    "BF16",
    "DINT4",
    "E2M1",
    "E2M3",
    "E3M2",
    "E4M3",
    "E5M2",
    "E8M0",
    "FLAG",
    "FP16",
    "FP32",
    "INT2",
    "INT3",
    "INT4",
    "INT5",
    "INT6",
    "INT7",
    "INT8",
    "INT32",
    "MXINT8",
    "ROUNDINGS",
    "UE5M3",
    "UINT2",
    "UINT3",
    "UINT4",
    "UINT5",
    "UINT6",
    "UINT7",
    "UINT8",
    "Codes",
    "DInt",
    "Float",
    "Format",
    "Int",
    "Overflow",
    "Quanta",
    "Rounding",
    "dint",
    "integer",
    "minifloat",
    "nearest",
]
