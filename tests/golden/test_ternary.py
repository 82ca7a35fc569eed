"""Ternary packings and dot products against digits and loops, written separately."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.formats import MXINT8, UINT8, integer
from golden.ternary import PACKINGS, TernaryConfig, UnpackerConfig


def digits(number):
    """Five digits to base 3, the least significant first."""
    return [number // 3**k % 3 for k in range(5)]


def test_base3_by_its_digits():
    table = PACKINGS["base3"].table
    for byte in range(243):
        assert table[byte].tolist() == [d - 1 for d in digits(byte)]
    assert not table[243:].any()


def test_fraction3_as_ggml_packs_and_unpacks_it():
    """TQ1_0: big-endian digits, ceil(q * 256 / 243); digit n of a byte is ((b * 3**n) % 256 * 3)
    >> 8."""
    packing = PACKINGS["fraction3"]
    for number in range(243):
        weights = [d - 1 for d in digits(number)][::-1]
        byte = (number * 256 + 242) // 243
        assert packing.pack(np.array(weights)).tolist() == [byte]
        assert packing.table[byte].tolist() == weights
        unpacked = [((byte * 3**n) % 256 * 3 >> 8) - 1 for n in range(5)]
        assert unpacked == weights


@pytest.mark.parametrize("name", PACKINGS)
@pytest.mark.parametrize("lanes", [1, 5, 64])
def test_unpacking_inverts_packing(name, lanes):
    allowed = (-1, 1) if name == "binary" else (-1, 0, 1)
    weights = np.random.default_rng(lanes).choice(allowed, (300, lanes))
    packing = PACKINGS[name]
    config = UnpackerConfig(packing=name, lanes=lanes)
    packed = packing.pack(weights)
    assert packed.shape == (300, -(-lanes // packing.weights))
    got = config.compute({"w": packed})["weights"]
    assert (got - 4 * (got >> 1)).tolist() == weights.tolist()


@pytest.mark.parametrize("name", PACKINGS)
def test_dot_against_loops(name):
    config = TernaryConfig(packing=name, lanes=13)
    beats = config.random(np.random.default_rng(3), 200)
    results = config.compute(beats)["result"][:, 0]
    for row in range(200):
        weights = [int(w) for code in beats["w"][row] for w in PACKINGS[name].table[code]]
        numbers = [int(a) - (256 if a > 127 else 0) for a in beats["a"][row]]
        total = int(beats["acc"][row, 0]) + sum(
            w * a for w, a in zip(weights, numbers, strict=False)
        )
        assert results[row] == total % 2**32


def test_packings_differ():
    """The same bits are different weights in any two packings of the same width, and -0 of two
    bits is 0 where a packing of five would not end."""
    base3, fraction3 = PACKINGS["base3"].table, PACKINGS["fraction3"].table
    assert (base3 != fraction3).any(axis=1).sum() > 200
    assert [PACKINGS["two_bit"].table[k, 0] for k in range(4)] == [0, 1, 0, -1]
    assert PACKINGS["binary"].table[:, 0].tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"packing": "trits"}, "packing is 'trits'; allowed: binary, two_bit, base3, fraction3"),
        ({"a": MXINT8}, "a is .*; allowed: a signed integer of 2 to 16 bits"),
        ({"a": UINT8}, "a is .*; allowed: a signed integer of 2 to 16 bits"),
        ({"lanes": 0}, "lanes is 0; allowed: 1 to 1024"),
        ({"accumulator": integer(8, fraction_bits=1)}, "accumulator is .*; allowed: None or an"),
        ({"pipeline": 3}, "pipeline is 3; allowed: 0 to 2"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        TernaryConfig().replace(**parameters)


def test_weights_that_no_packing_has():
    with pytest.raises(BadInput, match=r"^weight is \[2\]; allowed: -1, 0, 1"):
        PACKINGS["base3"].pack(np.array([0, 2]))
    with pytest.raises(BadInput, match=r"^weight is \[0\]; allowed: -1, 1"):
        PACKINGS["binary"].pack(np.array([0]))
