"""Block formats against a model on Python's fractions that tries every code."""

from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import isfinite

import ml_dtypes
import numpy as np
import pytest

from golden.block import POLICIES, BlockFormat, max_exponent, max_number
from golden.errors import BadInput
from golden.exact import quotient
from golden.formats import (
    E2M1,
    E2M3,
    E4M3,
    E5M2,
    E8M0,
    FP32,
    INT4,
    MXINT8,
    UE5M3,
    UINT4,
    minifloat,
    nearest,
)
from golden.mx import AMXFP4, BLOCKS, NVFP4, NVINT4, mx

SCALES = (E8M0, E5M2, E4M3, UE5M3)


@lru_cache
def numbers(fmt) -> dict[int, Fraction]:
    """Every finite number of a format by its code."""
    codes = fmt.all_codes()
    values = fmt.decode(codes)
    return {int(c): Fraction(float(v)) for c, v in zip(codes, values, strict=True) if isfinite(v)}


def round_to(fmt, value: Fraction, rounding: str) -> int:
    """Code nearest to ``value``, found by looking at all of them."""

    def rank(code: int) -> tuple:
        number = numbers(fmt)[code]
        odd = code % 2 if fmt.mantissa_bits else 0  # one digit: the larger number
        tie = -abs(number) if rounding == "away" or not fmt.mantissa_bits else odd
        return abs(number - value), tie

    return min(numbers(fmt), key=rank)


def scale_by_fractions(fmt: BlockFormat, peak: Fraction, base: Fraction) -> int:
    """The code of a scale, from the words of ``POLICIES``."""
    by_code = {c: n for c, n in numbers(fmt.scale).items() if c <= fmt.scale.max_code}
    one = next(code for code, number in by_code.items() if number == 1)
    if peak == 0:
        return one
    top = Fraction(max_number(fmt.element)) * base
    if fmt.policy == "up":
        code = next((c for c, n in by_code.items() if n >= peak / top), fmt.scale.max_code)
    elif fmt.policy == "nearest":
        code = round_to(fmt.scale, peak / top, fmt.scale_rounding)
    else:
        if fmt.policy == "even":
            digits = fmt.element.mantissa_bits + 1
            quantum = floor_power(peak) / 2 ** (digits - 1)
            peak = quantum * int(peak / quantum + Fraction(1, 2))
        power = floor_power(peak)
        if fmt.policy == "ceil" and power != peak:
            power *= 2
        wanted = power / Fraction(2) ** max_exponent(fmt.element)
        powers = {c: n for c, n in by_code.items() if n and floor_power(n) == n}
        code = min(powers, key=lambda c: abs(powers[c] - wanted))
    if by_code[code] == 0:
        return 1 if fmt.underflow == "least" else one
    return code


def floor_power(value: Fraction) -> Fraction:
    power = Fraction(1)
    while power * 2 <= value:
        power *= 2
    while power > value:
        power /= 2
    return power


def by_fractions(fmt: BlockFormat, values, base=Fraction(1)):
    """Scales and elements of one block of finite numbers."""
    sides = [[v for v in values if np.signbit(v) == side] for side in (False, True)]
    if not fmt.asymmetric:
        sides = [list(values)]
    peaks = [max((abs(Fraction(float(v))) for v in side), default=Fraction(0)) for side in sides]
    scales = [scale_by_fractions(fmt, peak, base) for peak in peaks]
    elements = []
    for value in values:
        scale = scales[int(np.signbit(value)) if fmt.asymmetric else 0]
        exact = Fraction(float(value)) / (Fraction(float(fmt.scale.decode(scale))) * base)
        if hasattr(fmt.element, "mantissa_bits"):
            code = round_to(fmt.element, exact, fmt.rounding)
            if fmt.element.decode(code) == 0:
                code = fmt.element.sign_bit if np.signbit(value) else 0
        else:
            units = exact * 2**fmt.element.fraction_bits
            whole = round(units)
            if fmt.rounding == "away" and abs(units - int(units)) == Fraction(1, 2):
                whole = int(units) + (1 if units > 0 else -1)
            low = fmt.element.minimum + (not fmt.full_range)
            code = min(max(whole, low), fmt.element.maximum) % (1 << fmt.element.bits)
        elements.append(code)
    return scales, elements


