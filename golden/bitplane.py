"""Dot products of integers of any width by bit planes: AND or XNOR, and counting.

Widths and encodings are part of the beat. Weights are taken one plane a cycle, so that a narrower
weight is a faster one.

Sources: Zeng et al., "ABQ-LLM" (arXiv 2408.08554: a product of a p-bit and a q-bit matrix as p x q
binary ones); Ma et al., "APT-LLM" (arXiv 2508.19087: bipolar integers, whose bits are worth +1 and
-1); Wei et al., "T-MAC" (EuroSys 2025: weights bit by bit against whole activations).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .errors import require
from .formats import UINT2, UINT3, UINT8, Codes
from .integer_sum import IntegerSum, random_integers
from .unit import Beats, Field, Payload

WIDEST = 8
UNSIGNED, SIGNED, BIPOLAR = range(3)
ENCODINGS = ("unsigned", "signed", "bipolar")
"""What n bits are worth: their number; two's complement; each bit +1 or -1 times its power of two,
so that only odd numbers from ``-(2**n - 1)`` to ``2**n - 1`` occur. Code 3 is read as bipolar."""


def decode(codes: Codes, width: Codes, encoding: Codes) -> Codes:
    """The numbers of ``codes``, of which the ``width`` low bits count."""
    kept = codes & ((1 << width) - 1)
    signed = kept - (kept >> (width - 1) << width)
    bipolar = 2 * kept - (1 << width) + 1
    return np.select([encoding == UNSIGNED, encoding == SIGNED], [kept, signed], bipolar)


@dataclass(frozen=True, kw_only=True)
class BitplaneConfig(IntegerSum):
    """``result = acc + sum(a[k] * w[k])``, in as many cycles as the weights have bits.

    Parameters
    ----------
    lanes:
        Products a beat, 1 to 256.
    planes:
        Activation planes a cycle: 1, 2, 4 or 8. Activations of up to so many bits cost no cycles of
        their own.
    """

    lanes: int = 64
    planes: int = 8

    def __post_init__(self) -> None:
        require(1 <= self.lanes <= 256, "lanes", self.lanes, "1 to 256")
        require(self.planes in (1, 2, 4, 8), "planes", self.planes, "1, 2, 4, 8")
        super().__post_init__()

    @property
    def sum_range(self) -> tuple[int, int]:
        top = ((1 << WIDEST) - 1) ** 2 * self.lanes
        return -top, top

    @property
    def stages(self) -> tuple[str, ...]:
        return ("count", "weigh")

    @property
    def input(self) -> Payload:
        return Payload(
            (
                Field("w", UINT8, "weights, in the low bits of each", self.lanes),
                Field("a", UINT8, "activations, in the low bits of each", self.lanes),
                Field("w_bits", UINT3, "width of the weights, less one"),
                Field("a_bits", UINT3, "width of the activations, less one"),
                Field("w_encoding", UINT2, "encoding of the weights"),
                Field("a_encoding", UINT2, "encoding of the activations"),
                *self.accumulator_fields,
            )
        )

    @property
    def output(self) -> Payload:
        return Payload((self.result_field,))

    @property
    def interval(self) -> int:
        return (WIDEST + 1) * (WIDEST // self.planes)

    @property
    def latency(self) -> int:
        return super().latency - 1 + self.interval

    def intervals(self, beats: Beats) -> NDArray[np.int64]:
        """A plane of weights a group of activation planes; bipolar weights against activations that
        are not bipolar have one plane more."""
        mixed = (beats["w_encoding"] >= BIPOLAR) & (beats["a_encoding"] < BIPOLAR)
        groups = -(-(beats["a_bits"] + 1) // self.planes)
        return ((beats["w_bits"] + 1 + mixed) * groups)[:, 0]

    @property
    def contract(self) -> str:
        dot = f"the sum over {self.lanes} lanes of a[k] * w[k]"
        return (
            f"{self.stated(dot)} Only the w_bits + 1 and a_bits + 1 low bits of the elements count;"
            " an encoding of 0 is unsigned, 1 two's complement, 2 or 3 bipolar (each bit is +1 or"
            f" -1). A beat takes (w_bits + 1) * ceil((a_bits + 1) / {self.planes}) cycles; bipolar"
            " weights with activations that are not bipolar count one bit more."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        a, w = (decode(beats[n], beats[f"{n}_bits"] + 1, beats[f"{n}_encoding"]) for n in "aw")
        return self.finish(beats, (a * w).sum(axis=1))

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every mode with random elements, every mode with both elements at either end; every pair
        of 4-bit elements in every encoding, and of 1-bit weights and 8-bit activations."""
        rng = np.random.default_rng(0)
        modes = np.array(list(product(range(WIDEST), range(WIDEST), range(4), range(4))))
        yield self._beats(rng.permutation(modes), rng)
        for w, a in product((0, 255, "top", "low"), repeat=2):
            yield self._beats(modes[rng.integers(0, 4, len(modes)) == 0], rng, w, a)
        for w_bits, a_bits in ((4, 4), (1, 8), (2, 8)):
            pairs = np.indices((1 << w_bits, 1 << a_bits)).reshape(2, -1)
            pairs = np.pad(pairs, ((0, 0), (0, -pairs.shape[1] % self.lanes)))
            w, a = pairs.reshape(2, -1, self.lanes)
            for encodings in product(range(3), repeat=2):
                mode = np.tile([w_bits - 1, a_bits - 1, *encodings], (len(w), 1))
                yield self._beats(mode, rng) | {"w": w, "a": a}

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        modes = rng.integers(0, (WIDEST, WIDEST, 4, 4), (count, 4))
        # Half of the beats in the modes that papers use: W1A8, W2A8, W4A8 and narrower ones.
        usual = rng.random(count) < 0.5
        modes[usual, 0] = rng.choice([0, 1, 3], usual.sum())
        modes[usual, 1] = rng.choice([1, 3, 7], usual.sum())
        return self._beats(modes, rng)

    def _beats(self, modes: Codes, rng: np.random.Generator, *ends: int | str) -> dict[str, Codes]:
        """Beats in ``modes`` (w_bits, a_bits, w_encoding, a_encoding); the elements are random, or
        all ones or zeros, or the most negative or most positive ones in two's complement."""
        count = len(modes)
        names = ("w_bits", "a_bits", "w_encoding", "a_encoding")
        fields = {name: modes[:, k, None] for k, name in enumerate(names)}
        beats = {n: random_integers(UINT8, rng, count, self.lanes) for n in "wa"}
        for name, end in zip("wa", ends, strict=False):
            top = 1 << fields[f"{name}_bits"]
            codes = {"top": top, "low": top - 1}.get(end, end)
            beats[name] = np.broadcast_to(codes, (count, self.lanes)).astype(np.int64)
        return beats | fields | self.acc_beats(count, rng)
