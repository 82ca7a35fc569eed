"""Integer convolution against dense convolutions: one written here, and PyTorch's in float64."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.conv import EXACT_DEPTH, accumulate, worst_sum
from golden.sparse.cpr import Cpr
from golden.sparse.rules import Convolution, Rules, generate

CASES = [
    Convolution(kernel=3),
    Convolution(kernel=3, mode="submanifold"),
    Convolution(kernel=3, mode="selective"),
    Convolution(kernel=3, stride=2),
    Convolution(kernel=2, stride=2),
    Convolution(kernel=1),
    Convolution(kernel=1, stride=1, transposed=True),
    Convolution(kernel=2, stride=2, transposed=True),
    Convolution(kernel=4, stride=4, transposed=True),
]
IDS = [f"{c.mode}-{c.kernel}-{c.stride}{'-transposed' * c.transposed}" for c in CASES]


def dense_map(active, features):
    full = np.zeros((features.shape[1], *active.shape), np.int64)
    full[:, active.rows, active.columns] = features.T
    return full


def dense_numpy(c, full, weights):
    """The dense convolution by shifting the whole map: no rule, no list of pillars."""
    taps = weights.astype(np.int64).reshape(c.kernel, c.kernel, *weights.shape[1:])
    rows, columns = c.output_shape(full.shape[1:])
    out = np.zeros((weights.shape[2], rows, columns), np.int64)
    if c.transposed:
        for dy in range(c.kernel):
            for dx in range(c.kernel):
                out[:, dy :: c.stride, dx :: c.stride] = np.einsum(
                    "irc,io->orc", full, taps[dy, dx]
                )
        return out
    padded = np.pad(full, ((0, 0), (c.padding, c.padding), (c.padding, c.padding)))
    for dy in range(c.kernel):
        for dx in range(c.kernel):
            seen = padded[:, dy : dy + rows * c.stride : c.stride,
                          dx : dx + columns * c.stride : c.stride]  # fmt: skip
            out += np.einsum("irc,io->orc", seen[:, :rows, :columns], taps[dy, dx])
    return out


def dense_torch(torch, c, full, weights):
    """PyTorch in float64, exact: every sum is far below 2^53."""
    shaped = weights.reshape(c.kernel, c.kernel, *weights.shape[1:]).astype(np.float64)
    x = torch.from_numpy(full.astype(np.float64))[None]
    if c.transposed:
        w = torch.from_numpy(np.ascontiguousarray(shaped.transpose(2, 3, 0, 1)))
        out = torch.nn.functional.conv_transpose2d(x, w, stride=c.stride)
    else:
        w = torch.from_numpy(np.ascontiguousarray(shaped.transpose(3, 2, 0, 1)))
        out = torch.nn.functional.conv2d(x, w, stride=c.stride, padding=c.padding)
    return out[0].numpy().astype(np.int64)


def run(c, active, features, weights, rng):
    bits = rng.random(len(active)) < 0.3 if c.mode == "selective" else None
    output, rules = generate(c, active, bits)
    return output, accumulate(features, weights, rules, len(output))


@pytest.mark.parametrize("c", CASES, ids=IDS)
@pytest.mark.parametrize("density", [0.0, 0.05, 0.4, 1.0])
@pytest.mark.parametrize("channels", [(1, 1), (5, 3), (16, 32)])
def test_against_numpy(c, density, channels, random_map):
    rng = np.random.default_rng([c.kernel, c.stride, int(density * 100), *channels])
    active, features = random_map(rng, (13, 10), density, channels[0])
    weights = rng.integers(-128, 128, (c.taps, *channels)).astype(np.int8)
    output, sums = run(c, active, features, weights, rng)
    dense = dense_numpy(c, dense_map(active, features), weights)
    assert np.array_equal(sums, dense[:, output.rows, output.columns].T)
    if c.mode == "spconv":  # and nothing is missed: elsewhere the dense result is zero
        dense[:, output.rows, output.columns] = 0
        assert not dense.any()


@pytest.mark.parametrize("c", CASES, ids=IDS)
def test_against_torch(c, torch, random_map):
    rng = np.random.default_rng(c.kernel)
    for density, channels in ((0.04, (64, 64)), (0.5, (128, 48)), (1.0, (9, 72))):
        active, features = random_map(rng, (46, 38), density, channels[0])
        weights = rng.integers(-128, 128, (c.taps, *channels)).astype(np.int8)
        output, sums = run(c, active, features, weights, rng)
        dense = dense_torch(torch, c, dense_map(active, features), weights)
        assert np.array_equal(sums, dense[:, output.rows, output.columns].T)


@pytest.mark.parametrize("depth", [1024, 1025, 4096])
def test_extreme_operands_stay_exact(depth):
    """All products at their largest but one, which is odd: float32 has no odd number past 2^24."""
    assert EXACT_DEPTH == 1024
    features = np.full((2, depth), -128, np.int8)
    features[1, -1] = -127
    weights = np.full((1, depth, 2), -128, np.int8)
    weights[0, -1, 0] = -127
    rules = Rules.from_taps([(np.array([0, 1]), np.array([0, 1]))])
    wide = features.astype(np.int64) @ weights[0].astype(np.int64)
    assert np.array_equal(accumulate(features, weights, rules, 2), wide)


def test_runs_of_outputs_are_joined(random_map):
    """More output pillars than are taken at a time."""
    rng = np.random.default_rng(0)
    active, features = random_map(rng, (70, 80), 0.9, 3)
    weights = rng.integers(-128, 128, (9, 3, 2)).astype(np.int8)
    output, sums = run(CASES[0], active, features, weights, rng)
    assert len(output) > 2 * 2048
    dense = dense_numpy(CASES[0], dense_map(active, features), weights)
    assert np.array_equal(sums, dense[:, output.rows, output.columns].T)


def test_overflow_is_refused():
    """2^31 is reached by 2^17 products of 2^14: one fewer is allowed."""
    rules = Rules.from_taps([(np.zeros(1, int), np.zeros(1, int))])
    weights = np.full((1, 2**17, 1), -128, np.int8)
    assert worst_sum(weights)[0] == 2**31
    with pytest.raises(BadInput, match="accumulator bits needed is 33; allowed: at most 32"):
        accumulate(np.zeros((1, 2**17), np.int8), weights, rules, 1)
    features = np.full((1, 2**17 - 1), -128, np.int8)
    assert accumulate(features, weights[:, 1:], rules, 1)[0, 0] == 2**31 - 2**14


def test_operands_refused():
    rules = generate(CASES[0], Cpr.full((3, 3)))[1]
    features, weights = np.zeros((9, 4), np.int8), np.zeros((9, 4, 2), np.int8)
    with pytest.raises(BadInput, match="operand types"):
        accumulate(features.astype(float), weights, rules, 9)
    with pytest.raises(BadInput, match="feature shape"):
        accumulate(features[:, :3], weights, rules, 9)
    with pytest.raises(BadInput, match="taps of the rules"):
        accumulate(features, weights[:4], rules, 9)
