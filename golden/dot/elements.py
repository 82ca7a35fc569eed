"""Codes of elements that are worth a try."""

from __future__ import annotations

import numpy as np

from ..formats import Codes, Float, Format


def finite(fmt: Format) -> Codes:
    codes = fmt.all_codes()
    return codes[~(fmt.is_nan(codes) | fmt.is_inf(codes))]


def largest(fmt: Format) -> float:
    return float(np.max(fmt.decode(finite(fmt))))


def extremes(fmt: Format) -> list[int]:
    """The zeros, the least and the greatest numbers of either sign, and the special codes."""
    codes = finite(fmt)
    values = fmt.decode(codes)
    positive, negative = codes[values > 0], codes[values < 0]
    chosen = [*codes[values == 0], positive[0], positive[-1]]
    chosen += [negative[0], negative[-1]] if len(negative) else []
    special = np.setdiff1d(fmt.all_codes(), codes)
    chosen += [special[0], special[-1]] if len(special) else []
    return [int(code) for code in chosen]


def negated(fmt: Format, codes: Codes) -> Codes:
    """The codes of the opposite numbers, where there are such."""
    if isinstance(fmt, Float):
        return codes ^ fmt.sign_bit
    return fmt.encode(-fmt.decode(codes))


def draw_elements(fmt: Format, rng: np.random.Generator, count: int, lanes: int) -> Codes:
    """Element codes: uniform, of one magnitude range, sparse, one huge among tiny, or special."""
    numbers = finite(fmt)
    by_size = numbers[np.argsort(np.abs(fmt.decode(numbers)), kind="stable")]
    codes = rng.choice(numbers, (count, lanes))
    kind = rng.integers(0, 8, count)
    tiny = by_size[: max(2, len(by_size) // 8)]
    huge = by_size[-max(2, len(by_size) // 16) :]
    codes[kind == 1] = rng.choice(tiny, (np.sum(kind == 1), lanes))
    codes[kind == 2] = rng.choice(huge, (np.sum(kind == 2), lanes))
    sparse = rng.random((count, lanes)) < 0.9
    codes[(kind == 3)[:, None] & sparse] = by_size[0]
    lone = np.flatnonzero(kind == 4)
    codes[lone] = rng.choice(tiny, (len(lone), lanes))
    codes[lone, rng.integers(0, lanes, len(lone))] = rng.choice(huge, len(lone))
    special = np.setdiff1d(fmt.all_codes(), numbers)
    rows = np.flatnonzero(kind == 5)[::2]
    if len(special):
        codes[rows, rng.integers(0, lanes, len(rows))] = rng.choice(special, len(rows))
    return codes
