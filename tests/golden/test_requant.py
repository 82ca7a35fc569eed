"""The requantizer against exact rational arithmetic, and each mode against every other."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from golden.errors import BadInput
from golden.requant import ROUNDINGS, RequantConfig, check_bias, dyadic, requantize


def exact(a: int, m: int, s: int, b: int, config: RequantConfig) -> int:
    """The docstring of the module in rational numbers."""
    real = Fraction((a + b) * m, 1 << s)
    below = math.floor(real)
    rest = real - below
    up = {
        "half-up": rest >= Fraction(1, 2),
        "half-away": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and real > 0),
        "half-even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1),
        "floor": False,
    }[config.rounding]
    q = below + up
    if config.relu:
        q = max(q, 0)
    return min(max(q + config.zero_point, config.low), config.high)


CONFIGS = st.builds(
    lambda acc, mul, shift, out, signed, rounding, relu, zero: RequantConfig(
        accumulator_bits=acc, multiplier_bits=mul, shift_bits=shift, output_bits=out,
        signed=signed, rounding=rounding, relu=relu,
        zero_point=zero % (1 << out) - ((1 << (out - 1)) if signed else 0),
    ),
    st.integers(8, 32), st.integers(2, 31), st.integers(1, 6), st.integers(2, 16), st.booleans(),
    st.sampled_from(ROUNDINGS), st.booleans(), st.integers(0, 1 << 16),
)  # fmt: skip


@given(CONFIGS, st.data())
@settings(max_examples=300, deadline=None)
def test_exact(config, data):
    limit = 1 << (config.accumulator_bits - 1)
    edge = st.sampled_from([-limit, -limit + 1, -1, 0, 1, limit - 1])
    a = data.draw(edge | st.integers(-limit, limit - 1))
    b = data.draw(st.integers(max(-limit, -limit - a), min(limit - 1, limit - 1 - a)))
    m = data.draw(st.sampled_from([0, 1, config.max_multiplier])
                  | st.integers(0, config.max_multiplier))  # fmt: skip
    s = data.draw(st.sampled_from([0, config.max_shift]) | st.integers(0, config.max_shift))
    assert requantize(a, m, s, b, config) == exact(a, m, s, b, config)


def test_every_tie_of_a_small_range():
    for rounding in ROUNDINGS:
        config = RequantConfig(rounding=rounding, relu=False)
        a = np.arange(-40, 41)
        got = requantize(a, 3, 2, 0, config)
        assert got.tolist() == [exact(int(x), 3, 2, 0, config) for x in a]


def test_modes_differ():
    """-2.5, -1.5, 1.5, 2.5, 1.75: no two rounding modes agree on all of them."""
    values = np.array([-10, -6, 6, 10, 7])
    seen = {r: tuple(requantize(values, 1, 2, 0, RequantConfig(rounding=r, relu=False)))
            for r in ROUNDINGS}  # fmt: skip
    assert len(set(seen.values())) == len(ROUNDINGS)
    assert seen["half-up"] == (-2, -1, 2, 3, 2)
    assert seen["half-away"] == (-3, -2, 2, 3, 2)
    assert seen["half-even"] == (-2, -2, 2, 2, 2)
    assert seen["floor"] == (-3, -2, 1, 2, 1)


def test_relu_comes_before_the_zero_point():
    config = RequantConfig(zero_point=-128)
    assert requantize(np.array([-5, 0, 5, 300]), 1, 0, 0, config).tolist() == [
        -128, -128, -123, 127]  # fmt: skip
    assert requantize(-5, 1, 0, 0, config.replace(relu=False)) == -128
    assert requantize(-5, 1, 0, 0, RequantConfig(relu=False, zero_point=3)) == -2
    assert requantize(-5, 1, 0, 0, RequantConfig(zero_point=3)) == 3


@pytest.mark.parametrize(
    ("bits", "signed", "low", "high"), [(8, True, -128, 127), (8, False, 0, 255), (4, True, -8, 7)]
)
def test_clamp(bits, signed, low, high):
    config = RequantConfig(output_bits=bits, signed=signed, relu=False)
    assert requantize([-(2**31), 2**31 - 1], 1, 0, 0, config).tolist() == [low, high]


def test_scales_a_channel():
    got = requantize(np.full((3, 2), 1000), [1, 3], [2, 5], [0, 24], RequantConfig())
    assert got.tolist() == [[127, 96]] * 3


@given(st.floats(2.0**-40, 2.0**15), st.integers(2, 31))
def test_dyadic_is_nearest(scale, bits):
    config = RequantConfig(multiplier_bits=bits)
    assume(scale <= config.max_multiplier)
    multiplier, shift = (int(v) for v in dyadic(scale, config))
    assert 0 < multiplier <= config.max_multiplier
    error = abs(Fraction(multiplier, 1 << shift) - Fraction(scale))
    if shift < config.max_shift:
        assert error <= Fraction(scale) / (1 << bits)
    else:  # the shift ends before the multiplier is normalised
        assert error <= Fraction(1, 2 << shift)


def test_dyadic_of_a_scale_below_the_normalised_ones():
    config = RequantConfig(multiplier_bits=28)
    multiplier, shift = (int(v) for v in dyadic(1e-12, config))
    assert (multiplier, shift) == (round(Fraction(1e-12) * 2**63), 63)
    assert multiplier < 1 << 27


def test_dyadic_spills_into_a_power_of_two():
    config = RequantConfig(multiplier_bits=4)
    multiplier, shift = dyadic([0.9999, 1.0], config)
    assert (multiplier / 2.0**shift).tolist() == [1.0, 1.0]
    assert multiplier.max() <= 15


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan, 2.0**17, 2.0**-70])
def test_dyadic_refuses(scale):
    with pytest.raises(BadInput, match="scale"):
        dyadic(scale, RequantConfig())


def test_check_bias():
    assert check_bias([100], [27], RequantConfig(accumulator_bits=8)) == 8
    with pytest.raises(BadInput, match="accumulator bits needed is 9; allowed: at most 8"):
        check_bias([100], [-28], RequantConfig(accumulator_bits=8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accumulator_bits": 33}, "accumulator_bits is 33"),
        ({"multiplier_bits": 1}, "multiplier_bits is 1"),
        ({"shift_bits": 7}, "shift_bits is 7"),
        ({"output_bits": 17}, "output_bits is 17"),
        ({"output_bits": True}, "output_bits is True"),
        ({"rounding": "nearest"}, "rounding is 'nearest'"),
        ({"signed": 1}, "signed is 1"),
        ({"zero_point": 128}, "zero_point is 128"),
    ],
)
def test_config_refuses(change, message):
    with pytest.raises(BadInput, match=message):
        RequantConfig(**change)


@pytest.mark.parametrize(
    ("operands", "message"),
    [
        ((1 << 31, 1, 0, 0), "accumulator is 2147483648"),
        ((0, 1 << 16, 0, 0), "multiplier is 65536"),
        ((0, 1, 64, 0), "shift is 64"),
        ((1 << 30, 1, 0, 1 << 30), "accumulator . bias is 2147483648"),
        ((0.5, 1, 0, 0), "accumulator type is 'float64'"),
    ],
)
def test_operands_refused(operands, message):
    with pytest.raises(BadInput, match=message):
        requantize(*operands)
