"""MX decoders against ml_dtypes: its element types, its E8M0, its BF16."""

import ml_dtypes
import numpy as np
import pytest

from golden.decoder import DecoderConfig
from golden.errors import BadInput
from golden.formats import BF16, E2M1, E5M2, FP16, FP32
from golden.mx import ELEMENTS
from golden.unit import concatenate

DTYPES = {
    "mxfp8_e4m3": ml_dtypes.float8_e4m3fn,
    "mxfp8_e5m2": ml_dtypes.float8_e5m2,
    "mxfp6_e3m2": ml_dtypes.float6_e3m2fn,
    "mxfp6_e2m3": ml_dtypes.float6_e2m3fn,
    "mxfp4": ml_dtypes.float4_e2m1fn,
}
OUTPUTS = {
    BF16: (ml_dtypes.bfloat16, np.uint16),
    FP16: (np.float16, np.uint16),
    FP32: (np.float32, np.uint32),
}


def element_values(name, codes):
    if name == "mxint8":
        return codes.astype(np.uint8).view(np.int8) / 64
    if name not in DTYPES:  # a format of somebody's own: test_formats.py proves its decoder
        return ELEMENTS[name].decode(codes)
    return codes.astype(np.uint8).view(DTYPES[name]).astype(np.float64)


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("name", ELEMENTS)
def test_every_scale_and_element(name, output):
    config = DecoderConfig(element=ELEMENTS[name], output_format=output)
    beats = concatenate(*config.corners())
    scales = beats["scale"].astype(np.uint8).view(ml_dtypes.float8_e8m0fnu).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        exact = scales * element_values(name, beats["elements"])
        dtype, raw = OUTPUTS[output]
        # ml_dtypes rounds float64 to bfloat16 through float32, which holds every product here but
        # for overflow: it is rounded once.
        narrow = exact.astype(np.float32)
        assert np.array_equal(narrow[np.isfinite(narrow)], exact[np.isfinite(narrow)])
        expected = narrow.astype(dtype).view(raw)
    got = config.compute(beats)["values"]
    nan = np.isnan(exact)
    np.testing.assert_array_equal(got[~nan], expected[~nan])
    assert (got[nan] == output.nan_code).all()


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16, 32])
@pytest.mark.parametrize("element", [E2M1, E5M2], ids=lambda fmt: fmt.name)
def test_corners_are_exhaustive_in_every_lane(element, lanes):
    config = DecoderConfig(element=element, lanes=lanes)
    seen = np.zeros((256, 1 << element.bits, lanes), bool)
    for beats in config.corners():
        for row, scale in zip(beats["elements"], beats["scale"][:, 0], strict=True):
            for beat in row.reshape(-1, lanes):
                seen[scale, beat, np.arange(lanes)] = True
    assert seen.all()


def test_lanes_take_turns_and_mark_the_last():
    whole, by_eight = (DecoderConfig(element=E2M1, lanes=n) for n in (32, 8))
    beats = whole.random(np.random.default_rng(0), 10)
    parts = by_eight.compute(beats)
    np.testing.assert_array_equal(parts["values"].reshape(10, 32), whole.compute(beats)["values"])
    assert parts["last"][:, 0].tolist() == [0, 0, 0, 1] * 10
    assert by_eight.interval == by_eight.output_beats == 4


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lanes": 3}, "lanes is 3; allowed: 1, 2, 4, 8, 16, 32"),
        ({"lanes": 64}, "lanes is 64; allowed: 1, 2, 4, 8, 16, 32"),
        ({"element": FP16}, "element is .*; allowed: an integer or floating-point format of 8"),
        ({"output_format": E2M1}, "output_format is .*; allowed: a signed format with IEEE"),
        ({"pipeline": 2}, "pipeline is 2; allowed: 0 to 1"),
        ({"block": 0}, "block is 0; allowed: 1 to 1024"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        DecoderConfig(element=E2M1).replace(**parameters)
