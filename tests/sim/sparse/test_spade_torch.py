"""The whole accelerator against PyTorch's dense convolutions: what comes out of memory is compared
with numbers that none of our golden code has made.

The input is densified, convolved in float64 (exact: a sum of INT8 products is far below 2^53),
requantized in integers as its parameters say, and masked by the output set, all here.
"""

import numpy as np
import pytest
from spade_cases import body

from golden.sparse.network import Network
from golden.sparse.trials import trial
from golden.sparse.variants import VARIANTS
from sim.sparse.check import LIMIT
from sim.sparse.machine import job, outcome

torch = pytest.importorskip("torch", reason="PyTorch is no dependency: it is compared where it is")

SHAPE = (12, 14)
UP = {"role": "up", "transposed": True}
CASES = {
    "spconv": ("spconv", {}),
    "spconv, no relu": ("spconv", {"relu": False}),
    "spconv 1x1": ("spconv", {"kernel": 1}),
    "spconv-s": ("spconv-s", {}),
    "sdconv": ("sdconv", {}),
    "stride 2": ("spconv", {"role": "down", "stride": 2}),
    "stride 2, kernel 2": ("spconv", {"role": "down", "stride": 2, "kernel": 2}),
    "deconv 2": ("spconv", {**UP, "kernel": 2, "stride": 2}),
    "deconv 4": ("spconv", {**UP, "kernel": 4, "stride": 4}),
    "dense": ("dense", {}),
}


def dense_sums(x, weights, kernel, stride, transposed):
    """Sums (rows, columns, outputs) of the dense map ``x`` (rows, columns, inputs)."""
    map_ = torch.from_numpy(x.transpose(2, 0, 1)[None].astype(np.float64))
    cube = weights.astype(np.float64).reshape(kernel, kernel, *weights.shape[1:])
    if transposed:  # inputs, outputs, rows, columns
        w = torch.from_numpy(np.ascontiguousarray(cube.transpose(2, 3, 0, 1)))
        y = torch.nn.functional.conv_transpose2d(map_, w, stride=stride)
    else:  # outputs, inputs, rows, columns
        w = torch.from_numpy(np.ascontiguousarray(cube.transpose(3, 2, 0, 1)))
        y = torch.nn.functional.conv2d(map_, w, stride=stride, padding=(kernel - 1) // 2)
    return y[0].numpy().transpose(1, 2, 0)


def reached(sites, kernel, stride, transposed):
    """Whether an output site has an active input in its reach."""
    ones = np.ones((kernel * kernel, 1, 1))
    return dense_sums(sites[..., None], ones, kernel, stride, transposed)[..., 0] > 0


def requantized(sums, bias, multiplier, shift, relu):
    """round((sum + bias) * multiplier / 2^shift), ties upwards, within INT8: Python's integers."""
    codes = np.empty(sums.shape, np.int8)
    for place in np.ndindex(sums.shape):
        channel = place[-1]
        product = (int(sums[place]) + int(bias[channel])) * int(multiplier[channel])
        one = 1 << int(shift[channel])
        whole, rest = divmod(product, one)
        whole += 2 * rest >= one
        codes[place] = max(0 if relu else -128, min(127, whole))
    return codes


def most_important(x, active, per_cent):
    """The sites with the largest absolute values, of equals the first in raster order."""
    count = -(-int(active.sum()) * round(per_cent / 100 * 65536) // 65536)
    sites = np.argwhere(active)
    order = sorted(range(len(sites)), key=lambda k: (-np.abs(x[tuple(sites[k])]).max(), k))
    chosen = np.zeros_like(active)
    for k in order[:count]:
        chosen[tuple(sites[k])] = True
    return chosen


@pytest.mark.parametrize("name", CASES)
def test_against_pytorch(n8, n8_machine, name):
    variant, options = CASES[name]
    down = 2 if name == "stride 2, kernel 2" else 3
    variant = VARIANTS[variant].replace(t=20, t_of="active", down_kernel=down)
    network = Network("one", "", (body("a", channels=(13, 19), **options),))
    given = {"network": network, "variant": variant, "shape": SHAPE, "density": 0.3}
    made = trial(np.random.default_rng(len(name)), n8, **given)
    layer = made.program.network.layers[0]

    active = np.zeros(SHAPE, bool)
    active.ravel()[made.pillars.active.keys] = True
    x = np.zeros((*SHAPE, 13), np.int64)
    x[active] = made.pillars.features
    p = made.weights["a"]
    kernel, stride = layer.kernel, layer.stride
    assert kernel == options.get("kernel", 3)
    sums = dense_sums(x, p.weights, kernel, stride, layer.transposed)
    assert np.abs(sums).max() > 1000 and np.array_equal(sums, np.round(sums))
    codes = requantized(sums, p.bias, p.multiplier, p.shift, layer.relu)
    if name == "dense":
        sites = np.ones(codes.shape[:2], bool)
    elif name == "spconv-s":
        sites = active
    elif name == "sdconv":
        important = most_important(x, active, 20)
        sites = active | reached(important, kernel, stride, False)
        assert active.sum() < sites.sum() < reached(active, kernel, stride, False).sum()
    else:
        sites = reached(active, kernel, stride, layer.transposed)
    assert sites.sum() > 10

    result = n8_machine.run(job("torch", made.program, made.image, limit=LIMIT))
    found = outcome(made.program, result).maps["a"]
    assert found.active.shape == sites.shape
    assert np.array_equal(found.active.keys, np.flatnonzero(sites))
    assert np.array_equal(found.features, codes[sites])
    assert len(np.unique(found.features)) > 20
