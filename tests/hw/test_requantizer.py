"""The requantizer against golden: every rounding, width and depth."""

import numpy as np
import pytest

from golden.requant import ROUNDINGS, RequantConfig
from golden.requantizer import RequantizerConfig
from hw.requantizer import Requantizer


def unit(lanes=1, pipeline=0, widths=(), **changes):
    return RequantizerConfig(
        requant=RequantConfig(**changes), lanes=lanes, pipeline=pipeline, widths=widths
    )


UNITS = {
    **{r: unit(rounding=r, relu=False, pipeline=k) for k, r in enumerate(ROUNDINGS)},
    **{f"{r} relu": unit(rounding=r, zero_point=-128) for r in ROUNDINGS},
    "INT4": unit(output_bits=4, lanes=3, zero_point=2),
    "UINT8": unit(signed=False, zero_point=9, relu=False, rounding="half-even"),
    "UINT4": unit(signed=False, output_bits=4),
    "mixed": unit(widths=(2, 4, 8), relu=False, lanes=2, pipeline=3, zero_point=1),
    "mixed, unsigned": unit(widths=(8, 5), signed=False, rounding="half-even"),
    "narrow in": unit(accumulator_bits=8, multiplier_bits=2, shift_bits=3, rounding="half-away"),
    "wider out than product": unit(accumulator_bits=8, multiplier_bits=2, output_bits=16),
    "wide multiplier": unit(multiplier_bits=31, relu=False, output_bits=16, rounding="half-even"),
}


@pytest.mark.parametrize("name", UNITS)
def test_like_golden(name, stream_through, sample):
    config = UNITS[name]
    beats = sample(config, 500, 300)
    _, given = stream_through(Requantizer(config), config, beats, np.random.default_rng(1))
    assert [word for _, word in given] == config.output.pack(config.compute(beats))


@pytest.mark.parametrize("pipeline", range(4))
def test_latency_and_interval(pipeline, stream_through, sample):
    config = unit(pipeline=pipeline)
    taken, given = stream_through(Requantizer(config), config, sample(config, 0, 12))
    assert [b - a for a, (b, _) in zip(taken, given, strict=True)] == [config.latency] * 12
    assert set(np.diff(taken)) == {1}
