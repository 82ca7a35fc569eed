"""The requantizer unit: its beats keep the definition's bounds, and reach every case of it."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.requant import ROUNDINGS, RequantConfig
from golden.requantizer import RequantizerConfig
from golden.unit import concatenate


def unit(lanes=1, **changes):
    return RequantizerConfig(requant=RequantConfig(**changes), lanes=lanes)


def beats(config, count=500):
    return concatenate(*config.corners(), config.random(np.random.default_rng(0), count))


def test_every_mode_differs_on_the_same_beats():
    """But for ties upwards and away from zero, which only negative numbers tell apart: with ReLU
    the two are one mode."""
    sent = beats(unit(relu=False))
    out = {
        (rounding, relu): unit(rounding=rounding, relu=relu).compute(sent)["result"].tobytes()
        for rounding in ROUNDINGS
        for relu in (False, True)
    }
    assert out["half-up", True] == out.pop(("half-away", True))
    assert len(set(out.values())) == len(out) == 2 * len(ROUNDINGS) - 1


@pytest.mark.parametrize("zero_point", [0, -128, 127])
def test_both_ends_and_the_middle_are_reached(zero_point):
    config = unit(zero_point=zero_point, relu=False)
    out = config.compute(config.random(np.random.default_rng(0), 3000))["result"][:, 0]
    assert {0x80, 0x7F} <= set(out) and len(set(out)) > 200


def test_by_hand():
    """(100 - 3) * 3 / 8 = 36.375; of the other lane 36.5, a tie."""
    config = unit(lanes=2, zero_point=1)
    sent = {
        "acc": [[100, 146]],
        "bias": [[2**32 - 3, 0]],
        "multiplier": [[3, 1]],
        "shift": [[3, 2]],
    }
    out = config.compute({name: np.array(codes) for name, codes in sent.items()})
    assert out["result"].tolist() == [[37, 38]]


def test_widths_chosen_by_the_beat():
    """As a unit of that width alone would have it; sign extended."""
    config = RequantizerConfig(requant=RequantConfig(relu=False), widths=(8, 4, 2))
    sent = beats(config)
    got = config.output.fields[0].format.integer(config.compute(sent)["result"])
    alone = {name: codes for name, codes in sent.items() if name != "width"}
    different = 0
    for code, bits in enumerate((8, 4, 2, 2)):  # beyond the list: the last
        chosen = sent["width"][:, 0] == code
        assert chosen.any()
        plain = unit(relu=False, output_bits=bits)
        expected = plain.output.fields[0].format.integer(plain.compute(alone)["result"])
        np.testing.assert_array_equal(got[chosen], expected[chosen])
        different += (got[~chosen] != expected[~chosen]).any()
    assert different == 4


def test_tensor():
    config = unit(relu=False)
    values = np.linspace(-1, 1, 101)
    out = config.compute(config.tensors(values, np.random.default_rng(0)))["result"][:, 0]
    got = config.output.fields[0].format.integer(out)
    np.testing.assert_allclose(got, values * 127, atol=0.6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"widths": (4,)}, r"widths is \(4,\); allowed: \(\), or 2 to 8 different ones of 2 to 8"),
        ({"widths": (4, 9)}, r"widths is \(4, 9\); allowed: \(\), or 2 to 8 different ones"),
        (
            {"widths": (4, 8), "requant": RequantConfig(zero_point=9)},
            "zero_point is 9; allowed: -8 to 7 with such widths",
        ),
        ({"lanes": 0}, "lanes is 0; allowed: 1 to 1024"),
        ({"requant": 8}, "requant is 8; allowed: a RequantConfig"),
        ({"pipeline": 4}, "pipeline is 4; allowed: 0 to 3"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(BadInput, match="^" + message):
        unit().replace(**parameters)
