"""Beats of ordinary operation, of units that cannot be given a tensor: normal random numbers in
their formats, weights likewise, the mode that papers quote, and accumulators that carry running
results. Test vectors are half extremes: power is not to be measured on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from golden import bitmod
from golden.bitmod import BitmodConfig
from golden.bitplane import ENCODINGS, BitplaneConfig
from golden.formats import Codes, Format, Int, integer
from golden.lut import LutConfig, TablesConfig
from golden.mixpe import MixpeConfig
from golden.simd_mac import SimdMacConfig
from golden.ternary import TernaryConfig
from golden.unit import Beats, Unit

STEPS = 24
"""Beats that accumulate into one result: 768 channels at 32 lanes, as the dot products do."""
PEAK = 4.3
"""Standard deviations that the greatest code of an integer stands for: what is seldom exceeded."""

NORMAL = "normal random numbers"
"""What they are called."""

Rng = np.random.Generator


def ordinary(config: Unit, rng: Rng, count: int) -> tuple[dict[str, Codes], str]:
    """``count`` beats, or a few more, and what they are."""
    make = _KINDS.get(type(config))
    count += -count % STEPS
    beats = config.random(rng, count)
    if make is None:
        return beats, "random beats"
    beats = beats | make(config, rng, count)
    return (_running(config, beats) if "acc" in beats else beats), NORMAL


def _running(config: Unit, beats: Beats) -> dict[str, Codes]:
    """The same with each accumulator the result of the beat before, in rows of STEPS from 0."""
    first = np.arange(0, len(beats["acc"]), STEPS)
    acc = np.zeros_like(beats["acc"][first])
    running = beats["acc"].copy()
    for step in range(STEPS):
        running[first + step] = acc
        part = {name: codes[first + step] for name, codes in beats.items()} | {"acc": acc}
        acc = config.compute(part)["result"]
    return dict(beats) | {"acc": running}


def _normal(fmt: Format, rng: Rng, shape: tuple[int, ...]) -> Codes:
    values: NDArray[np.float64] = rng.standard_normal(shape)
    return fmt.encode(values * ((fmt.maximum if isinstance(fmt, Int) else PEAK) / PEAK))


def _weights(bits: int, rng: Rng, shape: tuple[int, ...]) -> Codes:
    """Two's complement; single bits are random."""
    fmt = integer(bits) if bits > 1 else None
    return _normal(fmt, rng, shape) if fmt else rng.integers(0, 2, shape)


def _lut(config: LutConfig, rng: Rng, count: int) -> dict[str, Codes]:
    a = _normal(config.a, rng, (count, config.lanes))
    operand = config.tables.compute({"a": a}) if config.given else {"a": a}
    weights = (count, config.lanes * config.columns)
    return {**operand, "w": _weights(config.w_bits, rng, weights)}


def _bitplane(config: BitplaneConfig, rng: Rng, count: int) -> dict[str, Codes]:
    """W4A8, two's complement."""
    shape, one = (count, config.lanes), (count, 1)
    return {
        "a": _normal(integer(8), rng, shape),
        "w": _normal(integer(4), rng, shape),
        "a_bits": np.full(one, 7),
        "w_bits": np.full(one, 3),
        "a_encoding": np.full(one, ENCODINGS.index("signed")),
        "w_encoding": np.full(one, ENCODINGS.index("signed")),
    }


def _mixpe(config: MixpeConfig, rng: Rng, count: int) -> dict[str, Codes]:
    middle = 1 << config.w_bits - 1
    shape, one = (count, config.lanes), (count, 1)
    beats = {
        "a": _normal(config.a, rng, shape),
        "w": _weights(config.w_bits, rng, shape) ^ middle,
        "zero": np.full(one, middle),
    }
    if config.scale is not None:
        positive = 1 + np.abs(rng.standard_normal(one))
        size = config.scale.maximum / 8 if isinstance(config.scale, Int) else 2.0**-6
        beats["scale"] = config.scale.encode(positive * size)
    return beats


def _ternary(config: TernaryConfig, rng: Rng, count: int) -> dict[str, Codes]:
    """Weights stay random: each of the packed codes alike."""
    return {"a": _normal(config.a, rng, (count, config.lanes))}


def _bitmod(config: BitmodConfig, rng: Rng, count: int) -> dict[str, Codes]:
    """FP4, every special value alike often."""
    special = rng.integers(0, 8, (count, 1))
    numbers = bitmod.weights(np.arange(16), bitmod.FP4, special)
    near = rng.standard_normal((count, config.lanes, 1)) * (numbers.max() / PEAK)
    field = next(f for f in config.input.fields if f.name == "a")
    return {
        "a": _normal(field.format, rng, (count, config.lanes)),
        "w": np.abs(numbers[:, None, :] - near).argmin(axis=2),
        "dtype": np.full((count, 1), bitmod.FP4),
        "special": special,
    }


def in_one_mode(config: Unit, beats: Beats) -> dict[str, Codes]:
    """Of a tensor's beats, those of the mode that papers quote: of a SIMD MAC, one wide number."""
    if not isinstance(config, SimdMacConfig):
        return dict(beats)
    chosen = beats["mode"][:, 0] == config.widest
    return {name: codes[chosen] for name, codes in beats.items()}


_KINDS: dict[type[Unit], Callable[..., dict[str, Codes]]] = {
    LutConfig: _lut,
    TablesConfig: lambda config, rng, n: {"a": _normal(config.a, rng, (n, config.lanes))},
    BitplaneConfig: _bitplane,
    MixpeConfig: _mixpe,
    TernaryConfig: _ternary,
    BitmodConfig: _bitmod,
}
