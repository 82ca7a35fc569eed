"""Input beats for encoders whose scales have a fraction: both sides of every boundary."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from .boundaries import element_magnitudes
from .encoder_vectors import around, patterns, reach, rows
from .formats import Codes

if TYPE_CHECKING:
    from .encoder import EncoderConfig


def corners(config: EncoderConfig) -> Iterator[dict[str, Codes]]:
    """Peaks at, just below and just above where every scale begins; under every scale, values at
    and beside where every element begins; under every significand of the scale, all the mantissas
    of :func:`golden.encoder_vectors.patterns` in every binade that matters; subnormals, zeros, NaN
    and infinities."""
    fmt, rng = config.input_format, np.random.default_rng(2)
    one = 1 << fmt.mantissa_bits
    peaks = beside(config, [b.value for b in config.scale_boundaries])
    peaks = np.concatenate([peaks, peaks | fmt.sign_bit])
    yield rows(config, peaks, np.arange(len(peaks)), rng)
    yield {"values": _ties(config)}
    binade = [code for code in config.scale_codes if value(config, code) >= 1]
    for code in binade[: 1 << config.format.scale.mantissa_bits]:
        peak = int(fmt.encode(_peak(config, code)))
        top = peak >> fmt.mantissa_bits
        others = np.array(
            [e * one + m for e in range(top - reach(config), top + 1) for m in patterns(config)]
        )
        others = np.concatenate([others, others | fmt.sign_bit])
        yield around(config, peak, others[others % fmt.sign_bit <= peak])
    special = [fmt.inf_code, fmt.nan_code, fmt.inf_code + 1, fmt.inf_code + one - 1, fmt.max_code]
    special = [*special, 0, 1, one - 1, one]
    special = np.array([code | sign for code in special for sign in (0, fmt.sign_bit)])
    every = np.repeat(special, config.format.block)  # in every lane
    yield rows(config, every, np.arange(len(every)), rng)
    yield {"values": np.repeat(special[:, None], config.format.block, axis=1)}


def beside(config: EncoderConfig, values: list[Fraction]) -> Codes:
    """The codes nearest to numbers, of those below and of those above them."""
    codes = config.input_format.encode(np.array([float(number) for number in values]))
    codes = (codes[:, None] + [-1, 0, 1]).ravel()
    return np.clip(codes, 0, config.input_format.max_code)


def value(config: EncoderConfig, code: int) -> Fraction:
    """What a scale is worth."""
    return Fraction(float(config.format.scale.decode(code)))


def _peak(config: EncoderConfig, code: int) -> float:
    """A peak that takes the scale of ``code``: where it begins, or just above."""
    boundary = config.scale_boundaries[code - 1]
    if not boundary.value:
        return float(config.scale_boundaries[code].value)
    source = config.input_format
    begins = int(source.encode(float(boundary.value)))
    return float(source.decode(begins + (not boundary.reached)))


def _ties(config: EncoderConfig) -> Codes:
    """Blocks under every scale: its peak, and values at and beside where elements begin. With a
    scale for each sign, negative values are under another one."""
    fmt, block, scales = config.input_format, config.format.block, config.scale_codes
    boundaries = [b.value for b in config.element_boundaries]
    if config.stochastic:  # nothing is lost at an element, almost a whole step just below it
        boundaries += element_magnitudes(config.format)[1:]
    lanes = max(1, block - config.sides)
    found = []
    for code, opposite in zip(scales, reversed(scales), strict=True):
        other = opposite if config.sides > 1 else code
        parts = [
            beside(config, [value(config, c) * bound for bound in boundaries]) | sign
            for c, sign in ((code, 0), (other, fmt.sign_bit))
        ]
        values = np.stack(parts, axis=1).ravel()
        count = -(-len(values) // lanes)
        values = np.resize(values, (count, lanes))
        peaks = [int(fmt.encode(_peak(config, code)))]
        if config.sides > 1:
            peaks.append(int(fmt.encode(_peak(config, other))) | fmt.sign_bit)
        full = np.concatenate([np.tile(peaks, (count, 1)), values], axis=1)[:, -block:]
        found.append(np.roll(full, code % block, axis=1))
    return np.concatenate(found)
