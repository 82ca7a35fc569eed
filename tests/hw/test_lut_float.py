"""Table lookup with floating-point activations against golden."""

import numpy as np
import pytest

from golden.formats import BF16, FP16
from golden.lut_float import FloatLutConfig, FloatTablesConfig
from hw.lut_float import FloatLut, FloatTables

UNITS = {
    "W4": FloatLutConfig(lanes=8),
    "W1 bipolar": FloatLutConfig(lanes=8, w_bits=1, encoding="bipolar", pipeline=8),
    "W3 unsigned, FP16": FloatLutConfig(
        lanes=4, w_bits=3, encoding="unsigned", a=FP16, width=15, pipeline=2
    ),
    "given": FloatLutConfig(lanes=8, given=True, accumulator=BF16, pipeline=1),
    "serial": FloatLutConfig(lanes=8, serial=True),
    "serial, pipelined": FloatLutConfig(lanes=4, serial=True, w_bits=3, pipeline=7),
    "serial, one bit": FloatLutConfig(lanes=4, serial=True, w_bits=1, encoding="bipolar"),
    "serial, given": FloatLutConfig(
        lanes=8, serial=True, given=True, encoding="unsigned", w_bits=2, pipeline=3
    ),
    "tables": FloatTablesConfig(lanes=8),
    "tables, 15 bits": FloatTablesConfig(lanes=12, width=15, pipeline=1),
}


@pytest.mark.parametrize("name", UNITS)
def test_like_golden(name, stream_through, sample):
    unit = UNITS[name]
    kind = FloatTables if isinstance(unit, FloatTablesConfig) else FloatLut
    beats = sample(unit, 80, 80)
    _, given = stream_through(kind(unit), unit, beats, np.random.default_rng(1))
    assert [word for _, word in given] == unit.output.pack(unit.compute(beats))


@pytest.mark.parametrize("name", UNITS)
def test_cycles(name, stream_through, sample):
    """Each beat takes exactly as many cycles as stated."""
    unit = UNITS[name]
    kind = FloatTables if isinstance(unit, FloatTablesConfig) else FloatLut
    beats = sample(unit, 6, 6)
    taken, given = stream_through(kind(unit), unit, beats)
    assert set(np.diff(taken)) == {unit.interval}
    assert {b - a for a, (b, _) in zip(taken, given, strict=True)} == {unit.latency}
