"""Posit multiply-accumulate with an exact quire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import BadInput, require
from .formats import Codes
from .posit import P8_0, Posit
from .quire import Quire, accumulate, edges, extremes, quire, random_macs
from .unit import Beats, Field, Payload, Unit, concatenate


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
            f" {1 << self.quire_bits - 1 - 4 * self.posit.max_exponent} products of maxpos squared"
            " from zero. NaR (the sign bit alone) comes from a NaR operand or quire, and from a sum"
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
        codes = accumulate(self.posit, self.quire, beats["a"], beats["w"], beats["acc"])
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
        few = extremes(self.posit)
        codes = self.posit.all_codes() if self.posit.bits <= 8 else few
        yield self._beats(np.stack(np.meshgrid(codes, codes), -1).reshape(-1, 2), [0])
        yield self._beats(np.stack(np.meshgrid(few, few), -1).reshape(-1, 2), edges(self.quire))
        if self.rounded:
            units = self.quire.fraction_bits
            limits = [int(x) for x in np.ldexp(self.posit.limits, units).astype(object)]
            exact = [int(x) << units // 2 for x in self._positive().astype(object)]
            around = [n + off for n in (*limits, *exact) for off in (-1, 0, 1)]
            around += [-n for n in around]
            around += [sign << k for k in range(self.quire_bits - 1) for sign in (1, -1)]
            yield self._beats(
                np.zeros((1, 2), np.int64), [n % (1 << self.quire_bits) for n in around]
            )

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        macs = random_macs(self.posit, self.quire, rng, count)
        return dict(zip(("a", "w", "acc"), (codes[:, None] for codes in macs), strict=True))

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """A running sum of products of neighbours in the tensor, each row of 768 anew."""
        count = min(len(values) // 2, 1 << 14)
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

    def _positive(self) -> Codes:
        return self.posit.integer(np.arange(1, 1 << self.posit.bits - 1))

    def _beats(self, pairs: Codes, quires: list[int]) -> dict[str, Codes]:
        """Every pair with every quire."""
        rows = np.repeat(pairs, len(quires), axis=0)
        acc = np.array(quires * len(pairs), object)[:, None]
        return {"a": rows[:, :1], "w": rows[:, 1:], "acc": self.quire.check(acc)}
