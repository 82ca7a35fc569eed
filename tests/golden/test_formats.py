"""Formats against two libraries that nobody here wrote, over every code and every rounding case."""

import gfloat
import gfloat.formats
import ml_dtypes
import numpy as np
import pytest
from gfloat import RoundMode

from golden import formats as f
from golden.errors import BadInput

# The same format in ml_dtypes (its element type) and in gfloat.
ML_DTYPES = {
    f.E5M2: ml_dtypes.float8_e5m2,
    f.E4M3: ml_dtypes.float8_e4m3fn,
    f.E3M2: ml_dtypes.float6_e3m2fn,
    f.E2M3: ml_dtypes.float6_e2m3fn,
    f.E2M1: ml_dtypes.float4_e2m1fn,
    f.E8M0: ml_dtypes.float8_e8m0fnu,
    f.BF16: ml_dtypes.bfloat16,
    f.FP16: np.float16,
}
GFLOAT = {
    f.E5M2: gfloat.formats.format_info_ocp_e5m2,
    f.E4M3: gfloat.formats.format_info_ocp_e4m3,
    f.E3M2: gfloat.formats.format_info_ocp_e3m2,
    f.E2M3: gfloat.formats.format_info_ocp_e2m3,
    f.E2M1: gfloat.formats.format_info_ocp_e2m1,
    f.E8M0: gfloat.formats.format_info_ocp_e8m0,
    f.MXINT8: gfloat.formats.format_info_ocp_int8,
    f.BF16: gfloat.formats.format_info_bfloat16,
    f.FP16: gfloat.formats.format_info_binary16,
}
INTEGERS = [getattr(f, f"{kind}{n}") for kind in ("INT", "UINT") for n in range(2, 9)]
GENERAL = [
    f.minifloat(e, m, specials=s, signed=signed)
    for e, m in [(1, 2), (2, 2), (3, 3), (4, 2), (5, 1), (3, 0), (4, 4)]
    for s in ("none", "fn", "ieee")
    if s != "ieee" or m > 0
    for signed in (True, False)
]
names = pytest.mark.parametrize


def name(fmt):
    return f"{fmt.name}-{getattr(fmt, 'specials', '')}"


def floats_of(fmt, codes):
    """The codes as ml_dtypes reads them."""
    dtype = np.dtype(ML_DTYPES[fmt])
    raw = codes.astype(np.uint8 if dtype.itemsize == 1 else np.uint16)
    with np.errstate(invalid="ignore"):
        return raw.view(dtype).astype(np.float64)


def rounding_cases(fmt):
    """Every number, every midpoint and its neighbours, overflow: all exact in float32."""
    values = fmt.decode(fmt.all_codes())
    finite = np.unique(values[np.isfinite(values)]).astype(np.float32)
    middle = ((finite[1:].astype(float) + finite[:-1]) / 2).astype(np.float32)
    top = finite[-2:].astype(float)
    over = [top[1] + (top[1] - top[0]) * k for k in (0.25, 0.5, 0.51, 0.75, 1, 2, 100)]
    below = np.nextafter(middle, np.float32(-np.inf))
    above = np.nextafter(middle, np.float32(np.inf))
    cases = np.concatenate([finite, middle, below, above, over, np.negative(over)])
    if fmt is f.E8M0:
        cases = cases[cases > 2.0**-126]  # float32 subnormals: ml_dtypes rounds those twice
    if not fmt.signed:
        cases = cases[cases > 0]
    return cases[np.abs(cases) < 3e38].astype(np.float64)


@names("fmt", ML_DTYPES, ids=name)
def test_decode_like_ml_dtypes(fmt):
    codes = fmt.all_codes()
    ours, theirs = fmt.decode(codes), floats_of(fmt, codes)
    np.testing.assert_array_equal(ours, theirs)
    number = ~np.isnan(theirs)
    np.testing.assert_array_equal(np.signbit(ours[number]), np.signbit(theirs[number]))


@names("fmt", GFLOAT, ids=name)
def test_decode_like_gfloat(fmt):
    codes = fmt.all_codes()
    theirs = [gfloat.decode_float(GFLOAT[fmt], int(code)).fval for code in codes]
    np.testing.assert_array_equal(fmt.decode(codes), theirs)


@names("fmt", ML_DTYPES, ids=name)
def test_encode_like_ml_dtypes(fmt):
    cases = rounding_cases(fmt)
    with np.errstate(over="ignore"):
        theirs = cases.astype(np.float32).astype(ML_DTYPES[fmt])
    expected = theirs.view(np.uint8 if theirs.dtype.itemsize == 1 else np.uint16)
    got = fmt.encode(cases, "special")
    nan = fmt.is_nan(got)
    np.testing.assert_array_equal(nan, fmt.is_nan(expected))
    np.testing.assert_array_equal(got[~nan], expected[~nan])


