"""Posits to floating-point numbers, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import require
from .formats import BF16, FP32, Codes, Float
from .posit import P8_0, Posit
from .unit import Beats, Field, Payload, Unit

EXHAUSTIVE = 16
"""Widest code of which the corners try every one."""


@dataclass(frozen=True, kw_only=True)
class PositCodecConfig(Unit):
    """What decoder and encoder have in common.

    Parameters
    ----------
    posit:
        Format of the posits.
    float_format:
        Format of the floating-point numbers: signed, with IEEE specials, of up to 32 bits, and of
        such a range that every posit but zero is a normal number (FP32 and BF16 for any posit of
        up to 16 bits and ``es`` = 2).
    lanes:
        Numbers a beat.
    """

    posit: Posit = P8_0
    float_format: Float = FP32
    lanes: int = 32

    def __post_init__(self) -> None:
        require(isinstance(self.posit, Posit), "posit", self.posit, "a posit format")
        fmt = self.float_format
        require(
            isinstance(fmt, Float) and fmt.signed and fmt.specials == "ieee" and fmt.bits <= 32,
            "float_format",
            fmt,
            "a signed format with IEEE specials of up to 32 bits",
        )
        reach = self.posit.max_exponent
        require(
            fmt.min_exponent <= -reach and reach <= fmt.max_exponent,
            "float_format",
            fmt.name,
            f"normal numbers from 2**{-reach} to 2**{reach}, the range of {self.posit.name}",
        )
        require(1 <= self.lanes <= 1024, "lanes", self.lanes, "1 to 1024")
        super().__post_init__()

    def _beats(self, codes: Codes) -> dict[str, Codes]:
        """Every one of ``codes`` once, the last beat filled with zeros."""
        count = -(-len(codes) // self.lanes)
        padded = np.zeros(count * self.lanes, np.int64)
        padded[: len(codes)] = codes
        return {self.input.fields[0].name: padded.reshape(count, self.lanes)}

    def _tensor(self, values: np.ndarray) -> np.ndarray:
        """The numbers of a tensor by beats; the end that does not fill one is left out."""
        count = len(values) // self.lanes
        require(count >= 1, "numbers in the tensor", len(values), f"{self.lanes} or more")
        return values[: count * self.lanes].reshape(count, self.lanes)


@dataclass(frozen=True, kw_only=True)
class PositDecoderConfig(PositCodecConfig):
    """``values[k] = posits[k]``, as floating-point numbers."""

    @property
    def stages(self) -> tuple[str, ...]:
        return ("unpack", "round")

    @property
    def input(self) -> Payload:
        return Payload((Field("posits", self.posit, "posits", self.lanes),))

    @property
    def output(self) -> Payload:
        return Payload((Field("values", self.float_format, "the same numbers", self.lanes),))

    @property
    def contract(self) -> str:
        exact = self.posit.fraction_bits <= self.float_format.mantissa_bits
        return (
            f"values[k] is posits[k] in {self.float_format.name}, "
            + ("exact" if exact else "rounded once to nearest even where it does not fit exactly")
            + ". Zero is +0, and NaR is NaN (positive, quiet)."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        # A posit is exact in float64: the one rounding is the encoder's.
        values = self.posit.decode(beats["posits"])
        return {"values": self.float_format.encode(values, "special")}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every posit."""
        yield self._beats(self.posit.all_codes())

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        """Uniform codes: the corners leave nothing but order, lanes and stalls to try."""
        return {"posits": rng.integers(0, 1 << self.posit.bits, (count, self.lanes))}

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        return {"posits": self.posit.encode(self._tensor(values))}


@dataclass(frozen=True, kw_only=True)
class PositEncoderConfig(PositCodecConfig):
    """``posits[k] = values[k]``, rounded."""

    float_format: Float = BF16

    @property
    def stages(self) -> tuple[str, ...]:
        return ("unpack", "round")

    @property
    def input(self) -> Payload:
        return Payload((Field("values", self.float_format, "numbers", self.lanes),))

    @property
    def output(self) -> Payload:
        return Payload((Field("posits", self.posit, "the posits nearest to them", self.lanes),))

    @property
    def contract(self) -> str:
        return (
            f"posits[k] is values[k] rounded once to {self.posit.name} as the Standard for Posit"
            " Arithmetic (2022), section 4.1, has it: to the nearest by the posit with one bit"
            " more that lies between two neighbours, ties to the even code; a magnitude beyond"
            " maxpos gives maxpos, and one below minpos that is not zero gives minpos, each with"
            " its sign. Both zeros give 0; NaN and infinities give NaR."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        return {"posits": self.posit.encode(self.float_format.decode(beats["values"]), "special")}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every number of a format of up to 16 bits; of a wider one every limit of the rounding,
        its two neighbours, and the special codes."""
        fmt = self.float_format
        if fmt.bits <= EXHAUSTIVE:
            yield self._beats(fmt.all_codes())
            return
        limits = fmt.encode(np.concatenate([self.posit.limits, [0, np.inf]]), "special")
        around = (limits[:, None] + np.array([-1, 0, 1])).ravel()
        around = np.concatenate([around, fmt.encode(self.posit.decode(self.posit.all_codes()))])
        around = np.clip(around, 0, fmt.sign_bit - 1) | np.array([[0], [fmt.sign_bit]])
        yield self._beats(around.ravel())

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        """Half of the codes uniform, half in the range of the posits."""
        fmt, reach = self.float_format, self.posit.max_exponent + 2
        shape = (count, self.lanes)
        inside = rng.uniform(1, 2, shape) * 2.0 ** rng.integers(-reach, reach + 1, shape)
        inside *= rng.choice([-1.0, 1.0], shape)
        uniform = rng.integers(0, 1 << fmt.bits, shape)
        return {"values": np.where(rng.random(shape) < 0.5, uniform, fmt.encode(inside, "special"))}

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        return {"values": self.float_format.encode(self._tensor(values))}
