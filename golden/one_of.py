"""A format that is chosen at run time, from a set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import BadInput, require
from .formats import Codes, Format, Int, Overflow


@dataclass(frozen=True)
class OneOf(Format):
    """Several formats of which a tag names one.

    A code is a code of one of ``formats`` in the low ``code.bits`` bits (those above a narrower
    code are ignored), and above them the tag: the position of that format in ``formats``. A tag
    that names none makes the code NaN. In a payload the tag is a field of its own, once for all
    lanes.
    """

    formats: tuple[Format, ...]

    def __post_init__(self) -> None:
        allowed = "2 to 16 formats, no two the same"
        distinct = len(set(self.formats)) == len(self.formats)
        names = ", ".join(f.name for f in self.formats)
        require(2 <= len(self.formats) <= 16 and distinct, "formats", names, allowed)

    @property
    def code(self) -> Int:
        """What holds a code without its tag."""
        bits = max(f.bits for f in self.formats)
        return Int(f"{bits}-bit code", bits, is_signed=False)

    @property
    def tag(self) -> Int:
        """Format of the tag."""
        bits = (len(self.formats) - 1).bit_length()
        return Int("position of a format", bits, is_signed=False)

    @property
    def bits(self) -> int:
        return self.code.bits + self.tag.bits

    @property
    def signed(self) -> bool:
        return any(f.signed for f in self.formats)

    @property
    def unit_exponent(self) -> int:
        return min(f.unit_exponent for f in self.formats)

    @property
    def has_specials(self) -> bool:
        spare = len(self.formats) < 1 << self.tag.bits
        return spare or any(f.has_specials for f in self.formats)

    @property
    def integer_range(self) -> tuple[int, int]:
        bounds = [
            bound << f.unit_exponent - self.unit_exponent
            for f in self.formats
            for bound in f.integer_range
        ]
        return min(bounds), max(bounds)

    def tagged(self, codes: ArrayLike, tags: ArrayLike) -> Codes:
        """Codes with their tags above."""
        return self.code.check(codes) | self.tag.check(tags) << self.code.bits

    def split(self, codes: ArrayLike) -> tuple[Codes, NDArray[np.int64]]:
        significand = self._each(codes, lambda f, part: f.split(part)[0], 0)
        return significand, self._each(codes, lambda f, part: f.split(part)[1], self.unit_exponent)

    def encode(self, values: ArrayLike, overflow: Overflow = "saturate") -> Codes:
        raise BadInput(f"format is {self.name!r}; allowed: one of its formats, to encode in")

    def is_nan(self, codes: ArrayLike) -> NDArray[np.bool_]:
        return self._each(codes, lambda f, part: f.is_nan(part), True).astype(bool)

    def is_inf(self, codes: ArrayLike) -> NDArray[np.bool_]:
        return self._each(codes, lambda f, part: f.is_inf(part), False).astype(bool)

    def is_negative(self, codes: ArrayLike) -> NDArray[np.bool_]:
        return self._each(codes, lambda f, part: f.is_negative(part), False).astype(bool)

    def describe(self) -> dict[str, Any]:
        return super().describe() | {
            "kind": "one of several",
            "formats": [f.describe() for f in self.formats],
        }

    def _each(
        self, codes: ArrayLike, ask: Callable[[Format, Codes], Codes], otherwise: int
    ) -> NDArray[np.int64]:
        """What each code's own format answers; ``otherwise`` where the tag names none."""
        codes = self.check(codes)
        tags, answers = codes >> self.code.bits, np.full(codes.shape, otherwise, np.int64)
        for position, fmt in enumerate(self.formats):
            mine = tags == position
            answers[mine] = ask(fmt, codes[mine] & ((1 << fmt.bits) - 1))
        return answers


def one_of(*formats: Format) -> OneOf:
    """One of these formats, by tag: 0 is the first."""
    return OneOf(" or ".join(f.name for f in formats), formats)
