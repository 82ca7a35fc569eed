"""Table lookup with floating-point activations against sums of fractions."""

from fractions import Fraction

import numpy as np
import pytest

from golden.errors import BadInput
from golden.formats import E4M3, FP16, FP32, INT8
from golden.lut_float import FloatLutConfig, FloatTablesConfig
from golden.unit import concatenate


def aligned(cfg, row):
    """The activations as the contract has them: exact numbers, or None."""
    values = cfg.a.decode(np.array(row))
    if not np.isfinite(values).all():
        return None
    exact = [Fraction(float(v)) for v in values]
    unit = Fraction(2) ** cfg.a.min_exponent
    while unit * 2 <= max(map(abs, exact)):
        unit *= 2
    unit /= 2 ** (cfg.width - 1)
    return [(x > 0 or -1) * (abs(x) // unit) * unit for x in exact]


def weight(cfg, code):
    bits = [code >> k & 1 for k in range(cfg.w_bits)]
    if cfg.encoding == "bipolar":
        return sum((2 * bit - 1) << k for k, bit in enumerate(bits))
    top = cfg.encoding == "signed"
    return sum((-bit if top and k == cfg.w_bits - 1 else bit) << k for k, bit in enumerate(bits))


def to_fp32(x: Fraction) -> int:
    """The FP32 code nearest to an exact number, found by its neighbours."""
    with np.errstate(over="ignore"):
        near = int(np.float32(float(x)).view(np.uint32)) & 0x7FFFFFFF
    near = min(near, 0x7F7FFFFF)
    number = [Fraction(float(np.uint32(near + d).view(np.float32))) if near + d < 0x7F800000
              else Fraction(2) ** 128 for d in (-1, 0, 1) if near + d >= 0]  # fmt: skip
    codes = [near + d for d in (-1, 0, 1) if near + d >= 0]
    found = min(zip(number, codes, strict=True), key=lambda p: (abs(p[0] - abs(x)), p[1] & 1))
    return found[1] | (x < 0) << 31


CONFIGS = {
    "W4": FloatLutConfig(lanes=8),
    "given": FloatLutConfig(lanes=8, given=True, width=15),
    "W1 bipolar": FloatLutConfig(lanes=8, w_bits=1, encoding="bipolar", width=8),
    "W3 unsigned, FP16": FloatLutConfig(lanes=4, w_bits=3, encoding="unsigned", a=FP16),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_like_fractions(name):
    cfg = CONFIGS[name]
    rng = np.random.default_rng(0)
    own = cfg.replace(given=False)
    corners = concatenate(*own.corners())
    rows = rng.permutation(len(corners["a"]))[:150]
    beats = concatenate({k: v[rows] for k, v in corners.items()}, own.random(rng, 150))
    given = beats
    if cfg.given:
        given = cfg.tables.compute({"a": beats["a"]}) | {k: beats[k] for k in ("w", "acc")}
    got = cfg.compute(given)["result"][:, 0].tolist()
    seen = set()
    for a, w, acc, result in zip(
        beats["a"].tolist(), beats["w"].tolist(), beats["acc"][:, 0].tolist(), got, strict=True
    ):
        numbers = aligned(cfg, a)
        start = float(np.uint32(acc).view(np.float32))
        if numbers is None or np.isnan(start):
            assert result == 0x7FC00000
            seen.add("nan")
        elif np.isinf(start):
            assert result == acc
            seen.add("inf")
        else:
            dot = sum(x * weight(cfg, c) for x, c in zip(numbers, w, strict=True))
            assert result == to_fp32(dot + Fraction(start)), (a, w, acc)
            seen.add("zero" if dot + Fraction(start) == 0 else "number")
    assert seen == {"nan", "inf", "zero", "number"}


def test_tables():
    """Entries by the words of the field, and what they are worth."""
    cfg = FloatTablesConfig(lanes=8)
    beats = cfg.random(np.random.default_rng(0), 50)
    out = cfg.compute(beats)
    for row, tables, total, exponent in zip(
        beats["a"].tolist(), out["tables"], out["total"][:, 0], out["exponent"][:, 0], strict=True
    ):
        numbers = aligned(cfg, row)
        if numbers is None:
            assert exponent == 255
            continue
        unit = Fraction(2) ** (int(exponent) - 127 - cfg.width + 1)
        entries = cfg.integers.output.fields[0].format.integer(tables).tolist()
        for k, entry in enumerate(entries):
            four = numbers[k // 8 * 4 : k // 8 * 4 + 4]
            signs = [1 if k >> bit & 1 else -1 for bit in range(3)]
            assert entry * unit == four[3] + sum(
                s * x for s, x in zip(signs, four[:3], strict=True)
            )
        assert cfg.integers.output.fields[1].format.integer(total) * unit == sum(numbers)


def test_every_parameter_changes_the_result():
    beats = FloatLutConfig(lanes=8).random(np.random.default_rng(0), 200)
    units = [
        FloatLutConfig(lanes=8, width=width, encoding=encoding)
        for width in (8, 12) for encoding in ("signed", "unsigned", "bipolar")
    ]  # fmt: skip
    assert len({unit.compute(beats)["result"].tobytes() for unit in units}) == len(units)


@pytest.mark.parametrize(("bits", "cycles"), [(4, 4), (1, 1)])
def test_stated_cycles(bits, cycles):
    parallel, serial = (FloatLutConfig(w_bits=bits, serial=s) for s in (False, True))
    assert (parallel.interval, serial.interval) == (1, cycles)
    assert serial.latency == parallel.latency + cycles
    beats = serial.random(np.random.default_rng(0), 50)
    assert (serial.compute(beats)["result"] == parallel.compute(beats)["result"]).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"a": INT8}, "format is .*; allowed: a signed floating-point format with IEEE"),
        ({"a": FP32}, "format is .*; allowed: one of up to 15 significant bits"),
        ({"width": 16}, r"width is 16; allowed: 8 \(a significand's bits\) to 15"),
        ({"lanes": 6}, "lanes is 6; allowed: 4, 8, 12 ... 256"),
        ({"w_bits": 9}, "w_bits is 9; allowed: 1 to 8"),
        ({"encoding": "no"}, "encoding is 'no'; allowed: signed, unsigned, bipolar"),
        ({"accumulator": E4M3}, "accumulator is .*; allowed: a signed floating-point format"),
        ({"pipeline": 9}, "pipeline is 9; allowed: 0 to 8"),
        ({"serial": True, "pipeline": 8}, "pipeline is 8; allowed: 0 to 7"),
        ({"serial": 2}, "serial is 2; allowed: False, True"),
        ({"serial": True, "w_bits": 1, "combinational": True}, "combinational is True; allowed: F"),
    ],
)
def test_impossible_parameters(changes, message):
    with pytest.raises(BadInput, match="^" + message):
        FloatLutConfig().replace(**changes)
