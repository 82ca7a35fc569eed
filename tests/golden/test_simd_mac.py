"""SIMD MACs against fractions, lane by lane."""

from fractions import Fraction
from math import isinf, isnan

import numpy as np
import pytest

from golden.errors import BadInput
from golden.formats import E2M1, E4M3, E5M2, FP16, INT4, INT8, integer
from golden.posit import P4_1, P8_0, P16_1
from golden.posit_mac import PositMacConfig
from golden.simd_mac import SimdMacConfig
from golden.unit import concatenate

XR = SimdMacConfig()
UNITS = {
    "XR-NPE": XR,
    "three": SimdMacConfig(formats=(P4_1, E2M1, P8_0), quire_bits=40),
    "FP8 with specials": SimdMacConfig(formats=(E4M3, E5M2, INT4, INT8), quire_bits=160),
    "one": SimdMacConfig(formats=(P8_0,), quire_bits=26),
    "FP16": SimdMacConfig(formats=(FP16,)),
}


def by_fractions(unit, a, w, mode, acc):
    """The contract, lane by lane."""
    if mode >= len(unit.formats):
        return acc
    fmt, result = unit.formats[mode], 0
    lanes = unit.word_bits // fmt.bits
    width = unit.quire_bits // lanes
    for lane in range(lanes):
        x, y = (float(fmt.decode(word >> lane * fmt.bits & (1 << fmt.bits) - 1)) for word in (a, w))
        old = acc >> lane * width & (1 << width) - 1
        nar = 1 << width - 1
        if isnan(x) or isnan(y) or isinf(x) or isinf(y) or old == nar:
            new = nar
        else:
            units = Fraction(x) * Fraction(y) / Fraction(2) ** (2 * fmt.unit_exponent)
            assert units.denominator == 1
            new = (old + int(units)) % (1 << width)
        result |= new << lane * width
    return result


@pytest.mark.parametrize("name", UNITS)
def test_against_fractions(name):
    unit = UNITS[name]
    corners = concatenate(*unit.corners())
    rows = np.random.default_rng(0).permutation(len(corners["a"]))[:1500]
    beats = concatenate(
        {field: codes[rows] for field, codes in corners.items()},
        unit.random(np.random.default_rng(1), 1500),
    )
    results = unit.compute(beats)["quire"]
    for row in range(len(results)):
        inputs = [int(beats[field][row, 0]) for field in ("a", "w", "mode", "acc")]
        assert results[row, 0] == by_fractions(unit, *inputs), row


def test_each_mode_has_a_beat_that_tells_it_from_every_other():
    beats = XR.random(np.random.default_rng(2), 200)
    results = [XR.compute(beats | {"mode": np.full((200, 1), mode)})["quire"] for mode in range(4)]
    for first in range(4):
        assert all((results[first] != results[second]).any() for second in range(first))
    three = UNITS["three"]
    beats = three.random(np.random.default_rng(2), 20) | {"mode": np.full((20, 1), 3)}
    np.testing.assert_array_equal(three.compute(beats)["quire"], beats["acc"])


def test_a_lane_of_posits_is_the_mac_of_one():
    mac = PositMacConfig(posit=P16_1, quire_bits=128)
    beats = mac.random(np.random.default_rng(3), 200)
    ours = XR.compute(beats | {"mode": np.full((200, 1), 3)})["quire"]
    np.testing.assert_array_equal(ours, mac.compute(beats)["quire"])


def test_lanes_do_not_touch():
    """All but one lane wrap or are NaR; that one stays as it is."""
    for mode in range(3):
        lanes, width = XR.lanes(mode), XR.quire(mode).bits
        one = XR.formats[mode].encode([1.0])[0]
        for quiet in range(lanes):
            others = [lane for lane in range(lanes) if lane != quiet]
            word = sum(int(one) << lane * XR.formats[mode].bits for lane in others)
            full = sum((1 << width) - 1 << lane * width for lane in others)
            beat = {
                "a": [[word]],
                "w": [[word]],
                "mode": [[mode]],
                "acc": [[full | 5 << quiet * width]],
            }
            result = XR.compute({name: np.array(v, object) for name, v in beat.items()})["quire"]
            assert int(result[0, 0]) >> quiet * width & (1 << width) - 1 == 5


def test_every_pair_of_narrow_numbers_in_every_lane():
    for mode in range(3):
        bits, lanes = XR.formats[mode].bits, XR.lanes(mode)
        seen = [set() for _ in range(lanes)]
        for beats in XR.corners():
            for row in np.flatnonzero(beats["mode"][:, 0] == mode):
                a, w = int(beats["a"][row, 0]), int(beats["w"][row, 0])
                for lane in range(lanes):
                    mask = (1 << bits) - 1
                    seen[lane].add((a >> lane * bits & mask, w >> lane * bits & mask))
        assert all(len(pairs) == 1 << 2 * bits for pairs in seen)


def test_wide_floats_meet_at_their_extremes():
    first = next(iter(UNITS["FP16"].corners()))
    pairs = set(zip(first["a"][:, 0].tolist(), first["w"][:, 0].tolist(), strict=True))
    ends = (0, 1, 0x3FF, 0x400, 0x3C00, 0x7BFF, 0x7C00, 0x7FFF)
    both = [c | sign for c in ends for sign in (0, 0x8000)]
    assert pairs >= {(a, w) for a in both for w in both}


def test_tensor_takes_every_mode_and_accumulates():
    values = np.random.default_rng(0).standard_normal(5000)
    beats = XR.tensors(values, np.random.default_rng(1))
    results = XR.compute(beats)["quire"]
    assert set(beats["mode"][:, 0]) == {0, 1, 2, 3}
    assert (beats["acc"][1:192] == results[:191]).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"formats": ()}, "formats is ''; allowed: 1 to 16 formats, no two the same"),
        ({"formats": (P8_0, P8_0)}, r"formats is 'posit\(8,0\), posit\(8,0\)'; allowed: 1 to 16"),
        ({"formats": (P8_0, integer(3))}, "bits of INT3 is 3; allowed: 8 / 1, 2, 4, ..."),
        ({"quire_bits": 130}, "quire_bits is 130; allowed: multiples of 4"),
        ({"quire_bits": 112}, r"quire_bits is 112; allowed: 114 to 1024 for posit\(16,1\)"),
        ({"quire_bits": 68}, r"quire_bits is 17; allowed: 18 to 1024 for posit\(4,1\)"),
        ({"pipeline": 4}, "pipeline is 4; allowed: 0 to 3"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        XR.replace(**parameters)
