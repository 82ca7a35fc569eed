"""Encoders whose scales have a fraction, or that have one a sign: against a second model on
fractions, against ml_dtypes with every BF16 value, and every mode against every other."""

from fractions import Fraction
from functools import cache
from itertools import combinations, product

import gfloat
import ml_dtypes
import numpy as np
import pytest

from golden.encoder import EncoderConfig
from golden.errors import BadInput
from golden.formats import BF16, E2M1, E4M3, E5M2, E8M0, FP32, INT4, UE5M3, Int, minifloat
from golden.lfsr import sequence
from golden.mx import AMXFP4, BLOCKS, NVFP4, NVINT4
from golden.unit import concatenate

FRACTIONS = {name: fmt for name, fmt in BLOCKS.items() if fmt.scale != E8M0}


def config(fmt, **changes):
    block = {k: changes.pop(k) for k in list(changes) if hasattr(fmt, k)}
    return EncoderConfig(format=fmt.replace(**block), **changes)


def number(code: int, exponent_bits: int, mantissa_bits: int, bias: int, least: int = 1):
    """The magnitude of a floating-point code by its fields."""
    code &= (1 << exponent_bits + mantissa_bits) - 1
    field, mantissa = code >> mantissa_bits, code & (1 << mantissa_bits) - 1
    if field >= least:
        mantissa |= 1 << mantissa_bits
    return Fraction(mantissa) * Fraction(2) ** (max(field, least) - bias - mantissa_bits)


@cache
def scales(name: str) -> list[Fraction]:
    """The finite scales by their codes: written down from the formats' definitions."""
    count, fields = {
        "E4M3": (127, (4, 3, 7)), "UE5M3": (255, (5, 3, 15)),
        "E5M2": (124, (5, 2, 15)), "E8M0": (255, (8, 0, 127, 0)),
    }[name]  # fmt: skip
    return [number(code, *fields) for code in range(count)]


E2M1_GRID = [Fraction(k, 2) for k in (0, 1, 2, 3, 4, 6, 8, 12)]
INT4_GRID = [Fraction(k) for k in range(8)]


def nearest(grid, value, away, upper_tie=False):
    """Index into a rising grid; ties to the even one, away from zero, or to the upper."""
    if value >= grid[-1] or value <= grid[0]:
        return len(grid) - 1 if value > grid[0] else 0
    k = max(i for i, g in enumerate(grid) if g <= value)
    twice = 2 * value - grid[k] - grid[k + 1]
    return k + (twice > 0 or (twice == 0 and (away or upper_tie or k % 2 == 1)))


def power_of_two(policy, steps, peak, integers):
    """The code of the power of two that a policy chooses, kept within those that there are."""
    powers = {
        s: code
        for code, s in enumerate(steps)
        if s and bin(s.numerator * s.denominator).count("1") == 1
    }
    digits = 3 if integers else 2  # of the largest elements, 7 and 6, both beyond 4
    exponent = 0
    while Fraction(2) ** (exponent + 1) <= peak:
        exponent += 1
    while Fraction(2) ** exponent > peak:
        exponent -= 1
    place = Fraction(2) ** (exponent - digits + 1)
    if policy == "ceil":
        exponent += Fraction(2) ** exponent < peak
    elif policy == "even":
        exponent += int(peak / place + Fraction(1, 2)) == 1 << digits
    wanted = Fraction(2) ** (exponent - 2)
    return powers[min(max(wanted, min(powers)), max(powers))]


def dithered(grid, value, random, bits):
    """Index into a rising grid: up if the ``bits`` first lost bits and ``random`` carry."""
    if value >= grid[-1]:
        return len(grid) - 1
    k = max(i for i, g in enumerate(grid) if g <= value)
    lost = (value - grid[k]) / (grid[k + 1] - grid[k])
    return k + (int(lost * (1 << bits)) + random >= 1 << bits)


