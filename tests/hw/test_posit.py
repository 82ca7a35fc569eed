"""Posit units and SIMD MACs in Amaranth's simulator, at every depth of pipeline."""

import numpy as np
import pytest
from amaranth.hdl import Cat

from golden.dot import DotConfig
from golden.formats import BF16, E2M1, E4M3, E5M2, E8M0, FP32, INT4, INT8
from golden.one_of import one_of
from golden.posit import P4_1, P8_0, P8_2, P16_1, posit
from golden.posit_codec import PositDecoderConfig, PositEncoderConfig
from golden.posit_mac import PositMacConfig
from golden.simd_mac import SimdMacConfig
from hw.catalog import COMPONENTS
from hw.element import unpack

NARROW = [posit(width, es) for width in (3, 4, 5, 6, 8) for es in range(4)]
UNITS = {
    **{
        f"{kind.__name__} {fmt.name} {other.name}": kind(posit=fmt, float_format=other, lanes=lanes)
        for kind in (PositDecoderConfig, PositEncoderConfig)
        for fmt, other, lanes in (
            (posit(3, 0), BF16, 1), (P4_1, BF16, 4), (P8_0, FP32, 4), (P8_2, BF16, 2),
            (P16_1, BF16, 2), (P16_1, FP32, 2), (posit(5, 3), FP32, 3),
        )
    },
    "decoder depth 1": PositDecoderConfig(lanes=2, pipeline=1),
    "encoder depth 1": PositEncoderConfig(lanes=2, pipeline=1),
    **{f"mac depth {n}": PositMacConfig(pipeline=n) for n in range(2)},
    **{f"mac rounded depth {n}": PositMacConfig(rounded=True, pipeline=n) for n in range(4)},
    "mac 26": PositMacConfig(quire_bits=26, rounded=True),
    "mac posit(4,1)": PositMacConfig(posit=P4_1, quire_bits=18, rounded=True),
    "mac posit(8,2)": PositMacConfig(posit=P8_2, quire_bits=128, rounded=True),
    "mac posit(16,1)": PositMacConfig(posit=P16_1, quire_bits=128),
    **{f"simd depth {n}": SimdMacConfig(pipeline=n) for n in (0, 3)},
    "simd of three": SimdMacConfig(formats=(P4_1, E2M1, P8_0), quire_bits=40),
    "simd of one": SimdMacConfig(formats=(P8_0,), quire_bits=26),
    "simd with specials": SimdMacConfig(formats=(E4M3, E5M2, INT4, INT8), quire_bits=160),
    "dot": DotConfig(a=P8_0, w=P8_0, lanes=4, accumulator=FP32),
    "dot posit by E2M1": DotConfig(a=P4_1, w=E2M1, lanes=5, scale=E8M0, accumulator=FP32),
    "bare dot": DotConfig(a=P8_2, w=P4_1, lanes=3),
    "dot of one of several": DotConfig(a=one_of(P4_1, E2M1, P8_0), w=P8_0, lanes=3),
}  # fmt: skip


def component(config):
    return COMPONENTS[type(config)](config)


@pytest.mark.parametrize("name", UNITS)
def test_like_golden(name, stream_through, sample):
    """Every bit, with stalls on both sides."""
    config = UNITS[name]
    beats = sample(config, 60, 80)
    _, given = stream_through(component(config), config, beats, np.random.default_rng(1))
    assert [word for _, word in given] == config.output.pack(config.compute(beats))


@pytest.mark.parametrize("name", ["mac 26", "mac posit(4,1)"])
def test_every_limit_of_the_rounding(name, stream_through):
    """Quires at the limits between posits, at posits, and one unit beside."""
    config = UNITS[name]
    *_, beats = config.corners()
    _, given = stream_through(component(config), config, beats)
    assert [word for _, word in given] == config.output.pack(config.compute(beats))


@pytest.mark.parametrize("name", UNITS)
def test_latency_and_interval(name, stream_through, sample):
    config = UNITS[name]
    taken, given = stream_through(component(config), config, sample(config, 0, 12))
    delays = [b - a for a, (b, _) in zip(taken, given, strict=True)]
    assert delays == [config.latency] * 12
    assert set(np.diff(taken)) == {config.interval}


@pytest.mark.parametrize("fmt", [*NARROW, P16_1], ids=lambda fmt: fmt.name)
def test_every_code_is_taken_apart(fmt, evaluate):
    codes = (
        fmt.all_codes() if fmt.bits <= 8 else np.random.default_rng(0).permutation(1 << 16)[:3000]
    )
    widths = []

    def build(m, code):
        parts = unpack(m, fmt, code, "x")
        widths.extend(len(v) for v in (parts.sign, parts.significand, parts.shift, parts.nan))
        return Cat(parts.sign, parts.significand, parts.shift, parts.nan)

    words = evaluate(build, [fmt.bits], codes[:, None])
    numbers = fmt.integer(codes)
    for code, word, number in zip(codes, words, numbers, strict=True):
        fields = []
        for width in widths:
            fields.append(word & (1 << width) - 1)
            word >>= width
        sign, significand, shift, nan = fields
        assert nan == (code == fmt.nar_code)
        assert nan or (-1) ** sign * (significand << shift) == number
