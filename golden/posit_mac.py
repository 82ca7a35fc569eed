"""Posit multiply-accumulate with an exact quire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import BadInput, require
from .formats import Codes, Int
from .posit import P8_0, Posit
from .unit import Beats, Field, Payload, Unit, concatenate


@dataclass(frozen=True)
class Quire(Int):
    """A fixed-point sum of products of posits: an integer in units of ``minpos`` squared, whose
    most negative code is NaR instead (Standard for Posit Arithmetic, section 3.4)."""

    @property
    def has_specials(self) -> bool:
        return True

    @property
    def nar_code(self) -> int:
        """NaR."""
        return 1 << self.bits - 1

    def is_nan(self, codes: ArrayLike) -> NDArray[np.bool_]:
        return self.check(codes) == self.nar_code

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"kind": "quire"}


def quire(posit: Posit, bits: int) -> Quire:
    """The quire of ``bits`` bits for products of ``posit``."""
    least = least_quire_bits(posit)
    require(least <= bits <= 1024, "quire_bits", bits, f"{least} to 1024 for {posit.name}")
    return Quire(f"quire of {posit.name}", bits, fraction_bits=-2 * posit.unit_exponent)


def least_quire_bits(posit: Posit) -> int:
    """Width that the product of any two posits needs: ``maxpos`` squared, and a sign."""
    return 4 * posit.max_exponent + 2


@dataclass(frozen=True, kw_only=True)
class PositMacConfig(Unit):
    """``quire = acc + a * w``, and ``result`` is that rounded to a posit.

    Parameters
    ----------
    posit:
        Format of the operands and of ``result``.
    quire_bits:
        Width of the quire. The draft standard of posits with ``es`` = 0 and 1 has ``n * n / 2``,
        32 for posit(8,0) and 128 for posit(16,1), as in SoftPosit; no fewer than what one product
        needs: 26 for posit(8,0).
    rounded:
        Whether ``result`` is there.
    """

    posit: Posit = P8_0
    quire_bits: int = 32
    rounded: bool = False

    def __post_init__(self) -> None:
        require(isinstance(self.posit, Posit), "posit", self.posit, "a posit format")
        require(isinstance(self.rounded, bool), "rounded", self.rounded, "True or False")
        quire(self.posit, self.quire_bits)
        super().__post_init__()

    @property
    def quire(self) -> Quire:
        """Format of the quire."""
        return quire(self.posit, self.quire_bits)

    @property
    def stages(self) -> tuple[str, ...]:
        return ("multiply", "accumulate", *(("normalise", "round") if self.rounded else ()))

    @property
    def input(self) -> Payload:
        return Payload(
            (
                Field("a", self.posit, "first factor"),
                Field("w", self.posit, "second factor"),
                Field("acc", self.quire, "incoming quire"),
            )
        )

    @property
    def output(self) -> Payload:
        fields = [Field("quire", self.quire, "acc plus the product, exact")]
        if self.rounded:
            fields.append(Field("result", self.posit, "quire rounded to a posit"))
        return Payload(tuple(fields))

    @property
    def contract(self) -> str:
        return (
            f"quire is acc + a * w, exact, in units of 2**{2 * self.posit.unit_exponent}; it wraps"
            f" modulo 2**{self.quire_bits}, which takes"
            f" {1 << self.quire_bits - 2 - 4 * self.posit.max_exponent} products of maxpos squared"
            " or more. NaR (the sign bit alone) comes from a NaR operand or quire, and from a sum"
            " that wraps to that code."
        ) + (
            f" result is quire rounded once to {self.posit.name}: to the nearest by the posit with"
            " one bit more that lies between two neighbours, ties to the even code, never from a"
            " nonzero number to zero or NaR."
            if self.rounded
            else ""
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        fmt, a, w, acc = self.quire, beats["a"], beats["w"], beats["acc"]
        product = self.posit.integer(a).astype(object) * self.posit.integer(w).astype(object)
        codes = fmt.wrap(fmt.split(acc)[0].astype(object) + product)
        nar = self.posit.is_nan(a) | self.posit.is_nan(w) | fmt.is_nan(acc)
        codes = np.where(nar, fmt.nar_code, codes)
        outputs = {"quire": codes}
        if self.rounded:
            outputs["result"] = self.rounded_quire(codes)
        return outputs

    def rounded_quire(self, codes: Codes) -> Codes:
        """The posits of quires."""
        fmt = self.quire
        numbers = fmt.split(codes)[0].astype(object)

        def one(number: int, nar: bool) -> int:
            return self.posit.nar_code if nar else self.posit.round_exact(number, fmt.unit_exponent)

        return np.frompyfunc(one, 2, 1)(numbers, fmt.is_nan(codes)).astype(np.int64)

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every pair of posits of up to 8 bits (of wider ones, every pair of their extremes), and
        every extreme quire with extreme factors; with ``result``, also every limit of its rounding
        and the quires beside it."""
        extremes = self._extremes()
        codes = self.posit.all_codes() if self.posit.bits <= 8 else extremes
        yield self._beats(np.stack(np.meshgrid(codes, codes), -1).reshape(-1, 2), [0])
        top, middle = 1 << self.quire_bits, 1 << self.quire_bits - 1
        quires = [0, 1, top - 1, middle - 1, middle, middle + 1]
        yield self._beats(np.stack(np.meshgrid(extremes, extremes), -1).reshape(-1, 2), quires)
        if self.rounded:
            units = self.quire.fraction_bits
            limits = [int(x) for x in np.ldexp(self.posit.limits, units).astype(object)]
            exact = [int(x) << units // 2 for x in self._positive().astype(object)]
            around = [n + off for n in (*limits, *exact) for off in (-1, 0, 1)]
            around += [-n for n in around]
            around += [sign << k for k in range(self.quire_bits - 1) for sign in (1, -1)]
            yield self._beats(np.zeros((1, 2), np.int64), [n % top for n in around])

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        """Factors uniform or extreme; quires of any magnitude, cancelling the product or nearly
        so, or beside the ends."""
        factors = rng.integers(0, 1 << self.posit.bits, (2, count))
        chosen = rng.random((2, count)) < 0.2
        factors[chosen] = rng.choice(self._extremes(), int(chosen.sum()))
        a, w = factors[..., None]
        product = self.posit.integer(a).astype(object) * self.posit.integer(w).astype(object)
        bits = self.quire_bits
        words = rng.integers(0, 1 << 32, (count, -(-bits // 32)))
        whole = [sum(int(x) << 32 * k for k, x in enumerate(row)) for row in words]
        size = rng.integers(0, bits, count)
        kind = rng.integers(0, 8, count)
        acc = []
        for n, some, k, p in zip(whole, size.tolist(), kind.tolist(), product[:, 0], strict=True):
            number = n >> max(0, 32 * words.shape[1] - some)
            number = -number if n & 1 else number
            near = -p + (n % 5 - 2)
            edge = (1 << bits - 1) + (n % 9 - 4)
            acc.append([near, -p, edge, edge - p][k] if k < 4 else number)
        return {"a": a, "w": w, "acc": self.quire.wrap(np.array(acc, object))[:, None]}

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """A running sum of products of neighbours in the tensor, each row of 768 anew."""
        count = len(values) // 2
        if count < 1:
            raise BadInput(f"tensor has {len(values)} numbers; allowed: 2 or more")
        peak = np.median(np.abs(values)) or 1.0  # posits are densest about one
        a, w = self.posit.encode(values[: 2 * count] / peak).reshape(-1, 2).T[..., None]
        parts, acc = [], np.zeros((1, 1), object)
        for row in range(count):
            if row % 768 == 0:
                acc = np.zeros((1, 1), object)
            beat = {"a": a[row : row + 1], "w": w[row : row + 1], "acc": acc}
            acc = self.compute(beat)["quire"]
            parts.append(beat)
        beats = concatenate(*parts)
        return beats | {"acc": self.quire.check(beats["acc"])}

    def _extremes(self) -> Codes:
        """Zero, NaR, and minpos, one, maxpos and their neighbours, of either sign."""
        n = self.posit.bits
        one, nar = 1 << n - 2, 1 << n - 1
        near = [1, 2, one - 1, one, one + 1, nar - 2, nar - 1]
        return np.unique([0, nar, *near, *((1 << n) - c for c in near)])

    def _positive(self) -> Codes:
        return self.posit.integer(np.arange(1, 1 << self.posit.bits - 1))

    def _beats(self, pairs: Codes, quires: list[int]) -> dict[str, Codes]:
        """Every pair with every quire."""
        rows = np.repeat(pairs, len(quires), axis=0)
        acc = np.array(quires * len(pairs), object)[:, None]
        return {"a": rows[:, :1], "w": rows[:, 1:], "acc": self.quire.check(acc)}
