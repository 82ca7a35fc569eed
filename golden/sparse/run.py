"""Running a network: coordinates, rules and exact INT8 features, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..requant import RequantConfig, check_bias, requantize
from . import prune
from .conv import RUN, accumulate, worst_sum
from .cpr import Cpr, union
from .network import Layer, Network, prunes
from .rules import Convolution, Rules, generate
from .variants import Variant

ONE = 14
"""Shift of the scale 1, whose multiplier is ``1 << ONE``."""


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """The integers of a layer.

    ``weights``: int8 (taps, input channels, output channels). ``bias``: int32 a channel, in units
    of the accumulator. ``multiplier``, ``shift``: the dyadic scale a channel. ``config``: of the
    requantizer. ``scale``: the real value of one output step.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    multiplier: NDArray[np.int64]
    shift: NDArray[np.int64]
    config: RequantConfig
    scale: float

    def __post_init__(self) -> None:
        check_bias(worst_sum(self.weights), self.bias, self.config)

    def finish(self, sums: NDArray[np.int32]) -> NDArray[np.int8]:
        """Bias, requantization and ReLU of the accumulators (pillars, channels)."""
        codes = np.empty(sums.shape, np.int8)
        for low in range(0, len(sums), RUN):  # the int64 inside takes eight times the memory
            part = slice(low, low + RUN)
            codes[part] = requantize(
                sums[part], self.multiplier, self.shift, self.bias, self.config
            )
        return codes


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """A sparse feature map: ``active`` pillars and their INT8 ``features`` (pillars, channels)."""

    active: Cpr
    features: NDArray[np.int8]

    def densify(self) -> FeatureMap:
        """On every site of the grid, zero where no pillar was active."""
        full = Cpr.full(self.active.shape)
        if len(full) == len(self.active):
            return self
        features = np.zeros((len(full), self.features.shape[1]), np.int8)
        features[self.active.keys] = self.features
        return FeatureMap(full, features)


@dataclass(frozen=True, eq=False)
class LayerRun:
    """What a layer did.

    ``source``: its input map. ``output``: its output map, after pruning. ``generated``: the output
    pillars before pruning, which are those that ``rules`` speak of. ``important``: the SD-Conv bits
    of the input. ``convolution`` and ``rules`` are None for a concatenation.
    """

    layer: Layer
    convolution: Convolution | None
    source: FeatureMap
    output: FeatureMap
    generated: Cpr
    rules: Rules | None
    important: NDArray[np.bool_] | None = None

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the rules."""
        return len(self.rules) * self.layer.macs_per_rule if self.rules else 0

    @property
    def dense_macs(self) -> int:
        """Multiply-accumulates of the same layer of the original dense network."""
        rows, columns = self.generated.shape
        return self.layer.dense_rules(rows * columns) * self.layer.macs_per_rule


def identity(layer: Layer) -> LayerWeights:
    """The weights with which a 1x1 convolution, without ReLU, gives back what it reads."""
    channels = layer.channels[0]
    one = np.full(channels, 1 << ONE)
    return LayerWeights(
        weights=np.eye(channels, dtype=np.int8)[None],
        bias=np.zeros(channels, np.int32),
        multiplier=one,
        shift=np.full(channels, ONE),
        config=RequantConfig(relu=False),
        scale=1.0,
    )


# Weights of a layer, given a function from INT8 weights to the layer's accumulators. Inference
# looks the weights up; calibration makes them from the accumulators.
Parameters = Callable[[Layer, Callable[[NDArray[np.int8]], NDArray[np.int32]]], LayerWeights]


def convolution_of(layer: Layer, variant: Variant) -> Convolution:
    """The convolution that ``layer`` is in ``variant``."""
    free = layer.role in ("body", "head") and layer.kernel == 3 and not layer.dense
    mode = (variant.mode if layer.role == "body" else variant.head_mode) if free else "spconv"
    return Convolution(
        kernel=layer.kernel,
        stride=layer.stride,
        transposed=layer.transposed,
        # A dense layer is a SpConv over a full grid.
        mode="spconv" if mode == "dense" else mode,
    )


def importance_bits(source: FeatureMap, variant: Variant) -> NDArray[np.bool_]:
    """SD-Conv: which pillars dilate."""
    rows, columns = source.active.shape
    base = rows * columns if variant.t_of == "grid" else len(source.active)
    count = prune.ratio_count(base, variant.t / 100)
    return prune.top(prune.importance(source.features, variant.measure), count)


def run(
    network: Network, variant: Variant, pillars: FeatureMap, parameters: Parameters
) -> Iterator[LayerRun]:
    """Run ``network`` (already :meth:`Network.for_variant`) on ``pillars``; yields layer by layer.

    Feature maps are let go when no later layer reads them.
    """
    readers = Counter(name for layer in network.layers for name in layer.source)
    maps = {"pillars": pillars}
    for layer in network.layers:
        sources = [maps[name] for name in layer.source]
        for name in layer.source:
            readers[name] -= 1
            if not readers[name]:
                del maps[name]
        if layer.dense or variant.dense:
            sources = [source.densify() for source in sources]
        step = (
            _concat(layer, sources)
            if layer.role == "concat"
            else _layer(layer, variant, sources[0], parameters)
        )
        if readers[layer.name]:
            maps[layer.name] = step.output
        yield step


def _layer(layer: Layer, variant: Variant, source: FeatureMap, parameters: Parameters) -> LayerRun:
    convolution = convolution_of(layer, variant)
    selective = convolution.mode == "selective"
    important = importance_bits(source, variant) if selective else None
    generated, rules = generate(convolution, source.active, important)

    last: list[NDArray] = []  # calibration asks for the sums first, and of the same weights

    def sums(weights: NDArray[np.int8]) -> NDArray[np.int32]:
        if not last or not np.array_equal(last[0], weights):
            last[:] = [weights, accumulate(source.features, weights, rules, len(generated))]
        return last[1]

    p = identity(layer) if layer.role == "compact" else parameters(layer, sums)
    output = FeatureMap(generated, p.finish(sums(p.weights)))
    if prunes(variant, layer):
        output = _prune(output, variant)
    return LayerRun(layer, convolution, source, output, generated, rules, important)


def _prune(output: FeatureMap, variant: Variant) -> FeatureMap:
    value = prune.importance(output.features, variant.measure)
    if variant.threshold is not None:
        keep = prune.above(value, variant.threshold, variant.measure)
    else:
        keep = prune.top(value, prune.ratio_count(len(value), variant.keep))
    return FeatureMap(output.active.select(keep), output.features[keep])


def _concat(layer: Layer, sources: list[FeatureMap]) -> LayerRun:
    """Channels side by side on the union of the maps; zero where a map has no pillar."""
    active = union([source.active for source in sources])
    features = np.zeros((len(active), layer.channels[1]), np.int8)
    low = 0
    for source in sources:
        high = low + source.features.shape[1]
        features[np.searchsorted(active.keys, source.active.keys), low:high] = source.features
        low = high
    output = FeatureMap(active, features)
    return LayerRun(layer, None, output, output, active, None)
