"""MX encoders against golden: every stage in combination, and the shift register's steps."""

import numpy as np
import pytest

from golden.encoder import EncoderConfig
from golden.formats import BF16, E4M3, E8M0, FP32, MXINT8, integer, minifloat
from golden.mx import AMXFP4, BLOCKS, NVFP4, NVINT4, mx
from hw.encoder import Encoder

MX = {name: fmt for name, fmt in BLOCKS.items() if fmt.scale == E8M0}


def config(fmt, **changes):
    changes = dict(changes)
    block = {k: changes.pop(k) for k in list(changes) if hasattr(fmt, k)}
    return EncoderConfig(format=fmt.replace(block=block.pop("block", 3), **block), **changes)


VARIANTS = {
    "": {},
    "up": {"policy": "up", "pipeline": 1},
    "even, away": {"policy": "even", "rounding": "away", "zero_scale": "least"},
    "ceil, opposite range": {"policy": "ceil", "pipeline": 3},
    "flush": {"subnormals": "flush", "policy": "even", "pipeline": 2},
    "FP32": {"input_format": FP32, "block": 2},
    "FP32 ceil, away": {"input_format": FP32, "policy": "ceil", "rounding": "away", "block": 2},
    "stochastic": {"stochastic": True, "policy": "up"},
    "stochastic, 2 bits": {"stochastic": True, "random_bits": 2, "seed": 5, "pipeline": 1},
    "stochastic FP32": {"stochastic": True, "random_bits": 14, "input_format": FP32},
    "one lane": {"block": 1},
}
FRACTIONS = {name: fmt for name, fmt in BLOCKS.items() if fmt.scale != E8M0}
TENSOR = {"tensor_scale": FP32}
FRACTION_VARIANTS = {
    "": {},
    "up": {"policy": "up", "pipeline": 1},
    "floor": {"policy": "floor"},
    "even, FP32": {"policy": "even", "input_format": FP32, "block": 2},
    "ceil": {"policy": "ceil", "rounding": "away"},
    "away": {"rounding": "away", "scale_rounding": "away", "underflow": "one"},
    "flush": {"subnormals": "flush", "pipeline": 2},
    "FP32": {"input_format": FP32, "block": 2},
    "FP32 up, away": {"input_format": FP32, "policy": "up", "rounding": "away", "block": 2},
    "one lane": {"block": 1},
    "tensor": TENSOR,
    "tensor, up, away": TENSOR | {"policy": "up", "rounding": "away", "pipeline": 2},
    "tensor, flush, away": TENSOR
    | {"subnormals": "flush", "scale_rounding": "away", "underflow": "one"},
    "tensor, FP32": TENSOR | {"input_format": FP32, "block": 2},
}
STOCHASTIC_VARIANTS = {
    "": {"pipeline": 1},
    "FP32": {"random_bits": 24, "input_format": FP32, "block": 2},
    "tensor": TENSOR | {"block": 2},
    "up, 2 bits": {"policy": "up", "random_bits": 2, "seed": 5},
    "tensor, flush": TENSOR | {"subnormals": "flush", "random_bits": 3},
}
ASYMMETRIC_VARIANTS = {
    "": {},
    "up, away": {"policy": "up", "rounding": "away", "pipeline": 3},
    "floor, FP32": {"policy": "floor", "input_format": FP32},
    "even, flush": {"policy": "even", "subnormals": "flush"},
    "ceil, stochastic": {"policy": "ceil", "stochastic": True},
}
UNITS = {
    f"{name} {variant}": config(fmt, **changes)
    for name, fmt in MX.items()
    for variant, changes in VARIANTS.items()
} | {
    f"{name} other range": config(fmt, full_range=not fmt.full_range)
    for name, fmt in MX.items()
    if name.startswith("mxint")
} | {
    "INT5, 1 fraction bit": config(mx(integer(5, fraction_bits=1))),
    "INT2": config(mx(integer(2, fraction_bits=0))),
    "E3M1": config(mx(minifloat(3, 1)), policy="even"),
    "E4M3 with infinity": config(mx(minifloat(4, 3, specials="ieee")), policy="ceil"),
    "E2M5": config(mx(minifloat(2, 5)), policy="up"),
    "32 lanes": config(MX["mxfp4"], block=32),
} | {
    f"{name} {variant}": config(fmt, **changes)
    for name, fmt in FRACTIONS.items()
    for variant, changes in FRACTION_VARIANTS.items()
} | {
    f"{name} stochastic {variant}": config(FRACTIONS[name], stochastic=True, **changes)
    for name in ("nvfp4", "nvint4_ue5m3", "amxfp4")
    for variant, changes in STOCHASTIC_VARIANTS.items()
    if name == "nvfp4" or "," not in variant
} | {
    f"amxfp4 E8M0 {variant}": config(AMXFP4.replace(scale=E8M0), **changes)
    for variant, changes in ASYMMETRIC_VARIANTS.items()
} | {
    "nvint4 full range, away": config(NVINT4, full_range=True, rounding="away"),
    "amxint4": config(AMXFP4.replace(element=integer(4), full_range=True)),
    "amxfp4 E4M3": config(AMXFP4, scale=E4M3),
    "E1M2 by E3M4": config(
        NVFP4.replace(element=minifloat(1, 2, bias=1), scale=minifloat(3, 4, specials="fn"))
    ),
    "INT3 by E4M3, up": config(NVINT4.replace(element=integer(3), policy="up")),
    "nvint4 full range, stochastic": config(
        NVINT4, full_range=True, stochastic=True, random_bits=2
    ),
    "E1M2 by E3M4, stochastic": config(
        NVFP4.replace(element=minifloat(1, 2, bias=1), scale=minifloat(3, 4, specials="fn")),
        stochastic=True,
    ),
    "E2M1 with NaN, stochastic": config(
        NVFP4.replace(element=minifloat(2, 1, specials="fn"), policy="up"), stochastic=True
    ),
    "mxfp8_e5m2 nearest": config(MX["mxfp8_e5m2"], policy="nearest"),
    "mxfp8_e4m3 nearest": config(MX["mxfp8_e4m3"], policy="nearest", rounding="away"),
    "mxfp6_e2m3 nearest": config(MX["mxfp6_e2m3"], policy="nearest", stochastic=True),
    "amxint8": config(AMXFP4.replace(element=MXINT8, scale=E8M0, policy="floor")),
}  # fmt: skip


