"""Units of block formats: scales with significands, two scales an operand, tensor scales, dINT."""

import numpy as np
import pytest

from golden.decoder import DecoderConfig
from golden.dot import DotConfig
from golden.formats import (
    BF16,
    DINT4,
    E2M1,
    E2M3,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    FP32,
    INT4,
    INT8,
    MXINT8,
    UE5M3,
    Float,
    dint,
    integer,
    minifloat,
)
from golden.mx import BLOCKS
from hw.decoder import Decoder
from hw.dot import Dot

HALVES = integer(32, fraction_bits=1)
E4M0 = Float("E4M0", 4, 0, bias=7, specials="fn", is_signed=False, subnormals=False)
NVFP4 = DotConfig(a=E2M1, w=E2M1, lanes=4, scale=E4M3, accumulator=FP32)
BLOCK = NVFP4.replace(accumulator=None, output_format=FP32)
AMXFP4 = NVFP4.replace(scale=E5M2, asymmetric="both")
DINT = DotConfig(a=INT8, w=DINT4, lanes=3, accumulator=HALVES)
DECODER = DecoderConfig(element=E2M1, block=8, lanes=8, scale=E4M3)
UNITS = {
    **{f"nvfp4 depth {n}": NVFP4.replace(pipeline=n) for n in (0, 3, 8)},
    "nvfp4 ue5m3": NVFP4.replace(scale=UE5M3),
    "nvfp4 tensor": NVFP4.replace(tensor_scale=FP32),
    "nvfp4 16 lanes": NVFP4.replace(lanes=16),
    "nvint4": NVFP4.replace(a=INT4, w=INT4),
    "nvfp8 with specials": NVFP4.replace(a=E4M3, w=E5M2, lanes=2),
    **{f"block result depth {n}": BLOCK.replace(pipeline=n) for n in (0, 5)},
    "block result of 32 lanes": BLOCK.replace(lanes=32),
    "block result BF16": BLOCK.replace(output_format=BF16),
    "block result FP16, tensor scale": BLOCK.replace(output_format=FP16, tensor_scale=FP32),
    "block result with specials": BLOCK.replace(a=E5M2, lanes=2),
    "block result of powers of two": BLOCK.replace(scale=E8M0),
    "block result without scales": BLOCK.replace(scale=None, a=E5M2, output_format=FP16),
    "tensor scale alone": NVFP4.replace(scale=None, tensor_scale=BF16),
    **{f"amxfp4 depth {n}": AMXFP4.replace(pipeline=n) for n in (0, 8)},
    "amxfp4 32 lanes": AMXFP4.replace(lanes=32),
    "amxfp4 e4m3": AMXFP4.replace(scale=E4M3),
    "amxfp4 e4m0": AMXFP4.replace(scale=E4M0, lanes=2),
    "amxfp4 x mxfp4": AMXFP4.replace(asymmetric="a"),
    "amxfp4 x mxfp4, tensor scale": AMXFP4.replace(asymmetric="a", tensor_scale=FP32),
    "amxfp4, block result": AMXFP4.replace(accumulator=None, output_format=FP32),
    "amxfp4, tiny scale": AMXFP4.replace(scale=minifloat(1, 2, signed=False)),
    "amxint8 x amxfp6": AMXFP4.replace(a=MXINT8, w=E2M3, lanes=2),
    "dint one lane": DINT.replace(lanes=1),
    **{f"dint depth {n}": DINT.replace(pipeline=n) for n in range(3)},
    "dint x dint": DINT.replace(
        a=dint(3), w=dint(6, (1, 63)), accumulator=integer(24, fraction_bits=2)
    ),
    "dint bare": DINT.replace(accumulator=None),
    "dint x float": NVFP4.replace(a=DINT4, w=E2M3),
    "decoder": DECODER,
    "decoder in turns": DECODER.replace(lanes=2, pipeline=1),
    "decoder e5m2": DECODER.replace(scale=E5M2, output_format=FP16),
    "decoder ue5m3": DECODER.replace(scale=UE5M3, element=INT4, output_format=FP32),
    "decoder asymmetric": DECODER.replace(scale=E5M2, asymmetric=True),
    "decoder asymmetric e8m0": DECODER.replace(scale=E8M0, asymmetric=True, lanes=4),
    "decoder tensor": DECODER.replace(tensor_scale=FP32, lanes=2),
    "decoder tensor FP32": DECODER.replace(tensor_scale=FP32, output_format=FP32, scale=E8M0),
    "decoder with specials": DECODER.replace(element=E5M2, scale=UE5M3, block=4, lanes=4),
    "decoder dint": DECODER.replace(element=DINT4),
}  # fmt: skip


