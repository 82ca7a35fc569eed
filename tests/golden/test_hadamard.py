"""Hadamard transforms against sums of fractions, and what their parameters change."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from golden.encoder import EncoderConfig
from golden.errors import BadInput
from golden.formats import BF16, E4M3, FP16, FP32
from golden.hadamard import HadamardConfig, matrix
from golden.mx import BLOCKS
from golden.unit import concatenate


def reference(cfg, row):
    """The transform of one group, by the words of the contract: exact numbers, or None."""
    values = cfg.number_format.decode(np.array(row))
    if not np.isfinite(values).all():
        return None
    exact = [Fraction(float(v)) for v in values]
    peak = max(map(abs, exact))
    if peak == 0:
        return exact
    unit = Fraction(2) ** cfg.number_format.min_exponent
    while unit * 2 <= peak:
        unit *= 2
    unit /= 2 ** (cfg.width - 1)
    kept = [(x > 0 or -1) * (abs(x) // unit) * unit for x in exact]
    sums = []
    for i in range(cfg.size):
        signs = [(-1) ** bin(i & j).count("1") for j in range(cfg.size)]
        sums.append(sum(s * x for s, x in zip(signs, kept, strict=True)) / 2**cfg.divided)
    return sums


@pytest.mark.parametrize(
    "cfg",
    [
        HadamardConfig(), HadamardConfig(size=32), HadamardConfig(size=32, shift=0, width=8),
        HadamardConfig(groups=2, width=24), HadamardConfig(number_format=FP32, width=32, shift=4),
        HadamardConfig(number_format=FP16),
    ],
)  # fmt: skip
def test_like_fractions(cfg):
    rng = np.random.default_rng(0)
    corners = concatenate(*cfg.corners())["values"]
    rows = np.concatenate([rng.permutation(corners)[:80], cfg.random(rng, 60)["values"]])
    got = cfg.compute({"values": rows})["values"].reshape(-1, cfg.size)
    dtype = {"BF16": ml_dtypes.bfloat16, "FP16": np.float16, "FP32": np.float32}
    for row, result in zip(rows.reshape(-1, cfg.size).tolist(), got, strict=True):
        expected = reference(cfg, row)
        if expected is None:
            assert (result == cfg.number_format.nan_code).all()
            continue
        # Every sum has fewer than 53 bits, so float64 holds it.
        numbers = np.array([float(x) for x in expected])
        assert [Fraction(x) for x in numbers] == expected
        with np.errstate(over="ignore"):
            numbers = numbers.astype(dtype[cfg.number_format.name]).astype(np.float64)
        np.testing.assert_array_equal(cfg.number_format.decode(result), numbers)


def test_twice_is_the_numbers_again():
    """H H = n: 16 numbers of one size survive, times 16 / 4**2 = 1."""
    cfg = HadamardConfig(number_format=FP32, width=24)
    codes = FP32.encode(np.random.default_rng(0).integers(-500, 500, (50, 16)).astype(float))
    once = cfg.compute({"values": codes})
    np.testing.assert_array_equal(FP32.decode(cfg.compute(once)["values"]), FP32.decode(codes))
    assert (matrix(32) @ matrix(32) == 32 * np.eye(32)).all()


def test_every_parameter_changes_the_result():
    rng = np.random.default_rng(0)
    values = {"values": BF16.encode(rng.standard_normal((20, 32)) ** 3)}
    units = [
        HadamardConfig(size=size, groups=32 // size, width=width, shift=shift)
        for size in (16, 32) for width in (8, 12) for shift in (0, 1)
    ]  # fmt: skip
    assert len({unit.compute(values)["values"].tobytes() for unit in units}) == len(units)


def test_an_outlier_is_spread():
    """What the transform is for: beside an outlier, the noise of integers falls to a third."""
    values = np.random.default_rng(0).standard_normal((400, 16))
    values[:, 3] *= 30
    codes = {"values": BF16.encode(values)}
    meant, noise = BF16.decode(codes["values"]), {}
    for size in (0, 16):
        cfg = EncoderConfig(format=BLOCKS["nvint4"], hadamard=size)
        out = cfg.compute(codes)
        back = cfg.format.dequantize(out["scale"][:, 0], out["elements"])
        back = back @ matrix(16) / 4 if size else back
        noise[size] = float(((back - meant) ** 2).sum())
    assert noise[16] < noise[0] / 3


def test_in_front_of_an_encoder():
    cfg = EncoderConfig(format=BLOCKS["mxfp4"], hadamard=16)
    plain = EncoderConfig(format=BLOCKS["mxfp4"])
    beats = cfg.random(np.random.default_rng(0), 50)
    out, first = cfg.compute(beats), cfg.transform.compute(beats)
    for name, codes in plain.compute(first).items():
        np.testing.assert_array_equal(out[name], codes)
    other = EncoderConfig(format=BLOCKS["mxfp4"], hadamard=32).compute(beats)
    assert (other["elements"] != out["elements"]).any()
    assert (plain.compute(beats)["elements"] != out["elements"]).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HadamardConfig(size=8), "size is 8; allowed: 16, 32"),
        (lambda: HadamardConfig(width=7), r"width is 7; allowed: 8 \(a significand"),
        (lambda: HadamardConfig(shift=5), "shift is 5; allowed: None, 0 to 4"),
        (lambda: HadamardConfig(groups=0), "groups is 0; allowed: 1 to 64"),
        (lambda: HadamardConfig(number_format=E4M3), "format is .*; allowed: a signed floating"),
        (
            lambda: EncoderConfig(format=BLOCKS["nvfp4"], hadamard=32),
            "hadamard is 32; allowed: 0, 16 in such blocks",
        ),
        (
            lambda: EncoderConfig(format=BLOCKS["nvfp4"], hadamard=16, hadamard_width=3),
            r"width is 3; allowed: 8 \(a significand",
        ),
    ],
)
def test_impossible_parameters(make, message):
    with pytest.raises(BadInput, match="^" + message):
        make()
