"""Cuts, latency, throughput and stalls of datapaths at every depth."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from golden.decoder import DecoderConfig
from golden.dot import DotConfig
from golden.formats import (
    BF16,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    FP32,
    INT4,
    INT8,
    INT32,
    MXINT8,
    UINT4,
    UINT8,
    integer,
    minifloat,
)  # fmt: skip
from golden.one_of import one_of
from hw.decoder import Decoder
from hw.dot import Dot
from hw.dot.layouts import lone_peak
from hw.pipeline import balanced_cuts
from hw.verilog import translate

MX4 = DotConfig(a=E2M1, w=E2M1, lanes=8, scale=E8M0, accumulator=FP32)
INT = DotConfig(a=INT8, w=INT8, lanes=4, accumulator=INT32)
DECODER = DecoderConfig(element=E4M3)
UNITS = {
    **{f"mx4 depth {n}": MX4.replace(pipeline=n) for n in range(8)},
    **{f"int8 depth {n}": INT.replace(pipeline=n) for n in range(3)},
    **{f"int8 by * depth {n}": INT.replace(multiplier="operator", pipeline=n) for n in (0, 2)},
    "E4M3 by *": DotConfig(a=E4M3, w=E4M3, lanes=2, multiplier="operator"),
    "bare unsigned by *": DotConfig(a=UINT8, w=UINT4, lanes=3, multiplier="operator"),
    "int8 combinational": INT.replace(combinational=True),
    "NVFP4 combinational": DotConfig(
        a=E2M1, w=E2M1, lanes=4, scale=E4M3, output_format=FP32, combinational=True
    ),
    "NVFP4 to FP16": DotConfig(a=E2M1, w=E2M1, lanes=4, scale=E4M3, output_format=FP16),
    "decoder combinational": DECODER.replace(combinational=True, lanes=32),
    "one lane": INT.replace(lanes=1),
    "three lanes": INT.replace(lanes=3),
    "unsigned": DotConfig(a=UINT8, w=UINT4, lanes=5, accumulator=integer(17)),
    "signed by unsigned": DotConfig(a=INT8, w=UINT8, lanes=5, accumulator=INT32),
    "narrow accumulator": DotConfig(a=INT4, w=INT4, lanes=5, accumulator=integer(6)),
    "bare integers": DotConfig(a=INT8, w=UINT8, lanes=7),
    "bare INT8": DotConfig(a=INT8, w=INT8, lanes=4),
    "bare INT8 by *": DotConfig(a=INT8, w=INT4, lanes=2, multiplier="operator", pipeline=1),
    "INT8 to FP32": DotConfig(a=MXINT8, w=MXINT8, lanes=2, scale=E8M0, accumulator=FP32),
    "bare unsigned": DotConfig(a=UINT8, w=UINT8, lanes=2),
    "bare E2M1": DotConfig(a=E2M1, w=E2M1, lanes=32, pipeline=2),
    "bare E5M2": DotConfig(a=E5M2, w=E5M2, lanes=6),
    "bare E4M3 by E2M1": DotConfig(a=E4M3, w=E2M1, lanes=6),
    "int by float": DotConfig(a=MXINT8, w=E5M2, lanes=4, scale=E8M0, accumulator=FP32),
    "float by unsigned": DotConfig(a=E3M2, w=UINT4, lanes=3, accumulator=FP32),
    "no scales": DotConfig(a=E4M3, w=E4M3, lanes=4, accumulator=FP16),
    "BF16 accumulator": DotConfig(a=E2M3, w=E3M2, lanes=4, scale=E8M0, accumulator=BF16),
    "no mantissa": DotConfig(
        a=minifloat(3, 0), w=minifloat(4, 3, signed=False), lanes=3, accumulator=FP32
    ),
    "one of several": DotConfig(
        a=one_of(MXINT8, E5M2, E2M1), w=one_of(E4M3, E3M2), lanes=3, scale=E8M0, accumulator=FP32
    ),
    "bare, one of several": DotConfig(a=one_of(E2M3, E2M1), w=one_of(UINT4, INT8, E2M1), lanes=5),
    **{f"decoder depth {n}": DECODER.replace(pipeline=n) for n in range(2)},
    **{f"decoder {n} lanes": DECODER.replace(lanes=n) for n in (1, 4, 16)},
    "decoder FP32": DECODER.replace(output_format=FP32, lanes=8, pipeline=1),
    "decoder FP16": DecoderConfig(element=MXINT8, output_format=FP16, lanes=8),
    "decoder unsigned": DecoderConfig(element=UINT8, lanes=16),
    "decoder narrow output": DecoderConfig(
        element=MXINT8, output_format=minifloat(5, 2, specials="ieee"), lanes=8
    ),
}


def component(config):
    return Dot(config) if isinstance(config, DotConfig) else Decoder(config)


@pytest.mark.parametrize("name", UNITS)
def test_like_golden(name, stream_through, sample):
    """Every bit, with stalls on both sides."""
    config = UNITS[name]
    beats = sample(config, 60, 120)
    _, given = stream_through(component(config), config, beats, np.random.default_rng(1))
    expected = config.output.pack(config.compute(beats))
    assert [word for _, word in given] == expected


@pytest.mark.parametrize("name", UNITS)
def test_latency_and_interval(name, stream_through, sample):
    config = UNITS[name]
    taken, given = stream_through(component(config), config, sample(config, 0, 12))
    first = [cycle for cycle, _ in given[:: config.output_beats]]
    assert [b - a for a, b in zip(taken, first, strict=True)] == [config.latency] * 12
    assert set(np.diff(taken)) == {config.interval}


@pytest.mark.parametrize(
    "more", [{}, {"multiplier": "operator"}, {"scale": E8M0, "accumulator": FP32}]
)
def test_the_one_sum_that_has_the_top_bit(more, stream_through):
    """All products at their greatest, which is a power of two; and one of them less by a step."""
    config = DotConfig(a=MXINT8, w=MXINT8, lanes=4, **more)
    assert lone_peak(config) and not lone_peak(config.replace(lanes=3))
    rows = [{"a": [0x80] * 4, "w": [0x80] * 4}, {"a": [0x80] * 4, "w": [0x80] * 3 + [0x81]}]
    rows += [{"a": [0x80] * 4, "w": [0x7F] * 4}]
    beats = config.input.beats(rows)
    _, given = stream_through(Dot(config), config, beats)
    assert [word for _, word in given] == config.output.pack(config.compute(beats))


def test_only_the_operator_leaves_products_to_be_found():
    """A multiplier of an FPGA takes the place of each ``*`` of the Verilog."""
    for config, products in ((INT, 4), (MX4.replace(a=E4M3), 8)):
        for multiplier, count in (("rows", 0), ("operator", products)):
            text = translate(Dot(config.replace(multiplier=multiplier)), "dot")
            assert text.count(" * ") == count


@pytest.mark.parametrize("count", range(5))
def test_cuts_are_the_best(count):
    delays = [14, 24, 14, 26, 24]

    def longest(cuts):
        edges = [0, *sorted(cuts), len(delays)]
        return max(sum(delays[a:b]) for a, b in pairwise(edges))

    cuts = balanced_cuts(delays, count)
    assert len(cuts) == count
    assert longest(cuts) == min(longest(c) for c in combinations(range(1, 5), count))


def test_some_cuts_are_given():
    assert balanced_cuts([14, 24, 14, 26, 24], 1, frozenset({4})) == {2, 4}
    assert balanced_cuts([14, 24, 14, 26, 24], 0, frozenset({1})) == {1}