def component(config):
    return Dot(config) if isinstance(config, DotConfig) else Decoder(config)


@pytest.mark.parametrize("name", UNITS)
def test_like_golden(name, stream_through, sample):
    """Every bit, with stalls on both sides."""
    config = UNITS[name]
    beats = sample(config, 60, 150)
    _, given = stream_through(component(config), config, beats, np.random.default_rng(1))
    expected = config.output.pack(config.compute(beats))
    assert [word for _, word in given] == expected


@pytest.mark.parametrize("name", ["nvfp8 with specials", "block result with specials"])
def test_infinity_times_a_zero_scale_is_nan(name, stream_through):
    config = UNITS[name]
    one = int(config.a.encode(1.0)), int(config.w.encode(1.0))
    infinite = config.w if config.w.inf_code is not None else config.a
    rows = [(0, 0x38), (0x38, 0), (0x38, 0x38)]  # zero, one
    beats = {"a": np.full((3, config.lanes), one[0]), "w": np.full((3, config.lanes), one[1])}
    beats["w" if infinite is config.w else "a"][:, 0] = infinite.inf_code
    beats |= {"a_scale": np.array(rows)[:, :1], "w_scale": np.array(rows)[:, 1:]}
    if config.accumulator is not None:
        beats["acc"] = np.zeros((3, 1), np.int64)
    _, given = stream_through(Dot(config), config, beats)
    assert [word for _, word in given] == [FP32.nan_code, FP32.nan_code, FP32.inf_code]


@pytest.mark.full
def test_asymmetric_powers_of_two(stream_through, sample):
    """E8M0 scales that may differ by 2**254: a sum of half a thousand bits."""
    config = AMXFP4.replace(scale=E8M0, lanes=2)
    beats = sample(config, 60, 150)
    _, given = stream_through(Dot(config), config, beats)
    assert [word for _, word in given] == config.output.pack(config.compute(beats))


@pytest.mark.parametrize("name", ["nvfp4 depth 8", "block result depth 5", "amxfp4 depth 8"])
def test_latency_and_interval(name, stream_through, sample):
    config = UNITS[name]
    taken, given = stream_through(component(config), config, sample(config, 0, 12))
    assert [b - a for a, (b, _) in zip(taken, given, strict=True)] == [config.latency] * 12
    assert set(np.diff(taken)) == {config.interval}


@pytest.mark.parametrize("code", range(16))
def test_every_dint4_product(code, stream_through):
    """All 256 activations under each of the sixteen codes."""
    config = DINT.replace(lanes=1)
    beats = {
        "a": np.arange(256)[:, None],
        "w": np.full((256, 1), code),
        "acc": (np.arange(256) * 0x1010101)[:, None],
    }
    _, given = stream_through(Dot(config), config, beats)
    doubled = int(2 * DINT4.decode(code))
    expected = [(k * 0x1010101 + doubled * (k - 256 * (k > 127))) % 2**32 for k in range(256)]
    assert [word for _, word in given] == expected


@pytest.mark.parametrize("name", BLOCKS)
def test_decoders_give_what_golden_blocks_stand_for(name, stream_through):
    """From real numbers to blocks, through the decoder, back to real numbers."""
    form = BLOCKS[name].replace(block=4)
    config = DecoderConfig(
        element=form.element, scale=form.scale, block=4, lanes=4, asymmetric=form.asymmetric,
        output_format=FP32,
    )  # fmt: skip
    values = np.random.default_rng(3).standard_normal((20, 4))
    scales, elements = form.quantize(values)
    beats = {"elements": elements, "scale": scales.reshape(20, -1)}
    _, given = stream_through(Decoder(config), config, beats)
    codes = config.output.unpack([word for _, word in given])["values"]
    np.testing.assert_array_equal(FP32.decode(codes), form.dequantize(scales, elements))
