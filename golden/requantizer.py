"""The requantization unit: :func:`golden.requant.requantize` on streams, a channel a lane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from .errors import require
from .formats import Codes, Int, integer
from .requant import RequantConfig, dyadic, requantize
from .unit import Beats, Field, Payload, Unit


@dataclass(frozen=True, kw_only=True)
class RequantizerConfig(Unit):
    """``output = clamp(relu(round((acc + bias) * multiplier / 2**shift)) + zero_point)``.

    Parameters
    ----------
    requant:
        Widths, rounding, ReLU and zero point; the definition is :mod:`golden.requant`.
    lanes:
        Channels a beat: 1 to 1024. Each brings its own bias, multiplier and shift.
    widths:
        Output widths that each beat, as a group of its own, chooses among by field ``width``: 0 is
        the first; two or more, ``requant.output_bits`` at the most. Results are clamped to the
        range of that width, and stay codes of ``output_bits``. Empty: there is no choice.
    """

    requant: RequantConfig = field(default_factory=RequantConfig)
    lanes: int = 1
    widths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        known = isinstance(self.requant, RequantConfig)
        require(known, "requant", self.requant, "a RequantConfig")
        require(1 <= self.lanes <= 1024, "lanes", self.lanes, "1 to 1024")
        self._check_widths()
        super().__post_init__()

    def _check_widths(self) -> None:
        top, widths = self.requant.output_bits, self.widths
        several = isinstance(widths, tuple) and (not widths or 2 <= len(widths) <= 8)
        known = several and all(isinstance(n, int) and 2 <= n <= top for n in widths)
        distinct = known and len(set(widths)) == len(widths)
        require(distinct, "widths", widths, f"(), or 2 to 8 different ones of 2 to {top}")
        for low, high in zip(*self.ranges, strict=True):
            zero = self.requant.zero_point
            require(low <= zero <= high, "zero_point", zero, f"{low} to {high} with such widths")

    @property
    def ranges(self) -> tuple[list[int], list[int]]:
        """Least and greatest number of each of the widths."""
        each = [self.requant.replace(output_bits=bits, zero_point=0) for bits in self.widths]
        return [requant.low for requant in each], [requant.high for requant in each]

    @property
    def accumulator(self) -> Int:
        """Format of accumulator and bias."""
        return integer(self.requant.accumulator_bits)

    @property
    def stages(self) -> tuple[str, ...]:
        return ("bias", "multiply", "shift", "clamp")

    @property
    def input(self) -> Payload:
        requant, lanes = self.requant, self.lanes
        choice = ()
        if self.widths:
            fmt = integer((len(self.widths) - 1).bit_length(), signed=False)
            listed = ", ".join(map(str, self.widths))
            choice = (Field("width", fmt, f"which of these bits: {listed}; beyond: the last"),)
        return Payload(
            (
                Field("acc", self.accumulator, "accumulators", lanes),
                Field("bias", self.accumulator, "added to the accumulators", lanes),
                Field(
                    "multiplier",
                    integer(requant.multiplier_bits, signed=False),
                    "numerator of the scale",
                    lanes,
                ),
                Field(
                    "shift",
                    integer(requant.shift_bits, signed=False),
                    "binary logarithm of the denominator",
                    lanes,
                ),
                *choice,
            )
        )

    @property
    def output(self) -> Payload:
        requant = self.requant
        fmt = integer(requant.output_bits, signed=requant.signed)
        return Payload((Field("result", fmt, "requantized codes", self.lanes),))

    @property
    def contract(self) -> str:
        requant = self.requant
        relu = "max(q, 0)" if requant.relu else "q"
        rounding = {
            "half-up": "to nearest, ties towards plus infinity",
            "half-away": "to nearest, ties away from zero",
            "half-even": "to nearest, ties to even",
            "floor": "down",
        }[requant.rounding]
        ends = f"{requant.low} and {requant.high}"
        if self.widths:
            ends = "the ends of the chosen width"
        return (
            "q is (acc + bias) * multiplier / 2**shift, exact and rounded once,"
            f" {rounding}; result is {relu} + {requant.zero_point}, kept within {ends}."
            f" acc + bias must fit {requant.accumulator_bits} bits: that is a bound"
            " on weights and bias, and nothing is promised beyond it."
        )

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        acc, bias = (self.accumulator.integer(beats[name]) for name in ("acc", "bias"))
        result = requantize(acc, beats["multiplier"], beats["shift"], bias, self.requant)
        if self.widths:
            chosen = np.minimum(beats["width"], len(self.widths) - 1)
            low, high = (np.array(ends)[chosen] for ends in self.ranges)
            result = np.clip(result, low, high)
        return {"result": self.output.fields[0].format.wrap(result)}

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Extremes of all four operands with each other; then, at every shift, products on and
        beside the ties about zero and about both ends of the output's range."""
        requant = self.requant
        limit = 1 << requant.accumulator_bits - 1
        ends = [-limit, -limit + 1, -1, 0, 1, limit - 1]
        multipliers = sorted({0, 1, 2, 3, requant.max_multiplier // 2, requant.max_multiplier})
        shifts = sorted({0, 1, 2, requant.max_shift // 2, requant.max_shift})
        rows = [
            row
            for row in product(ends, [-limit, -1, 0, 1, limit - 1], multipliers, shifts)
            if -limit <= row[0] + row[1] < limit
        ]
        levels = [0, 1, 2, requant.high - requant.zero_point, requant.low - requant.zero_point]
        for shift in range(requant.max_shift + 1):
            for level, multiplier in product(levels, (1, 3)):
                centre = ((2 * level + 1) << shift) // (2 * multiplier)  # a tie, or beside one
                near = [sign * (centre + off) for sign in (1, -1) for off in (-1, 0, 1)]
                rows += [(acc, 0, multiplier, shift) for acc in near if -limit <= acc < limit]
        for width in range(max(1, len(self.widths))):
            beats = self._beats(np.array(rows, np.int64))
            if self.widths:
                beats["width"][:] = width
            yield beats

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        """Sums of every magnitude, and scales that mostly bring them near the output's range."""
        requant, shape = self.requant, (count * self.lanes,)
        limit = 1 << requant.accumulator_bits - 1
        total = rng.integers(-limit, limit, shape) >> rng.integers(
            0, requant.accumulator_bits, shape
        )
        bias = np.clip(rng.integers(-limit, limit, shape), total - limit + 1, total + limit)
        bias = np.clip(bias, -limit, limit - 1)
        bias = np.where(rng.random(shape) < 0.3, 0, bias)
        multiplier = rng.integers(0, requant.max_multiplier + 1, shape) >> rng.integers(
            0, requant.multiplier_bits, shape
        )
        size = np.abs(total * multiplier).astype(np.float64)
        wanted = np.ceil(np.log2(size + 1)) - requant.output_bits + rng.integers(-2, 5, shape)
        anything = rng.integers(0, requant.max_shift + 1, shape)
        shift = np.where(rng.random(shape) < 0.8, wanted, anything)
        shift = np.clip(shift, 0, requant.max_shift).astype(np.int64)
        return self._beats(np.stack([total - bias, bias, multiplier, shift], axis=1))

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """The numbers as accumulators of three quarters of their width, scaled to the output."""
        requant = self.requant
        count = len(values) // self.lanes * self.lanes
        require(count >= 1, "numbers in the tensor", len(values), f"{self.lanes} or more")
        peak = float(np.max(np.abs(values))) or 1.0
        top = 2.0 ** (3 * requant.accumulator_bits // 4 - 1)
        acc = np.rint(values[:count] / peak * (top - 1)).astype(np.int64)
        scale = np.array([max(min(requant.high / top, 1.0), 2.0**-requant.max_shift)])
        (multiplier,), (shift,) = dyadic(scale, requant)
        rows = [acc, np.zeros_like(acc), np.full_like(acc, multiplier), np.full_like(acc, shift)]
        return self._beats(np.stack(rows, axis=1))

    def _beats(self, rows: np.ndarray) -> dict[str, Codes]:
        """Beats of rows (acc, bias, multiplier, shift), a lane each; the last beat repeats some."""
        count = -(-len(rows) // self.lanes)
        rows = np.resize(rows, (count * self.lanes, 4)).reshape(count, self.lanes, 4)
        names = [f.name for f in self.input.fields]
        wrapped = [self.accumulator.wrap(rows[..., k]) if k < 2 else rows[..., k] for k in range(4)]
        beats = dict(zip(names, wrapped, strict=False))
        if self.widths:  # in turns; also what lies beyond them
            top = 1 << self.input.fields[-1].format.bits
            beats["width"] = np.arange(len(rows))[:, None] % top
        return beats
