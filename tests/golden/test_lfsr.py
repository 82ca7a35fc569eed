"""The shift register: its polynomial, and its sequence one bit at a time."""

import pytest

from golden.lfsr import DEGREE, SEED, TAP, sequence


def test_the_polynomial_is_irreducible():
    """x**(2**127) = x modulo the polynomial, and the degree is a prime: no smaller factor."""
    polynomial = 1 << DEGREE | 1 << TAP | 1

    def square(x):
        wide = int(f"{x:b}".replace("", "0")[1:-1], 2)  # a square has zeros between the bits
        while wide.bit_length() > DEGREE:
            wide ^= polynomial << wide.bit_length() - 1 - DEGREE
        return wide

    assert [square(0b11), square(0b101)] == [0b101, 0b10001]
    power = 2
    for _ in range(DEGREE):
        power = square(power)
    assert power == 2


@pytest.mark.parametrize("seed", [SEED, 1, (1 << DEGREE) - 1])
def test_sequence(seed):
    bits = [seed >> k & 1 for k in range(DEGREE)]
    while len(bits) < 1000:
        bits.append(bits[-DEGREE] ^ bits[-DEGREE + TAP])
    assert sequence(seed, 1000).tolist() == bits
    assert sequence(seed, 5).tolist() == bits[:5]


def test_bits_are_balanced():
    bits = sequence(SEED, 1 << 16)
    assert abs(bits.mean() - 0.5) < 0.01
