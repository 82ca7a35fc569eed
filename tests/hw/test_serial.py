"""Units of the bit-serial family: every bit, every step, with stalls and without."""

import numpy as np
import pytest

from golden.bitmod import BitmodConfig
from golden.bitmod_dequantizer import DequantizerConfig
from golden.bitplane import BitplaneConfig
from golden.formats import BF16, FP16, INT8, INT32, UINT8, integer
from golden.lut import LutConfig, TablesConfig
from golden.mixpe import MixpeConfig
from golden.ternary import PACKINGS, TernaryConfig, UnpackerConfig
from hw.catalog import COMPONENTS

TERNARY = TernaryConfig(lanes=8)
PLANES = BitplaneConfig(lanes=6)
SHIFT_ADD = MixpeConfig(lanes=4)
LUT = LutConfig(lanes=8, w_bits=3)
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
    **{f"mixpe depth {n}": SHIFT_ADD.replace(pipeline=n) for n in (0, 7)},
    "mixpe W3A16": SHIFT_ADD.replace(a=FP16, w_bits=3),
    "mixpe W2 BF16 scale": SHIFT_ADD.replace(w_bits=2, scale=BF16),
    "mixpe no scale": SHIFT_ADD.replace(scale=None),
    "mixpe integer scale": SHIFT_ADD.replace(scale=INT8, a=integer(5)),
    "qserve": SHIFT_ADD.replace(scale=UINT8, accumulator=INT32, lanes=5),
    "bitmod": BitmodConfig(),
    "bitmod depth 1": BitmodConfig(lanes=2, pipeline=1),
    "bitmod one lane": BitmodConfig(lanes=1, group=3),
    "bitmod narrow": BitmodConfig(lanes=3, group=9, accumulator=integer(32, fraction_bits=12)),
    **{f"bitmod given depth {n}": BitmodConfig(given=True, pipeline=n) for n in (0, 2)},
    "bitmod given one lane": BitmodConfig(given=True, lanes=1, group=3),
    "dequantizer": DequantizerConfig(sum=integer(20)),
    "dequantizer signed": DequantizerConfig(sum=integer(9, fraction_bits=3), scale=integer(5)),
    "tables": TablesConfig(lanes=12),
    "tables INT4": TablesConfig(a=integer(4), lanes=4),
    **{
        f"lut {encoding} {'serial' if serial else 'parallel'}": LUT.replace(
            encoding=encoding, serial=serial
        )
        for encoding in ("signed", "unsigned", "bipolar")
        for serial in (False, True)
    },
    "lut depth 2": LUT.replace(pipeline=2),
    "lut serial depth 1": LUT.replace(pipeline=1, serial=True),
    "lut columns": LUT.replace(columns=3, encoding="unsigned"),
    "lut columns serial": LUT.replace(columns=2, serial=True, accumulator=None),
    "lut given": LUT.replace(given=True, columns=2),
    "lut given serial": LUT.replace(given=True, serial=True, w_bits=2, encoding="bipolar"),
    "lut one bit": LUT.replace(w_bits=1, encoding="bipolar", accumulator=None),
    "lut one bit serial": LUT.replace(w_bits=1, serial=True, lanes=4),
    "qserve no scale": SHIFT_ADD.replace(scale=None, accumulator=integer(14), w_bits=2),
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


def test_each_activation_that_is_no_number(stream_through):
    """Alone among its lanes: the last corners."""
    config = UNITS["mixpe W3A16"]
    *_, beats = config.corners()
    _, given = stream_through(COMPONENTS[MixpeConfig](config), config, beats)
    assert [word for _, word in given] == config.output.pack(config.compute(beats))
