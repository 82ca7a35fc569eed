"""Number formats as data: one decoder and one encoder for all of a kind.

A format maps codes (unsigned bit patterns) to numbers. Codes are NumPy integers: ``int64``, or
Python integers in an ``object`` array for formats wider than 62 bits.

Sources: OCP Microscaling Formats (MX) v1.0, tables 1 to 7; OCP 8-bit Floating Point v1.0; IEEE
Std 754-2019, table 3.5; bfloat16 as the upper half of binary32; arXiv 2311.05161 (dINT).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import BadInput, require

Codes = NDArray[Any]
Overflow = Literal["saturate", "special"]
Rounding = Literal["even", "away"]
ROUNDINGS: tuple[Rounding, ...] = ("even", "away")
"""What becomes of a number half way between two others: the even one, or that of the greater
magnitude."""
Quanta = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Another rounding: from magnitudes in quanta of the result to whole numbers of quanta."""


def nearest(values: ArrayLike, rounding: Rounding | Quanta = "even") -> NDArray[np.float64]:
    """The integers nearest to ``values``, ties as ``rounding`` says; or those that it gives."""
    if callable(rounding):
        return np.copysign(rounding(np.abs(values)), values)
    require(rounding in ROUNDINGS, "rounding", rounding, ", ".join(ROUNDINGS))
    if rounding == "even":
        return np.rint(values)
    magnitude = np.abs(values)
    floor = np.floor(magnitude)  # adding a half would round on its own
    return np.copysign(floor + (magnitude - floor >= 0.5), values)


@dataclass(frozen=True)
class Format(ABC):
    """What the codes of one field mean."""

    name: str

    @property
    @abstractmethod
    def bits(self) -> int:
        """Width of a code."""

    @property
    @abstractmethod
    def signed(self) -> bool:
        """Whether negative numbers can be represented."""

    @property
    @abstractmethod
    def unit_exponent(self) -> int:
        """Every finite number of the format is an integer times ``2 ** unit_exponent``."""

    @abstractmethod
    def split(self, codes: ArrayLike) -> tuple[Codes, NDArray[np.int64]]:
        """``(significand, exponent)``, integers such that a finite code is worth exactly
        ``significand * 2 ** exponent``. What it returns for infinities and NaN is meaningless."""

    @abstractmethod
    def encode(
        self,
        values: ArrayLike,
        overflow: Overflow = "saturate",
        rounding: Rounding | Quanta = "even",
    ) -> Codes:
        """The codes nearest to ``values`` (real numbers given exactly, as float64), ties as
        ``rounding`` says.

        ``overflow`` says what becomes of a magnitude that rounds beyond the largest finite number:
        ``"saturate"`` gives that largest number (also for infinities); ``"special"`` gives
        infinity, or NaN where the format has no infinity, or saturates where it has neither.
        NaN in a format without NaN raises :class:`BadInput`.
        """

    def is_nan(self, codes: ArrayLike) -> NDArray[np.bool_]:
        """Which codes are NaN."""
        return np.zeros(np.shape(codes), bool)

    def is_inf(self, codes: ArrayLike) -> NDArray[np.bool_]:
        """Which codes are an infinity."""
        return np.zeros(np.shape(codes), bool)

    def is_negative(self, codes: ArrayLike) -> NDArray[np.bool_]:
        """Which codes have the sign bit set."""
        codes = self.check(codes)
        return np.asarray(codes >> (self.bits - 1) & 1).astype(bool) & self.signed

    @property
    def has_specials(self) -> bool:
        """Whether a code can be NaN or an infinity."""
        return False

    @property
    @abstractmethod
    def integer_range(self) -> tuple[int, int]:
        """Least and greatest finite number, in units of ``2 ** unit_exponent``."""

    def integer(self, codes: ArrayLike) -> Codes:
        """The exact number in units of ``2 ** unit_exponent``: the currency of dot products."""
        significand, exponent = self.split(codes)
        shift = exponent - self.unit_exponent
        if max(bound.bit_length() for bound in self.integer_range) > 62:
            significand, shift = significand.astype(object), shift.astype(object)
        return np.where(significand == 0, 0, significand << shift)

    def decode(self, codes: ArrayLike) -> NDArray[np.float64]:
        """The numbers as float64: exact for formats of up to 53 significant bits."""
        significand, exponent = self.split(codes)
        values = np.ldexp(significand.astype(np.float64), exponent)
        # The zero of a floating-point format has a sign; that of an integer is never negative.
        values = np.where(self.is_negative(codes) & (values == 0), -0.0, values)
        values = np.where(
            self.is_inf(codes), np.where(self.is_negative(codes), -np.inf, np.inf), values
        )
        return np.where(self.is_nan(codes), np.nan, values)

    def check(self, codes: ArrayLike) -> Codes:
        """``codes`` as an array; :class:`BadInput` where one does not fit the width."""
        dtype = np.int64 if self.bits <= 62 else object
        codes = np.asarray(codes).astype(dtype)
        bad = (codes < 0) | (codes >= 1 << self.bits)
        if np.any(bad):
            value = int(codes[bad].flat[0]) if codes.ndim else int(codes)
            raise BadInput(
                f"code {value:#x} of {self.name}; allowed: 0 to {(1 << self.bits) - 1:#x}"
            )
        return codes

    def all_codes(self) -> Codes:
        """Every code in order, for formats of up to 20 bits."""
        require(self.bits <= 20, "bits", self.bits, "at most 20 to list every code")
        return np.arange(1 << self.bits, dtype=np.int64)

    def describe(self) -> dict[str, Any]:
        """The format as plain data, for manifests."""
        return {"name": self.name, "bits": self.bits, "signed": self.signed}


