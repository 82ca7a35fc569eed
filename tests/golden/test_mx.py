"""MX quantisation against gfloat's blocks and against the words of OCP MX v1.0."""

import gfloat
import gfloat.formats
import numpy as np
import pytest

from golden.block import max_exponent
from golden.errors import BadInput
from golden.formats import E8M0
from golden.mx import BLOCK, ELEMENTS, dequantize, quantize, snr

GFLOAT = {
    "mxint8": gfloat.formats.format_info_mxint8,
    "mxfp8_e4m3": gfloat.formats.format_info_mxfp8_e4m3,
    "mxfp8_e5m2": gfloat.formats.format_info_mxfp8_e5m2,
    "mxfp6_e3m2": gfloat.formats.format_info_mxfp6_e3m2,
    "mxfp6_e2m3": gfloat.formats.format_info_mxfp6_e2m3,
    "mxfp4": gfloat.formats.format_info_mxfp4_e2m1,
}
# OCP MX v1.0, table 1 (element formats): emax, from the largest normal numbers of tables 2 to 5.
EMAX = {
    "mxint8": 0, "mxfp8_e4m3": 8, "mxfp8_e5m2": 15, "mxfp6_e3m2": 4, "mxfp6_e2m3": 2, "mxfp4": 2,
}  # fmt: skip


def blocks(count=200):
    """Blocks of every size of numbers, some with zeros, some at the ends of the scale's range."""
    rng = np.random.default_rng(11)
    values = rng.standard_normal((count, BLOCK)) * 2.0 ** rng.integers(-100, 100, (count, 1))
    values[rng.random(values.shape) < 0.2] = 0
    values[0] = 0
    values[1] = 2.0**-130 * rng.standard_normal(BLOCK)
    return values


@pytest.mark.parametrize("name", EMAX)
def test_emax(name):
    assert max_exponent(ELEMENTS[name]) == EMAX[name]


@pytest.mark.parametrize("name", GFLOAT)
def test_dequantize_like_gfloat(name):
    element, rng = ELEMENTS[name], np.random.default_rng(2)
    for scale in (0, 1, 100, 127, 128, 254, 255):
        codes = rng.integers(0, 1 << element.bits, BLOCK)
        theirs = list(gfloat.decode_block(GFLOAT[name], [scale, *codes.tolist()]))
        np.testing.assert_array_equal(dequantize(np.array(scale), codes, element), theirs)


@pytest.mark.parametrize("name", ELEMENTS)
def test_quantize_by_the_words_of_the_specification(name):
    """Section 6.3: X = 2**floor(log2(max |V|)) / 2**emax; P = V / X, to nearest, saturating."""
    element = ELEMENTS[name]
    for values in blocks():
        scale, codes = quantize(values, element)
        peak = max(abs(values))
        exponent = 0
        if peak > 0:
            while 2.0 ** (exponent + 1) <= peak:
                exponent += 1
            while 2.0**exponent > peak:
                exponent -= 1
            exponent -= EMAX.get(name, max_exponent(element))
        exponent = max(exponent, -127)
        assert E8M0.decode(scale) == 2.0**exponent
        numbers = element.decode(element.all_codes())
        numbers = numbers[np.isfinite(numbers)]
        for value, code in zip(values, codes, strict=True):
            wanted = np.clip(value / 2.0**exponent, numbers.min(), numbers.max())
            distance = abs(numbers - wanted)
            assert abs(element.decode(code) - wanted) == distance.min()


@pytest.mark.parametrize("name", ELEMENTS)
def test_quantize_what_is_no_number(name):
    values = blocks(4)
    values[2, 5], values[3, 9] = np.nan, np.inf
    scales, codes = quantize(values, ELEMENTS[name])
    assert scales[2] == scales[3] == E8M0.nan_code != scales[0]
    assert np.isnan(dequantize(scales, codes, ELEMENTS[name])[2:]).all()


def test_finer_formats_are_closer():
    values = np.random.default_rng(1).standard_normal((500, BLOCK))
    quality = {n: snr(values, dequantize(*quantize(values, e), e)) for n, e in ELEMENTS.items()}
    assert quality["mxint8"] > quality["mxfp8_e4m3"] > quality["mxfp8_e5m2"] > quality["mxfp4"]
    assert quality["mxfp6_e2m3"] > quality["mxfp6_e3m2"] > quality["mxfp4"]


def test_snr():
    assert snr([10.0, 0.0], [9.0, 0.0]) == 20.0
    with pytest.raises(BadInput, match="^noise is 0"):
        snr([1.0], [1.0])
