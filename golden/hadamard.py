"""Hadamard transforms of floating-point numbers, as are put in front of low-precision quantizers.

Sources: HALO (arXiv 2501.02625), Quartet (arXiv 2505.14669) and Quamba (arXiv 2410.13229) rotate
activations so before they quantise them. How the numbers are aligned, and which power of two the
result is scaled by, is our choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import block_float
from .errors import require
from .formats import BF16, Codes, Float
from .unit import Beats, Field, Payload, Unit, in_each_lane

SHIFTS = {16: 2, 32: 3}
"""Powers of two that results are divided by: 1/4 makes the transform of 16 orthonormal; for 32,
where that would take 2**-2.5, it is the one that cannot make the root mean square greater."""


def matrix(size: int) -> NDArray[np.int64]:
    """The Hadamard matrix in natural (Sylvester's) order: -1 where an odd number of bits are set
    in both row and column."""
    index = np.arange(size)
    return 1 - 2 * (np.bitwise_count(index[:, None] & index) & 1).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class HadamardConfig(Unit):
    """``o = 2**-shift * H @ i`` for groups of ``size`` numbers.

    Parameters
    ----------
    size:
        16 or 32.
    groups:
        Transforms side by side, each of its own numbers.
    number_format:
        Format of the numbers: BF16, FP32 or another signed one with IEEE specials.
    width:
        Bits of the aligned magnitudes. Numbers that reach below lose what is there.
    shift:
        Results are divided by ``2**shift``; None takes that of :data:`SHIFTS`.
    """

    size: int = 16
    groups: int = 1
    number_format: Float = BF16
    width: int = 12
    shift: int | None = None

    def __post_init__(self) -> None:
        require(self.size in SHIFTS, "size", self.size, ", ".join(map(str, SHIFTS)))
        require(1 <= self.groups <= 64, "groups", self.groups, "1 to 64")
        block_float.check(self.number_format, self.width)
        top = self.levels
        known = self.shift is None or (isinstance(self.shift, int) and 0 <= self.shift <= top)
        require(known, "shift", self.shift, f"None, 0 to {top}")
        super().__post_init__()

    @property
    def levels(self) -> int:
        """Butterflies in a row."""
        return self.size.bit_length() - 1

    @property
    def divided(self) -> int:
        """The power of two that results are divided by."""
        return SHIFTS[self.size] if self.shift is None else self.shift

    @property
    def lanes(self) -> int:
        """Numbers a beat."""
        return self.size * self.groups

    @property
    def stages(self) -> tuple[str, ...]:
        return ("common", "butterflies", "float")

    @property
    def input(self) -> Payload:
        return Payload((Field("values", self.number_format, "numbers", self.lanes),))

    @property
    def output(self) -> Payload:
        return Payload((Field("values", self.number_format, "transformed numbers", self.lanes),))

    @property
    def contract(self) -> str:
        name = self.number_format.name
        return (
            f"Of every {self.size} values, each magnitude is rounded down to a multiple of the"
            f" {self.width - 1}th binary place below the leading one of the largest; exact where no"
            f" bit lies below that. Their Hadamard transform in natural order, times"
            f" 2**-{self.divided}, is exact, and rounded once to {name}, to nearest even; overflow"
            " gives infinity, an exact zero is +0. If any of them is NaN or infinite, all results"
            " are NaN (positive, quiet)."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        fmt = self.number_format
        codes = self.input.check(beats)["values"]
        shape = (len(codes), self.groups, self.size)
        integers, field = block_float.align(codes.reshape(shape), fmt, self.width)
        exact = (integers @ matrix(self.size)).astype(np.float64)
        unit = field + block_float.unit_exponent(fmt, self.width) - self.divided
        results = fmt.encode(np.ldexp(exact, unit[..., None]), "special")
        bad = field == (1 << fmt.exponent_bits) - 1
        results = np.where(bad[..., None], fmt.nan_code, results)
        return {"values": results.reshape(codes.shape)}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Each number alone, every exponent with every sign pattern of a row of the matrix (the
        greatest sums there are), numbers at every distance from the greatest, all that cancels,
        and what is no number."""
        fmt, rng = self.number_format, np.random.default_rng(3)
        one, last = 1 << fmt.mantissa_bits, (1 << fmt.exponent_bits) - 1
        eye = np.eye(self.size, dtype=np.int64)
        fields = np.array([0, 1, 2, 3, 5, fmt.bias, last - 4, last - 2, last - 1])
        for field in fields:
            for mantissa in (0, 1, one - 1):
                code = int(field) * one + mantissa
                yield self._tiled(np.concatenate([eye * code, eye * (code | fmt.sign_bit)]))
                signs = np.where(matrix(self.size) < 0, fmt.sign_bit, 0)
                yield self._tiled(signs | code)
        apart = np.arange(2 * self.width)[:, None]
        mantissas = rng.integers(0, one, (len(apart), self.size))
        signs = rng.integers(0, 2, mantissas.shape) * fmt.sign_bit
        far = np.maximum(fmt.bias - apart * rng.integers(0, 2, mantissas.shape), 0)
        yield self._tiled(far * one | mantissas | signs)
        special = [fmt.inf_code, fmt.nan_code, fmt.inf_code | fmt.sign_bit, fmt.inf_code + 1]
        rows = rng.integers(0, fmt.inf_code, (16, self.size))
        yield self._tiled(in_each_lane(special, rows))

    def _tiled(self, rows: Codes) -> dict[str, Codes]:
        """Every row in every group."""
        turned = [np.roll(rows, k, axis=0) for k in range(self.groups)]
        return {"values": np.concatenate(turned, axis=1)}

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        return {"values": random_numbers(self.number_format, rng, count, self.lanes)}

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """The numbers of the tensor, row by row."""
        rows = len(values) // self.lanes
        require(rows >= 1, "numbers in the tensor", len(values), f"{self.lanes} or more")
        used = values[: rows * self.lanes].reshape(rows, self.lanes)
        return {"values": self.number_format.encode(used)}


def random_numbers(fmt: Float, rng: np.random.Generator, count: int, lanes: int) -> Codes:
    """Codes of ``count`` rows: of one size, or spread over few or many binades, near either end of
    the exponents or anywhere; some zeros; some rows with NaN or infinities."""
    one, last = 1 << fmt.mantissa_bits, (1 << fmt.exponent_bits) - 2
    kind = rng.integers(0, 6, (count, 1))
    low = rng.integers(0, 12, (count, 1))
    anywhere = rng.integers(0, last + 1, (count, 1))
    top = np.select([kind == 0, kind == 1, kind == 2], [low, last - low, anywhere], fmt.bias)
    spread = rng.choice([0, 2, 6, 14, 60], (count, 1))
    field = np.clip(top - rng.integers(0, spread + 1, (count, lanes)), 0, last)
    codes = field * one + rng.integers(0, one, (count, lanes))
    codes[rng.random((count, lanes)) < 0.05] = 0
    bad = np.flatnonzero(rng.random(count) < 1 / 30)
    special = rng.integers(fmt.inf_code, 1 << fmt.bits - 1, len(bad))
    special[::2] = fmt.inf_code
    codes[bad, rng.integers(0, lanes, len(bad))] = special
    return codes | rng.integers(0, 2, (count, lanes)) * fmt.sign_bit