def reference(cfg, row, tensor=None, random=None):
    """One block in rational numbers, by the words of the contract: (scales, elements).

    ``random`` are the random numbers of stochastic rounding.
    """
    fmt, bits = cfg.format, cfg.input_format.mantissa_bits
    integers = isinstance(fmt.element, Int)
    grid = INT4_GRID if integers else E2M1_GRID
    top = grid[-1]
    fields = [(code >> bits) & 255 for code in row]
    signs = [code >> bits + 8 for code in row]
    base = Fraction(1) if tensor is None else number(tensor, 8, 23, 127)
    if 255 in fields or base == 0 or base >= 2**128:
        nan = {"E4M3": 0x7F, "UE5M3": 0xFF, "E5M2": 0x7E, "E8M0": 0xFF}[fmt.scale.name]
        return [nan] * cfg.sides, [0] * len(row)
    flush = cfg.subnormals == "flush"
    numbers = [
        Fraction(0) if flush and not field else number(code, 8, bits, 127)
        for code, field in zip(row, fields, strict=True)
    ]
    steps = scales(fmt.scale.name)
    one = steps.index(1)
    chosen = []
    for side in range(cfg.sides):
        mine = [x for x, s in zip(numbers, signs, strict=True) if cfg.sides == 1 or s == side]
        peak = max(mine, default=Fraction(0))
        if peak == 0:
            chosen.append(one)
            continue
        if fmt.policy in ("floor", "ceil", "even"):
            code = power_of_two(fmt.policy, steps, peak, integers)
        elif fmt.policy == "up":
            fits = (k for k, s in enumerate(steps) if s * top * base >= peak)
            code = next(fits, len(steps) - 1)
        else:
            away = fmt.scale_rounding == "away"
            code = nearest([s * top * base for s in steps], peak, away, fmt.scale.name == "E8M0")
        if steps[code] == 0:
            code = 1 if fmt.underflow == "least" else one
        chosen.append(code)
    elements = []
    for lane, (x, sign) in enumerate(zip(numbers, signs, strict=True)):
        scale = steps[chosen[sign if cfg.sides > 1 else 0]] * base
        full = [Fraction(8)] if integers and sign and fmt.full_range else []
        scaled = [g * scale for g in grid + full]
        if random is None:
            k = nearest(scaled, x, fmt.rounding == "away")
        else:
            k = dithered(scaled, x, random[lane], cfg.random_bits)
        elements.append((-k % 16 if sign else k) if integers else k | sign << 3)
    return chosen, elements


VARIANTS = [
    {}, {"policy": "up"}, {"rounding": "away", "scale_rounding": "away", "underflow": "one"},
    {"subnormals": "flush"}, {"input_format": FP32},
    {"input_format": FP32, "policy": "up", "rounding": "away"},
    {"policy": "floor"}, {"policy": "even", "input_format": FP32}, {"policy": "ceil"},
]  # fmt: skip
UNITS = {f"{name} {v}": config(fmt, **v) for name, fmt in FRACTIONS.items() for v in VARIANTS} | {
    "amxfp4 E4M3": config(AMXFP4, scale=E4M3),
    "amxfp4 E8M0": config(AMXFP4, scale=E8M0),
    "amxfp4 E8M0 up": config(AMXFP4, scale=E8M0, policy="up", rounding="away"),
    "nvint4 full": config(NVINT4, full_range=True),
    "amxint4 full": config(AMXFP4, element=INT4, full_range=True, rounding="away"),
}


STOCHASTIC = {
    f"{name} {changes}": config(BLOCKS[name], stochastic=True, **changes)
    for name, changes in [
        ("nvfp4", {}), ("nvfp4", {"random_bits": 1}), ("nvfp4", {"random_bits": 2}),
        ("nvfp4_ue5m3", {"input_format": FP32, "random_bits": 16, "policy": "up"}),
        ("nvint4", {"full_range": True, "random_bits": 2}), ("nvint4_ue5m3", {}),
        ("amxfp4", {}), ("amxfp4", {"scale": E4M3, "random_bits": 2}),
        ("nvfp4", {"tensor_scale": FP32}), ("nvint4", {"tensor_scale": FP32, "random_bits": 2}),
    ]
}  # fmt: skip


