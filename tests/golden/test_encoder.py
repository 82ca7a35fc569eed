"""MX encoders against a second model on fractions, against gfloat, and each mode against others."""

from fractions import Fraction
from itertools import combinations

import gfloat
import gfloat.formats
import ml_dtypes
import numpy as np
import pytest

from golden.block import max_number
from golden.encoder import POWERS, EncoderConfig
from golden.errors import BadInput
from golden.formats import BF16, E8M0, FP16, FP32, Int
from golden.lfsr import sequence
from golden.mx import BLOCKS
from golden.unit import concatenate

MX = {name: fmt for name, fmt in BLOCKS.items() if fmt.scale == E8M0}
# Largest power of two and largest number of the formats: OCP MX v1.0, tables 1 to 5.
OCP = {
    "mxint8": (0, Fraction(127, 64)), "mxfp8_e4m3": (8, 448), "mxfp8_e5m2": (15, 57344),
    "mxfp6_e3m2": (4, 28), "mxfp6_e2m3": (2, Fraction(15, 2)), "mxfp4": (2, 6),
    "mxint4": (0, Fraction(7, 4)),
}  # fmt: skip


def config(name="mxfp4", **changes):
    block = {k: changes.pop(k) for k in list(changes) if hasattr(BLOCKS[name], k)}
    return EncoderConfig(format=BLOCKS[name].replace(**block), **changes)


def own(element):
    """The same of a format that somebody added."""
    largest = Fraction(max_number(element))
    return binade(largest), largest


def binade(x: Fraction) -> int:
    """floor(log2 x)."""
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e if Fraction(2) ** e <= x else e - 1


def reference(cfg, name, row, lost=None):
    """One block in rational numbers, by the words of the contract: (scale, elements).

    ``lost`` are the random numbers of stochastic rounding.
    """
    fmt, bits = cfg.format.element, cfg.input_format.mantissa_bits
    numbers, signs = [], []
    for code in row:
        code, sign = code & ~(1 << bits + 8), code >> bits + 8
        field, mantissa = code >> bits, code & (1 << bits) - 1
        if field == 255:
            return 255, [0] * len(row)
        leading = (1 << bits) if field else 0
        x = Fraction(mantissa + leading) * Fraction(2) ** (max(field, 1) - 127 - bits)
        numbers.append(Fraction(0) if cfg.subnormals == "flush" and field == 0 else x)
        signs.append(sign)
    peak, (emax, largest) = max(numbers), OCP.get(name) or own(fmt)
    digits = {"mxint8": 7, "mxint4": 3}.get(name) or fmt.mantissa_bits + 1
    if peak == 0:
        exponent = 0 if cfg.zero_scale == "one" else -127
    else:
        exponent = binade(peak)
        if cfg.format.policy == "ceil":
            exponent += Fraction(2) ** exponent < peak
        elif cfg.format.policy == "even":
            quantum = Fraction(2) ** (exponent - digits + 1)
            exponent = binade(quantum * int(peak / quantum + Fraction(1, 2)))
        exponent -= emax
        if cfg.format.policy == "up":
            while largest * Fraction(2) ** exponent < peak:
                exponent += 1
        exponent = min(max(exponent, -127), 127)
    # Every nonnegative number of the format, from its own decoder: proven elsewhere.
    codes = fmt.all_codes()
    values = fmt.decode(codes)
    grid = sorted((Fraction(v), int(c)) for v, c in zip(values, codes, strict=True)
                  if np.isfinite(v) and not fmt.is_negative(c))  # fmt: skip
    elements = []
    for lane, (number, sign) in enumerate(zip(numbers, signs, strict=True)):
        x = number / Fraction(2) ** exponent
        below = max(g for g in grid if g[0] <= x)
        later = [g for g in grid if g[0] > x]
        # Beyond the largest, the next number would be a quantum up: round to it, then saturate.
        quantum = grid[-1][0] - grid[-2][0]
        above = min(later) if later else (below[0] + quantum, None)
        part = (x - below[0]) / (above[0] - below[0])
        if lost is not None:
            kept = int(part * (1 << cfg.random_bits))
            up = kept + lost[lane] >= 1 << cfg.random_bits
        elif cfg.format.rounding == "away":
            up = part >= Fraction(1, 2)
        else:
            up = part > Fraction(1, 2) or (part == Fraction(1, 2) and below[1] & 1)
        value, code = above if up else below
        if isinstance(fmt, Int):
            step = Fraction(1, 1 << fmt.fraction_bits)
            lowest = value == grid[-1][0] + step if code is None else False
            beyond = x >= grid[-1][0] + step
            if sign and (lowest or beyond) and cfg.format.full_range:
                elements.append(1 << fmt.bits - 1)
                continue
            code = grid[-1][1] if code is None else code
            elements.append(-code % (1 << fmt.bits) if sign else code)
        else:
            code = grid[-1][1] if code is None else code
            elements.append(code | sign << fmt.bits - 1)
    return exponent + 127, elements


