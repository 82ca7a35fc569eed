"""BitMoD against Python's fractions and the tables of the paper: a model written separately."""

from fractions import Fraction

import numpy as np
import pytest

from golden.bitmod import BITS, BitmodConfig, terms, weights
from golden.bitmod_dequantizer import DequantizerConfig
from golden.errors import BadInput
from golden.formats import INT4, UINT8, integer
from golden.unit import concatenate

HALF = Fraction(1, 2)
FP4 = [0, HALF, 1, 3 * HALF, 2, 3, 4, 6]
FP3 = [0, 1, 2, 4]
SPECIAL = {3: [5 * HALF, 5, 8, 0], 4: [3, 5, 6, 0]}


def worth(code, dtype, special):
    """A weight as the paper has it (its table IV)."""
    dtype = min(dtype, 4)
    if dtype < 3:
        bits = (8, 6, 4)[dtype]
        code %= 2**bits
        return Fraction(code - 2**bits if code >= 2 ** (bits - 1) else code)
    values, bits = (FP4, 4) if dtype == 3 else (FP3, 3)
    code %= 2**bits
    if code == 2 ** (bits - 1):
        value = Fraction(SPECIAL[dtype][special % 4])
        return -value if special >= 4 else value
    value = Fraction(values[code % 2 ** (bits - 1)])
    return -value if code >> bits - 1 else value


def activation(code):
    field, fraction = code >> 10 & 31, Fraction(code & 1023, 1024)
    value = (fraction + (field > 0)) * Fraction(2) ** (max(field, 1) - 15)
    return -value if code >> 15 else value


def test_every_weight():
    for dtype in range(8):
        for special in range(8):
            codes = np.arange(256)
            got = weights(codes, np.array(dtype), np.array(special))
            assert [Fraction(int(n), 2) for n in got] == [
                worth(code, dtype, special) for code in range(256)
            ]


