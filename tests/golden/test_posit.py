"""Posits against SoftPosit, and against a model on strings of bits and fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.errors import BadInput
from golden.posit import P4_1, P8_0, P8_2, P16_1, posit

GRID = [posit(width, es) for width in (3, 4, 5, 6, 8, 9) for es in range(4)] + [P16_1]
named = pytest.mark.parametrize("fmt", GRID, ids=lambda fmt: fmt.name)


def by_bits(code, width, es):
    """The number of a code, read from left to right; None for NaR."""
    if code == 0:
        return Fraction(0)
    if code == 1 << width - 1:
        return None
    if code >> width - 1:
        return -by_bits((1 << width) - code, width, es)
    bits = f"{code:0{width}b}"[1:]
    run = len(bits) - len(bits.lstrip(bits[0]))
    regime = run - 1 if bits[0] == "1" else -run
    rest = bits[run + 1 :]
    exponent = int((rest[:es] + "0" * es)[:es] or "0", 2)
    fraction = rest[es:]
    number = 1 + Fraction(int(fraction or "0", 2), 1 << len(fraction))
    return number * Fraction(2) ** (regime * 2**es + exponent)


def rounded(value, width, es):
    """The code of a positive fraction: the unlimited string of bits, cut off and rounded."""
    exponent = 0
    while Fraction(2) ** (exponent + 1) <= value:
        exponent += 1
    while Fraction(2) ** exponent > value:
        exponent -= 1
    regime, low = divmod(exponent, 2**es)
    if regime >= width - 2:
        return (1 << width - 1) - 1
    if exponent < -(width - 2) * 2**es:
        return 1
    bits = "1" * (regime + 1) + "0" if regime >= 0 else "0" * -regime + "1"
    bits += f"{low:0{es}b}" if es else ""
    rest = value / Fraction(2) ** exponent - 1
    while len(bits) < 2 * width + es:
        rest *= 2
        bits += str(int(rest >= 1))
        rest -= rest >= 1
    kept, cut = bits[: width - 1], bits[width - 1 :]
    above = cut[0] == "1" and ("1" in cut[1:] or rest > 0)
    tie = cut[0] == "1" and not above
    return int(kept, 2) + (above or (tie and kept[-1] == "1"))


@named
def test_every_code(fmt):
    codes = fmt.all_codes()
    values = fmt.decode(codes)
    for code, value in zip(codes.tolist(), values.tolist(), strict=True):
        expected = by_bits(code, fmt.width, fmt.es)
        assert np.isnan(value) if expected is None else Fraction(value) == expected, code
    assert fmt.is_nan(codes).sum() == 1 and not fmt.is_inf(codes).any()
    numbers = fmt.integer(codes[codes != fmt.nar_code])
    assert (numbers.min(), numbers.max()) == fmt.integer_range


def test_codes_are_ordered_as_integers():
    codes = np.arange(-127, 128)
    assert (np.diff(P8_0.decode(codes % 256)) > 0).all()


@named
def test_every_limit_of_the_rounding(fmt):
    """Every limit and the float64 numbers on both sides of it, and beyond both ends."""
    ends = np.ldexp(1.0, [fmt.max_exponent, -fmt.max_exponent])
    points = np.concatenate([fmt.limits, ends, ends * 1.5, ends / 1.5, [1e300, 1e-300]])
    if len(points) > 3000:
        points = np.concatenate([points[::23], points[-8:]])
    values = np.concatenate([np.nextafter(points, 0), points, np.nextafter(points, np.inf)])
    expected = [rounded(Fraction(x), fmt.width, fmt.es) for x in values.tolist()]
    np.testing.assert_array_equal(fmt.encode(values), expected)
    modulus = 1 << fmt.width
    np.testing.assert_array_equal(fmt.encode(-values), [modulus - c for c in expected])


@settings(max_examples=300)
@given(st.integers(-(2**90), 2**90), st.integers(-120, 40), st.sampled_from(GRID))
def test_round_exact(number, exponent, fmt):
    value = Fraction(abs(number)) * Fraction(2) ** exponent
    code = rounded(value, fmt.width, fmt.es) if number else 0
    expected = -code % (1 << fmt.width) if number < 0 else code
    assert fmt.round_exact(number, exponent) == expected


def test_posits_of_four_bits():
    """posit(4,1) by hand."""
    expected = [0, 1 / 16, 1 / 4, 1 / 2, 1, 2, 4, 16, np.nan, -16, -4, -2, -1, -1 / 2, -1 / 4]
    np.testing.assert_array_equal(P4_1.decode(P4_1.all_codes()), [*expected, -1 / 16])
    # Exponent bits are cut off: 8 lies between 4 and 16, and posit(5,1) has 8 there.
    assert P4_1.encode([8, 8.1, 7.9, 1e9, 1e-9, 0]).tolist() == [6, 7, 6, 7, 1, 0]


def test_es_tells_posits_apart():
    values = [posit(8, es).decode(np.arange(1, 128)) for es in range(4)]
    for first in range(4):
        for second in range(first):
            assert (values[first] != values[second]).sum() > 50


def test_what_is_no_number():
    values = [np.nan, np.inf, -np.inf, 1e9, -1e9, -0.0]
    assert P8_0.encode(values, "special").tolist() == [128, 128, 128, 127, 129, 0]
    assert P8_0.encode(values, "saturate").tolist() == [128, 127, 129, 127, 129, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: posit(2), "width is 2; allowed: 3 to 16"),
        (lambda: posit(17, 0), "width is 17; allowed: 3 to 16"),
        (lambda: posit(8, 4), "es is 4; allowed: 0 to 3"),
        (lambda: P8_2.encode([1.0], "wrap"), "overflow is 'wrap'; allowed: saturate, special"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(BadInput, match="^" + message):
        make()


SOFT = pytest.mark.parametrize(("fmt", "kind"), [(P8_0, "posit8"), (P16_1, "posit16")])


@SOFT
def test_decode_is_softposits(soft, fmt, kind):
    make = getattr(soft, kind)
    codes = fmt.all_codes()
    real = codes[codes != fmt.nar_code]
    expected = [float(make(bits=int(code))) for code in real]
    np.testing.assert_array_equal(fmt.decode(real), expected)
    assert make(bits=fmt.nar_code).isNaR()


@SOFT
def test_encode_is_softposits(soft, fmt, kind):
    make = getattr(soft, kind)
    rng = np.random.default_rng(0)
    scattered = rng.standard_normal(5000) * 2.0 ** rng.integers(-40, 40, 5000)
    limits = rng.permutation(fmt.limits)[:5000]
    beside = [np.nextafter(limits, 0), limits, np.nextafter(limits, np.inf)]
    values = np.concatenate([scattered, *beside, [0, np.inf, np.nan]])
    expected = [make(float(x)).v.v % (1 << fmt.bits) for x in values]
    np.testing.assert_array_equal(fmt.encode(values, "special"), expected)


def test_every_product_is_softposits(soft):
    codes = [code for code in range(256) if code != 128]
    numbers = P8_0.integer(codes).tolist()
    for a, x in zip(codes, numbers, strict=True):
        for w, y in zip(codes, numbers, strict=True):
            expected = (soft.posit8(bits=a) * soft.posit8(bits=w)).v.v % 256
            assert P8_0.round_exact(x * y, 2 * P8_0.unit_exponent) == expected
