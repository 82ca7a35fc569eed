"""Units that return an exact integer sum, bare or added to an integer accumulator."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from .errors import require
from .formats import INT32, Codes, Int, integer
from .unit import Beats, Field, Unit


def is_activation(a: object) -> bool:
    """Whether ``a`` is a format of activations of an integer dot product."""
    return isinstance(a, Int) and a.signed and 2 <= a.bits <= 16 and not a.fraction_bits


def check_activations(a: object) -> None:
    """:class:`BadInput` unless ``a`` is a format of activations."""
    require(is_activation(a), "a", a, "a signed integer of 2 to 16 bits")


@dataclass(frozen=True, kw_only=True)
class IntegerSum(Unit):
    """Base of the integer dot products.

    Parameters
    ----------
    accumulator:
        Format of the incoming accumulator and of the result, which wraps modulo its width; None for
        the bare exact sum, wide enough never to wrap.
    """

    accumulator: Int | None = INT32

    def __post_init__(self) -> None:
        acc = self.accumulator
        require(
            acc is None or (isinstance(acc, Int) and acc.bits <= 62 and not acc.fraction_bits),
            "accumulator",
            acc,
            "None or an integer of 1 to 62 bits",
        )
        super().__post_init__()

    @property
    @abstractmethod
    def sum_range(self) -> tuple[int, int]:
        """Least and greatest exact sum."""

    @property
    def results(self) -> int:
        """Sums that a beat returns."""
        return 1

    @property
    def sum_format(self) -> Int:
        """Format of the exact sum: no choice of operands overflows it."""
        low, high = self.sum_range
        return integer(max(high.bit_length(), (~low).bit_length() if low < 0 else 0) + 1)

    @property
    def result_format(self) -> Int:
        """Format of what is returned."""
        return self.accumulator or self.sum_format

    @property
    def accumulator_fields(self) -> tuple[Field, ...]:
        """The end of the input payload."""
        if self.accumulator is None:
            return ()
        return (Field("acc", self.accumulator, "incoming accumulator", self.results),)

    @property
    def result_field(self) -> Field:
        """The output."""
        if self.accumulator is None:
            return Field("sum", self.sum_format, "exact dot product", self.results)
        return Field("result", self.accumulator, "acc plus the dot product", self.results)

    def stated(self, dot: str) -> str:
        """The contract of a unit that returns ``dot``."""
        if self.accumulator is None:
            return f"sum is {dot}, exact: it never rounds and never wraps."
        return f"result is acc + {dot}, modulo 2**{self.accumulator.bits} (it wraps)."

    def finish(self, beats: Beats, total: Codes) -> dict[str, Codes]:
        """The output of exact sums ``total``, of shape (beats,) or (beats, results)."""
        total = total.reshape(-1, self.results)
        if self.accumulator is not None:
            total = total + self.accumulator.split(beats["acc"])[0]
        return {self.result_field.name: self.result_format.wrap(total)}

    def acc_beats(self, count: int, rng: np.random.Generator | None = None) -> dict[str, Codes]:
        """Accumulators for ``count`` beats: zeros, or random: uniform, small, or about to wrap."""
        fmt = self.accumulator
        if fmt is None:
            return {}
        if rng is None:
            return {"acc": np.zeros((count, self.results), np.int64)}
        shape = (count, self.results)
        uniform = rng.integers(0, 1 << fmt.bits, shape)
        small = rng.integers(-1000, 1000, shape)
        kind = rng.integers(0, 3, shape)
        edge = (1 << fmt.bits - 1) + small
        codes = np.select([kind == 0, kind == 1], [uniform, small], edge)
        return {"acc": fmt.wrap(codes)}


def random_integers(fmt: Int, rng: np.random.Generator, count: int, lanes: int) -> Codes:
    """Codes of ``count`` beats: uniform, all at one extreme, small, or sparse."""
    codes = rng.integers(0, 1 << fmt.bits, (count, lanes))
    kind = rng.integers(0, 5, count)[:, None]
    ends = fmt.wrap(rng.choice([fmt.minimum, fmt.maximum], (count, lanes)))
    one_end = fmt.wrap(rng.choice([fmt.minimum, fmt.maximum, -1 if fmt.signed else 1], (count, 1)))
    sparse = np.where(rng.random((count, lanes)) < 0.9, 0, codes)
    return np.select([kind == 1, kind == 2, kind == 3], [ends, one_end, sparse], codes)
