"""Logarithmic quantizers: small codes for large numbers, evenly spaced in the exponent.

``code = round(-log_base(x))`` for numbers of 0 to 1, as post-softmax activations are. The base is
2, or any 2**(q/r): the code is how many entries of a table a number does not exceed, so another
base is another table.

Source: Wu et al., "AdaLog: Post-Training Quantization for Vision Transformers with Adaptive
Logarithm Quantizer" (ECCV 2024, arXiv 2407.12951): a base that adapts to the distribution, rational
in its logarithm so that tables serve. That the quantizer compares with boundaries is our choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import require
from .formats import Codes, Int, integer
from .unit import Beats, Field, Payload, Unit


def boundaries(bits: int, input_bits: int, base: tuple[int, int]) -> list[int]:
    """For each code 1, 2, ... the greatest number, in units of ``2**-input_bits``, that has it or a
    greater one: ``2**input_bits * 2**(-q/r * (code - 1/2))`` rounded down, from its exact value."""
    q, r = base
    found = []
    for code in range(1, 1 << bits):
        # x**(2 r) <= 2**exponent, found bit by bit; below 1 no number but zero is left.
        exponent = 2 * r * input_bits - q * (2 * code - 1)
        number = 0
        for place in reversed(range(input_bits)):
            wider = number | 1 << place
            if exponent >= 0 and wider ** (2 * r) <= 1 << exponent:
                number = wider
        found.append(number)
    return found


@dataclass(frozen=True, kw_only=True)
class LogQuantizerConfig(Unit):
    """``codes[k] = round(-log_base(values[k]))``, at most ``2**bits - 1``.

    Parameters
    ----------
    bits:
        Width of a code, 2 to 6.
    input_bits:
        Width of the values: unsigned, in units of ``2**-input_bits``. 4 to 16.
    base:
        ``(q, r)``: the base is ``2**(q / r)``, each 1 to 64.
    table:
        Take the boundaries with each beat, for bases chosen at run time, instead of those of
        ``base``.
    lanes:
        Values a beat, 1 to 1024.
    """

    bits: int = 4
    input_bits: int = 16
    base: tuple[int, int] = (1, 1)
    table: bool = False
    lanes: int = 16

    def __post_init__(self) -> None:
        require(2 <= self.bits <= 6, "bits", self.bits, "2 to 6")
        require(4 <= self.input_bits <= 16, "input_bits", self.input_bits, "4 to 16")
        pair = isinstance(self.base, tuple) and len(self.base) == 2
        known = pair and all(isinstance(n, int) and 1 <= n <= 64 for n in self.base)
        require(known, "base", self.base, "(q, r), each 1 to 64")
        require(1 <= self.lanes <= 1024, "lanes", self.lanes, "1 to 1024")
        super().__post_init__()

    @property
    def value(self) -> Int:
        """Format of values and boundaries."""
        return Int(f"UINT{self.input_bits}", self.input_bits, False, self.input_bits)

    @property
    def boundaries(self) -> list[int]:
        """The boundaries of ``base``."""
        return boundaries(self.bits, self.input_bits, self.base)

    @property
    def stages(self) -> tuple[str, ...]:
        return ("search",)

    @property
    def input(self) -> Payload:
        fields = [Field("values", self.value, "numbers of 0 up to 1", self.lanes)]
        if self.table:
            meaning = "for each code from 1: the greatest number that has it or a greater one"
            fields.append(Field("boundaries", self.value, meaning, (1 << self.bits) - 1))
        return Payload(tuple(fields))

    @property
    def output(self) -> Payload:
        fmt = integer(self.bits, signed=False)
        return Payload((Field("codes", fmt, "minus the logarithms, rounded", self.lanes),))

    @property
    def contract(self) -> str:
        top = (1 << self.bits) - 1
        if self.table:
            return (
                "codes[k] is how many of the boundaries are not less than values[k]. They must not"
                " rise from one to the next: nothing is promised of a table that does."
            )
        q, r = self.base
        return (
            f"codes[k] is -log(values[k]) to the base 2**({q}/{r}), exact and rounded once, to"
            f" nearest, ties up; at most {top}, which a zero has too."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        table = beats["boundaries"] if self.table else np.array([self.boundaries])
        return {"codes": (beats["values"][:, :, None] <= table[:, None, :]).sum(axis=2)}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every value, in some lane; with a table, for several bases."""
        count = 1 << self.input_bits
        rows = -(-count // self.lanes)
        values = np.resize(np.arange(count), rows * self.lanes).reshape(rows, self.lanes)
        bases = [self.base, (1, 2), (3, 2), (5, 37)] if self.table else [self.base]
        for base in bases:
            yield self._beats(values, [base] * rows)

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        """Numbers of every size; tables of every base."""
        shape = (count, self.lanes)
        values = rng.integers(0, 1 << self.input_bits, shape)
        values >>= rng.integers(0, self.input_bits + 1, shape)
        chosen = [(int(q), int(r)) for q, r in rng.integers(1, 41, (8, 2))]
        bases = [chosen[k] for k in rng.integers(0, len(chosen), count)]
        return self._beats(values, bases)

    def _beats(self, values: Codes, bases: list[tuple[int, int]]) -> dict[str, Codes]:
        if not self.table:
            return {"values": values}
        tables = {base: boundaries(self.bits, self.input_bits, base) for base in set(bases)}
        rows = np.array([tables[base] for base in bases], np.int64)
        return {"values": values, "boundaries": rows.reshape(-1, (1 << self.bits) - 1)}

    def describe(self) -> dict[str, object]:
        more = {} if self.table else {"boundaries": self.boundaries}
        return super().describe() | more