def test_every_weight_is_its_terms():
    """As many as the paper says, each a power of two or nothing."""
    for dtype, bits in enumerate(BITS):
        for special in range(8):
            for code in range(1 << bits):
                weight = int(weights(np.array(code), np.array(dtype), np.array(special)))
                found = terms(weight, dtype)
                assert len(found) == -(-bits // 2) and sum(found) == weight
                assert all(abs(term).bit_count() <= 1 for term in found)


@pytest.mark.parametrize("kind", ["random", "corners"])
def test_exact_against_fractions(kind):
    config = BitmodConfig()
    beats = config.random(np.random.default_rng(1), 800)
    if kind == "corners":
        beats = concatenate(*config.corners())
        rows = np.random.default_rng(2).permutation(len(beats["w"]))[:800]
        beats = {name: codes[rows] for name, codes in beats.items()}
    got = config.compute(beats)["result"][:, 0]
    for row in range(len(got)):
        dtype, special = (int(beats[n][row, 0]) for n in ("dtype", "special"))
        total = sum(
            worth(int(w), dtype, special) * activation(int(a))
            for w, a in zip(beats["w"][row], beats["a"][row], strict=True)
        )
        acc = int(beats["acc"][row, 0])
        assert int(got[row]) == (int(total * 2**25) + acc) % 2**config.result_format.bits


def test_no_group_overflows_and_a_bit_less_would():
    config = BitmodConfig()
    most = config.group * activation(0x7FFF) * 128 * 2**config.fraction
    assert 2 ** (config.exact.bits - 2) <= most < 2 ** (config.exact.bits - 1)


def test_narrow_accumulator_cuts_each_term():
    """Within a unit a term of the exact result, and not the same."""
    fmt = integer(48, fraction_bits=6)
    config, exact = BitmodConfig(accumulator=fmt), BitmodConfig()
    beats = config.random(np.random.default_rng(5), 500)
    beats["acc"] = np.zeros((500, 1), np.int64)
    beats["a"] = beats["a"] & 0xBFFF  # magnitudes below 2: nothing wraps
    narrow = config.result_format.split(config.compute(beats)["result"][:, 0])[0]
    wide = exact.result_format.split(exact.compute(beats)["result"][:, 0])[0]
    distance = [abs(Fraction(int(n)) - Fraction(int(w), 2**19))
                for n, w in zip(narrow, wide, strict=True)]  # fmt: skip
    assert max(distance) < 4 * 4 and sum(d > 0 for d in distance) > 100
    for row in range(500):
        dtype, special = (int(beats[n][row, 0]) for n in ("dtype", "special"))
        total = 0
        for w, a in zip(beats["w"][row], beats["a"][row], strict=True):
            number = int(weights(w, np.array(dtype), np.array(special)))
            for term in terms(number, dtype):
                value = activation(int(a)) * Fraction(term, 2) * 2**6
                total += int(value)  # towards zero
        assert narrow[row] == total


def test_dtypes_and_specials_differ():
    """One code and activation: every data type and special value gives another result."""
    config, seen = BitmodConfig(lanes=1), []
    for dtype, special in [(0, 0), (1, 0), (2, 0), *((d, s) for d in (3, 4) for s in range(8))]:
        beats = {"w": 0x6C if dtype == 4 else 0x68, "a": 0x3C00, "dtype": dtype, "special": special}
        arrays = {name: np.array([[value]]) for name, value in beats.items()}
        arrays["acc"] = np.zeros((1, 1), np.int64)
        code = config.compute(arrays)["result"]
        seen.append(float(config.result_format.decode(code)[0, 0]))
    integers, fp4, fp3 = seen[:3], seen[3:11], seen[11:]
    assert integers == [104.0, -24.0, -8.0]
    assert fp4 == [2.5, 5, 8, 0, -2.5, -5, -8, 0]
    assert fp3 == [3, 5, 6, 0, -3, -5, -6, 0]


def test_stated_cycles():
    dtype = np.array([[0], [1], [2], [3], [4], [7]])
    assert BitmodConfig().intervals({"dtype": dtype}).tolist() == [4, 3, 2, 2, 2, 2]
    assert DequantizerConfig().interval == 8  # the paper: 8 cycles for an 8-bit scale


def test_dequantizer():
    for config in (DequantizerConfig(), DequantizerConfig(sum=integer(30), scale=INT4)):
        beats = config.random(np.random.default_rng(1), 300)
        got = config.compute(beats)["result"][:, 0]
        for row in range(300):
            total, scale = int(beats["sum"][row, 0]), int(beats["scale"][row, 0])
            total -= (total >> config.sum.bits - 1) << config.sum.bits
            if config.scale.signed:
                scale -= (scale >> config.scale.bits - 1) << config.scale.bits
            assert int(got[row]) == total * scale % (1 << config.result_format.bits)


@pytest.mark.parametrize(
    ("config", "parameters", "message"),
    [
        (BitmodConfig(), {"lanes": 0}, "lanes is 0; allowed: 1 to 64"),
        (BitmodConfig(), {"group": 126}, "group is 126; allowed: a multiple of 4, up to 4096"),
        (BitmodConfig(), {"accumulator": UINT8}, "accumulator is .*; allowed: None or a signed"),
        (BitmodConfig(), {"pipeline": 2}, "pipeline is 2; allowed: 0 to 1"),
        (DequantizerConfig(), {"sum": UINT8}, "sum is .*; allowed: a signed integer"),
        (DequantizerConfig(), {"scale": integer(17)}, "scale is .*; allowed: an integer of 2 to"),
    ],
)
def test_impossible_parameters(config, parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        config.replace(**parameters)


def test_given_terms():
    """A beat of weights is the sum of the beats of its terms, which are those of the paper."""
    rng = np.random.default_rng(7)
    config = BitmodConfig()
    given = config.replace(given=True)
    assert (given.interval, given.latency, given.stages[-1]) == (1, 2, "sum")
    assert given.output == config.output
    beats = config.random(rng, 60)
    acc = beats["acc"]
    kinds = np.minimum(beats["dtype"], 4)
    number = weights(beats["w"], beats["dtype"], beats["special"])
    for step in range(4):
        parts = np.array(
            [
                [[*terms(int(w), int(kind)), 0, 0][step] for w in row]
                for row, kind in zip(number, kinds[:, 0], strict=True)
            ]
        )
        exponent = np.log2(np.maximum(abs(parts), 1)).astype(np.int64)
        fields = {"sign": (parts < 0).astype(int), "man": (parts != 0).astype(int)}
        acc = given.compute(fields | {"exponent": exponent, "a": beats["a"], "acc": acc})["result"]
    np.testing.assert_array_equal(acc, config.compute(beats)["result"])


def test_a_given_term_by_fractions():
    given = BitmodConfig(given=True, lanes=1)
    for beats in (*given.corners(), given.random(np.random.default_rng(3), 200)):
        result = given.compute(beats)["result"]
        fmt = given.result_format
        for k in range(0, len(result), 7):
            sign, man, exponent, a, acc = (int(beats[n][k, 0]) for n in beats)
            if exponent > 8:
                continue
            value = activation(a) * man * (-1) ** sign * Fraction(2) ** (exponent - 1)
            start = Fraction(int(fmt.split(np.array([acc], object))[0][0]), 2**fmt.fraction_bits)
            expected = (start + value) * 2**fmt.fraction_bits
            assert int(result[k, 0]) == int(expected) % (1 << fmt.bits)
