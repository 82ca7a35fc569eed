"""Input beats for encoders: each value beside each kind of peak, ties, ends of the scale's range.

Uniform random codes prove little here: the magnitudes of a block would lie far apart, all but one
element would round to zero, and one block of eight would hold NaN or an infinity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .block import max_exponent
from .formats import Codes, Float

if TYPE_CHECKING:
    from .encoder import EncoderConfig

Rng = np.random.Generator


def corners(config: EncoderConfig) -> Iterator[dict[str, Codes]]:
    """Beside peaks of every kind, in turns in every lane: every pattern of the leading mantissa
    bits, with nothing, something or all below, at every distance that matters. Then every such
    pattern as the peak itself, at both ends of the scale's range; zeros; NaN and infinities."""
    fmt, rng = config.input_format, np.random.default_rng(2)
    mantissas = patterns(config)
    top = max_exponent(config.format.element)
    one, last = 1 << fmt.mantissa_bits, fmt.max_code >> fmt.mantissa_bits
    ordinary = fmt.bias
    # Fields of the peak: ordinary, so low that the scale is clamped, subnormal, the highest.
    for field in sorted({ordinary, top + 1, max(top - 1, 1), min(top, 1), 0, last}):
        binades = range(max(0, field - reach(config)), field + 1)
        others = np.array([e * one + m for e in binades for m in mantissas])
        others = np.concatenate([others, others | fmt.sign_bit])
        for peak in (one - 1, one // 2, 0) if field else (1, one - 1):
            yield around(config, field * one + peak, others[others % fmt.sign_bit <= field * one])
    alone = np.array([e * one + m for e in (*range(top + 3), ordinary, last) for m in mantissas])
    yield rows(config, alone, np.arange(len(alone)), rng)
    special = [fmt.inf_code, fmt.nan_code, fmt.inf_code + 1, fmt.inf_code + one - 1, fmt.max_code]
    special = [*special, 0, 1, one]
    special = np.array([code | sign for code in special for sign in (0, fmt.sign_bit)])
    every = np.repeat(special, config.format.block)  # in every lane
    yield rows(config, every, np.arange(len(every)), rng)
    yield {"values": np.repeat(special[:, None], config.format.block, axis=1)}


def patterns(config: EncoderConfig) -> list[int]:
    """Mantissas: all those of BF16 or narrower; of a wider format, every pattern of the leading
    seven bits with nothing, the least, the half, all but the least and everything below."""
    bits = config.input_format.mantissa_bits
    if bits <= 7:
        return list(range(1 << bits))
    low = bits - 7
    below = sorted({0, 1, 1 << low - 1, (1 << low) - 2, (1 << low) - 1})
    return [high << low | rest for high in range(128) for rest in below]


def random(config: EncoderConfig, rng: Rng, count: int) -> dict[str, Codes]:
    """``count`` blocks: each draws its peak's exponent and how far its values lie below; mantissas
    anything, few ones, or many; some zeros; one block of thirty holds NaN or an infinity."""
    fmt, shape = config.input_format, (count, config.format.block)
    one, last = 1 << fmt.mantissa_bits, fmt.max_code >> fmt.mantissa_bits
    kind = rng.integers(0, 8, (count, 1))
    low = max_exponent(config.format.element) + 4
    peak = np.select(
        [kind < 4, kind < 6, kind == 6],
        [fmt.bias + rng.integers(-20, 20, (count, 1)), rng.integers(0, low, (count, 1)), last],
        rng.integers(0, last + 1, (count, 1)),
    )
    spread = rng.choice([0, 2, 4, 8, reach(config), 300], (count, 1))
    field = np.maximum(peak - rng.integers(0, spread + 1, shape), 0)
    negative = rng.random(shape) < 0.5
    if config.sides > 1:  # the peaks of the two sides lie apart
        apart = rng.integers(-3, 40, (count, 1))
        field = np.clip(field - apart * negative, 0, last)
    mantissa = rng.integers(0, one, shape)
    few = rng.integers(0, one, shape) & rng.integers(0, one, shape) & rng.integers(0, one, shape)
    sort = rng.integers(0, 3, shape)
    mantissa = np.select([sort == 0, sort == 1], [mantissa, few], one - 1 - few)
    codes = field << fmt.mantissa_bits | mantissa
    codes[(rng.random(shape) < 0.1) & (rng.random((count, 1)) < 0.3)] = 0
    bad = np.flatnonzero(rng.random(count) < 1 / 30)
    special = rng.integers(fmt.inf_code, fmt.sign_bit, len(bad))
    special[::2] = fmt.inf_code
    codes[bad, rng.integers(0, config.format.block, len(bad))] = special
    return {"values": codes | np.where(negative, fmt.sign_bit, 0)}


def reach(config: EncoderConfig) -> int:
    """Binades from the peak down to where every element rounds to zero, and a few more."""
    element = config.format.element
    digits = config.random_bits if config.stochastic else 1
    if isinstance(element, Float):
        return element.max_exponent - element.unit_exponent + digits + 3
    return element.bits - 1 + digits + 2


def around(config: EncoderConfig, peak: int, others: Codes) -> dict[str, Codes]:
    """Blocks that hold ``peak`` in one lane, another one each, and ``others`` in the rest."""
    rest = max(config.format.block - 1, 1)
    rows = -(-len(others) // rest)
    codes = np.resize(others, rows * rest).reshape(rows, rest)
    if config.format.block == 1:
        return {"values": codes}
    values = np.empty((rows, config.format.block), np.int64)
    values[:, 0], values[:, 1:] = peak, codes
    lane = np.arange(rows)[:, None] % config.format.block
    return {
        "values": np.take_along_axis(
            values, (np.arange(config.format.block) - lane) % config.format.block, 1
        )
    }


def rows(config: EncoderConfig, peaks: Codes, lanes: Codes, rng: Rng) -> dict[str, Codes]:
    """Blocks that hold one of ``peaks`` each, of either sign, among smaller values."""
    fmt = config.input_format
    magnitude = peaks % fmt.sign_bit if fmt.sign_bit else peaks
    down = rng.integers(0, reach(config) << fmt.mantissa_bits, (len(peaks), config.format.block))
    values = np.clip(magnitude[:, None] - down, 0, fmt.max_code)
    values |= np.where(rng.random(values.shape) < 0.5, fmt.sign_bit, 0)
    values[np.arange(len(peaks)), lanes % config.format.block] = peaks
    return {"values": values}