VARIANTS = [
    {"policy": policy, "rounding": rounding, "full_range": full}
    for policy, rounding, full in [
        ("floor", "even", True), ("floor", "away", False), ("ceil", "even", True),
        ("even", "even", False), ("even", "away", True), ("up", "even", True),
    ]
]  # fmt: skip
VARIANTS += [{"input_format": FP32}, {"input_format": FP32, "policy": "ceil"}]
VARIANTS += [{"subnormals": "flush"}, {"zero_scale": "least", "policy": "even"}]
VARIANTS += [{"stochastic": True, "random_bits": n} for n in (1, 8)]


@pytest.mark.parametrize("name", MX)
@pytest.mark.parametrize("variant", range(len(VARIANTS)))
def test_like_fractions(name, variant):
    cfg = config(name, block=4, **VARIANTS[variant])
    rng = np.random.default_rng(variant)
    corners = concatenate(*cfg.corners())["values"]
    rows = np.concatenate([rng.permutation(corners)[:40], cfg.random(rng, 40)["values"]])
    got = cfg.compute({"values": rows})
    bits = sequence(cfg.seed, rows.size * cfg.random_bits).reshape(*rows.shape, -1)
    random = bits @ (1 << np.arange(cfg.random_bits))
    for row, lost, scale, elements in zip(
        rows.tolist(), random.tolist(), got["scale"][:, 0], got["elements"], strict=True
    ):
        expected = reference(cfg, name, row, lost if cfg.stochastic else None)
        assert (scale, elements.tolist()) == expected, [hex(code) for code in row]


@pytest.mark.parametrize("peak", [1.0, 1.9921875, 2.0**-125, 2.0**-130])
@pytest.mark.parametrize("name", [n for n in MX if n in OCP])
def test_every_bf16_value_beside_a_peak(name, peak):
    """The floor policy (MXINT4: up) against ml_dtypes, with every BF16 value in some lane."""
    cfg = config(name)
    codes = np.arange(1 << 16)
    codes = codes[~BF16.is_nan(codes) & ~BF16.is_inf(codes)]
    rows = np.zeros((len(codes), 32), np.int64)
    lane = np.arange(len(codes)) % 32
    rows[:, :] = BF16.encode(0.0)
    rows[np.arange(len(codes)), lane] = codes
    rows[np.arange(len(codes)), (lane + 7) % 32] = BF16.encode(peak)
    got = cfg.compute({"values": rows})
    value = codes.astype(np.uint16).view(ml_dtypes.bfloat16).astype(np.float64)
    largest = np.maximum(np.abs(value), peak)
    fraction, exponent = np.frexp(largest)
    exponent = exponent - 1 - OCP[name][0] + (name == "mxint4") * (2 * fraction > 1.75)
    exponent = np.clip(exponent, -127, 127)
    np.testing.assert_array_equal(got["scale"][:, 0], exponent + 127)
    scaled = np.ldexp(value, -exponent)
    elements = got["elements"][np.arange(len(codes)), lane]
    if name == "mxint8":
        expected = np.clip(np.rint(scaled * 64), -128, 127).astype(np.int64) & 255
    elif name == "mxint4":
        expected = np.clip(np.rint(scaled * 4), -7, 7).astype(np.int64) & 15
    else:
        dtype = {
            "mxfp8_e4m3": ml_dtypes.float8_e4m3fn, "mxfp8_e5m2": ml_dtypes.float8_e5m2,
            "mxfp6_e3m2": ml_dtypes.float6_e3m2fn, "mxfp6_e2m3": ml_dtypes.float6_e2m3fn,
            "mxfp4": ml_dtypes.float4_e2m1fn,
        }[name]  # fmt: skip
        top = float(OCP[name][1])
        expected = np.clip(scaled, -top, top).astype(dtype).view(np.uint8)
    np.testing.assert_array_equal(elements, expected)
    others = np.delete(got["elements"][5], [lane[5], (lane[5] + 7) % 32])
    assert not others.any()


@pytest.mark.parametrize("name", [n for n in OCP if n != "mxint4"])
def test_blocks_like_gfloat(name):
    theirs = {
        "mxint8": gfloat.formats.format_info_mxint8,
        "mxfp8_e4m3": gfloat.formats.format_info_mxfp8_e4m3,
        "mxfp8_e5m2": gfloat.formats.format_info_mxfp8_e5m2,
        "mxfp6_e3m2": gfloat.formats.format_info_mxfp6_e3m2,
        "mxfp6_e2m3": gfloat.formats.format_info_mxfp6_e2m3,
        "mxfp4": gfloat.formats.format_info_mxfp4_e2m1,
    }[name]
    cfg = config(name, input_format=FP32)
    rng = np.random.default_rng(3)
    values = rng.standard_normal((40, 32)) * 2.0 ** rng.integers(-40, 40, (40, 1))
    values = values.astype(np.float32)
    got = cfg.compute({"values": values.view(np.uint32).astype(np.int64)})
    for row, scale, elements in zip(values, got["scale"][:, 0], got["elements"], strict=True):
        exact = float(np.exp2(float(scale) - 127))
        block = list(gfloat.encode_block(theirs, exact, (float(x) / exact for x in row)))
        assert block == [scale, *elements.tolist()]