@pytest.mark.parametrize("name", STOCHASTIC)
def test_stochastic_rounding_like_fractions(name):
    """The shift register's numbers too, block by block from reset."""
    cfg = STOCHASTIC[name]
    rng = np.random.default_rng(3)
    beats = concatenate(*cfg.corners())
    picked = rng.permutation(len(beats["values"]))[:80]
    beats = concatenate({k: v[picked] for k, v in beats.items()}, cfg.random(rng, 40))
    rows, digits = beats["values"], cfg.random_bits
    bits = sequence(cfg.seed, rows.size * digits).tolist()
    got = cfg.compute(beats)
    for index, row in enumerate(rows.tolist()):
        first = index * len(row) * digits
        random = [
            sum(bits[first + lane * digits + k] << k for k in range(digits))
            for lane in range(len(row))
        ]
        tensor = int(beats["tensor_scale"][index, 0]) if cfg.format.tensor_scale else None
        expected = reference(cfg, row, tensor, random)
        found = got["scale"][index].tolist(), got["elements"][index].tolist()
        assert found == expected, [hex(c) for c in row]


def test_stochastic_rounding_is_fair():
    """A third of a step in each binade of E2M1: the mean is the value."""
    cfg = config(NVFP4, stochastic=True)
    meant = np.array([1 / 6, 7 / 6, 2 + 1 / 3, 4 + 2 / 3])
    values = np.tile(np.concatenate([[6.0], np.tile(meant, 4)[:15]]), (4000, 1))
    out = cfg.compute({"values": BF16.encode(values)})
    decoded = cfg.format.dequantize(out["scale"][:, 0], out["elements"])[:, 1:]
    for lane in range(4):
        seen = decoded[:, lane::4]
        assert len(np.unique(seen)) == 2
        assert abs(seen.mean() / meant[lane] - 1) < 0.03
    to_nearest = config(NVFP4).compute({"values": BF16.encode(values)})
    assert (out["elements"] != to_nearest["elements"]).any()
    assert (out["scale"] == to_nearest["scale"]).all()
    other = cfg.replace(seed=1 << 100).compute({"values": BF16.encode(values)})
    assert (other["elements"] != out["elements"]).any()


@pytest.mark.parametrize("name", UNITS)
def test_like_fractions(name):
    cfg = UNITS[name]
    rng = np.random.default_rng(1)
    corners = concatenate(*cfg.corners())["values"]
    rows = np.concatenate([rng.permutation(corners)[:60], cfg.random(rng, 40)["values"]])
    got = cfg.compute({"values": rows})
    for row, scale, elements in zip(rows.tolist(), got["scale"], got["elements"], strict=True):
        assert (scale.tolist(), elements.tolist()) == reference(cfg, row), [hex(c) for c in row]


TENSOR = {
    f"{name} {changes}": config(BLOCKS[name], tensor_scale=FP32, **changes)
    for name, changes in [
        ("nvfp4", {}), ("nvfp4", {"policy": "up", "rounding": "away"}),
        ("nvint4_ue5m3", {"scale_rounding": "away", "underflow": "one", "subnormals": "flush"}),
        ("nvint4", {"input_format": FP32, "full_range": True}), ("amxfp4", {}),
    ]
}  # fmt: skip


@pytest.mark.parametrize("name", TENSOR)
def test_tensor_scales_like_fractions(name):
    cfg = TENSOR[name]
    rng = np.random.default_rng(1)
    corners = concatenate(*cfg.corners())
    picked = rng.permutation(len(corners["values"]))[:100]
    picked = np.concatenate([picked, np.arange(len(corners["values"]))[-6:]])
    beats = concatenate({k: v[picked] for k, v in corners.items()}, cfg.random(rng, 60))
    got = cfg.compute(beats)
    for row, tensor, scale, elements in zip(
        beats["values"].tolist(), beats["tensor_scale"][:, 0].tolist(), got["scale"],
        got["elements"], strict=True,
    ):  # fmt: skip
        expected = reference(cfg, row, tensor)
        assert (scale.tolist(), elements.tolist()) == expected, ([hex(c) for c in row], hex(tensor))


