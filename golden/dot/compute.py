"""The arithmetic of dot products: exact sums, rounded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..exact import sum_exact
from ..formats import Codes, Float, Int
from ..one_of import OneOf
from ..unit import Beats

if TYPE_CHECKING:
    from .config import DotConfig


def compute(config: DotConfig, beats: Beats) -> dict[str, Codes]:
    """The outputs, for beats that have been checked."""
    a, w = (
        fmt.tagged(beats[name], beats[f"{name}_format"]) if isinstance(fmt, OneOf) else beats[name]
        for name, fmt in (("a", config.a), ("w", config.w))
    )
    # Object arrays hold Python's integers, which do not wrap, where int64 could.
    exact = np.int64 if config.sum_bits <= 62 else object
    products = config.a.integer(a).astype(exact) * config.w.integer(w).astype(exact)
    total = products.sum(axis=1)
    if isinstance(config.accumulator, Int):
        acc, _ = config.accumulator.split(beats["acc"][:, 0])
        return {"result": config.accumulator.wrap(acc + total)[:, None]}
    nan, plus, minus = _specials(config, a, w)
    if config.floating is None:
        outputs = {"sum": config.sum_format.wrap(np.where(nan | plus | minus, 0, total))}
        if config.has_specials:
            nan |= plus & minus
            inf = (plus | minus) & ~nan
            outputs |= {"nan": nan, "inf": inf, "negative": minus & inf}
        return {name: codes.astype(exact)[:, None] for name, codes in outputs.items()}
    scaled, exponent, bad = _scaled(config, beats, products)
    zero = _zero_scale(config, beats) & (plus | minus)  # infinity times zero
    return {"result": _rounded(config, beats, scaled, exponent, nan | bad | zero, plus, minus)}


def _specials(config: DotConfig, a: Codes, w: Codes) -> tuple[Codes, Codes, Codes]:
    """Per beat: a product is NaN; one is +infinity; one is -infinity."""
    zero = (config.a.integer(a) == 0) | (config.w.integer(w) == 0)
    nan = config.a.is_nan(a) | config.w.is_nan(w)
    inf = config.a.is_inf(a) | config.w.is_inf(w)
    negative = config.a.is_negative(a) ^ config.w.is_negative(w)
    number = inf & ~nan & ~zero
    nan = nan | (inf & zero)
    return nan.any(axis=1), (number & ~negative).any(axis=1), (number & negative).any(axis=1)


def _scaled(config: DotConfig, beats: Beats, products: Codes) -> tuple[Codes, int, Codes]:
    """The exact sum of the scaled products, as integers times two to an exponent, and whether
    a scale is no number."""
    exponent = config.unit_exponent + sum(fmt.unit_exponent for fmt in config.scales.values())
    whole = {name: _whole(fmt, beats[name]) for name, fmt in config.scales.items()}
    total: Codes = np.zeros(len(products), object)
    sides = [
        (scale_a, scale_w, _side(config, "a", beats["a"], s) & _side(config, "w", beats["w"], t))
        for s, scale_a in enumerate(whole["a_scale"].T if config.scale else [1])
        for t, scale_w in enumerate(whole["w_scale"].T if config.scale else [1])
    ]
    for scale_a, scale_w, chosen in sides:
        total += np.where(chosen, products, 0).sum(axis=1).astype(object) * scale_a * scale_w
    if config.tensor_scale is not None:
        total *= whole["tensor_scale"][:, 0]
    bad = np.zeros(len(products), bool)
    for name, fmt in config.scales.items():
        bad |= (fmt.is_nan(beats[name]) | fmt.is_inf(beats[name])).any(axis=1)
    return total, exponent, bad


def _side(config: DotConfig, name: str, codes: Codes, side: int) -> Codes:
    """Which elements of an operand take its scale number ``side``."""
    if config.sides(name) == 1:
        return np.ones(codes.shape, bool)
    return getattr(config, name).is_negative(codes) == bool(side)


def _zero_scale(config: DotConfig, beats: Beats) -> Codes:
    """Whether a scale is zero."""
    zero = np.zeros(len(beats["a"]), bool)
    for name, fmt in config.scales.items():
        zero |= (fmt.decode(beats[name]) == 0).any(axis=1)
    return zero


def _rounded(
    config: DotConfig,
    beats: Beats,
    total: Codes,
    exponent: int,
    nan: Codes,
    plus: Codes,
    minus: Codes,
) -> Codes:
    """The floating-point result, specials included."""
    fmt = config.floating
    assert fmt is not None and fmt.nan_code is not None and fmt.inf_code is not None
    acc = beats["acc"][:, 0] if config.accumulator is not None else np.zeros(len(total), int)
    nan = nan | fmt.is_nan(acc)
    plus = plus | (fmt.is_inf(acc) & ~fmt.is_negative(acc))
    minus = minus | (fmt.is_inf(acc) & fmt.is_negative(acc))
    result = sum_exact((total, np.full(len(acc), exponent)), fmt.split(acc), fmt)
    result = np.where(plus, fmt.inf_code, result)
    result = np.where(minus, fmt.inf_code | fmt.sign_bit, result)
    return np.where(nan | (plus & minus), fmt.nan_code, result)[:, None]


def _whole(fmt: Float, codes: Codes) -> Codes:
    """Magnitudes in units of the format, as Python's integers: those of E8M0 are large."""
    significand, exponent = fmt.split(codes)
    return abs(significand.astype(object)) << (exponent - fmt.unit_exponent).astype(object)
