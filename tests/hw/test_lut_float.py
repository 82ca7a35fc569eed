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
