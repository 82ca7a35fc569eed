"""Table lookup against plain products, and tables against their definition."""

from itertools import product

import numpy as np
import pytest

from golden.errors import BadInput
from golden.formats import INT8, UINT8
from golden.lut import LutConfig, TablesConfig


def worth(code, bits, encoding):
    if encoding == "bipolar":
        return sum((1 if code >> k & 1 else -1) * 2**k for k in range(bits))
    return code - (2**bits if encoding == "signed" and code >> bits - 1 else 0)


def number(code):
    return code - 256 if code > 127 else code


def test_tables_are_symmetric_sums():
    """LUT[i] over four signs is minus LUT[~i]; the eight entries are those with a3 added."""
    config = TablesConfig(lanes=8)
    beats = config.random(np.random.default_rng(1), 100)
    outputs = config.compute(beats)
    for row in range(100):
        a = [number(int(x)) for x in beats["a"][row]]
        entries = [int(x) - (1024 if x >> 9 else 0) for x in outputs["tables"][row]]
        for group, signs in product(range(2), product((-1, 1), repeat=4)):
            value = sum(s * x for s, x in zip(signs, a[4 * group :], strict=False))
            index = sum(2**k for k in range(3) if signs[k] == signs[3])
            assert value == signs[3] * entries[8 * group + index]
        assert (int(outputs["total"][row, 0]) - sum(a)) % 2048 == 0


def test_entries_need_no_more_bits():
    """-512 and 511 occur; a table with both signs of the last activation would have 512."""
    config = TablesConfig(lanes=4)
    a = np.array([[0x80] * 4, [0x80, 0x80, 0x80, 0x7F]])
    entries = config.compute({"a": a})["tables"]
    assert entries[0, 7] == 0x200 and entries[1, 0] == 0x1FF


@pytest.mark.parametrize("encoding", ["signed", "unsigned", "bipolar"])
@pytest.mark.parametrize("given", [False, True])
def test_dot_products(encoding, given):
    config = LutConfig(w_bits=3, lanes=8, columns=2, encoding=encoding, given=given)
    plain = config.replace(given=False)
    beats = plain.random(np.random.default_rng(4), 200)
    operand = config.tables.compute({"a": beats["a"]}) if given else {"a": beats["a"]}
    got = config.compute({**operand, "w": beats["w"], "acc": beats["acc"]})["result"]
    for row in range(200):
        a = [number(int(x)) for x in beats["a"][row]]
        for column in range(2):
            w = [worth(int(x), 3, encoding) for x in beats["w"][row, 8 * column :][:8]]
            total = sum(x * y for x, y in zip(a, w, strict=True))
            assert got[row, column] == (total + int(beats["acc"][row, column])) % 2**32


def test_encodings_differ():
    beats = {"a": np.full((1, 4), 3), "w": np.full((1, 4), 7), "acc": np.zeros((1, 1), int)}
    results = [
        int(LutConfig(lanes=4, w_bits=3, encoding=e).compute(beats)["result"][0, 0])
        for e in ("signed", "unsigned", "bipolar")
    ]
    assert results == [2**32 - 12, 84, 84]
    beats["w"] = np.full((1, 4), 2)
    bipolar = LutConfig(lanes=4, w_bits=3, encoding="bipolar").compute(beats)["result"][0, 0]
    assert bipolar == 2**32 - 36 and results[1] != 24


@pytest.mark.parametrize(("serial", "bits", "cycles"), [(True, 4, 4), (True, 1, 1), (False, 4, 1)])
def test_stated_cycles(serial, bits, cycles):
    config = LutConfig(serial=serial, w_bits=bits)
    assert config.interval == cycles and config.latency == cycles + 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"a": UINT8}, "a is .*; allowed: a signed integer of 2 to 16 bits"),
        ({"lanes": 6}, "lanes is 6; allowed: 4, 8, 12 ... 256"),
        ({"w_bits": 9}, "w_bits is 9; allowed: 1 to 8"),
        ({"encoding": "ternary"}, "encoding is 'ternary'; allowed: signed, unsigned, bipolar"),
        ({"columns": 0}, "columns is 0; allowed: 1 to 64"),
        ({"pipeline": 3}, "pipeline is 3; allowed: 0 to 2"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        LutConfig(a=INT8).replace(**parameters)
