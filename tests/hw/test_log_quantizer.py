"""Logarithmic quantizers against golden."""

import numpy as np
import pytest

from golden.log_quantizer import LogQuantizerConfig
from hw.log_quantizer import LogQuantizer

UNITS = {
    "base 2": LogQuantizerConfig(lanes=4),
    "base 2**(3/7)": LogQuantizerConfig(lanes=3, input_bits=9, base=(3, 7), bits=3),
    "table": LogQuantizerConfig(lanes=4, input_bits=10, table=True),
    "table of 3": LogQuantizerConfig(lanes=1, input_bits=6, table=True, bits=2),
}


@pytest.mark.parametrize("name", UNITS)
def test_like_golden(name, stream_through, sample):
    unit = UNITS[name]
    beats = sample(unit, 100, 40)
    _, given = stream_through(LogQuantizer(unit), unit, beats, np.random.default_rng(1))
    assert [word for _, word in given] == unit.output.pack(unit.compute(beats))