@pytest.mark.parametrize("name", UNITS)
def test_like_golden(name, stream_through, sample):
    """Every bit, with stalls on both sides."""
    unit = UNITS[name]
    beats = sample(unit, 100, 60)
    _, given = stream_through(Encoder(unit), unit, beats, np.random.default_rng(1))
    assert [word for _, word in given] == unit.output.pack(unit.compute(beats))


@pytest.mark.parametrize("pipeline", range(4))
@pytest.mark.parametrize("stochastic", [False, True])
def test_latency_and_interval(pipeline, stochastic, stream_through, sample):
    unit = config(MX["mxfp4"], pipeline=pipeline, stochastic=stochastic)
    taken, given = stream_through(Encoder(unit), unit, sample(unit, 0, 12))
    assert [b - a for a, (b, _) in zip(taken, given, strict=True)] == [unit.latency] * 12
    assert set(np.diff(taken)) == {1}


@pytest.mark.parametrize("name", ["mxint8", "mxint4", "mxfp8_e4m3"])
@pytest.mark.parametrize("policy", ["floor", "even", "up"])
def test_subnormal_blocks(name, policy, stream_through):
    """FP32 blocks of subnormals alone, at and beside every kind of tie: INT8 under the least scale
    is the one case in which an element's bits come from above the ordinary ones."""
    unit = config(MX[name], input_format=FP32, policy=policy, block=2)
    rng = np.random.default_rng(0)
    high, low = rng.integers(0, 128, (150, 2)), rng.choice([0, 1, 0x7FFF, 0x8000, 0x8001], (150, 2))
    beats = {"values": (high << 16 | low) >> rng.integers(0, 3, (150, 1))}
    _, given = stream_through(Encoder(unit), unit, beats)
    assert [word for _, word in given] == unit.output.pack(unit.compute(beats))


@pytest.mark.full
@pytest.mark.parametrize("name", BLOCKS)
def test_every_bf16_value(name, stream_through):
    """Each in turn in every lane (they are alike but for their place), the rest of the block fixed
    for each sign; beyond the fixed values it is the peak itself."""
    unit = config(BLOCKS[name])
    codes = np.arange(1 << 16)
    fixed = BF16.encode(np.array([2.0, -0.7, 0.01]))
    beats = {"values": np.tile(fixed, (len(codes), 1))}
    beats["values"][codes, codes % 3] = codes
    _, given = stream_through(Encoder(unit), unit, beats)
    assert [word for _, word in given] == unit.output.pack(unit.compute(beats))
