"""Hadamard transforms against golden, alone and in front of encoders."""

import numpy as np
import pytest

from golden.encoder import EncoderConfig
from golden.formats import FP16, FP32
from golden.hadamard import HadamardConfig
from golden.mx import BLOCKS
from hw.encoder import Encoder
from hw.hadamard import Hadamard

UNITS = {
    "16": HadamardConfig(),
    "32, unscaled": HadamardConfig(size=32, shift=0, width=8, pipeline=2),
    "two, FP32": HadamardConfig(groups=2, number_format=FP32, width=24, shift=4, pipeline=1),
    "FP16": HadamardConfig(number_format=FP16, width=13),
}


@pytest.mark.parametrize("name", UNITS)
def test_like_golden(name, stream_through, sample):
    unit = UNITS[name]
    beats = sample(unit, 50, 40)
    _, given = stream_through(Hadamard(unit), unit, beats, np.random.default_rng(1))
    assert [word for _, word in given] == unit.output.pack(unit.compute(beats))


@pytest.mark.parametrize(
    "config",
    [
        EncoderConfig(format=BLOCKS["nvfp4"], hadamard=16, pipeline=5),
        EncoderConfig(format=BLOCKS["mxfp4"].replace(block=16), hadamard=16, stochastic=True),
    ],
    ids=["nvfp4", "stochastic mxfp4"],
)
def test_in_front_of_an_encoder(config, stream_through, sample):
    beats = sample(config, 30, 30)
    _, given = stream_through(Encoder(config), config, beats, np.random.default_rng(1))
    assert [word for _, word in given] == config.output.pack(config.compute(beats))
