"""Booth's rows and the tree of full adders, exhaustively over small widths."""

import numpy as np
import pytest

from golden.dot import DotConfig
from golden.formats import DINT4, INT4, INT8, UINT8
from hw.dot.layouts import products_layout
from hw.multiply import Booth, Columns, magnitude_of_product, multiply


def number(code, bits, signed):
    return code - (1 << bits) if signed and code >> bits - 1 else code


def add_up(m, booth, x, y, width):
    columns = Columns(width)
    for k, (row, one) in enumerate(booth.rows(m, x, y, "p")):
        assert len(row) == booth.width(k)
        columns.add(row, booth.place(k))
        columns.add(one, booth.place(k))
    columns.add_constant(-booth.offset)
    total, carry = columns.reduce(m)
    return (total + carry)[:width]


@pytest.mark.parametrize("signed", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("bits", [(1, 1), (1, 4), (4, 1), (2, 3), (3, 2), (4, 4), (5, 3), (3, 6)])
def test_booth(evaluate, bits, signed):
    booth = Booth(bits, signed)
    width = sum(bits) + 2
    rows = [(x, y) for x in range(1 << bits[0]) for y in range(1 << bits[1])]
    got = evaluate(lambda m, x, y: add_up(m, booth, x, y, width), list(bits), rows)
    for (x, y), result in zip(rows, got, strict=True):
        product = number(x, bits[0], signed[0]) * number(y, bits[1], signed[1])
        assert result == product % (1 << width), (x, y)


@pytest.mark.parametrize("bits", [(1, 1), (1, 3), (3, 2), (4, 4), (3, 5)])
def test_multiply(evaluate, bits):
    rows = [(x, y) for x in range(1 << bits[0]) for y in range(1 << bits[1])]
    assert evaluate(multiply, list(bits), rows) == [x * y for x, y in rows]


@pytest.mark.parametrize("bits", [(1, 1), (4, 3), (5, 4)])
def test_magnitude_of_product(evaluate, bits):
    rows = [(x, y) for x in range(1 << bits[0]) for y in range(1 << bits[1])]
    width = sum(bits)

    def build(m, x, y):
        return magnitude_of_product(m, x.as_signed(), y, x[-1], width)

    got = evaluate(build, list(bits), rows)
    assert got == [abs(number(x, bits[0], True)) * y for x, y in rows]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("halves", [(8, 9), (1, 15), (13, 2)])
def test_booth_with_halves(evaluate, signed, halves):
    """dINT: two codes are a half of either sign, and the product is in halves."""
    booth = Booth((3, 4), (signed, True), halves)
    rows = [(x, y) for x in range(8) for y in range(16)]
    got = evaluate(lambda m, x, y: add_up(m, booth, x, y, 9), [3, 4], rows)
    worth = {halves[0]: 1, halves[1]: -1}
    for (x, y), result in zip(rows, got, strict=True):
        product = number(x, 3, signed) * worth.get(y, 2 * number(y, 4, True))
        assert result == product % (1 << 9), (x, y)
    assert booth.digits == 2


def test_the_operand_with_fewer_digits_has_them():
    assert Booth((8, 4), (False, True)).row_bits == 10
    for a, w, digits in ((INT8, INT4, 2), (INT4, UINT8, 2), (DINT4, INT8, 2), (INT8, INT8, 4)):
        config = DotConfig(a=a, w=w, lanes=1)
        assert products_layout(config).members["ones"].width == digits


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("width", [6, 9])
def test_columns(evaluate, width, shared):
    """Rows at places, some of them beyond the width, of different arrival, and constants."""
    rng = np.random.default_rng(width)
    places, times = rng.integers(0, 7, 12), rng.integers(0, 9, 12)

    def build(m, *inputs):
        columns = Columns(width, shared)
        for value, place, time in zip(inputs, places, times, strict=True):
            columns.add(value, int(place), int(time))
        columns.add_constant(-77)
        columns.add_constant(9)
        total, carry = columns.reduce(m)
        return (total + carry)[:width]

    cases = [[int(n) for n in rng.integers(0, 16, 12)] for _ in range(300)] + [[15] * 12, [0] * 12]
    got = evaluate(build, [4] * 12, cases)
    sums = [sum(v << int(p) for v, p in zip(case, places, strict=True)) - 68 for case in cases]
    assert got == [total % (1 << width) for total in sums]


def test_columns_of_nothing(evaluate):
    def build(m, x):
        columns = Columns(4)
        columns.add(x)
        return Columns(4).reduce(m)[0] + columns.reduce(m, "other")[0]

    assert evaluate(build, [2], [(3,)]) == [3]
