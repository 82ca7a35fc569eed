"""Checkpoints: parameters by OpenPCDet's names, from files, folded into plain convolutions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, require
from .network import Layer, Piece
from .pillars import Grid

State = dict[str, NDArray]
NORM = ("weight", "bias", "running_mean", "running_var")
PFN_EPS = 1e-3


def load_state(path: str | Path) -> State:
    """Every array of an ``.npz`` or ``.safetensors`` file, as float64.

    Names are those of OpenPCDet's ``model_state``, with or without a common prefix ``module.`` or
    ``model.``. BF16 tensors are not readable by NumPy: convert them first.
    """
    path = Path(path)
    require(path.is_file(), "weights", str(path), "a file that exists")
    try:
        if path.suffix == ".npz":
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                state = dict(arrays)
        elif path.suffix == ".safetensors":
            state = _safetensors(path)
        else:
            raise BadInput(
                f"weights {path.name!r} have no known format; allowed: .npz, .safetensors"
            )
    except BadInput:
        raise
    except Exception as error:  # each library has its own errors for a malformed file
        raise BadInput(
            f"weights {path.name!r} are malformed: {str(error).splitlines()[0]}"
        ) from error
    result = {}
    for name, array in state.items():
        for prefix in ("module.", "model."):
            name = name.removeprefix(prefix)
        if array.dtype.kind in "fiu":
            result[name] = array.astype(np.float64)
    return result


def _safetensors(path: Path) -> State:
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise BadInput(
            "reading .safetensors needs safetensors: pip install bitpillar[frames]"
        ) from error
    return load_file(path)


def parameter(state: State, name: str, shape: tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """The array ``name``, which must have ``shape`` and be finite."""
    if name not in state:
        raise BadInput(f"weights lack {name!r}")
    array = state[name]
    if shape is not None:
        require(array.shape == shape, f"shape of {name}", array.shape, f"{shape}")
    require(bool(np.isfinite(array).all()), f"values of {name}", "not finite", "finite numbers")
    return array


def norm_gain(state: State, norm: str, channels: int, eps: float) -> tuple[NDArray, NDArray]:
    """``(gain, offset)`` of a batch norm at inference: ``gain * x + offset``."""
    weight, bias, mean, var = (parameter(state, f"{norm}.{part}", (channels,)) for part in NORM)
    require(bool((var >= 0).all()), f"values of {norm}.running_var", "negative", "0 or more")
    gain = weight / np.sqrt(var + eps)
    return gain, bias - mean * gain


def fold(state: State, layer: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Real weights (taps, input channels, output channels) and bias of ``layer``, norms folded."""
    weights, biases = [], []
    for piece in layer.pieces:
        weight = piece_weight(state, layer, piece)
        bias = np.zeros(piece.channels)
        if f"{piece.conv}.bias" in state:
            bias = parameter(state, f"{piece.conv}.bias", (piece.channels,))
        if piece.norm:
            gain, offset = norm_gain(state, piece.norm, piece.channels, piece.eps)
            weight, bias = weight * gain, bias * gain + offset
        weights.append(weight)
        biases.append(bias)
    return side_by_side(weights, layer), np.concatenate(biases)


def side_by_side(weights: list[NDArray], layer: Layer) -> NDArray:
    """The weights of a layer's pieces as one: beside each other, or on a diagonal of groups."""
    if layer.groups == 1:
        return np.concatenate(weights, axis=2)
    depth = layer.channels[0] // layer.groups
    whole = np.zeros((layer.kernel**2, *layer.channels))
    column = 0
    for group, weight in enumerate(weights):
        width = weight.shape[2]
        whole[:, group * depth : (group + 1) * depth, column : column + width] = weight
        column += width
    return whole


def piece_shape(layer: Layer, piece: Piece) -> tuple[int, int, int]:
    """(taps, input channels, output channels) of one piece."""
    return layer.kernel**2, layer.channels[0] // layer.groups, piece.channels


def piece_weight(state: State, layer: Layer, piece: Piece) -> NDArray[np.float64]:
    """The weight of one convolution, from whichever layout the checkpoint has."""
    taps, depth, width = piece_shape(layer, piece)
    k = layer.kernel
    name = f"{piece.conv}.weight"
    array = parameter(state, name)
    if layer.transposed:
        shape, axes = (depth, width, k, k), (2, 3, 0, 1)
    elif layer.layout == "spconv" and array.shape != (k, k, depth, width):
        shape, axes = (width, k, k, depth), (1, 2, 3, 0)
    elif layer.layout == "spconv":  # spconv 1.x
        shape, axes = (k, k, depth, width), (0, 1, 2, 3)
    else:
        shape, axes = (width, depth, k, k), (2, 3, 1, 0)
    return parameter(state, name, shape).transpose(axes).reshape(taps, depth, width)


def store_piece(state: State, layer: Layer, piece: Piece, weight: NDArray) -> None:
    """The inverse of :func:`piece_weight`."""
    k = layer.kernel
    weight = weight.reshape(k, k, *weight.shape[1:])
    if layer.transposed:
        weight = weight.transpose(2, 3, 0, 1)
    elif layer.layout == "spconv":
        weight = weight.transpose(3, 0, 1, 2)
    else:
        weight = weight.transpose(3, 2, 0, 1)
    state[f"{piece.conv}.weight"] = weight


def fold_encoder(state: State) -> list[tuple[NDArray, NDArray]]:
    """``(weight (inputs, outputs), bias)`` of each layer of the pillar feature network."""
    layers = []
    while f"vfe.pfn_layers.{len(layers)}.linear.weight" in state:
        name = f"vfe.pfn_layers.{len(layers)}"
        weight = parameter(state, f"{name}.linear.weight").T
        gain, offset = norm_gain(state, f"{name}.norm", weight.shape[1], PFN_EPS)
        layers.append((weight * gain, offset))
    require(bool(layers), "weights", "lack 'vfe.pfn_layers.0.linear.weight'", "OpenPCDet's names")
    return layers


def fit_grid(grid: Grid, state: State) -> Grid:
    """``grid`` with the point features that the checkpoint's encoder reads: 9, 10 or 11."""
    need = parameter(state, "vfe.pfn_layers.0.linear.weight").shape[1]
    # (point columns, dimensions of the offset from the pillar's centre); of two, the preset's.
    known = {9: ((4, 2),), 10: ((4, 3), (5, 2)), 11: ((5, 3),)}
    require(need in known, "point features of the weights", need, "9, 10, 11")
    mine = (grid.raw, grid.centre)
    raw, centre = mine if mine in known[need] else known[need][0]
    return replace(grid, raw=raw, centre=centre)