@dataclass(frozen=True)
class Int(Format):
    """An integer, two's complement when signed, in units of ``2 ** -fraction_bits``.

    INT8 as an element of OCP MX has six fraction bits (OCP MX v1.0, section 5.3.4).
    """

    width: int
    is_signed: bool = True
    fraction_bits: int = 0

    def __post_init__(self) -> None:
        require(1 <= self.width <= 1024, "width", self.width, "1 to 1024 bits")

    @property
    def bits(self) -> int:
        return self.width

    @property
    def signed(self) -> bool:
        return self.is_signed

    @property
    def unit_exponent(self) -> int:
        return -self.fraction_bits

    @property
    def minimum(self) -> int:
        """The least number, in units."""
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def maximum(self) -> int:
        """The greatest number, in units."""
        return (1 << self.bits - self.signed) - 1

    @property
    def integer_range(self) -> tuple[int, int]:
        return self.minimum, self.maximum

    def split(self, codes: ArrayLike) -> tuple[Codes, NDArray[np.int64]]:
        codes = self.check(codes)
        values = codes - (self.is_negative(codes).astype(codes.dtype) << self.bits)
        return values, np.full(codes.shape, self.unit_exponent)

    def wrap(self, integers: ArrayLike) -> Codes:
        """The codes of ``integers`` (in units) modulo ``2 ** bits``."""
        dtype = np.int64 if self.bits <= 62 else object
        return (np.asarray(integers) & ((1 << self.bits) - 1)).astype(dtype)

    def encode(
        self,
        values: ArrayLike,
        overflow: Overflow = "saturate",
        rounding: Rounding | Quanta = "even",
    ) -> Codes:
        require(overflow in ("saturate", "special"), "overflow", overflow, "saturate, special")
        values = np.asarray(values, np.float64)
        if np.any(np.isnan(values)):
            raise BadInput(f"NaN cannot be encoded: {self.name} has none")
        with np.errstate(over="ignore"):  # an overflow to infinity saturates below
            units = nearest(np.ldexp(values, self.fraction_bits), rounding)
        return self.wrap(np.clip(units, self.minimum, self.maximum).astype(np.int64))

    def describe(self) -> dict[str, Any]:
        return super().describe() | {
            "kind": "integer",
            "encoding": "two's complement" if self.signed else "unsigned",
            "fraction_bits": self.fraction_bits,
        }