def test_the_decoder_undoes_the_tensor_scale():
    """Encoder and decoder take the same number: numbers that fit come back as they were."""
    rng = np.random.default_rng(0)
    code = np.full((50, 1), FP32.encode(1.25 * 2.0**-9))
    scale = 2.0 ** rng.integers(-6, 6, (50, 1))
    meant = E2M1.decode(rng.integers(0, 16, (50, 16))) * scale
    meant[:, 0] = 6 * scale[:, 0]
    cfg = config(NVFP4, tensor_scale=FP32)
    values = BF16.encode(meant * FP32.decode(code))
    out = cfg.compute({"values": values, "tensor_scale": code})
    assert (E4M3.decode(out["scale"]) == scale).all()
    back = cfg.format.dequantize(out["scale"][:, 0], out["elements"], code[:, 0])
    np.testing.assert_array_equal(BF16.encode(back), values)


@pytest.mark.parametrize("peak", [1.0, 1.9921875, 0.01, 3000.0, 2.0**-12, 2.0**-130])
@pytest.mark.parametrize("name", FRACTIONS)
def test_every_bf16_value_like_others(name, peak):
    """Every BF16 value beside a peak of either sign, in turn in every lane, against ml_dtypes, and
    gfloat for scales that it lacks. The quotients of float64 lie off a tie by more than their
    error, or are the tie itself."""
    cfg = config(BLOCKS[name])
    codes = np.arange(1 << 16)
    codes = codes[~BF16.is_nan(codes) & ~BF16.is_inf(codes)]
    index, block = np.arange(len(codes)), cfg.format.block
    rows = np.zeros((len(codes), block), np.int64)
    rows[index, index % block] = codes
    rows[index, (index + 7) % block] = BF16.encode(peak)
    rows[index, (index + 9) % block] = BF16.encode(-peak / 3)
    got = cfg.compute({"values": rows})
    values = rows.astype(np.uint16).view(ml_dtypes.bfloat16).astype(np.float64)
    integers = isinstance(cfg.format.element, Int)
    largest = 7 if integers else 6
    sides = (
        [np.signbit(values) == s for s in (False, True)] if cfg.sides == 2 else [values == values]
    )
    chosen = []
    for side in sides:
        peaks = np.abs(np.where(side, values, 0)).max(axis=1)
        scale, least, _ = rounded_elsewhere(cfg.format.scale.name, peaks / largest)
        chosen.append(np.where(peaks == 0, 1.0, np.maximum(scale, least)))
    expected = [rounded_elsewhere(cfg.format.scale.name, s)[2] for s in chosen]
    np.testing.assert_array_equal(got["scale"], np.stack(expected, axis=1))
    own = chosen[0][:, None] if len(chosen) == 1 else np.where(
        np.signbit(values), chosen[1][:, None], chosen[0][:, None]
    )  # fmt: skip
    quotients = np.clip(values / own, -largest, largest)
    if integers:
        elements = np.rint(quotients).astype(np.int64) & 15
    else:
        elements = quotients.astype(ml_dtypes.float4_e2m1fn).view(np.uint8)
    np.testing.assert_array_equal(got["elements"], elements)


def rounded_elsewhere(name, values):
    """(values rounded to a scale format, saturated; its least number; the codes)."""
    if name == "UE5M3":
        theirs = gfloat.FormatInfo(
            name, 8, 4, bias=15, is_signed=False, domain=gfloat.Domain.Finite, has_nz=False,
            num_high_nans=1, has_subnormals=True, is_twos_complement=False,
        )  # fmt: skip
        rounded = gfloat.round_ndarray(theirs, values, gfloat.RoundMode.TiesToEven, sat=True)
        return rounded, theirs.smallest_subnormal, gfloat.encode_ndarray(theirs, rounded)
    dtype = {"E4M3": ml_dtypes.float8_e4m3fn, "E5M2": ml_dtypes.float8_e5m2}[name]
    limits = ml_dtypes.finfo(dtype)
    rounded = np.minimum(values, float(limits.max)).astype(dtype)
    return rounded.astype(np.float64), float(limits.smallest_subnormal), rounded.view(np.uint8)


