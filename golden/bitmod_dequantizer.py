"""BitMoD's group dequantizer: the sum of a group times its scale, bit by bit.

Source: Chen et al., "BitMoD: Bit-serial Mixture-of-Datatype LLM Acceleration" (HPCA 2025), section
IV (bit-serial dequantization).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .bitmod import BitmodConfig
from .errors import require
from .formats import UINT8, Codes, Int, integer
from .integer_sum import random_integers
from .unit import Beats, Field, Payload, Unit


@dataclass(frozen=True, kw_only=True)
class DequantizerConfig(Unit):
    """``result = scale * sum``, a bit of the scale a cycle, the most significant one first.

    Parameters
    ----------
    sum:
        Format of the sum of a group: a signed integer of up to 80 bits (default: that of
        ``BitmodConfig()``).
    scale:
        Format of the scale: an integer of 2 to 16 bits; as many cycles.
    """

    sum: Int = BitmodConfig().exact
    scale: Int = UINT8

    def __post_init__(self) -> None:
        for name, most in (("sum", 80), ("scale", 16)):
            fmt = getattr(self, name)
            require(
                isinstance(fmt, Int) and 2 <= fmt.bits <= most,
                name,
                fmt,
                f"an integer of 2 to {most} bits",
            )
        require(self.sum.signed, "sum", self.sum, "a signed integer")
        super().__post_init__()

    @property
    def result_format(self) -> Int:
        """Wide enough for every product."""
        fraction = self.sum.fraction_bits + self.scale.fraction_bits
        return integer(self.sum.bits + self.scale.bits, fraction_bits=fraction)

    @property
    def stages(self) -> tuple[str, ...]:
        return ("multiply",)

    @property
    def interval(self) -> int:
        return self.scale.bits

    @property
    def latency(self) -> int:
        return super().latency - 1 + self.interval

    @property
    def input(self) -> Payload:
        return Payload(
            (Field("sum", self.sum, "sum of a group"), Field("scale", self.scale, "its scale"))
        )

    @property
    def output(self) -> Payload:
        return Payload((Field("result", self.result_format, "scale * sum"),))

    @property
    def contract(self) -> str:
        return f"result is scale * sum, exact. A beat takes {self.interval} cycles."

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        total, scale = (
            fmt.split(beats[name])[0].astype(object)
            for name, fmt in (("sum", self.sum), ("scale", self.scale))
        )
        return {"result": self.result_format.wrap(total * scale)}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every scale of eight bits, and the ends of wider ones, with sums at their extremes."""
        top = 1 << self.sum.bits - 1
        scales = np.arange(1 << min(8, self.scale.bits))
        if self.scale.bits > 8:
            scales = np.concatenate([scales, (1 << self.scale.bits) - 1 - scales])
        for total in (0, 1, top - 1, top, 2 * top - 1):
            sums = np.full((len(scales), 1), total, object)
            yield {"sum": sums, "scale": scales[:, None]}

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        total = rng.integers(0, 1 << 62, (count, 1)).astype(object) << 18
        total = total >> rng.integers(0, 80, (count, 1)) & ((1 << self.sum.bits) - 1)
        return {"sum": total, "scale": random_integers(self.scale, rng, count, 1)}