@dataclass(frozen=True)
class DInt(Format):
    """Integers and plus and minus one half: dINT, "integer with denormal" (arXiv 2311.05161).

    Two codes stand for half a step of either sign, so that small weights do not round to zero; the
    others are two's complement integers. ``halves`` are the codes of +1/2 and of -1/2. Which they
    are is our choice by default: the two that would be the most negative integers, so that dINT4 is
    -6 to 7 without a gap, and its half codes are 1000 and 1001.
    """

    width: int
    halves: tuple[int, int]

    def __post_init__(self) -> None:
        require(3 <= self.width <= 8, "width", self.width, "3 to 8 bits")
        top = (1 << self.width) - 1
        distinct = len(set(self.halves)) == 2 and all(0 < code <= top for code in self.halves)
        require(distinct, "halves", self.halves, f"two codes from 1 to {top}: zero stays zero")

    @property
    def bits(self) -> int:
        return self.width

    @property
    def signed(self) -> bool:
        return True

    @property
    def unit_exponent(self) -> int:
        return -1

    @property
    def integer_range(self) -> tuple[int, int]:
        return int(self._doubled.min()), int(self._doubled.max())

    @cached_property
    def _doubled(self) -> NDArray[np.int64]:
        """Twice the number of each code: an integer of one bit more."""
        codes = np.arange(1 << self.bits)
        numbers = 2 * (codes - (codes >> self.bits - 1 << self.bits))
        numbers[list(self.halves)] = 1, -1
        return numbers

    def is_negative(self, codes: ArrayLike) -> NDArray[np.bool_]:
        return self._doubled[self.check(codes)] < 0

    def split(self, codes: ArrayLike) -> tuple[Codes, NDArray[np.int64]]:
        codes = self.check(codes)
        return self._doubled[codes], np.full(codes.shape, self.unit_exponent)

    def encode(
        self,
        values: ArrayLike,
        overflow: Overflow = "saturate",
        rounding: Rounding | Quanta = "even",
    ) -> Codes:
        """As every format does; of two equally near numbers, ``"even"`` is the one that more
        powers of two divide: 1/4 becomes 0, and 3/4 becomes 1."""
        require(overflow in ("saturate", "special"), "overflow", overflow, "saturate, special")
        require(rounding in ROUNDINGS, "rounding", rounding, ", ".join(ROUNDINGS))
        values = np.asarray(values, np.float64)
        if np.any(np.isnan(values)):
            raise BadInput(f"NaN cannot be encoded: {self.name} has none")
        order = np.argsort(self._doubled)
        numbers = self._doubled[order]
        middles = (numbers[1:] + numbers[:-1]) / 4
        below = np.searchsorted(middles, values, side="left")
        above = np.searchsorted(middles, values, side="right")
        rank = np.abs(numbers) if rounding == "away" else numbers & -numbers
        rank = np.where(numbers == 0, 0 if rounding == "away" else 1 << self.bits + 1, rank)
        return order[np.where(rank[above] > rank[below], above, below)]

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"kind": "integer with halves", "halves": list(self.halves)}


