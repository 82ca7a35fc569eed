"""Dot products against Python's fractions: a model written separately, with no arrays at all."""

from fractions import Fraction
from math import inf, isinf, isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.dot import DotConfig
from golden.errors import BadInput
from golden.exact import round_exact
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
    UINT8,
    integer,
)  # fmt: skip
from golden.mx import ELEMENTS, dequantize, quantize
from golden.one_of import OneOf, one_of
from golden.unit import concatenate

ANY = one_of(*ELEMENTS.values())

MX = {name: DotConfig(a=e, w=e, scale=E8M0, accumulator=FP32) for name, e in ELEMENTS.items()}
MIXED = {
    "e4m3 x e2m1": DotConfig(a=E4M3, w=E2M1, lanes=16, scale=E8M0, accumulator=FP32),
    "int8 x e5m2": DotConfig(a=MXINT8, w=E5M2, lanes=8, scale=E8M0, accumulator=FP32),
    "bf16": DotConfig(a=E2M1, w=E2M1, lanes=4, scale=E8M0, accumulator=BF16),
    "fp16, no scales": DotConfig(a=E5M2, w=E4M3, lanes=4, accumulator=FP16),
    "any x any": DotConfig(a=ANY, w=ANY, scale=E8M0, accumulator=FP32),
    "e2m1 or e4m3 x int8": DotConfig(
        a=one_of(E2M1, E4M3), w=MXINT8, lanes=4, scale=E8M0, accumulator=FP32
    ),
    "one lane": DotConfig(a=E5M2, w=E5M2, lanes=1, scale=E8M0, accumulator=FP32),
}
FLOATING = MX | MIXED


def rounded(value: Fraction, fmt) -> float:
    """``value`` to the nearest number of ``fmt``, ties to even, found by comparing neighbours."""
    if value == 0:
        return 0.0
    sign, value = (-1 if value < 0 else 1), abs(value)
    exponent = fmt.min_exponent
    while Fraction(2) ** (exponent + 1) <= value:
        exponent += 1
    quantum = Fraction(2) ** (exponent - fmt.mantissa_bits)
    low = value // quantum
    low += (value - low * quantum) * 2 > quantum or (
        (value - low * quantum) * 2 == quantum and low % 2 == 1
    )
    result = low * quantum
    if result >= Fraction(2) ** (fmt.max_exponent + 1):
        return sign * inf
    return sign * float(result)


def by_fractions(config, beats, row) -> float:
    """The contract, word for word."""
    for name in ("a", "w"):
        fmt = getattr(config, name)
        if isinstance(fmt, OneOf):
            position = int(beats[f"{name}_format"][row, 0])
            if position >= len(fmt.formats):
                return nan
            fmt = fmt.formats[position]
            config = config.replace(**{name: fmt})
            beats = beats | {name: beats[name] & ((1 << fmt.bits) - 1)}
    values = {f.name: f.format.decode(beats[f.name][row]).tolist() for f in config.input.fields}
    scale = Fraction(1)
    for name in ("a_scale", "w_scale"):
        if name in values:
            if isnan(values[name][0]):
                return nan
            scale *= Fraction(values[name][0])
    total, infinities = Fraction(0), set()
    for a, w in zip(values["a"], values["w"], strict=True):
        if isnan(a) or isnan(w) or (isinf(a) and w == 0) or (isinf(w) and a == 0):
            return nan
        if isinf(a) or isinf(w):
            infinities.add(a * w)
        else:
            total += Fraction(a) * Fraction(w)
    acc = values["acc"][0]
    if isnan(acc):
        return nan
    if isinf(acc):
        infinities.add(acc)
    if len(infinities) == 2:
        return nan
    if infinities:
        return infinities.pop()
    return rounded(Fraction(acc) + scale * total, config.accumulator)


