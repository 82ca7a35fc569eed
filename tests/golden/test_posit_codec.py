"""Posit decoders and encoders against ml_dtypes and fractions."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from golden.errors import BadInput
from golden.formats import BF16, E2M1, FP16, FP32
from golden.posit import P4_1, P8_0, P8_2, P16_1, posit
from golden.posit_codec import PositDecoderConfig, PositEncoderConfig
from golden.unit import concatenate

FORMATS = pytest.mark.parametrize("fmt", [P4_1, P8_0, P8_2, P16_1], ids=lambda fmt: fmt.name)


@FORMATS
@pytest.mark.parametrize("output", [BF16, FP32], ids=lambda fmt: fmt.name)
def test_decoder(fmt, output):
    unit = PositDecoderConfig(posit=fmt, float_format=output, lanes=8)
    beats = concatenate(*unit.corners())
    assert set(fmt.all_codes()) == set(beats["posits"].ravel())
    got = unit.compute(beats)["values"]
    exact = fmt.decode(beats["posits"])
    raw, dtype = (np.uint16, ml_dtypes.bfloat16) if output is BF16 else (np.uint32, np.float32)
    nar = np.isnan(exact)
    expected = exact.astype(np.float32).astype(dtype)
    np.testing.assert_array_equal(got[~nar], expected.view(raw)[~nar])
    assert nar.any() and (got[nar] == output.nan_code).all()
    changes = fmt.fraction_bits > output.mantissa_bits
    assert (output.decode(got)[~nar] != exact[~nar]).any() == changes
    assert ("rounded" in unit.contract) == changes


@FORMATS
def test_decoder_inverts_encoder(fmt):
    decoder = PositDecoderConfig(posit=fmt, lanes=4)
    encoder = PositEncoderConfig(posit=fmt, float_format=FP32, lanes=4)
    beats = concatenate(*decoder.corners())
    again = encoder.compute({"values": decoder.compute(beats)["values"]})["posits"]
    np.testing.assert_array_equal(again, beats["posits"])


@FORMATS
@pytest.mark.parametrize("source", [BF16, FP32], ids=lambda fmt: fmt.name)
def test_encoder(fmt, source):
    """No posit is nearer, in the sense of the standard: the limit on either side is on the other
    side of the number."""
    unit = PositEncoderConfig(posit=fmt, float_format=source, lanes=16)
    beats = concatenate(*unit.corners(), unit.random(np.random.default_rng(0), 50))
    values = source.decode(beats["values"]).ravel()
    codes = unit.compute(beats)["posits"].ravel()
    assert source.bits > 16 or len(set(beats["values"].ravel())) == 1 << source.bits
    limits = [Fraction(0), *map(Fraction, fmt.limits)]
    rows = np.random.default_rng(1).permutation(len(values))[:4000]
    for value, code in zip(values[rows].tolist(), codes[rows].tolist(), strict=True):
        if not np.isfinite(value):
            assert code == fmt.nar_code
            continue
        size = min(code, (1 << fmt.width) - code)
        assert (code != size) == (value < 0)
        assert (code == 0) == (value == 0)
        if value:
            low, number = limits[size - 1], abs(Fraction(value))
            assert low < number or (low == number and size % 2 == 0), value
            if size < len(limits):
                assert number < limits[size] or (number == limits[size] and size % 2 == 0), value


def test_a_posit_of_es_2_is_another_unit():
    beats = PositEncoderConfig(posit=P8_0).random(np.random.default_rng(2), 20)
    results = [PositEncoderConfig(posit=p).compute(beats)["posits"] for p in (P8_0, P8_2)]
    assert (results[0] != results[1]).any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"posit": E2M1}, "posit is .*; allowed: a posit format"),
        ({"float_format": P8_0}, "float_format is .*; allowed: a signed format with IEEE"),
        ({"float_format": E2M1}, "float_format is .*; allowed: a signed format with IEEE"),
        ({"posit": P16_1, "float_format": FP16},
         r"float_format is 'FP16'; allowed: normal numbers from 2\*\*-28 to 2\*\*28, the range"),
        ({"posit": posit(16, 3), "float_format": FP16}, "float_format is 'FP16'; allowed: normal"),
        ({"lanes": 0}, "lanes is 0; allowed: 1 to 1024"),
        ({"pipeline": 2}, "pipeline is 2; allowed: 0 to 1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [PositDecoderConfig, PositEncoderConfig])
def test_impossible_parameters(kind, parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        kind(**parameters)
