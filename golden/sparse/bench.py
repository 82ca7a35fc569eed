"""How fast the reference is: figures and ratios, all measured in one run."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np

from .cpr import Cpr
from .frames import Frame
from .networks import network_of
from .pillars import grid_of, pillarize
from .quantize import QuantizedNetwork, quantize
from .rules import generate
from .run import FeatureMap, convolution_of, run
from .variants import variant_of

PRESET = "pointpillars-kitti"


def bench_lines(points: Frame, repeat: int) -> Iterator[str]:
    """Lines of the benchmark, as they are measured; times are medians of ``repeat``."""
    grid = grid_of(PRESET)
    variant = variant_of("spconv")
    network = network_of(PRESET).for_variant(variant)
    pillars = pillarize(points, grid)
    yield (
        f"{points.name}: {len(pillars.active):,} active pillars; {os.cpu_count()} cores, "
        f"NumPy {np.__version__}; median of {repeat}"
    )
    body = [layer for layer in network.layers if layer.role in ("body", "down")]

    def all_rules() -> int:
        active, total = pillars.active, 0
        for layer in body:
            active, rules = generate(convolution_of(layer, variant), active)
            total += len(rules)
        return total

    rules = _median(all_rules, repeat)
    yield f"rules of the {len(body)} SpConv layers: {1e3 * rules:.1f} ms (limit 500)"
    integers = quantize(network, variant, grid)
    start = integers.encoder(pillars, grid)

    def whole(name: str, variant_integers: QuantizedNetwork) -> Callable[[], None]:
        def once() -> None:
            form = variant_of(name)
            for _ in run(variant_integers.network, form, start, variant_integers.parameters):
                pass

        return once

    network_time = _median(whole("spconv", integers), repeat)
    yield f"whole integer network, SpConv: {network_time:.2f} s (limit 60)"
    dense = variant_of("dense")
    dense_integers = quantize(network_of(PRESET).for_variant(dense), dense, grid)
    dense_time = _median(whole("dense", dense_integers), repeat)
    yield f"whole integer network, dense: {dense_time:.2f} s"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    yield f"peak memory so far: {peak:.2f} GiB (limit 3)"
    ours = _median(lambda: _body(integers, start, body), repeat)
    yield f"the {len(body)} layers alone, integers: {ours:.3f} s"
    yield from _against_spconv(integers, start, body, ours, rules, repeat)
    yield from _against_torch(integers, start, dense_time, network_time, repeat)


def _median(function: Callable[[], object], repeat: int) -> float:
    function()  # once to warm up
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _body(integers: QuantizedNetwork, start: FeatureMap, body: list) -> None:
    for done in run(integers.network, integers.variant, start, integers.parameters):
        if done.layer is body[-1]:
            return


def _against_spconv(
    integers: QuantizedNetwork,
    start: FeatureMap,
    body: list,
    ours: float,
    rules: float,
    repeat: int,
) -> Iterator[str]:
    try:
        import spconv.pytorch as spconv
        import torch
    except ImportError:
        yield "spconv: not installed (pip install bitpillar[oracle]); no comparison"
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # with more, spconv's CPU path returns wrong rows
    modules = [
        spconv.SparseConv2d(
            *layer.channels,
            3,
            stride=layer.stride,
            padding=1,
            bias=False,
            algo=spconv.ConvAlgo.Native,
        )
        for layer in body
    ]
    indices = _indices(start.active)
    features = torch.from_numpy(start.features.astype(np.float32))

    def once() -> None:
        with torch.no_grad():
            x = spconv.SparseConvTensor(
                features, torch.from_numpy(indices), list(start.active.shape), 1
            )
            for module in modules:
                x = module(x)
                x = x.replace_feature(torch.relu(x.features))

    theirs = _median(once, repeat)
    torch.set_num_threads(threads)
    yield (
        f"spconv {_version('spconv')}, same layers, float32, CPU, one thread (rules and "
        f"convolution): {theirs:.3f} s; it takes {theirs / ours:.1f} times ours, and our rules "
        f"alone are {rules / theirs:.1%} of it"
    )


def _against_torch(
    integers: QuantizedNetwork, start: FeatureMap, dense: float, sparse: float, repeat: int
) -> Iterator[str]:
    try:
        import torch
        from torch.nn import functional as F
    except ImportError:
        yield "PyTorch: not installed (pip install bitpillar[oracle]); no comparison"
        return
    grid = np.zeros((1, start.features.shape[1], *start.active.shape), np.float32)
    grid[0].reshape(grid.shape[1], -1)[:, start.active.keys] = start.features.T
    weights = {}
    for layer in integers.network.layers:
        if layer.role != "concat":
            shape = (layer.kernel, layer.kernel, *layer.channels)
            w = integers.layers[layer.name].weights.reshape(shape).astype(np.float32)
            axes = (2, 3, 0, 1) if layer.transposed else (3, 2, 0, 1)
            weights[layer.name] = torch.from_numpy(np.ascontiguousarray(w.transpose(axes)))

    def once() -> None:
        maps = {"pillars": torch.from_numpy(grid)}
        with torch.no_grad():
            for layer in integers.network.layers:
                x = [maps[name] for name in layer.source]
                if layer.role == "concat":
                    y = torch.cat(x, dim=1)
                elif layer.transposed:
                    y = F.conv_transpose2d(x[0], weights[layer.name], stride=layer.stride)
                else:
                    y = F.conv2d(
                        x[0],
                        weights[layer.name],
                        stride=layer.stride,
                        padding=(layer.kernel - 1) // 2,
                    )
                maps[layer.name] = torch.relu(y) * 2**-10  # keeps the numbers small

    theirs = _median(once, repeat)
    yield (
        f"PyTorch {torch.__version__}, whole network dense, float32, "
        f"{torch.get_num_threads()} threads: {theirs:.2f} s; {theirs / sparse:.2f} times our "
        f"SpConv, {theirs / dense:.2f} times our dense"
    )


def _indices(active: Cpr) -> np.ndarray:
    return np.column_stack([np.zeros(len(active), np.int32), active.rows, active.columns])


def _version(package: str) -> str:
    from importlib import metadata

    return metadata.version(package)
