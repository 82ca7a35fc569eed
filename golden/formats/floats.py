"""Binary floating-point formats of any size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import BadInput, require
from .format import Codes, Format, Overflow, Quanta, Rounding, nearest


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