def compare(config, beats):
    results = config.compute(beats)["result"][:, 0]
    fmt = config.accumulator
    for row, code in enumerate(results):
        expected = by_fractions(config, beats, row)
        got = float(fmt.decode(code))
        if isnan(expected):
            assert code == fmt.nan_code, row
        else:
            assert got == expected, (row, {k: v[row] for k, v in beats.items()})
            exact_zero = expected == 0 and not np.signbit(expected)
            assert not (exact_zero and code != 0), row


@pytest.mark.parametrize("name", FLOATING)
def test_random_beats_against_fractions(name):
    config = FLOATING[name]
    compare(config, config.random(np.random.default_rng(7), 1500))


@pytest.mark.parametrize("name", FLOATING)
def test_corner_beats_against_fractions(name):
    config = FLOATING[name]
    beats = concatenate(*config.corners())
    rows = np.random.default_rng(8).permutation(len(beats["a"]))[:800]
    compare(config, {field: codes[rows] for field, codes in beats.items()})


@pytest.mark.parametrize("name", MX)
def test_random_beats_reach_every_case(name):
    """What the random beats must hit, or the proof of the hardware would be thin."""
    config = MX[name]
    beats = config.random(np.random.default_rng(3), 5000)
    result, acc = config.compute(beats)["result"][:, 0], beats["acc"][:, 0]
    dot_only = config.compute(beats | {"acc": np.zeros_like(beats["acc"])})["result"][:, 0]
    magnitude, exponent = FP32.magnitude(result), FP32.magnitude(result) >> 23
    shares = {
        "NaN": FP32.is_nan(result),
        "infinity": FP32.is_inf(result),
        "subnormal": (magnitude > 0) & (exponent == 0),
        "+0": result == 0,
        "-0": result == FP32.sign_bit,
        "accumulator swallows the dot product": (result == acc) & (FP32.magnitude(dot_only) > 0),
        "dot product swallows the accumulator": (result == dot_only) & (FP32.magnitude(acc) > 0),
        "both matter": (result != acc) & (result != dot_only),
        "cancellation": (exponent + 3 < FP32.magnitude(acc) >> 23) & ~FP32.is_nan(result),
        "NaN scale": beats["a_scale"][:, 0] == 255,
    }
    for case, hit in shares.items():
        assert hit.sum() >= (1 if case == "-0" else 10), case


def test_one_huge_and_many_tiny():
    # 448 * 448 and 31 of the least products: float32 alone would lose every one of them.
    config = MX["mxfp8_e4m3"]
    a = np.array([[0x7E] + [0x01] * 31])
    beats = {"a": a, "w": a, "a_scale": [[127]], "w_scale": [[127]], "acc": [[0]]}
    compare(config, {k: np.array(v) for k, v in beats.items()})
    minus = int(FP32.encode(-448.0 * 448.0))
    beats["acc"] = [[minus]]
    result = config.compute({k: np.array(v) for k, v in beats.items()})["result"][0, 0]
    assert FP32.decode(result) == 31 * 2.0**-18


def test_bare_sums_are_exact():
    rng = np.random.default_rng(5)
    for a, w, lanes in [(E5M2, E5M2, 32), (E4M3, E4M3, 32), (INT8, UINT8, 3), (E2M3, INT4, 7)]:
        config = DotConfig(a=a, w=w, lanes=lanes)
        beats = config.random(rng, 300)
        outputs = config.compute(beats)
        for row in range(300):
            pairs = list(zip(a.decode(beats["a"][row]), w.decode(beats["w"][row]), strict=True))
            with np.errstate(invalid="ignore"):
                products = [x * y for x, y in pairs]
            if all(np.isfinite(products)):
                unit = Fraction(2) ** config.unit_exponent
                total = sum(Fraction(x) * Fraction(y) for x, y in pairs) / unit
                assert outputs["sum"][row, 0] == int(total) % (1 << config.sum_bits)
                assert abs(total) < 1 << config.sum_bits - 1
            flags = [int(outputs[k][row, 0]) if k in outputs else 0 for k in ("nan", "inf")]
            total = sum(products)
            assert flags == [isnan(total), isinf(total)]
            if isinf(total):
                assert outputs["negative"][row, 0] == (total < 0)


