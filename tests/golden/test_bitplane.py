"""Bit planes against sums over single bits, written separately."""

import numpy as np
import pytest

from golden.bitplane import ENCODINGS, BitplaneConfig
from golden.errors import BadInput
from golden.unit import concatenate


def worth(code, width, encoding):
    """A number, bit by bit."""
    total = 0
    for k in range(width):
        bit = code >> k & 1
        if encoding >= 2:
            total += (1 if bit else -1) * 2**k
        else:
            total += bit * (-(2**k) if encoding == 1 and k == width - 1 else 2**k)
    return total


def by_bits(beats, row, lanes):
    one = {n: int(beats[n][row, 0]) for n in ("w_bits", "a_bits", "w_encoding", "a_encoding")}
    total = int(beats["acc"][row, 0])
    for lane in range(lanes):
        w = worth(int(beats["w"][row, lane]), one["w_bits"] + 1, one["w_encoding"])
        a = worth(int(beats["a"][row, lane]), one["a_bits"] + 1, one["a_encoding"])
        total += w * a
    return total % 2**32


def test_random_beats_and_corners():
    config = BitplaneConfig(lanes=5)
    corners = concatenate(*config.corners())
    rows = np.random.default_rng(2).permutation(len(corners["w"]))[:1500]
    corners = {name: codes[rows] for name, codes in corners.items()}
    for beats in (config.random(np.random.default_rng(1), 1500), corners):
        got = config.compute(beats)["result"][:, 0].tolist()
        assert got == [by_bits(beats, row, 5) for row in range(len(got))]


def test_corners_reach_every_mode():
    names = ("w_bits", "a_bits", "w_encoding", "a_encoding")
    beats = next(iter(BitplaneConfig().corners()))
    assert len({tuple(int(beats[n][k, 0]) for n in names) for k in range(1024)}) == 1024


def test_every_encoding_and_width_makes_a_difference():
    """One pair of codes, for each operand: encodings differ, and so do widths."""
    config = BitplaneConfig(lanes=1, accumulator=None)
    for operand in "wa":
        seen = {}
        for encoding in range(len(ENCODINGS)):
            for bits in range(8):
                beats = {
                    "w": 0xFF, "a": 0xFF, "w_bits": 2, "a_bits": 2,
                    "w_encoding": 0, "a_encoding": 0,
                }  # fmt: skip
                beats |= {f"{operand}_bits": bits, f"{operand}_encoding": encoding, operand: 0xA5}
                arrays = {name: np.array([[value]]) for name, value in beats.items()}
                seen[encoding, bits] = config.compute(arrays)["sum"][0, 0]
        assert all(len({seen[e, bits] for e in range(3)}) >= 2 for bits in range(8))
        assert len({seen[e, 7] for e in range(3)}) == 3
        assert len({seen[0, bits] for bits in range(8)}) >= 4


@pytest.mark.parametrize(
    ("w_bits", "a_bits", "w_encoding", "a_encoding", "planes", "cycles"),
    [
        (2, 8, 1, 1, 8, 2),  # W2A8
        (1, 8, 2, 1, 8, 2),  # W1A8, +-1 against two's complement
        (1, 8, 0, 1, 8, 1),
        (4, 4, 2, 2, 8, 4),
        (8, 8, 1, 1, 8, 8),
        (2, 2, 1, 1, 1, 4),  # p x q
        (3, 5, 0, 0, 4, 6),
        (8, 8, 2, 0, 1, 72),
    ],
)
def test_stated_cycles(w_bits, a_bits, w_encoding, a_encoding, planes, cycles):
    config = BitplaneConfig(planes=planes)
    beats = {
        "w_bits": w_bits - 1, "a_bits": a_bits - 1,
        "w_encoding": w_encoding, "a_encoding": a_encoding,
    }  # fmt: skip
    arrays = {name: np.array([[value]]) for name, value in beats.items()}
    assert config.intervals(arrays).tolist() == [cycles] and cycles <= config.interval


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lanes": 257}, "lanes is 257; allowed: 1 to 256"),
        ({"planes": 3}, "planes is 3; allowed: 1, 2, 4, 8"),
        ({"pipeline": 2}, "pipeline is 2; allowed: 0 to 1"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        BitplaneConfig().replace(**parameters)
