"""From real parameters to the integers of a network: calibration and quantization.

Weights are INT8, symmetric, one scale an output channel; activations INT8, zero point 0 (an
inactive pillar must be an exact zero), one scale a layer, chosen so that the 99.9th percentile of
the calibration frame's activations is code 127. Batch norm is folded before. The scale of an input
channel is folded into the weights, so that maps with different scales may be concatenated.

Random parameters are normal, with the batch norm that training would have found: mean and variance
of the calibration frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..requant import RequantConfig, dyadic
from . import checkpoint as ckpt
from .checkpoint import State
from .encoder import PillarEncoder
from .network import Layer, Network
from .pillars import Grid, pillarize, point_features
from .run import LayerRun, LayerWeights, run
from .scene import synthetic_frame
from .variants import Variant

PERCENTILE = 99.9
CALIBRATION_SEED = 1  # not the scene that runs by default


@dataclass(frozen=True, eq=False)
class QuantizedNetwork:
    """A network in integers: ``encoder``, and the :class:`LayerWeights` of each layer by name.

    ``grid``: the pillar grid that the encoder was made for. ``state``: the real parameters.
    """

    network: Network
    variant: Variant
    grid: Grid
    encoder: PillarEncoder
    layers: dict[str, LayerWeights]
    state: State

    def parameters(self, layer: Layer, sums: Callable) -> LayerWeights:
        """What :func:`golden.sparse.run.run` asks for."""
        return self.layers[layer.name]


@dataclass
class _Calibration:
    """Makes the integers of each layer as it is run; without ``rng``, ``state`` is given."""

    network: Network
    state: State
    rng: np.random.Generator | None
    scales: dict[str, NDArray]
    layers: dict[str, LayerWeights] = field(default_factory=dict)

    def __call__(self, layer: Layer, sums: Callable) -> LayerWeights:
        depth = self._scale(layer.source[0])
        if self.rng is not None:
            self._invent(layer, sums, depth)
        weight, bias = ckpt.fold(self.state, layer)
        codes, step = _quantize(weight * depth[:, None], bias)
        real = sums(codes) * step + bias
        if layer.relu:
            real = np.maximum(real, 0)
        scale = _activation_scale(real)
        config = RequantConfig(relu=layer.relu)
        multiplier, shift = dyadic(np.maximum(step / scale, 2.0**-40), config)
        integers = np.rint(bias / step).astype(np.int32)
        self.layers[layer.name] = LayerWeights(codes, integers, multiplier, shift, config, scale)
        self.scales[layer.name] = np.full(layer.channels[1], scale)
        return self.layers[layer.name]

    def _scale(self, name: str) -> NDArray:
        """Real value of one step of each channel of a map."""
        if name not in self.scales:  # a concatenation
            layer = next(layer for layer in self.network.layers if layer.name == name)
            self.scales[name] = np.concatenate([self._scale(source) for source in layer.source])
        return self.scales[name]

    def _invent(self, layer: Layer, sums: Callable, depth: NDArray) -> None:
        """Random weights, and the batch norm that makes its outputs standard normal."""
        weights = []
        for piece in layer.pieces:
            taps, inputs, outputs = ckpt.piece_shape(layer, piece)
            weights.append(
                self.rng.normal(0, np.sqrt(2 / (taps * inputs)), (taps, inputs, outputs))
            )
            ckpt.store_piece(self.state, layer, piece, weights[-1])
        codes, step = _quantize(ckpt.side_by_side(weights, layer) * depth[:, None], 0)
        real = sums(codes) * step
        seen = real[real.any(axis=1)]  # not the sites of a dense map that no pillar reaches
        mean, var = (seen.mean(axis=0), seen.var(axis=0)) if len(seen) else (0 * step, 0 * step + 1)
        column = 0
        for piece in layer.pieces:
            part = slice(column, column + piece.channels)
            column = part.stop
            if piece.norm:
                _store_norm(self.state, piece.norm, mean[part], var[part], self.rng)
            else:
                self.state[f"{piece.conv}.bias"] = -mean[part]


def _store_norm(
    state: State, name: str, mean: NDArray, var: NDArray, rng: np.random.Generator
) -> None:
    values = (np.ones(len(mean)), rng.normal(0, 0.3, len(mean)), mean, var)
    state.update({f"{name}.{part}": v for part, v in zip(ckpt.NORM, values, strict=True)})


def _quantize(weight: NDArray, bias: NDArray | float) -> tuple[NDArray[np.int8], NDArray]:
    """INT8 codes and the real value of one step, an output channel."""
    step = np.abs(weight).max(axis=(0, 1)) / 127
    # A dead channel is all bias; its bias must fit the accumulator too.
    step = np.maximum(step, np.maximum(np.abs(bias) / 2**29, 1e-12))
    return np.rint(weight / step).astype(np.int8), step


def _activation_scale(real: NDArray) -> float:
    """Real value of one code, such that the percentile of the magnitudes in use is code 127."""
    used = np.abs(real[real != 0])
    return float(np.percentile(used, PERCENTILE)) / 127 if used.size else 1.0


def quantize(
    network: Network,
    variant: Variant,
    grid: Grid,
    state: State | None = None,
    seed: int = 0,
    step: Callable[[LayerRun], object] = lambda run: None,
) -> QuantizedNetwork:
    """The integers of ``network`` (already for ``variant``) from ``state``, or from random weights.

    Calibrated on a synthetic scene, never on the frame that is run later: weights do not depend on
    data. ``step`` is called with each layer as it ran on that scene. Raises :class:`BadInput` for
    parameters that are missing or have another shape.
    """
    rng = None if state is not None else np.random.default_rng(seed)
    state = {} if state is None else dict(state)
    if rng is None:
        grid = ckpt.fit_grid(grid, state)
    pillars = pillarize(synthetic_frame(CALIBRATION_SEED, grid.intensity), grid)
    if rng is not None:
        _invent_encoder(state, pillars, grid, rng)
    layers = tuple(ckpt.fold_encoder(state))
    scale = _activation_scale(PillarEncoder(layers, 1.0).real(pillars, grid))
    encoder = PillarEncoder(layers, scale)
    start = encoder(pillars, grid)
    calibration = _Calibration(
        network, state, rng, {"pillars": np.full(start.features.shape[1], scale)}
    )
    # A dense map is calibrated where there is something to see.
    seen = variant.replace(mode="spconv", head_mode="spconv") if variant.dense else variant
    for done in run(network, seen, start, calibration):
        step(done)
    return QuantizedNetwork(network, variant, grid, encoder, calibration.layers, state)


def _invent_encoder(state: State, pillars, grid: Grid, rng: np.random.Generator) -> None:
    name = "vfe.pfn_layers.0"
    features = point_features(pillars, grid)
    spread = np.maximum(features.std(axis=0), 1e-3)  # metres and centimetres alike
    weight = rng.normal(0, 1, (grid.channels, grid.features)) / spread
    out = features @ weight.T
    state[f"{name}.linear.weight"] = weight
    _store_norm(state, f"{name}.norm", out.mean(axis=0), out.var(axis=0), rng)