def test_the_exact_sum_needs_every_bit():
    """The width is tight: the extreme sums do not fit into one bit less."""
    for a, w in [(E2M1, E2M1), (E5M2, E5M2), (INT8, INT8), (UINT8, INT8), (E3M2, E3M2)]:
        config = DotConfig(a=a, w=w)
        low, high = config.sum_range
        half = 1 << config.sum_bits - 2
        assert low < -half or high > half - 1
        assert -2 * half <= low and high <= 2 * half - 1


@given(st.lists(st.tuples(st.integers(-128, 127), st.integers(-128, 127)), min_size=4, max_size=4),
       st.integers(-(2**31), 2**31 - 1))  # fmt: skip
def test_integer_accumulators_wrap(pairs, acc):
    config = DotConfig(a=INT8, w=INT8, lanes=4, accumulator=INT32)
    a, w = np.array(pairs).T % 256
    beats = {"a": a[None], "w": w[None], "acc": np.array([[acc % 2**32]])}
    expected = (acc + sum(x * y for x, y in pairs)) % 2**32
    assert config.compute(beats)["result"][0, 0] == expected


@settings(max_examples=500)
@given(st.integers(-(2**80), 2**80), st.integers(-260, 130), st.sampled_from([FP32, BF16, FP16]))
def test_round_exact_against_fractions(significand, exponent, fmt):
    expected = rounded(Fraction(significand) * Fraction(2) ** exponent, fmt)
    got = float(fmt.decode(round_exact(significand, exponent, fmt)))
    assert got == expected
    assert np.signbit(got) == (significand < 0)


def test_real_tensor_accumulates_along_rows():
    rng = np.random.default_rng(0)
    values = rng.standard_t(4, 24 * 32 * 3)
    config = MX["mxfp4"]
    beats = config.tensors(values, rng)
    results = config.compute(beats)["result"]
    assert len(results) == 24 * 3
    for row in range(3):
        start = 24 * row
        assert beats["acc"][start] == 0
        np.testing.assert_array_equal(beats["acc"][start + 1 : start + 24], results[start:][:23])
    # The first block of the first row meets that of the last: exact in float64, rounded once.
    blocks = [dequantize(*quantize(values[k : k + 32], E2M1), E2M1) for k in (0, 1536)]
    assert results[0, 0] == FP32.encode(blocks[0] @ blocks[1])
    with pytest.raises(BadInput, match="^tensor has 5 numbers; allowed: 1536 or more"):
        config.tensors(np.ones(5), rng)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lanes": 0}, "lanes is 0; allowed: 1 to 1024"),
        ({"pipeline": 8}, "pipeline is 8; allowed: 0 to 7"),
        ({"pipeline": -1}, "pipeline is -1; allowed: 0 to 7"),
        ({"a": FP16}, "a.bits is 16; allowed: 1 to 8"),
        ({"w": "INT8"}, "w is 'INT8'; allowed: an integer, float or posit format"),
        ({"a": E8M0}, "a is 'E8M0'; allowed: a format that has a zero"),
        ({"scale": E4M3}, "scale is .*; allowed: None or E8M0"),
        ({"accumulator": None}, "scale is .*; allowed: None without a float accumulator"),
        ({"accumulator": E3M2}, "accumulator is .*; allowed: a signed format with IEEE specials"),
        ({"accumulator": INT32, "scale": None}, "accumulator is 'INT32'; allowed: a float for"),
        ({"a": INT8, "w": INT8, "scale": None, "accumulator": integer(64)},
         "accumulator.bits is 64; allowed: 1 to 62"),
    ],
)  # fmt: skip
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        MX["mxfp4"].replace(**parameters)


def test_unknown_parameter():
    with pytest.raises(BadInput, match="^parameter is 'lane'; allowed: pipeline, a, w, lanes"):
        MX["mxfp4"].replace(lane=3)
