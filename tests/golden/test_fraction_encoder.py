"""Encoders whose scales have a fraction, or that have one a sign: against a second model on
fractions, against ml_dtypes with every BF16 value, and every mode against every other."""

from fractions import Fraction
from functools import cache
from itertools import combinations, product

import ml_dtypes
import numpy as np
import pytest

from golden.encoder import EncoderConfig
from golden.errors import BadInput
from golden.formats import BF16, E2M1, E4M3, E5M2, E8M0, FP32, INT4, UE5M3, Int, minifloat
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


def reference(cfg, row, tensor=None):
    """One block in rational numbers, by the words of the contract: (scales, elements)."""
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
        if fmt.policy == "up":
            fits = (k for k, s in enumerate(steps) if s * top * base >= peak)
            code = next(fits, len(steps) - 1)
        else:
            away = fmt.scale_rounding == "away"
            code = nearest([s * top * base for s in steps], peak, away, fmt.scale.name == "E8M0")
        if steps[code] == 0:
            code = 1 if fmt.underflow == "least" else one
        chosen.append(code)
    elements = []
    for x, sign in zip(numbers, signs, strict=True):
        scale = steps[chosen[sign if cfg.sides > 1 else 0]] * base
        full = [Fraction(8)] if integers and sign and fmt.full_range else []
        k = nearest([g * scale for g in grid + full], x, fmt.rounding == "away")
        elements.append((-k % 16 if sign else k) if integers else k | sign << 3)
    return chosen, elements


VARIANTS = [
    {}, {"policy": "up"}, {"rounding": "away", "scale_rounding": "away", "underflow": "one"},
    {"subnormals": "flush"}, {"input_format": FP32},
    {"input_format": FP32, "policy": "up", "rounding": "away"},
]  # fmt: skip
UNITS = {f"{name} {v}": config(fmt, **v) for name, fmt in FRACTIONS.items() for v in VARIANTS} | {
    "amxfp4 E4M3": config(AMXFP4, scale=E4M3),
    "amxfp4 E8M0": config(AMXFP4, scale=E8M0),
    "amxfp4 E8M0 up": config(AMXFP4, scale=E8M0, policy="up", rounding="away"),
    "nvint4 full": config(NVINT4, full_range=True),
    "amxint4 full": config(AMXFP4, element=INT4, full_range=True, rounding="away"),
}


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
@pytest.mark.parametrize("name", ["nvfp4", "amxfp4"])
def test_every_bf16_value_like_ml_dtypes(name, peak):
    """Every BF16 value beside a peak of either sign, in turn in every lane. The quotients of
    float64 lie off a tie by more than their error, or are the tie itself."""
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
    dtype = {"nvfp4": ml_dtypes.float8_e4m3fn, "amxfp4": ml_dtypes.float8_e5m2}[name]
    top = float(ml_dtypes.finfo(dtype).max)
    sides = (
        [np.signbit(values) == s for s in (False, True)] if cfg.sides == 2 else [values == values]
    )
    chosen = []
    for side in sides:
        peaks = np.abs(np.where(side, values, 0)).max(axis=1)
        scale = np.minimum(peaks / 6, top).astype(dtype).astype(np.float64)
        least = float(ml_dtypes.finfo(dtype).smallest_subnormal)
        chosen.append(np.where(peaks == 0, 1.0, np.maximum(scale, least)))
    expected = np.stack([s.astype(dtype).view(np.uint8) for s in chosen], axis=1)
    np.testing.assert_array_equal(got["scale"], expected)
    own = chosen[0][:, None] if len(chosen) == 1 else np.where(
        np.signbit(values), chosen[1][:, None], chosen[0][:, None]
    )  # fmt: skip
    elements = np.clip(values / own, -6, 6).astype(ml_dtypes.float4_e2m1fn).view(np.uint8)
    np.testing.assert_array_equal(got["elements"], elements)


def test_every_mode_differs_from_every_other():
    """On one set of blocks no two configurations agree."""
    for name, fmt in FRACTIONS.items():
        rng = np.random.default_rng(0)
        parts = [config(fmt, **v) for v in ({}, {"rounding": "away"}, {"policy": "up"})]
        beats = concatenate(*(b for c in parts for b in c.corners()), parts[0].random(rng, 100))
        modes = [
            {"rounding": r, "policy": p, "scale_rounding": s, "underflow": u, "subnormals": f}
            for r, (p, s), u, f in product(
                ("even", "away"), (("nearest", "even"), ("nearest", "away"), ("up", "even")),
                ("least", "one"), ("keep", "flush"),
            )
            if (p, u) != ("up", "one")  # under "up" no scale underflows
        ]  # fmt: skip
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
        ({"stochastic": True}, "stochastic is True; allowed: False with such a scale"),
        ({"zero_scale": "least"}, "zero_scale is 'least'; allowed: one"),
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
