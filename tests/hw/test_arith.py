"""The shared arithmetic, exhaustively over small widths."""

import numpy as np
import pytest
from amaranth.hdl import Const

from hw.arith import carry_save, leading_zeros, shift_right_sticky


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
