"""Group dequantization against Python's fractions: a model written separately."""

from fractions import Fraction

import numpy as np
import pytest

from golden.errors import BadInput
from golden.formats import BF16, E8M0, FP16, FP32, INT4, INT8, INT32, UINT8, integer
from golden.mixpe import MixpeConfig
from golden.unit import concatenate

FLOATING = {
    "W4A8": MixpeConfig(),
    "W4A16": MixpeConfig(a=FP16, lanes=8),
    "W2, BF16 scale": MixpeConfig(w_bits=2, scale=BF16),
    "W3, no scale": MixpeConfig(a=FP16, w_bits=3, scale=None),
    "integer scale": MixpeConfig(scale=INT8, accumulator=BF16),
}


def exact(fmt, code):
    """The number of a finite code, by the words of IEEE 754 or two's complement."""
    if fmt.describe()["kind"] == "integer":
        return Fraction(code - (2**fmt.bits if fmt.signed and code >> fmt.bits - 1 else 0))
    field = code >> fmt.mantissa_bits & (1 << fmt.exponent_bits) - 1
    fraction = Fraction(code & (1 << fmt.mantissa_bits) - 1, 1 << fmt.mantissa_bits)
    value = (fraction + (field > 0)) * Fraction(2) ** (max(field, 1) - fmt.bias)
    return -value if code >> fmt.bits - 1 else value


def special(fmt, code):
    """ "nan", "inf" or nothing."""
    if fmt.describe()["kind"] == "integer":
        return ""
    top = (1 << fmt.exponent_bits) - 1
    if code >> fmt.mantissa_bits & top != top:
        return ""
    return "nan" if code & (1 << fmt.mantissa_bits) - 1 else "inf"


def nearest(fmt, value):
    """Code of the number nearest to ``value``, ties to even, by bisection over all codes."""
    if value == 0:
        return 0
    low, high = 0, fmt.max_code + 1  # codes of positive numbers ascend; one beyond the last is 2**n
    size = abs(value)

    def number(code):
        if code > fmt.max_code:
            return Fraction(2) ** (fmt.max_exponent + 1)
        return exact(fmt, code)

    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if number(middle) <= size else (low, middle)
    below, above = size - number(low), number(high) - size
    code = low if below < above or (below == above and low % 2 == 0) else high
    return code | (fmt.sign_bit if value < 0 else 0)


def expected(config, beats, row):
    a, acc = [int(x) for x in beats["a"][row]], int(beats["acc"][row, 0])
    fmt, zero = config.accumulator, int(beats["zero"][row, 0])
    scale = int(beats["scale"][row, 0]) if config.scale else None
    states = {special(config.a, x) for x in a} | {special(fmt, acc) and "nan" * (
        special(fmt, acc) == "nan")}  # fmt: skip
    states |= {special(config.scale, scale)} if config.scale else set()
    if states - {""}:
        return fmt.nan_code
    if special(fmt, acc) == "inf":
        return acc
    weights = [int(w) - zero for w in beats["w"][row]]
    total = sum(exact(config.a, x) * w for x, w in zip(a, weights, strict=True))
    total *= exact(config.scale, scale) if config.scale else 1
    total += exact(fmt, acc)
    return nearest(fmt, total) if config.floating else int(total) % (1 << fmt.bits)


@pytest.mark.parametrize("name", FLOATING)
def test_against_fractions(name):
    config = FLOATING[name]
    corners = concatenate(*config.corners())
    rows = np.random.default_rng(2).permutation(len(corners["w"]))[:250]
    corners = {field: codes[rows] for field, codes in corners.items()}
    for beats in (config.random(np.random.default_rng(1), 250), corners):
        got = config.compute(beats)["result"][:, 0]
        for row in range(len(got)):
            assert got[row] == expected(config, beats, row), row


def test_integers_against_fractions():
    for config in (
        MixpeConfig(scale=UINT8, accumulator=INT32),
        MixpeConfig(scale=None, accumulator=integer(16), a=INT4, w_bits=3),
    ):
        beats = config.random(np.random.default_rng(1), 300)
        got = config.compute(beats)["result"][:, 0]
        assert got.tolist() == [expected(config, beats, row) for row in range(300)]


def test_random_beats_reach_every_case():
    config = MixpeConfig(a=FP16)
    beats = config.random(np.random.default_rng(3), 4000)
    result, acc = config.compute(beats)["result"][:, 0], beats["acc"][:, 0]
    magnitude = FP32.magnitude(result)
    cases = {
        "NaN": FP32.is_nan(result),
        "infinity": FP32.is_inf(result),
        "zero": magnitude == 0,
        "accumulator alone": (result == acc) & (magnitude > 0),
        "both": (result != acc) & ~FP32.is_nan(result) & (FP32.magnitude(acc) > 0),
        "subnormal scale": FP16.magnitude(beats["scale"][:, 0]) < 1024,
    }
    for case, hit in cases.items():
        assert hit.sum() >= 10, case


def test_zero_point_and_scale_count():
    """Each of them changes the result of a beat that is otherwise the same."""
    config = MixpeConfig(lanes=2)
    one = int(FP16.encode(1.0))
    beat = {"w": [[3, 5]], "a": [[7, 9]], "zero": [[0]], "scale": [[one]], "acc": [[0]]}
    results = []
    for change in ({}, {"zero": [[2]]}, {"scale": [[int(FP16.encode(0.1))]]}, {"w": [[3, 4]]}):
        arrays = {name: np.array(codes) for name, codes in (beat | change).items()}
        results.append(float(FP32.decode(config.compute(arrays)["result"][0, 0])))
    assert results[:2] == [66.0, 34.0]
    assert len(set(results)) == 4
    tenth = float(FP16.decode(FP16.encode(0.1)))
    assert results[2] == float(FP32.decode(FP32.encode(66 * tenth)))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"a": UINT8}, "a is .*; allowed: a signed integer of 2 to 16 bits, or FP16"),
        ({"w_bits": 5}, "w_bits is 5; allowed: 2, 3, 4"),
        ({"lanes": 1}, "lanes is 1; allowed: 2 to 256"),
        ({"scale": E8M0}, "scale is .*; allowed: None, FP16, BF16, or an integer of up to 8 bits"),
        ({"accumulator": INT32}, "accumulator is .*; allowed: a float where activations or scale"),
        ({"accumulator": E8M0}, "accumulator is .*; allowed: a signed float with IEEE specials"),
        ({"pipeline": 8}, "pipeline is 8; allowed: 0 to 7"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        MixpeConfig().replace(**parameters)
