"""Codes of accumulators that are worth a try, in view of the dot product that is added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..formats import Codes, Float, Format, Int

if TYPE_CHECKING:
    from .config import DotConfig


def accumulator_corners(fmt: Format | None) -> list[int]:
    if fmt is None:
        return [0]
    if isinstance(fmt, Int):
        return [0, 1, (1 << fmt.bits) - 1, 1 << fmt.bits - 1, (1 << fmt.bits - 1) - 1]
    assert isinstance(fmt, Float) and fmt.inf_code is not None
    least_normal, one = 1 << fmt.mantissa_bits, fmt.bias << fmt.mantissa_bits
    positive = [0, 1, least_normal - 1, least_normal, one, fmt.max_code, fmt.inf_code]
    positive += [fmt.inf_code + 1, fmt.nan_code or 0]  # a signalling NaN and the quiet one
    return positive + [code | fmt.sign_bit for code in positive]


def draw_integers(fmt: Int, rng: np.random.Generator, count: int) -> Codes:
    """Accumulator codes: uniform, small, and at both ends, where the sum wraps."""
    mask = (1 << fmt.bits) - 1
    uniform = rng.integers(0, 1 << fmt.bits, count)
    small = rng.integers(-1000, 1000, count)
    edge = (1 << fmt.bits - 1) + small
    kind = rng.integers(0, 3, count)
    return (np.select([kind == 0, kind == 1], [uniform, small], edge) & mask)[:, None]


def draw_nearby(config: DotConfig, beats: dict[str, Codes], rng: np.random.Generator) -> Codes:
    """Accumulators in view of the dot product: cancelling it, some binades off, at ties of the
    rounding, and special."""
    fmt = config.accumulator
    assert isinstance(fmt, Float)
    count = len(beats["a"])
    dot = config.compute(beats)["result"][:, 0]
    field_mask = (1 << fmt.exponent_bits) - 1
    exponent, mantissa = fmt.magnitude(dot) >> fmt.mantissa_bits, dot % (1 << fmt.mantissa_bits)
    sign = np.where(rng.random(count) < 0.5, fmt.sign_bit, 0)
    patterns = [0, (1 << fmt.mantissa_bits) - 1, 1, 1 << fmt.mantissa_bits - 1]
    anything = rng.integers(0, 1 << fmt.mantissa_bits, count)
    chosen = np.where(rng.random(count) < 0.5, rng.choice(patterns, count), anything)
    reach = config.sum_bits + fmt.mantissa_bits + 6
    off = np.clip(exponent + rng.integers(-reach, reach, count), 0, field_mask - 1)
    negated = (dot ^ fmt.sign_bit) & ((1 << fmt.bits) - 1)
    almost = np.where(fmt.magnitude(dot) > 4, negated - rng.integers(-3, 4, count), negated)
    kind = rng.integers(0, 16, count)
    acc = np.select(
        [kind < 8, kind < 10, kind < 12, kind == 12, kind == 13, kind == 14],
        [
            sign | off << fmt.mantissa_bits | chosen,
            negated,
            np.clip(almost, 0, (1 << fmt.bits) - 1),
            sign | np.minimum(exponent, field_mask - 1) << fmt.mantissa_bits | mantissa,
            sign | rng.integers(0, 1 << fmt.mantissa_bits, count),  # subnormal
            rng.choice(accumulator_corners(fmt), count),
        ],
        rng.integers(0, 1 << fmt.bits, count),
    )
    return acc[:, None]
