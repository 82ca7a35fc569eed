"""Posit MACs against SoftPosit's quires and against fractions."""

import ctypes
from bisect import bisect_left
from fractions import Fraction

import numpy as np
import pytest

from golden.errors import BadInput
from golden.formats import E2M1
from golden.posit import P4_1, P8_0, P8_2, P16_1
from golden.posit_mac import PositMacConfig
from golden.quire import product_bits
from golden.unit import concatenate

UNITS = {
    "posit(8,0), 26": PositMacConfig(quire_bits=26, rounded=True),
    "posit(8,0), 32": PositMacConfig(rounded=True),
    "posit(4,1)": PositMacConfig(posit=P4_1, quire_bits=18, rounded=True),
    "posit(8,2)": PositMacConfig(posit=P8_2, quire_bits=128, rounded=True),
    "posit(16,1)": PositMacConfig(posit=P16_1, quire_bits=128, rounded=True),
}
named = pytest.mark.parametrize("name", UNITS)


def nearest(fmt, number):
    """The posit on the number's side of every limit."""
    limits = fmt.limits.tolist()
    below = bisect_left(limits, abs(number))  # Fractions and floats compare exactly
    tie = below < len(limits) and limits[below] == abs(number)
    code = below + 1 + (tie and below % 2 == 0) if number else 0
    return -code % (1 << fmt.width) if number < 0 else code


@named
def test_against_fractions(name):
    unit = UNITS[name]
    wide = unit.posit.bits > 8
    beats = unit.random(np.random.default_rng(0), 40 if wide else 800)
    if not wide:
        corners = concatenate(*unit.corners())
        rows = np.random.default_rng(1).permutation(len(corners["a"]))[:800]
        beats = concatenate(beats, {field: codes[rows] for field, codes in corners.items()})
    outputs, half = unit.compute(beats), 1 << unit.quire_bits - 1
    for row in range(len(beats["a"])):
        a, w, acc = (int(beats[field][row, 0]) for field in ("a", "w", "acc"))
        got = [int(outputs[field][row, 0]) for field in ("quire", "result")]
        nar = unit.posit.nar_code
        total = half
        if nar not in (a, w) and acc != half:
            product = Fraction(float(unit.posit.decode(a))) * Fraction(float(unit.posit.decode(w)))
            total = (acc + product * 2**unit.quire.fraction_bits) % (2 * half)
        if total == half:
            assert got == [half, nar]
        else:
            unit_value = Fraction(float(unit.posit.decode(1))) ** 2
            number = (total - 2 * half if total > half else total) * unit_value
            assert got == [total, nearest(unit.posit, number)]


def running_sums(unit, pairs):
    """Quires and rounded results after each product."""
    acc = np.zeros((1, 1), object)
    for a, w in pairs:
        done = unit.compute({"a": np.array([[a]]), "w": np.array([[w]]), "acc": acc})
        acc = done["quire"]
        yield int(acc[0, 0]), int(done["result"][0, 0])


def test_running_sums_are_those_of_quire8(soft):
    rng = np.random.default_rng(3)
    unit = UNITS["posit(8,0), 32"]
    for _ in range(40):
        pairs = rng.integers(0, 256, (30, 2)).tolist()
        pairs = [(a, w) for a, w in pairs if 128 not in (a, w)]
        other = soft.quire8()
        for (a, w), (quire, result) in zip(pairs, running_sums(unit, pairs), strict=True):
            other.qma(soft.posit8(bits=a), soft.posit8(bits=w))
            assert other.v.v % (1 << 32) == quire
            assert other.toPosit().v.v % 256 == result


def test_running_sums_are_those_of_quire16(soft):
    rng = np.random.default_rng(4)
    unit = UNITS["posit(16,1)"]
    for _ in range(20):
        pairs = rng.integers(0, 1 << 16, (20, 2)).tolist()
        other = soft.quire16()
        for (a, w), (quire, result) in zip(pairs, running_sums(unit, pairs), strict=True):
            other.qma(soft.posit16(bits=a), soft.posit16(bits=w))
            words = ctypes.cast(int(other.v.v), ctypes.POINTER(ctypes.c_uint64))
            assert words[0] << 64 | words[1] == quire
            assert other.toPosit().v.v % (1 << 16) == result


def test_nar_is_softposits(soft):
    other = soft.quire8()
    other.qma(soft.posit8(bits=128), soft.posit8(bits=5))
    assert other.isNaR() and other.v.v % (1 << 32) == 1 << 31
    assert list(running_sums(UNITS["posit(8,0), 32"], [(128, 5), (1, 1)])) == [(1 << 31, 128)] * 2


def test_the_quire_needs_every_bit():
    for fmt, bits in ((P8_0, 26), (P4_1, 18), (P16_1, 114), (E2M1, 9)):
        assert product_bits(fmt) == bits
        top = max(fmt.integer_range)
        assert 1 << bits - 2 <= top * top < 1 << bits - 1
    # Where a narrow quire wraps, a wide one does not.
    beats = {"a": np.array([[127]]), "w": np.array([[127]]), "acc": np.array([[3 << 23]])}
    narrow, wide = (PositMacConfig(quire_bits=n).compute(beats)["quire"] for n in (26, 32))
    assert narrow[0, 0] == wide[0, 0] == 5 << 23
    assert UNITS["posit(8,0), 26"].quire.decode(narrow)[0, 0] < 0
    assert UNITS["posit(8,0), 32"].quire.decode(wide)[0, 0] > 0


def test_tensor_accumulates():
    unit = PositMacConfig()
    beats = unit.tensors(np.random.default_rng(0).standard_normal(200), np.random.default_rng(1))
    sums = unit.compute(beats)["quire"]
    np.testing.assert_array_equal(beats["acc"][1:], sums[:-1])
    with pytest.raises(BadInput, match="^tensor has 1 numbers; allowed: 2 or more"):
        unit.tensors(np.ones(1), np.random.default_rng(1))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"posit": E2M1}, "posit is .*; allowed: a posit format"),
        ({"quire_bits": 25}, r"quire_bits is 25; allowed: 26 to 1024 for posit\(8,0\)"),
        ({"posit": P16_1}, r"quire_bits is 32; allowed: 114 to 1024 for posit\(16,1\)"),
        ({"rounded": 1}, "rounded is 1; allowed: False, True"),
        ({"pipeline": 2}, "pipeline is 2; allowed: 0 to 1"),
        ({"rounded": True, "pipeline": 4}, "pipeline is 4; allowed: 0 to 3"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        PositMacConfig(**parameters)