def test_every_mode_differs_from_every_other():
    """On one set of blocks no two configurations agree."""
    for name, fmt in FRACTIONS.items():
        rng = np.random.default_rng(0)
        parts = [config(fmt, **v) for v in ({}, {"rounding": "away"}, {"policy": "up"})]
        beats = concatenate(*(b for c in parts for b in c.corners()), parts[0].random(rng, 100))
        modes = [
            {"rounding": r, "policy": p, "scale_rounding": s, "underflow": u, "subnormals": f}
            for r, (p, s), u, f in product(
                ("even", "away"),
                (
                    ("nearest", "even"), ("nearest", "away"), ("up", "even"), ("floor", "even"),
                    ("ceil", "even"), ("even", "even"),
                ),
                ("least", "one"), ("keep", "flush"),
            )
            if p == "nearest" or u == "least"  # under the others no scale underflows
        ]  # fmt: skip
        modes += [mode | {"stochastic": True} for mode in modes if mode["rounding"] == "even"]
        if name.startswith("nvint4"):
            modes += [mode | {"full_range": True} for mode in modes]
        seen = []
        for mode in modes:
            out = config(fmt, **mode).compute(beats)
            seen.append((out["scale"].tobytes(), out["elements"].tobytes()))
        for one, other in combinations(range(len(modes)), 2):
            # A side of subnormals alone has its scale of 1 under "one" either way, and zeros.
            same = dict(modes[one], subnormals="") == dict(modes[other], subnormals="")
            assert seen[one] != seen[other] or (same and modes[one]["underflow"] == "one"), (
                name, modes[one], modes[other],
            )  # fmt: skip


def test_scale_formats_differ():
    values = BF16.encode(np.linspace(-7, 3, 32))[None]
    found = {
        s.name: config(AMXFP4, scale=s).compute({"values": values})["scale"].tolist()[0]
        for s in (E5M2, E4M3, E8M0, UE5M3)
    }
    assert found == {"E5M2": [0x38, 0x3D], "E4M3": [0x30, 0x39], "E8M0": [126, 127],
                     "UE5M3": [0x70, 0x79]}  # fmt: skip


def test_by_example():
    """A scale for each sign; one that is not used; one that rounds to zero."""
    rows = BF16.encode(np.array([[12.0, -0.75, 6.0, -0.25], [1.0, 2.0, 3.0, 6.0]]))
    out = config(AMXFP4, block=4).compute({"values": rows})
    assert E5M2.decode(out["scale"]).tolist() == [[2.0, 0.125], [1.0, 1.0]]
    assert E2M1.decode(out["elements"])[0].tolist() == [6.0, -6.0, 3.0, -2.0]
    tiny = BF16.encode(np.array([[6 * 2.0**-18] * 4]))
    least, one = (
        config(AMXFP4, block=4, underflow=u).compute({"values": tiny}) for u in ("least", "one")
    )
    assert least["scale"].tolist() == [[1, 0x3C]] and least["elements"].tolist() == [[3] * 4]
    assert one["scale"].tolist() == [[0x3C, 0x3C]] and one["elements"].tolist() == [[0] * 4]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stochastic": 2}, "stochastic is 2; allowed: False, True"),
        ({"zero_scale": "least"}, "zero_scale is 'least'; allowed: one"),
        (
            {"format": NVFP4.replace(tensor_scale=FP32, policy="floor")},
            "policy is 'floor'; allowed: nearest, up with a tensor scale",
        ),
        ({"format": NVFP4.replace(element=minifloat(2, 2))}, "element is 'E2M2'; allowed: a sig"),
        ({"format": NVFP4.replace(scale=minifloat(7, 1, specials="fn"))}, "format is 'nvfp4'; all"),
        ({"format": AMXFP4.replace(scale=E8M0), "zero_scale": "least"}, "zero_scale is 'least'; a"),
        ({"pipeline": 3}, "pipeline is 3; allowed: 0 to 2"),
        ({"format": NVFP4.replace(tensor_scale=BF16)}, "tensor_scale is .*; allowed: None, FP32"),
    ],
)
def test_impossible_parameters(changes, message):
    with pytest.raises(BadInput, match="^" + message):
        config(NVFP4).replace(**changes)
