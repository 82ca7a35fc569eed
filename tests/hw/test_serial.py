"""Units of the bit-serial family: every bit, every step, with stalls and without."""

import numpy as np
import pytest

from golden.bitplane import BitplaneConfig
from golden.formats import integer
from golden.ternary import PACKINGS, TernaryConfig, UnpackerConfig
from hw.catalog import COMPONENTS

TERNARY = TernaryConfig(lanes=8)
PLANES = BitplaneConfig(lanes=6)
UNITS = {
    **{f"unpack {name}": UnpackerConfig(packing=name, lanes=7) for name in PACKINGS},
    **{f"{name} dot": TERNARY.replace(packing=name) for name in PACKINGS},
    **{f"ternary depth {n}": TERNARY.replace(pipeline=n) for n in (1, 2)},
    "ternary bare": TERNARY.replace(accumulator=None, lanes=11),
    "ternary one lane": TERNARY.replace(lanes=1),
    "ternary wide": TERNARY.replace(a=integer(13), packing="two_bit", accumulator=integer(9)),
    "bitplane": PLANES,
    "bitplane pipelined": PLANES.replace(pipeline=1),
    "bitplane bare": PLANES.replace(accumulator=None, lanes=3),
    "bitplane one lane": PLANES.replace(lanes=1),
    **{f"bitplane {n} planes": PLANES.replace(planes=n) for n in (1, 2, 4)},
}


@pytest.mark.parametrize("name", UNITS)
def test_like_golden(name, stream_through, sample):
    """Every bit, with stalls on both sides."""
    config = UNITS[name]
    beats = sample(config, 60, 120)
    component = COMPONENTS[type(config)](config)
    _, given = stream_through(component, config, beats, np.random.default_rng(1))
    assert [word for _, word in given] == config.output.pack(config.compute(beats))


@pytest.mark.parametrize("name", UNITS)
def test_cycles(name, stream_through, sample):
    """Each beat takes exactly as many cycles as stated, and is done exactly then."""
    config = UNITS[name]
    beats = sample(config, 12, 12)
    taken, given = stream_through(COMPONENTS[type(config)](config), config, beats)
    intervals = config.intervals(beats)
    assert np.diff(taken).tolist() == intervals[:-1].tolist()
    latencies = [b - a for a, (b, _) in zip(taken, given, strict=True)]
    assert latencies == (config.latency - config.interval + intervals).tolist()