@names("fmt", [k for k in GFLOAT if k.bits <= 8 and k is not f.E8M0], ids=name)
@names("overflow", ["saturate", "special"])
def test_encode_like_gfloat(fmt, overflow):
    info = GFLOAT[fmt]
    saturates = overflow == "saturate" or info.num_infs + info.num_nans == 0
    for value in rounding_cases(fmt):
        rounded = gfloat.round_float(info, value, RoundMode.TiesToEven, sat=saturates)
        got = float(fmt.decode(fmt.encode(value, overflow)))
        assert got == rounded or (np.isnan(got) and np.isnan(rounded)), value


@names("fmt", [*INTEGERS, f.MXINT8], ids=name)
def test_integers(fmt):
    codes = fmt.all_codes()
    if fmt.signed:
        expected = np.where(codes < 1 << fmt.bits - 1, codes, codes - (1 << fmt.bits))
    else:
        expected = codes
    unit = 2.0**fmt.unit_exponent
    np.testing.assert_array_equal(fmt.decode(codes), expected * unit)
    np.testing.assert_array_equal(fmt.encode(expected * unit), codes)
    # Halves go to the even neighbour; one quantum further they saturate.
    halves = np.arange(expected.min(), expected.max()) + 0.5
    np.testing.assert_array_equal(fmt.decode(fmt.encode(halves * unit)), np.rint(halves) * unit)
    beyond = [(expected.min() - 1) * unit, (expected.max() + 1) * unit, -np.inf, np.inf]
    ends = [expected.min(), expected.max()] * 2
    np.testing.assert_array_equal(fmt.decode(fmt.encode(beyond)), np.array(ends) * unit)


@names("fmt", [*ML_DTYPES, *GENERAL, f.UE5M3], ids=name)
def test_encode_inverts_decode(fmt):
    codes = fmt.all_codes()
    values = fmt.decode(codes)
    number = ~np.isnan(values)
    np.testing.assert_array_equal(fmt.encode(values[number], "special"), codes[number])
    assert fmt.is_nan(fmt.nan_code) if fmt.nan_code is not None else number.all()


@names("fmt", GENERAL, ids=name)
def test_general_minifloats_against_the_definition(fmt):
    e, m = fmt.exponent_bits, fmt.mantissa_bits
    for code in fmt.all_codes():
        sign = -1.0 if fmt.signed and code >> e + m else 1.0
        field, mantissa = code >> m & (1 << e) - 1, code & (1 << m) - 1
        top = field == (1 << e) - 1
        if fmt.specials == "ieee" and top:
            expected = np.nan if mantissa else sign * np.inf
        elif fmt.specials == "fn" and top and mantissa == (1 << m) - 1:
            expected = np.nan
        elif field:
            expected = sign * (1 + mantissa / (1 << m)) * 2.0 ** (int(field) - fmt.bias)
        else:
            expected = sign * mantissa / (1 << m) * 2.0 ** (1 - fmt.bias)
        np.testing.assert_equal(float(fmt.decode(code)), expected)


@names("fmt", [k for k in [*ML_DTYPES, *GENERAL] if k.bits <= 8 and k.subnormals], ids=name)
def test_nearest_by_exhaustion(fmt):
    """No other number of the format is nearer, and a tie went to the even code."""
    codes = fmt.all_codes()
    values = fmt.decode(codes)
    finite = np.isfinite(values) & ((values != 0) | (codes == 0))
    codes, values = codes[finite], values[finite]
    cases = np.unique(np.concatenate([values, (values[1:] + values[:-1]) / 2]))
    cases = np.concatenate([cases, np.nextafter(cases, np.inf), np.nextafter(cases, -np.inf)])
    chosen = fmt.decode(fmt.encode(cases))
    distance = np.abs(cases[:, None] - values)
    np.testing.assert_array_equal(np.abs(cases - chosen), distance.min(axis=1))
    ties = (distance == distance.min(axis=1)[:, None]).sum(axis=1) == 2
    even = fmt.magnitude(fmt.encode(cases[ties])) % 2 == 0
    assert even.all() or fmt.mantissa_bits == 0


