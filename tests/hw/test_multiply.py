"""Booth's rows and the tree of full adders, exhaustively over small widths."""

import numpy as np
import pytest

from hw.multiply import Booth, Columns, magnitude_of_product, multiply


def number(code, bits, signed):
    return code - (1 << bits) if signed and code >> bits - 1 else code


def add_up(m, booth, x, y, width):
    columns = Columns(width)
    for k, (row, one) in enumerate(booth.rows(m, x, y, "p")):
        columns.add(row, 2 * k)
        columns.add(one, 2 * k)
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


def test_the_operand_with_fewer_digits_has_them():
    assert Booth.of((8, 4), (True, True)) == (Booth((8, 4), (True, True)), False)
    booth, swapped = Booth.of((4, 8), (True, False))
    assert swapped and booth == Booth((8, 4), (False, True))
    assert booth.digits == 2 and booth.row_bits == 10


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
