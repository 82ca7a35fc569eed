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
    DINT4,
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
    UE5M3,
    UINT8,
    dint,
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
NVFP4 = DotConfig(a=E2M1, w=E2M1, lanes=16, scale=E4M3, accumulator=FP32)
AMXFP4 = DotConfig(a=E2M1, w=E2M1, scale=E5M2, asymmetric="both", accumulator=FP32)
SCALED = {
    "nvfp4": NVFP4,
    "nvfp4 block": NVFP4.replace(accumulator=None, output_format=FP32),
    "nvfp4 ue5m3": NVFP4.replace(scale=UE5M3),
    "nvfp4 tensor": NVFP4.replace(tensor_scale=FP32),
    "nvfp4 tensor block": NVFP4.replace(tensor_scale=FP32, accumulator=None, output_format=FP16),
    "nvint4": NVFP4.replace(a=INT4, w=INT4),
    "nvfp8": NVFP4.replace(a=E4M3, w=E5M2),
    "mxfp4 block": MX["mxfp4"].replace(accumulator=None, output_format=BF16),
    "mxfp8 block": MX["mxfp8_e5m2"].replace(accumulator=None, output_format=FP32),
    "amxfp4": AMXFP4,
    "amxfp4 x mxfp4": AMXFP4.replace(asymmetric="a"),
    "amxfp4 e4m3": AMXFP4.replace(scale=E4M3),
    "amxfp4 e8m0": AMXFP4.replace(scale=E8M0),
    "amxfp4 tensor": AMXFP4.replace(tensor_scale=FP32, lanes=4),
    "amxint8": AMXFP4.replace(a=MXINT8, w=E2M3, lanes=8),
}
FLOATING = MX | MIXED | SCALED


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
    scales = {name: [abs(s) for s in values[name]] for name in values if name.endswith("_scale")}
    if any(isnan(s) or isinf(s) for side in scales.values() for s in side):
        return nan

    def scaled(operand: str, lane: int) -> Fraction | float:
        value = values[operand][lane]
        sides = scales.get(f"{operand}_scale", [1])
        if len(sides) == 2:
            code = int(beats[operand][row, lane])
            return Fraction(value) * Fraction(sides[code >> getattr(config, operand).bits - 1])
        return value * sides[0] if isinf(value) or isnan(value) else Fraction(value) * Fraction(
            sides[0]
        )  # fmt: skip

    total, infinities = Fraction(0), set()
    factor = scales.get("tensor_scale", [1])[0]
    for lane in range(config.lanes):
        a, w = scaled("a", lane), scaled("w", lane)
        if isnan(a) or isnan(w) or (isinf(a) and w == 0) or (isinf(w) and a == 0):
            return nan
        if isinf(a) or isinf(w):
            if factor == 0:
                return nan
            infinities.add(inf if (a > 0) == (w > 0) else -inf)
        else:
            total += a * w
    acc = values["acc"][0] if "acc" in values else 0.0
    if isnan(acc):
        return nan
    if isinf(acc):
        infinities.add(acc)
    if len(infinities) == 2:
        return nan
    if infinities:
        return infinities.pop()
    return rounded(Fraction(acc) + Fraction(factor) * total, config.floating)


def compare(config, beats):
    results = config.compute(beats)["result"][:, 0]
    fmt = config.floating
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
    compare(config, config.random(np.random.default_rng(7), 500 if name in SCALED else 1500))


@pytest.mark.parametrize("name", FLOATING)
def test_corner_beats_against_fractions(name):
    config = FLOATING[name]
    beats = concatenate(*config.corners())
    rows = np.random.default_rng(8).permutation(len(beats["a"]))[: 400 if name in SCALED else 800]
    compare(config, {field: codes[rows] for field, codes in beats.items()})


def test_every_contract_differs_from_every_other():
    """One beat of the same elements and scales gives another result under each option."""
    a = np.array([[0x2, 0x9, 0x7, 0xF] * 8])  # 1, -0.5, 6, -6
    w = np.array([[0x3, 0x4, 0xA, 0xD] * 8])  # 1.5, 2, -1, -3
    beats = {"a": a, "w": w, "acc": np.array([[0x3F800001]])}
    scales = {"a_scale": np.array([[0x3D, 0x42]]), "w_scale": np.array([[0x35, 0x4A]])}
    symmetric = {name: codes[:, :1] for name, codes in scales.items()}
    half = scales | {"w_scale": scales["w_scale"][:, :1]}
    config = DotConfig(a=E2M1, w=E2M1, accumulator=FP32)
    results = [
        config.compute(beats),
        *(config.replace(scale=s).compute(beats | symmetric) for s in (E8M0, E4M3, E5M2, UE5M3)),
        config.replace(scale=E5M2, asymmetric="a").compute(beats | half),
        config.replace(scale=E5M2, asymmetric="both").compute(beats | scales),
        config.replace(tensor_scale=FP32).compute(
            beats | {"tensor_scale": np.array([[0x3FC00000]])}
        ),
        config.replace(accumulator=None, output_format=FP32).compute({"a": a, "w": w}),
    ]
    assert len({int(result["result"][0, 0]) for result in results}) == len(results)


def test_scale_signs_are_ignored_and_infinite_scales_are_nan():
    beats = NVFP4.random(np.random.default_rng(2), 50)
    turned = beats | {"a_scale": beats["a_scale"] ^ 0x80}
    np.testing.assert_array_equal(NVFP4.compute(beats)["result"], NVFP4.compute(turned)["result"])
    beats = AMXFP4.random(np.random.default_rng(2), 50)
    beats["w_scale"][:, 1] = E5M2.inf_code
    assert (AMXFP4.compute(beats)["result"] == FP32.nan_code).all()


