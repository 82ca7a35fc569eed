"""What every number format can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import BadInput, Checked, require

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
class Format(Checked, ABC):
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