def samples(fmt: BlockFormat, count: int, seed: int = 0):
    """Blocks with every size of peak, zeros of both signs, one-sided ones, and ties: numbers that
    are half way between two elements under a scale that is exact."""
    rng = np.random.default_rng(seed)
    size = 2.0 ** rng.integers(-24, 12, (count, 1))
    values = (rng.standard_normal((count, fmt.block)) * size).astype(np.float32).astype(np.float64)
    values[rng.random(values.shape) < 0.1] *= 0
    values[::5] = np.abs(values[::5])
    values[1::9] = -np.abs(values[1::9])
    halves = rng.integers(-14, 15, (count, fmt.block)) / 4 * 2.0 ** rng.integers(-8, 4, (count, 1))
    tied = np.arange(count) % 3 == 0
    values[tied] = halves[tied]
    values[tied, 0] = max_number(fmt.element) * 2.0 ** rng.integers(-8, 4, tied.sum())
    values[tied, 1] = -values[tied, 0]
    values[2] = 0
    values[3] = -0.0
    return values


VARIANTS = {
    **BLOCKS,
    **{f"amxfp4 {s.name}": AMXFP4.replace(scale=s) for s in SCALES},
    "amxfp4 away": AMXFP4.replace(rounding="away", scale_rounding="away"),
    "amxfp4 one": AMXFP4.replace(underflow="one"),
    "amxint8": AMXFP4.replace(element=MXINT8, policy="up"),
    **{f"mxfp4 {p}": mx(E2M1).replace(policy=p) for p in POLICIES},
    **{f"{f.name} up": f.replace(policy="up", rounding="away") for f in (NVFP4, NVINT4)},
    **{f"nvfp4 {p}": NVFP4.replace(policy=p) for p in ("floor", "ceil", "even")},
    "amxfp4 even": AMXFP4.replace(policy="even"),
    "mxfp6 even": mx(E2M3).replace(policy="even"),
    "nvint4 full": NVINT4.replace(full_range=True, rounding="away"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_quantize_against_fractions(name):
    fmt = VARIANTS[name].replace(block=8)
    values = samples(fmt, 60)
    scales, elements = fmt.quantize(values)
    assert scales.shape == ((60, 2) if fmt.asymmetric else (60,))
    for row, block in enumerate(values):
        expected = by_fractions(fmt, block)
        assert np.atleast_1d(scales[row]).tolist() == expected[0], row
        assert elements[row].tolist() == expected[1], row


@pytest.mark.parametrize("name", ["nvfp4", "nvint4", "nvfp4_ue5m3", "amxfp4"])
def test_tensor_scale_against_fractions(name):
    fmt = BLOCKS[name].replace(block=8, tensor_scale=FP32)
    values = samples(fmt, 40)
    tensor = fmt.tensor_code(values)
    peak = np.abs(values).max()
    assert tensor == FP32.encode(peak / (max_number(fmt.element) * fmt.scale.max))
    base = Fraction(float(FP32.decode(tensor)))
    scales, elements = fmt.quantize(values, tensor)
    for row, block in enumerate(values):
        expected = by_fractions(fmt, block, base)
        assert np.atleast_1d(scales[row]).tolist() == expected[0], row
        assert elements[row].tolist() == expected[1], row
    # The block with the largest number of the tensor uses the scale format to its end.
    top = np.argmax(np.abs(values).max(axis=1))
    assert np.max(scales[top]) == fmt.scale.max_code
    assert fmt.tensor_code(np.zeros((2, 8))) == FP32.encode(1.0)


@pytest.mark.parametrize("name", VARIANTS)
def test_dequantize_is_scale_times_element(name):
    fmt = VARIANTS[name]
    scales, elements = fmt.quantize(samples(fmt, 20))
    kept = fmt.dequantize(scales, elements)
    for row, lane in product(range(20), range(fmt.block)):
        side = (int(elements[row, lane]) >> fmt.element.bits - 1,) if fmt.asymmetric else ()
        scale = fmt.scale.decode(scales[row][side])
        assert kept[row, lane] == scale * fmt.element.decode(elements[row, lane])


def test_every_mode_differs_from_every_other():
    """Peaks that tell all policies apart, one block for each rounding and underflow."""
    peaks = (4.25, 6.5, 7.0)
    scales = {
        policy: [int(mx(E2M1).replace(policy=policy).quantize([peak, 0])[0]) for peak in peaks]
        for policy in POLICIES
    }
    assert scales == {
        "floor": [127, 127, 127],
        "ceil": [128, 128, 128],
        "even": [127, 127, 128],
        "nearest": [126, 127, 127],
        "up": [127, 128, 128],
    }

    even, away = AMXFP4, AMXFP4.replace(rounding="away")
    assert even.quantize([6.0, 2.5])[1].tolist() == [7, 4]
    assert away.quantize([6.0, 2.5])[1].tolist() == [7, 5]
    tie = 6 * (1 + 1 / 8)  # half way between scales 1 and 1.25
    assert AMXFP4.quantize([tie])[0].tolist() == [0x3C, 0x3C]
    assert AMXFP4.replace(scale_rounding="away").quantize([tie])[0].tolist() == [0x3D, 0x3C]
    tiny = 6 * 2.0**-18
    assert AMXFP4.quantize([tiny])[0].tolist() == [1, 0x3C]
    assert AMXFP4.replace(underflow="one").quantize([tiny])[0].tolist() == [0x3C, 0x3C]
    least = 2.0**-9  # the least E4M3 scale, to which peaks of up to 10.5 of it round
    assert NVINT4.quantize([9 * least, -9 * least])[1].tolist() == [7, 9]
    full = NVINT4.replace(full_range=True)
    assert full.quantize([9 * least, -9 * least])[1].tolist() == [7, 8]


def test_asymmetric_sides():
    """Each side has its own scale; an unused one takes 1; the sign of zero counts."""
    scales, elements = AMXFP4.quantize([12.0, -0.75, 6.0, -0.25, 0.0, -0.0])
    assert E5M2.decode(scales).tolist() == [2.0, 0.125]
    assert E2M1.decode(elements).tolist() == [6.0, -6.0, 3.0, -2.0, 0.0, -0.0]
    assert elements[-1] == 8
    kept = AMXFP4.dequantize(scales, elements)
    assert kept.tolist() == [12.0, -0.75, 6.0, -0.25, 0.0, -0.0]


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_that_hold_no_number(name):
    fmt = BLOCKS[name]
    values = np.ones((3, fmt.block))
    values[1, 3], values[2, 0] = np.nan, -np.inf
    scales, elements = fmt.quantize(values)
    assert not fmt.scale.is_nan(scales[0]).any()
    assert fmt.scale.is_nan(scales[1:]).all()
    assert not fmt.element.decode(elements[1:]).any()
    assert np.isnan(fmt.dequantize(scales, elements)[1:]).all()


def test_nvfp4_scales_like_ml_dtypes():
    """Where ml_dtypes rounds the same quotient: scales of E4M3 and elements of E2M1."""
    values = np.random.default_rng(4).standard_normal((400, 16)).astype(np.float32)
    scales, elements = NVFP4.quantize(values)
    theirs = (np.abs(values).max(axis=1).astype(np.float64) / 6).astype(ml_dtypes.float8_e4m3fn)
    np.testing.assert_array_equal(scales, theirs.view(np.uint8))
    scaled = values / theirs.astype(np.float64)[:, None]
    codes = scaled.astype(ml_dtypes.float4_e2m1fn).view(np.uint8)
    np.testing.assert_array_equal(elements, codes)


def test_quotients_keep_no_false_tie():
    """x / d just off a tie rounds in float64 to the tie itself; here it does not."""
    tie = 1.0625  # half way between two numbers of four significant bits
    for divisor in (6.0, 7.0, 1.875 * 7, 448.0 * 6 * (1 + 2.0**-23)):
        for ulps, expected in ((-1, 1.0), (1, 1.125)):
            x = np.float64(tie) * divisor
            x = x + ulps * np.spacing(x)
            exact = Fraction(float(x)) / Fraction(divisor)
            if (exact < Fraction(tie)) != (ulps < 0) or exact == Fraction(tie):
                continue  # the product was not exact, and this neighbour not on that side
            assert minifloat(4, 3).decode(minifloat(4, 3).encode(quotient(x, divisor))) == expected
    rng = np.random.default_rng(9)
    x = rng.standard_normal(4000) * 2.0 ** rng.integers(-60, 60, 4000)
    d = rng.integers(1, 1 << 32, 4000) * 2.0 ** rng.integers(-40, 40, 4000)
    for value, divisor, got in zip(x, d, quotient(x, d), strict=True):
        exact, got = Fraction(value) / Fraction(divisor), Fraction(got)
        # Round to odd: exact, or truncated or raised to the odd neighbour.
        assert abs(got - exact) < Fraction(float(np.spacing(abs(float(got)))))
        if got != exact:
            assert np.float64(float(got)).view(np.int64) & 1


def test_nearest():
    numbers = [0.5, 1.5, -0.5, -2.5, 0.49999999999999994, 2.25, -0.0]
    assert nearest(numbers).tolist() == [0, 2, -0.0, -2, 0, 2, -0.0]
    assert nearest(numbers, "away").tolist() == [1, 2, -1, -3, 0, 2, -0.0]
    with pytest.raises(BadInput, match="^rounding is 'up'; allowed: even, away"):
        nearest(1.0, "up")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"block": 0}, "block is 0; allowed: 1 to 1024"),
        ({"scale": E2M1}, "scale is .*; allowed: a floating-point format that has NaN"),
        ({"scale": INT4}, "scale is .*; allowed: a floating-point format that has NaN"),
        ({"scale": E8M0, "policy": "down"}, "policy is 'down'; allowed: floor, ceil, even, near"),
        ({"rounding": "odd"}, "rounding is 'odd'; allowed: even, away"),
        ({"scale_rounding": "odd"}, "scale_rounding is 'odd'; allowed: even, away"),
        ({"underflow": "zero"}, "underflow is 'zero'; allowed: least, one"),
        ({"element": UINT4}, "asymmetric is True; allowed: False for an element without sign"),
        ({"blocks": 3}, "parameter is 'blocks'; allowed: name, element, block"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        AMXFP4.replace(**parameters)


def test_tensor_scale_given_or_not():
    with pytest.raises(BadInput, match="^tensor is 3; allowed: None: there is none"):
        NVFP4.quantize(np.ones(16), 3)
    with pytest.raises(BadInput, match="^tensor is None; allowed: a code of the tensor scale"):
        NVFP4.replace(tensor_scale=FP32).quantize(np.ones(16))


def test_finer_scales_keep_more():
    """On Gaussian numbers: a finer scale and a second one a block each gain; the order of the
    papers."""
    values = np.random.default_rng(1).standard_normal((4000, 32))
    noise = {
        name: float(np.sum((fmt.approximate(values.reshape(-1, fmt.block))
                            - values.reshape(-1, fmt.block)) ** 2))
        for name, fmt in BLOCKS.items()
    }  # fmt: skip
    assert noise["nvfp4"] < noise["amxfp4"] < noise["mxfp4"]
    assert noise["nvint4"] < noise["mxint4"]