@pytest.mark.parametrize("scale", [E4M3, UE5M3], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("element", [E2M1, INT4], ids=lambda fmt: fmt.name)
def test_block_results_are_exact_in_fp32(element, scale):
    """A proof: every scaled sum of 16 products is an integer of 24 bits or fewer times a power of
    two that FP32 reaches, and none is too large."""
    config = NVFP4.replace(a=element, w=element, scale=scale)
    top = int(abs(scale.split(np.arange(scale.max_code + 1))[0]).max())
    greatest = max(-config.sum_range[0], config.sum_range[1]) * top * top
    assert greatest.bit_length() <= FP32.mantissa_bits + 1
    assert config.unit_exponent + 2 * scale.unit_exponent >= FP32.unit_exponent
    largest = Fraction(max(-config.sum_range[0], config.sum_range[1])) * Fraction(scale.max) ** 2
    assert largest * Fraction(2) ** config.unit_exponent <= Fraction(FP32.max)
    # And the unit does return it: decoded, it is the sum in float64, which is exact here.
    block = config.replace(accumulator=None, output_format=FP32)
    beats = block.random(np.random.default_rng(6), 2000)
    a, w, x, y = (
        f.format.decode(beats[f.name]) for f in block.input.fields
    )  # fmt: skip
    exact = (a * w).sum(axis=1) * np.abs(x * y)[:, 0]
    result = FP32.decode(block.compute(beats)["result"][:, 0])
    np.testing.assert_array_equal(result, np.where(np.isnan(exact), np.nan, exact + 0.0))


def test_dint_macs_count_halves():
    """Against a model of its own: the numbers of the paper's format written out."""
    halves = integer(32, fraction_bits=1)
    config = DotConfig(a=DINT4, w=INT8, lanes=2, accumulator=halves)
    doubled = [2 * n for n in range(8)] + [1, -1] + [2 * n for n in range(-6, 0)]
    for code, w in [(c, w) for c in range(16) for w in (-128, -77, -1, 0, 1, 93, 127)]:
        beats = {"a": np.array([[code, 1]]), "w": np.array([[w % 256, 3]]), "acc": [[2**32 - 9]]}
        result = config.compute({k: np.array(v) for k, v in beats.items()})["result"][0, 0]
        assert result == (doubled[code] * w + 6 - 9) % 2**32


@pytest.mark.parametrize("halves", [(8, 9), (15, 1), (3, 12)])
def test_dint_dot_products_against_fractions(halves):
    config = DotConfig(a=INT8, w=dint(4, halves), accumulator=integer(32, fraction_bits=1))
    worth = dict(enumerate([*range(8), *range(-8, 0)]))
    worth |= {halves[0]: Fraction(1, 2), halves[1]: Fraction(-1, 2)}
    corners = concatenate(*config.corners())
    for beats in (corners, config.random(np.random.default_rng(3), 200)):
        results = config.compute(beats)["result"][:, 0].tolist()
        for a, w, acc, result in zip(
            beats["a"].tolist(), beats["w"].tolist(), beats["acc"][:, 0].tolist(), results,
            strict=True,
        ):  # fmt: skip
            products = [worth[y] * (x - 256 * (x > 127)) for x, y in zip(a, w, strict=True)]
            assert (sum(products) + Fraction(acc, 2)) % 2**31 == Fraction(result, 2)


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
        ({"multiplier": "*"}, "multiplier is '\\*'; allowed: rows, operator"),
        ({"pipeline": 8}, "pipeline is 8; allowed: 0 to 7"),
        ({"pipeline": -1}, "pipeline is -1; allowed: 0 to 7"),
        ({"a": FP16}, "a.bits is 16; allowed: 1 to 8"),
        ({"w": "INT8"}, "w is 'INT8'; allowed: an integer, float or posit format"),
        ({"a": E8M0}, "a is 'E8M0'; allowed: a format that has a zero"),
        ({"scale": INT8}, "scale is .*; allowed: None or a floating-point format of up to 8 bits"),
        ({"scale": FP16}, "scale is .*; allowed: None or a floating-point format of up to 8 bits"),
        ({"tensor_scale": INT32}, "tensor_scale is .*; allowed: None or a floating-point format"),
        ({"asymmetric": "w"}, "asymmetric is 'w'; allowed: none, a, both"),
        ({"asymmetric": "a", "scale": None}, "asymmetric is 'a'; allowed: none, but for scaled"),
        ({"asymmetric": "both", "w": E4M3}, "asymmetric is 'both'; allowed: none, but for scaled"),
        ({"asymmetric": "both", "w": UINT8}, "asymmetric is 'both'; allowed: none, but for"),
        ({"output_format": FP32}, "output_format is .*; allowed: None with an accumulator"),
        ({"output_format": E3M2, "accumulator": None}, "output_format is .*None, or a signed"),
        ({"a": DINT4, "w": INT8, "scale": None, "accumulator": INT32},
         "accumulator is 'INT32'; allowed: an integer in units of 2\\*\\*-1 for integers"),
        ({"accumulator": None}, "scale is .*; allowed: None without a float accumulator"),
        ({"accumulator": E3M2}, "accumulator is .*None, an integer, or a si"),
        ({"accumulator": INT32, "scale": None},
         "accumulator is 'INT32'; allowed: an integer in units of 2"),
        ({"a": INT8, "w": INT8, "scale": None, "accumulator": integer(64)},
         "accumulator.bits is 64; allowed: 1 to 62"),
    ],
)  # fmt: skip
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        MX["mxfp4"].replace(**parameters)


def test_unknown_parameter():
    with pytest.raises(
        BadInput, match="^parameter is 'lane'; allowed: pipeline, combinational, a, w, lanes"
    ):
        MX["mxfp4"].replace(lane=3)
