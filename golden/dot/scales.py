"""Codes of block and tensor scales that are worth a try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..formats import Codes, Float
from ..unit import Field

if TYPE_CHECKING:
    from .config import DotConfig


def scale_fields(config: DotConfig) -> list[Field]:
    return [field for field in config.input.fields if field.name in config.scales]


def scale_corners(config: DotConfig, alone: bool) -> dict[str, Codes]:
    """Rows in which all scales are alike, at every extreme of their formats; with ``alone`` also
    rows in which each one in turn is extreme among ones, and the first two at opposite ends."""
    fields = scale_fields(config)
    places = [(field, lane) for field in fields for lane in range(field.lanes)]
    extremes = {field.name: _extremes(field.format) for field in fields}
    count = max((len(codes) for codes in extremes.values()), default=0)
    ones = {field.name: int(field.format.encode(1.0)) for field in fields}
    rows = [[extremes[f.name][k % len(extremes[f.name])] for f, _ in places] for k in range(count)]
    if alone:
        rest = [ones[f.name] for f, _ in places]
        for index, (field, _) in enumerate(places):
            rows += [[*rest[:index], c, *rest[index + 1 :]] for c in extremes[field.name]]
        ends = [(extremes[f.name][0], f.format.max_code) for f, _ in places]
        rows.append([ends[k][k % 2] for k in range(len(places))])
    table = np.array(rows, np.int64).reshape(len(rows), len(places))
    columns = {f.name: [k for k, (g, _) in enumerate(places) if g is f] for f in fields}
    return {name: table[:, chosen] for name, chosen in columns.items()}


def _extremes(fmt: Float) -> list[int]:
    """The least codes, one, the greatest number, what is no number; with the sign bit too."""
    codes = [0, 1, int(fmt.encode(1.0)), fmt.max_code]
    codes += [code for code in (fmt.inf_code, fmt.nan_code) if code is not None]
    return codes + [code | fmt.sign_bit for code in codes[1:] if fmt.signed]


def draw_scales(config: DotConfig, rng: np.random.Generator, count: int) -> dict[str, Codes]:
    """Scale codes: uniform, moderate, with results near underflow or overflow, no numbers."""
    fields, result = scale_fields(config), config.floating
    if not fields:
        return {}
    assert result is not None
    lows = [field.format.unit_exponent for field in fields]
    highs = [field.format.max_exponent for field in fields]
    low, high, span = result.unit_exponent, result.max_exponent, config.sum_bits
    kind = rng.integers(0, 10, count)
    rest = np.select(
        [kind < 4, kind < 6, kind < 8],
        [
            rng.integers(-20, 20, count),
            # The whole sum, from its first to its last bit, about the least subnormal ...
            rng.integers(low - span - 4, low + 30, count) - config.unit_exponent,
            # ... and about the largest finite number.
            rng.integers(high - span - 2, high + 4, count) - config.unit_exponent,
        ],
        rng.integers(sum(lows), sum(highs) + 1, count),
    )
    beats = {}
    for index, field in enumerate(fields):
        fmt = field.format
        assert isinstance(fmt, Float)
        exponent = rng.integers(lows[index], highs[index] + 1, count)
        later = slice(index + 1, None)
        exponent = np.clip(exponent, rest - sum(highs[later]), rest - sum(lows[later]))
        exponent = np.clip(exponent, lows[index], highs[index])
        rest = rest - exponent
        # Of two scales of an operand, the second is near the first, or anywhere.
        near = exponent[:, None] + rng.integers(-4, 5, (count, field.lanes))
        anywhere = rng.integers(lows[index], highs[index] + 1, (count, field.lanes))
        exponents = np.where(rng.random((count, 1)) < 0.5, near, anywhere)
        exponents[:, 0] = exponent
        fraction = rng.random(exponents.shape) * (fmt.mantissa_bits > 0)
        codes = fmt.encode(np.ldexp(1 + fraction, exponents))
        odd = rng.random(codes.shape)
        codes = np.where(odd < 0.02, 0, codes)
        special = [code for code in (fmt.nan_code, fmt.inf_code) if code is not None]
        if special:
            codes = np.where(odd > 0.99, rng.choice(special, codes.shape), codes)
        codes |= np.where(rng.random(codes.shape) < 0.1, fmt.sign_bit, 0)
        beats[field.name] = codes
    return beats
