"""The shared arithmetic, exhaustively over small widths."""

import numpy as np
import pytest
from amaranth.hdl import Const

from hw.arith import (
    carry_save,
    leading_zeros,
    prefix_add,
    shift_left,
    shift_right_sticky,
    signed_rows,
)


@pytest.mark.parametrize("width", range(1, 11))
def test_leading_zeros(evaluate, width):
    got = evaluate(lambda m, x: leading_zeros(m, x), [width], [(x,) for x in range(1 << width)])
    assert got[1:] == [width - x.bit_length() for x in range(1, 1 << width)]
    assert got[0] >= width - 1  # no one to count to: at least as far as any one could be


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_shift_right_sticky(evaluate, width):
    rows = [(x, n) for x in range(1 << width) for n in range(32)]
    got = evaluate(lambda m, x, n: shift_right_sticky(m, x, n), [width, 5], rows)
    for (x, n), result in zip(rows, got, strict=True):
        assert result == (x >> n) << 1 | bool(x & (1 << n) - 1), (x, n)


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("least", [0, 1, 2, 7])
@pytest.mark.parametrize(
    ("bits", "amount", "width"), [(3, 3, 7), (3, 3, 5), (4, 5, 36), (2, 6, 30)]
)
def test_shift_left(evaluate, bits, amount, width, least, is_signed):
    """Every number by every amount, counted from ``least``, that leaves it whole."""
    rows = [(x, n) for x in range(1 << bits) for n in range(least, 1 << amount)]

    def build(m, x, n):
        return shift_left(m, x, n, width, is_signed, least=least)

    got = evaluate(build, [bits, amount], rows)
    for (x, n), result in zip(rows, got, strict=True):
        number = x - (1 << bits) if is_signed and x >> bits - 1 else x
        if n - least + bits <= width:
            assert result == (number << n - least) % (1 << width), (x, n)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 33])
@pytest.mark.parametrize("width", [9, 6])
def test_carry_save(evaluate, count, width):
    """Any rows, as many ones as fit, a constant row, modulo the width."""
    rng = np.random.default_rng(count)
    ones = max(1, count)

    def build(m, *inputs):
        rows = [*inputs[:count], Const(-37 % (1 << width), width)]
        total, carry, carry_in = carry_save(m, rows, inputs[count:], width)
        return (total + carry + carry_in)[:width]

    cases = [[*rng.integers(0, 64, count), *rng.integers(0, 2, ones)] for _ in range(300)]
    cases += [[63] * count + [1] * ones, [0] * (count + ones)]
    got = evaluate(build, [6] * count + [1] * ones, cases)
    assert got == [(sum(map(int, case)) - 37) % (1 << width) for case in cases]


TREES = ["brent_kung", "sklansky", "kogge_stone"]


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
def test_prefix_add(evaluate, width, tree):
    """Every pair, with and without a carry, a longer operand cut and a shorter one filled up."""
    rows = [(x, y, c) for x in range(1 << width + 1) for y in range(1 << width) for c in (0, 1)]

    def build(m, x, y, c):
        return prefix_add(m, x, y, c, width, tree=tree)

    got = evaluate(build, [width + 1, width, 1], rows)
    assert got == [(x + y + c) % (1 << width) for x, y, c in rows]


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("width", [13, 58])
def test_prefix_add_of_wide_numbers(evaluate, width, tree):
    rng = np.random.default_rng(width)
    rows = [(*(int(n) >> 62 - width for n in rng.integers(0, 1 << 62, 2)), k % 2)
            for k in range(500)]  # fmt: skip
    rows += [((1 << width) - 1, 0, 1), ((1 << width) - 1, 1, 0)]
    got = evaluate(lambda m, *xyc: prefix_add(m, *xyc, width, tree=tree), [width, width, 1], rows)
    assert got == [(x + y + c) % (1 << width) for x, y, c in rows]


def test_signed_rows(evaluate):
    """Signed rows shorter than the sum, one as wide as it, an unsigned one."""
    rng = np.random.default_rng(0)
    cases = [[*rng.integers(0, 16, 2), *rng.integers(0, 512, 2), rng.integers(0, 8)]
             for _ in range(300)]  # fmt: skip

    def build(m, a, b, c, d, e):
        rows = signed_rows([a.as_signed(), b.as_signed(), c.as_signed(), d[:5].as_signed(), e], 9)
        total, carry, carry_in = carry_save(m, rows, [], 9)
        return (total + carry + carry_in)[:9]

    def number(code, bits):
        return int(code) - ((int(code) >> bits - 1) << bits)

    got = evaluate(build, [4, 4, 9, 9, 3], cases)
    assert got == [
        (number(a, 4) + number(b, 4) + number(c, 9) + number(d % 32, 5) + int(e)) % 512
        for a, b, c, d, e in cases
    ]
