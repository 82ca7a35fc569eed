"""SIMD multiply-accumulate: one word of narrow or wide numbers, their format chosen at run time.

Source: XR-NPE (arXiv 2508.13049): 4 x FP4 or posit(4,1), 2 x posit(8,0), 1 x posit(16,1) a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import require
from .formats import E2M1, Codes, Float, Format, Int
from .posit import P4_1, P8_0, P16_1, Posit
from .quire import Quire, accumulate, edges, extremes, quire, random_macs
from .unit import Beats, Field, Payload, Unit, concatenate


@dataclass(frozen=True, kw_only=True)
class SimdMacConfig(Unit):
    """``quire[k] = acc[k] + a[k] * w[k]`` in every lane ``k`` of a word.

    A word is as wide as the widest format and holds as many lanes of a narrower one as fit; the
    quire is cut into as many lanes as the words are.

    Parameters
    ----------
    formats:
        What a lane can be; field ``mode`` holds the position of one in this row. Widths are equal
        to that of the widest, or a half, a quarter, ... of it.
    quire_bits:
        Width of the whole quire.
    """

    formats: tuple[Format, ...] = (E2M1, P4_1, P8_0, P16_1)
    quire_bits: int = 128

    def __post_init__(self) -> None:
        require(
            1 <= len(self.formats) <= 16 and len(set(self.formats)) == len(self.formats),
            "formats",
            ", ".join(fmt.name for fmt in self.formats),
            "1 to 16 formats, no two the same",
        )
        for fmt in self.formats:
            require(
                isinstance(fmt, Int | Float | Posit), "formats", fmt, "integers, floats, posits"
            )
            lanes = self.word_bits // fmt.bits
            fits = lanes * fmt.bits == self.word_bits and lanes & (lanes - 1) == 0
            require(fits, f"bits of {fmt.name}", fmt.bits, f"{self.word_bits} / 1, 2, 4, ...")
        segments = self.segments
        require(
            self.quire_bits % segments == 0,
            "quire_bits",
            self.quire_bits,
            f"multiples of {segments}",
        )
        for mode in range(len(self.formats)):
            self.quire(mode)
        super().__post_init__()

    @property
    def word_bits(self) -> int:
        """Width of an operand."""
        return max(fmt.bits for fmt in self.formats)

    @property
    def segments(self) -> int:
        """Most lanes of any mode: what the quire can be cut into."""
        return max(self.lanes(mode) for mode in range(len(self.formats)))

    @property
    def mode_format(self) -> Int:
        """Format of the field ``mode``."""
        return Int("mode", max(1, (len(self.formats) - 1).bit_length()), is_signed=False)

    def lanes(self, mode: int) -> int:
        """Numbers in a word."""
        return self.word_bits // self.formats[mode].bits

    @property
    def widest(self) -> int:
        """The mode of the widest numbers: of the fewest lanes."""
        return min(range(len(self.formats)), key=self.lanes)

    def quire(self, mode: int) -> Quire:
        """Format of a lane of the quire."""
        return quire(self.formats[mode], self.quire_bits // self.lanes(mode))

    @property
    def stages(self) -> tuple[str, ...]:
        return ("unpack", "multiply", "shift", "accumulate")

    @property
    def input(self) -> Payload:
        word = Int(f"{self.word_bits}-bit word", self.word_bits, is_signed=False)
        modes = ", ".join(
            f"{mode}: {self.lanes(mode)} x {fmt.name}" for mode, fmt in enumerate(self.formats)
        )
        return Payload(
            (
                Field("a", word, "first factors, lane 0 least significant"),
                Field("w", word, "second factors"),
                Field("mode", self.mode_format, modes),
                Field("acc", self._quire_word, "incoming quires, lane 0 least significant"),
            )
        )

    @property
    def output(self) -> Payload:
        return Payload((Field("quire", self._quire_word, "acc plus the products, exact"),))

    @property
    def _quire_word(self) -> Int:
        return Int(f"{self.quire_bits} bits of quires", self.quire_bits, is_signed=False)

    @property
    def contract(self) -> str:
        units = ", ".join(
            f"2**{2 * fmt.unit_exponent} of {self.quire_bits // self.lanes(mode)} bits ({fmt.name})"
            for mode, fmt in enumerate(self.formats)
        )
        return (
            "quire is acc + a * w in every lane, exact; it wraps modulo the width of the lane."
            f" Units and widths by mode: {units}. NaR (the sign bit of a lane alone, in every mode)"
            " comes from a NaR, NaN or infinite operand, from a NaR in acc, and from a sum that"
            " wraps to that code; lanes do not touch each other. A mode that is none leaves acc as"
            " it is."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        result = beats["acc"].astype(object)
        for mode, fmt in enumerate(self.formats):
            rows = beats["mode"][:, 0] == mode
            lanes = self.lanes(mode)
            a, w = (cut(beats[name][rows], fmt.bits, lanes) for name in ("a", "w"))
            acc = cut(result[rows], self.quire(mode).bits, lanes)
            done = accumulate(fmt, self.quire(mode), a, w, self.quire(mode).check(acc))
            result[rows] = join(done, self.quire(mode).bits)
        return {"quire": self._quire_word.check(result)}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """In every mode: every pair of numbers of up to 8 bits (of wider ones, every pair of their
        extremes) in every lane, each beside different ones; every extreme quire with extreme
        factors, alike in all lanes; and every mode that is none."""
        for mode, fmt in enumerate(self.formats):
            few, lanes = extremes(fmt), self.lanes(mode)
            codes = fmt.all_codes() if fmt.bits <= 8 else few
            pairs = np.stack(np.meshgrid(codes, codes), -1).reshape(-1, 2)
            order = (np.arange(len(pairs))[:, None] + 7 * np.arange(lanes)) % len(pairs)
            yield self._beats(mode, *pairs[order].transpose(2, 0, 1), np.zeros(order.shape, int))
            ends = np.array(edges(self.quire(mode)), object)
            rows = np.stack(np.meshgrid(few, few, np.arange(len(ends))), -1).reshape(-1, 3, 1)
            a, w, end = np.repeat(rows, lanes, axis=2).transpose(1, 0, 2)
            yield self._beats(mode, a, w, ends[end])
        rng = np.random.default_rng(0)
        for mode in range(len(self.formats), 1 << self.mode_format.bits):
            yield self._random(0, rng, 8) | {"mode": np.full((8, 1), mode)}

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        """Modes in any order; factors and quires of each lane as for a MAC of its own."""
        modes = rng.integers(0, len(self.formats), count)
        each = range(len(self.formats))
        drawn = concatenate(*(self._random(k, rng, int(np.sum(modes == k))) for k in each))
        order = np.argsort(np.argsort(modes, kind="stable"), kind="stable")
        return {name: codes[order] for name, codes in drawn.items()}

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """Products of neighbours in the tensor, accumulated over rows of 192 beats; modes take
        turns row by row."""
        steps, parts = 192, []
        scaled = values / (np.median(np.abs(values)) or 1.0)
        require(len(values) >= 2 * self.segments, "numbers in the tensor", len(values), "8 or more")
        position = row = 0
        while row < 1 << 6 and position + 2 * self.segments <= len(scaled):
            mode = row % len(self.formats)
            fmt, lanes = self.formats[mode], self.lanes(mode)
            acc = np.zeros((1, lanes), int)
            for _ in range(steps):
                if position + 2 * lanes > len(scaled):
                    break
                codes = fmt.encode(scaled[position : position + 2 * lanes])
                beat = self._beats(mode, codes[None, :lanes], codes[None, lanes:], acc)
                acc = cut(self.compute(beat)["quire"], self.quire(mode).bits, lanes)
                parts.append(beat)
                position += 2 * lanes
            row += 1
        return concatenate(*parts)

    def _random(self, mode: int, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        fmt, lanes = self.formats[mode], self.lanes(mode)
        macs = random_macs(fmt, self.quire(mode), rng, count * lanes)
        return self._beats(mode, *(codes.reshape(count, lanes) for codes in macs))

    def _beats(self, mode: int, a: Codes, w: Codes, acc: Codes) -> dict[str, Codes]:
        """Beats of these lanes."""
        bits = self.formats[mode].bits
        return {
            "a": join(a, bits).astype(np.int64),
            "w": join(w, bits).astype(np.int64),
            "mode": np.full((len(a), 1), mode),
            "acc": self._quire_word.check(join(acc, self.quire(mode).bits)),
        }


def cut(words: Codes, bits: int, lanes: int) -> Codes:
    """The lanes of ``bits`` bits of words, a column each."""
    return words >> bits * np.arange(lanes).astype(words.dtype) & ((1 << bits) - 1)


def join(lanes: Codes, bits: int) -> Codes:
    """Words, as one column of Python's integers, from lanes: the inverse of :func:`cut`."""
    shifts = bits * np.arange(lanes.shape[1]).astype(object)
    return (lanes.astype(object) << shifts).sum(axis=1).reshape(-1, 1)