@dataclass(frozen=True)
class Float(Format):
    """A binary floating-point format: sign, exponent and mantissa fields, from the top bit down.

    A nonzero exponent field E is worth ``(1 + M / 2**mantissa_bits) * 2 ** (E - bias)``; E = 0 is
    zero and the subnormals, unless ``subnormals`` is False: then it is an exponent like any other.

    ``specials`` says which codes are no numbers:

    * ``"ieee"``: the topmost exponent is infinity (M = 0) and NaN (FP16, BF16, FP32, E5M2);
    * ``"fn"``: only the code of all ones below the sign is NaN, no infinity (E4M3, E8M0, UE5M3);
    * ``"none"``: every code is a number (E3M2, E2M3, E2M1).
    """

    exponent_bits: int
    mantissa_bits: int
    bias: int
    specials: Literal["ieee", "fn", "none"] = "none"
    is_signed: bool = True
    subnormals: bool = True

    def __post_init__(self) -> None:
        require(1 <= self.exponent_bits <= 11, "exponent_bits", self.exponent_bits, "1 to 11")
        require(0 <= self.mantissa_bits <= 52, "mantissa_bits", self.mantissa_bits, "0 to 52")
        allowed = ("ieee", "fn", "none")
        require(self.specials in allowed, "specials", self.specials, ", ".join(allowed))
        require(
            self.specials != "ieee" or self.mantissa_bits > 0,
            "mantissa_bits",
            self.mantissa_bits,
            "1 or more with IEEE specials: NaN needs a nonzero mantissa",
        )

    @property
    def bits(self) -> int:
        return self.signed + self.exponent_bits + self.mantissa_bits

    @property
    def signed(self) -> bool:
        return self.is_signed

    @property
    def min_exponent(self) -> int:
        """Exponent of the least normal number, and of all subnormals."""
        return (1 if self.subnormals else 0) - self.bias

    @property
    def max_exponent(self) -> int:
        """Exponent of the largest finite number (``emax`` of OCP MX, table 6)."""
        return (self.max_code >> self.mantissa_bits) - self.bias

    @property
    def unit_exponent(self) -> int:
        return self.min_exponent - self.mantissa_bits

    @property
    def max_code(self) -> int:
        """Code of the largest finite number."""
        top = (1 << self.exponent_bits + self.mantissa_bits) - 1
        return top - {"ieee": 1 << self.mantissa_bits, "fn": 1, "none": 0}[self.specials]

    @property
    def has_specials(self) -> bool:
        return self.specials != "none"

    @property
    def integer_range(self) -> tuple[int, int]:
        significand, exponent = self.split(self.max_code)
        top = int(significand) << int(exponent) - self.unit_exponent
        return (-top if self.signed else 0), top

    @cached_property
    def max(self) -> float:
        """The largest finite number."""
        return float(self.decode(self.max_code))

    @property
    def nan_code(self) -> int | None:
        """The NaN that is returned (positive, quiet), or None."""
        if self.specials == "ieee":
            return self.max_code + 1 + (1 << self.mantissa_bits - 1)
        return self.max_code + 1 if self.specials == "fn" else None

    @property
    def inf_code(self) -> int | None:
        """Code of plus infinity, or None."""
        return self.max_code + 1 if self.specials == "ieee" else None

    @property
    def sign_bit(self) -> int:
        """The sign bit as a mask; 0 in an unsigned format."""
        return 1 << self.bits - 1 if self.signed else 0

    def magnitude(self, codes: ArrayLike) -> Codes:
        """The codes without their sign bit."""
        return self.check(codes) & ((1 << self.exponent_bits + self.mantissa_bits) - 1)

    def is_nan(self, codes: ArrayLike) -> NDArray[np.bool_]:
        beyond = self.magnitude(codes) > self.max_code
        return beyond & ~self.is_inf(codes)

    def is_inf(self, codes: ArrayLike) -> NDArray[np.bool_]:
        if self.inf_code is None:
            return np.zeros(np.shape(codes), bool)
        return self.magnitude(codes) == self.inf_code

    def split(self, codes: ArrayLike) -> tuple[Codes, NDArray[np.int64]]:
        magnitude = self.magnitude(codes)
        field = magnitude >> self.mantissa_bits
        mantissa = magnitude & ((1 << self.mantissa_bits) - 1)
        normal = (field > 0) | (not self.subnormals)
        significand = mantissa + (normal.astype(np.int64) << self.mantissa_bits)
        exponent = np.where(normal, field - self.bias, self.min_exponent) - self.mantissa_bits
        return np.where(self.is_negative(codes), -significand, significand), exponent

    def encode(
        self,
        values: ArrayLike,
        overflow: Overflow = "saturate",
        rounding: Rounding | Quanta = "even",
    ) -> Codes:
        require(overflow in ("saturate", "special"), "overflow", overflow, "saturate, special")
        values = np.asarray(values, np.float64)
        nan = np.isnan(values)
        if np.any(nan) and self.nan_code is None:
            raise BadInput(f"NaN cannot be encoded: {self.name} has none")
        infinite = np.isinf(values)
        # An unsigned format saturates downwards as well, at its least number.
        kept = values if self.signed else np.maximum(values, 0)
        magnitude = np.where(nan | infinite, 0, np.abs(kept))
        binade = np.where(magnitude > 0, np.frexp(magnitude)[1] - 1, self.min_exponent)
        exponent = np.maximum(binade, self.min_exponent).astype(np.int64)
        scaled = np.ldexp(magnitude, self.mantissa_bits - exponent)
        # Counting quanta across binades: a carry out of the mantissa walks into the exponent.
        base = (exponent - self.min_exponent) << self.mantissa_bits
        # Ties go to the even significand, and with a one-digit significand to the larger number
        # (IEEE 754-2019, section 4.3.1): both are what rounding the quanta to even does.
        code = base + nearest(scaled, rounding).astype(np.int64)
        if not self.subnormals:  # a grid without zero: its code 0 is the first quantum
            code = np.maximum(code - (1 << self.mantissa_bits), 0)
        beyond = (code > self.max_code) | (infinite & (kept != 0))
        special = self.inf_code if self.inf_code is not None else self.nan_code
        top = self.max_code if overflow == "saturate" or special is None else special
        code = np.where(beyond, top, code)
        code = np.where(np.signbit(kept) & self.signed, code | self.sign_bit, code)
        return np.where(nan, self.nan_code or 0, code)

    def describe(self) -> dict[str, Any]:
        return super().describe() | {
            "kind": "float",
            "exponent_bits": self.exponent_bits,
            "mantissa_bits": self.mantissa_bits,
            "bias": self.bias,
            "specials": self.specials,
            "subnormals": self.subnormals,
        }


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
