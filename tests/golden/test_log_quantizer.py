"""Logarithmic quantizers against decimal logarithms."""

from decimal import ROUND_CEILING, Decimal, localcontext

import numpy as np
import pytest

from golden.errors import BadInput
from golden.log_quantizer import LogQuantizerConfig


def reference(cfg, value: int) -> int:
    """-log(value), to nearest, ties up, by decimal arithmetic of 60 digits."""
    top = (1 << cfg.bits) - 1
    if value == 0:
        return top
    q, r = cfg.base
    with localcontext() as context:
        context.prec = 60
        ratio = Decimal(value) / (1 << cfg.input_bits)
        log = -ratio.ln() / Decimal(2).ln() * r / q
        # A tie is a number like 1.5: with 60 digits it may be off by 1e-58.
        near = (log * 2).to_integral_value()
        if abs(log * 2 - near) < Decimal(10) ** -50:
            log = near / 2
        nearest = (log - Decimal("0.5")).to_integral_value(ROUND_CEILING)
        nearest += nearest + Decimal("0.5") == log
    return min(int(nearest), top)


@pytest.mark.parametrize("base", [(1, 1), (1, 2), (3, 2), (7, 11), (13, 37), (64, 1)])
@pytest.mark.parametrize(("bits", "input_bits"), [(4, 12), (3, 8), (6, 9)])
def test_every_value(base, bits, input_bits):
    cfg = LogQuantizerConfig(bits=bits, input_bits=input_bits, base=base, lanes=1)
    values = np.arange(1 << input_bits)[:, None]
    got = cfg.compute({"values": values})["codes"][:, 0].tolist()
    assert got == [reference(cfg, value) for value in range(1 << input_bits)]


def test_base_two_is_the_place_of_the_leading_bit():
    """Half way in the exponent is 1/sqrt(2): 181/256 lies below, 182/256 above."""
    cfg = LogQuantizerConfig(input_bits=8, lanes=5)
    codes = cfg.compute({"values": np.array([[255, 182, 181, 128, 1]])})["codes"]
    assert codes.tolist() == [[0, 0, 1, 1, 8]]


def test_a_tie_is_rounded_up():
    """Base 4: -log of 1/2 is 1/2."""
    cfg = LogQuantizerConfig(input_bits=8, base=(2, 1), lanes=2)
    assert cfg.compute({"values": np.array([[128, 129]])})["codes"].tolist() == [[1, 0]]


def test_tables_and_bases():
    values = {"values": np.arange(1 << 12).reshape(-1, 16)}
    fixed = {
        base: LogQuantizerConfig(input_bits=12, base=base).compute(values)["codes"]
        for base in ((1, 1), (1, 2), (5, 7))
    }
    assert len({codes.tobytes() for codes in fixed.values()}) == 3
    for base, codes in fixed.items():
        cfg = LogQuantizerConfig(input_bits=12, table=True)
        table = LogQuantizerConfig(input_bits=12, base=base).boundaries
        beats = values | {"boundaries": np.tile(table, (256, 1))}
        np.testing.assert_array_equal(cfg.compute(beats)["codes"], codes)


@pytest.mark.parametrize("table", [False, True])
def test_no_random_beats_are_beats_too(table):
    cfg = LogQuantizerConfig(table=table)
    assert cfg.input.check(cfg.random(np.random.default_rng(0), 0))["values"].shape == (0, 16)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bits": 7}, "bits is 7; allowed: 2 to 6"),
        ({"input_bits": 3}, "input_bits is 3; allowed: 4 to 16"),
        ({"base": (0, 1)}, r"base is \(0, 1\); allowed: \(q, r\), each 1 to 64"),
        ({"lanes": 0}, "lanes is 0; allowed: 1 to 1024"),
        ({"pipeline": 1}, "pipeline is 1; allowed: 0 to 0"),
    ],
)
def test_impossible_parameters(changes, message):
    with pytest.raises(BadInput, match="^" + message):
        LogQuantizerConfig().replace(**changes)