def test_every_policy_and_rounding_differs():
    """On one set of blocks no two configurations agree."""
    rng = np.random.default_rng(0)
    beats = concatenate(*config().corners(), config().random(rng, 200))
    beats = {"values": np.concatenate([beats["values"][::5], beats["values"][-200:]])}
    for name in MX:
        seen = {}
        for policy in POWERS:
            for kind in ("even", "away", "stochastic"):
                stochastic = kind == "stochastic"
                cfg = config(name, policy=policy, rounding="even" if stochastic else kind,
                             stochastic=stochastic)  # fmt: skip
                out = cfg.compute(beats)
                seen[policy, kind] = (out["scale"].tobytes(), out["elements"].tobytes())
        for one, other in combinations(seen, 2):
            # One mantissa bit less than two powers of two apart: largest 1.75 is where E4M3 and
            # E5M2 part; INT8's even and up part only at exact fractions of FP32.
            assert seen[one] != seen[other] or (name == "mxint8" and {one[0], other[0]} == {
                "even", "up"} and one[1] == other[1]), (name, one, other)  # fmt: skip


def test_policies_by_example():
    """Peaks 4, 5, 6, 6.5, 7 of E2M1 (largest 6, largest power of two 4)."""
    peaks = BF16.encode(np.array([[4.0], [5], [6], [6.5], [7]])) * np.ones((1, 1), np.int64)
    scales = {
        policy: (config(policy=policy, block=1).compute({"values": peaks})["scale"] - 127)
        .ravel()
        .tolist()
        for policy in POWERS
    }
    assert scales == {
        "floor": [0, 0, 0, 0, 0],
        "ceil": [0, 1, 1, 1, 1],
        "even": [0, 0, 0, 0, 1],
        "up": [0, 0, 0, 1, 1],
    }


def test_the_lowest_integer():
    row = BF16.encode(np.array([[-1.9921875, 1.9921875, -1.0, 0.5]]))
    full, symmetric = (
        config("mxint8", block=4, full_range=f).compute({"values": row})["elements"][0].tolist()
        for f in (True, False)
    )
    assert full == [0x80, 0x7F, 0xC0, 0x20]
    assert symmetric == [0x81, 0x7F, 0xC0, 0x20]


def test_subnormals_zeros_and_what_is_no_number():
    row = np.array([[0x0001, 0x8040, 0x0000, 0x8000]])
    keep, flush = (config("mxint8", block=4, subnormals=s) for s in ("keep", "flush"))
    assert keep.compute({"values": row})["elements"].tolist() == [[1, 0xC0, 0, 0]]
    assert keep.compute({"values": row})["scale"] == 0
    assert flush.compute({"values": row})["elements"].tolist() == [[0, 0, 0, 0]]
    assert flush.compute({"values": row})["scale"] == 127
    zeros = np.array([[0, 0x8000]])
    for name, scale in (("one", 127), ("least", 0)):
        out = config(block=2, zero_scale=name).compute({"values": zeros})
        assert out["scale"] == scale and out["elements"].tolist() == [[0, 8]]
    for code in (0x7F80, 0xFF80, 0x7FC0, 0x7F81):
        out = config(block=2).compute({"values": np.array([[0xBF80, code]])})
        assert out["scale"] == 255 and out["elements"].tolist() == [[0, 0]]


def test_stochastic_rounding_is_fair():
    """A value a quarter above 1, of 1 and 1.5: up half of the time; the mean is the value."""
    cfg = config(block=32, stochastic=True)
    values = np.full((2000, 32), 1.25)
    values[:, 0] = 4
    out = cfg.compute({"values": BF16.encode(values)})
    decoded = cfg.format.dequantize(out["scale"][:, 0], out["elements"])[:, 1:]
    assert set(np.unique(decoded)) == {1.0, 1.5}
    assert abs(decoded.mean() - 1.25) < 0.005
    other = cfg.replace(seed=1 << 100).compute({"values": BF16.encode(values)})
    assert (other["elements"] != out["elements"]).any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"format": BLOCKS["mxint8"].replace(policy="nearest")}, "policy is 'nearest'; allowed: f"),
        ({"input_format": FP16}, "input_format is .*; allowed: a signed format with IEEE"),
        ({"zero_scale": "two"}, "zero_scale is 'two'; allowed: one, least"),
        ({"subnormals": "no"}, "subnormals is 'no'; allowed: keep, flush"),
        ({"random_bits": 0}, "random_bits is 0; allowed: 1 to 24"),
        ({"seed": 0}, "seed is 0; allowed: 1 to 2"),
        ({"pipeline": 4}, "pipeline is 4; allowed: 0 to 3"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        config().replace(**parameters)