def test_fp32_like_numpy():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 1 << 32, 100_000)
    with np.errstate(invalid="ignore"):
        theirs = codes.astype(np.uint32).view(np.float32).astype(np.float64)
    np.testing.assert_array_equal(f.FP32.decode(codes), theirs)
    # Doubles of every binade around the range of float32, and exact halves between its numbers.
    values = np.ldexp(rng.uniform(-2, 2, 100_000), rng.integers(-160, 130, 100_000))
    singles = np.abs(theirs[np.isfinite(theirs)]).astype(np.float32)
    halves = (singles.astype(np.float64) + np.nextafter(singles, np.float32(np.inf))) / 2
    values = np.concatenate([values, halves[np.isfinite(halves)]])
    with np.errstate(over="ignore"):
        expected = values.astype(np.float32).view(np.uint32)
    np.testing.assert_array_equal(f.FP32.encode(values, "special"), expected)


def test_ties_of_a_format_without_mantissa_go_up():
    # IEEE 754-2019, 4.3.1: with one digit the larger magnitude is delivered.
    assert f.E8M0.decode(f.E8M0.encode([1.5, 3.0, 6.0])).tolist() == [2.0, 4.0, 8.0]


@names(
    ("call", "message"),
    [
        (lambda: f.E2M1.encode([np.nan]), "NaN cannot be encoded: E2M1 has none"),
        (lambda: f.INT8.encode([np.nan]), "NaN cannot be encoded: INT8 has none"),
        (lambda: f.INT4.decode([16]), "code 0x10 of INT4; allowed: 0 to 0xf"),
        (lambda: f.INT4.decode(-1), "code -0x1 of INT4; allowed: 0 to 0xf"),
        (lambda: f.E4M3.encode([1.0], "wrap"), "overflow is 'wrap'; allowed: saturate, special"),
        (lambda: f.minifloat(0, 3), "exponent_bits is 0; allowed: 1 to 11"),
        (lambda: f.minifloat(4, 60), "mantissa_bits is 60; allowed: 0 to 52"),
        (lambda: f.minifloat(4, 0, specials="ieee"), "mantissa_bits is 0; allowed: 1 or more"),
        (lambda: f.minifloat(4, 1, specials="x"), "specials is 'x'; allowed: ieee, fn, none"),
        (lambda: f.integer(0), "width is 0; allowed: 1 to 1024 bits"),
        (lambda: f.FP32.all_codes(), "bits is 32; allowed: at most 20"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BadInput, match="^" + message):
        call()


def test_dint4():
    """Fourteen integers and two halves; ties; saturation (arXiv 2311.05161)."""
    numbers = [0, 1, 2, 3, 4, 5, 6, 7, 0.5, -0.5, -6, -5, -4, -3, -2, -1]
    assert f.DINT4.decode(f.DINT4.all_codes()).tolist() == numbers
    np.testing.assert_array_equal(f.DINT4.integer(f.DINT4.all_codes()), 2 * np.array(numbers))
    cases = [0.25, 0.26, -0.25, -0.26, 0.74, 0.75, -0.75, 1.5, 2.5, -2.5, 99, -99, np.inf]
    even = [0, 0.5, 0, -0.5, 0.5, 1, -1, 2, 2, -2, 7, -6, 7]
    away = [0.5, 0.5, -0.5, -0.5, 0.5, 1, -1, 2, 3, -3, 7, -6, 7]
    assert f.DINT4.decode(f.DINT4.encode(cases)).tolist() == even
    assert f.DINT4.decode(f.DINT4.encode(cases, rounding="away")).tolist() == away


@names("width", range(3, 9))
def test_dint_codes_of_ones_own(width):
    fmt = f.dint(width, (5, 3))
    numbers = fmt.decode(fmt.all_codes())
    whole = f.integer(width)
    assert numbers[[5, 3]].tolist() == [0.5, -0.5]
    rest = np.setdiff1d(fmt.all_codes(), [5, 3])
    np.testing.assert_array_equal(numbers[rest], whole.decode(rest))
    np.testing.assert_array_equal(fmt.encode(numbers), fmt.all_codes())
    # Everything else goes to the nearest number there is.
    values = np.linspace(-1.2 * 2 ** (width - 1), 1.2 * 2 ** (width - 1), 4001)
    distance = np.abs(values[:, None] - numbers).min(axis=1)
    np.testing.assert_array_equal(np.abs(fmt.decode(fmt.encode(values)) - values), distance)


@names(
    ("arguments", "message"),
    [
        ((2,), "width is 2; allowed: 3 to 8 bits"),
        ((4, (8, 8)), "halves is .*; allowed: two codes from 1 to 15: zero stays zero"),
        ((4, (0, 8)), "halves is .*; allowed: two codes from 1 to 15"),
        ((4, (8, 16)), "halves is .*; allowed: two codes from 1 to 15"),
    ],
)
def test_impossible_dints(arguments, message):
    with pytest.raises(BadInput, match="^" + message):
        f.dint(*arguments)
    with pytest.raises(BadInput, match="^NaN cannot be encoded: dINT4 has none"):
        f.DINT4.encode(np.nan)
