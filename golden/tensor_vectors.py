"""Input beats for encoders with a tensor scale: boundaries times tensor scales of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from . import encoder_vectors, fraction_vectors
from .block import max_number
from .formats import FP32, Codes

if TYPE_CHECKING:
    from .encoder import EncoderConfig

TENSORS = (
    1.0, 2.0 - 2.0**-23, 1.0 + 2.0**-23, 1.3333333730697632, 0.0003255208255723119, 2.0**-126,
    2.0**-149, 5 * 2.0**-149, (2**23 - 1) * 2.0**-149, 3.4028234663852886e38, 2.0**100,
)  # fmt: skip
"""The ends of the mantissa, thirds, the ends of normal and of subnormal numbers, large ones."""


def corners(config: EncoderConfig) -> Iterator[dict[str, Codes]]:
    """The beats without a tensor scale, under 1. Under every one of :data:`TENSORS`, peaks beside
    where scales begin, and values beside where elements do. Tensor scales that are no numbers."""
    one = int(FP32.encode(1.0))
    plain = config.replace(format=config.format.replace(tensor_scale=None))
    for beats in fraction_vectors.corners(plain):
        yield with_tensor(beats["values"], one)
    for value in TENSORS:
        code = int(FP32.encode(value))
        yield with_tensor(_blocks(config, Fraction(value)), code | (value < 1) << 31)
    some = np.resize([int(config.input_format.encode(v)) for v in (3.0, -0.5)], config.format.block)
    special = [0, 1 << 31, FP32.inf_code, FP32.inf_code | 1 << 31, FP32.nan_code, 0x7F800001]
    special = np.array(special)[:, None]
    yield {"values": np.tile(some, (len(special), 1)), "tensor_scale": special}


def with_tensor(values: Codes, code: int) -> dict[str, Codes]:
    """Blocks under one tensor scale."""
    return {"values": values, "tensor_scale": np.full((len(values), 1), code)}


def _blocks(config: EncoderConfig, tensor: Fraction) -> Codes:
    """Under every ninth scale and the first and last ones: the peak at, below and above where it
    begins, with values beside where elements begin."""
    fmt, block, top = config.input_format, config.format.block, config.format.scale.max_code
    rows = []
    for scale in sorted({*range(1, 20), *range(1, top + 1, 9), top - 1, top}):
        begins = [config.scale_boundaries[scale - 1].value]
        peaks = fraction_vectors.beside(config, [value * tensor for value in begins])
        worth = fraction_vectors.value(config, scale) * tensor
        values = fraction_vectors.beside(
            config, [worth * boundary.value for boundary in config.element_boundaries]
        )
        for peak in peaks.tolist():
            lower = values[values <= peak] if (values <= peak).any() else np.array([0])
            row = np.resize(lower, 2 * block)
            row[::2] |= fmt.sign_bit
            row[0], row[block] = peak, peak | fmt.sign_bit
            if config.sides > 1 and block > 1:
                row[1], row[block + 1] = peak | fmt.sign_bit, peak
            rows += [np.roll(row[:block], scale % block), np.roll(row[block:], scale % block)]
    return np.array(rows)


def random(config: EncoderConfig, rng: np.random.Generator, count: int) -> dict[str, Codes]:
    """Random blocks, two of three with a tensor scale under which their scale is in range."""
    beats = encoder_vectors.random(config, rng, count)
    values = np.abs(config.input_format.decode(beats["values"]))
    peak = np.max(np.where(np.isfinite(values), values, 0), axis=1, keepdims=True)
    full = max_number(config.format.element) * config.format.scale.max
    fitting = peak / full * 2.0 ** rng.uniform(-2, 20, peak.shape)
    codes = FP32.encode(np.clip(fitting, 2.0**-149, FP32.max))
    anything = rng.integers(0, 1 << 32, peak.shape)
    return beats | {"tensor_scale": np.where(rng.random(peak.shape) < 0.7, codes, anything)}
