"""The accelerator's memory formats: sparse maps, features, weights, parameters as bytes.

`docs/spade.md`, section Memory, says the same in words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, require
from .cpr import Cpr
from .places import HEADER_BYTES, PARAMETER_BYTES
from .prune import selected

VALID = 1
"""Flag of a header: its selection is valid."""


class Memory:
    """``size`` bytes from address ``base``, all ``fill`` at first."""

    def __init__(self, base: int, size: int, fill: int = 0) -> None:
        self.base = base
        self.bytes = np.full(size, fill, np.uint8)

    def read(self, address: int, size: int) -> NDArray[np.uint8]:
        """``size`` bytes at ``address``, as a view."""
        low = address - self.base
        inside = low >= 0 and low + size <= len(self.bytes)
        allowed = f"{self.base:#x} to {self.base + len(self.bytes):#x}"
        require(inside, "bytes of memory", f"{address:#x} to {address + size:#x}", allowed)
        return self.bytes[low : low + size]

    def write(self, address: int, data: bytes | NDArray[np.uint8]) -> None:
        """Put ``data`` at ``address``."""
        self.read(address, len(data))[:] = np.frombuffer(bytes(data), np.uint8)


@dataclass(frozen=True, eq=False)
class Entries:
    """A CPR as it lies in memory: ``active`` pillars, the ``value`` of each, and which of them are
    ``selected`` (all, if no selection is valid)."""

    active: Cpr
    value: NDArray[np.uint32]
    selected: NDArray[np.bool_]


def read_cpr(memory: Memory, cpr: int, entries: int, shape: tuple[int, int]) -> Entries:
    """The CPR at two addresses. One that is malformed is :class:`BadInput`."""
    count, flags, threshold, ties = memory.read(cpr, HEADER_BYTES)[:16].view("<u4").tolist()
    pointers = memory.read(cpr + HEADER_BYTES, 4 * (shape[0] + 1)).view("<u4")
    require(count == pointers[-1], "entries of a CPR header", count, f"{pointers[-1]}")
    words = memory.read(entries, 4 * count).view("<u4")
    value = words >> 16
    keep = selected(value, threshold, ties) if flags & VALID else np.ones(count, bool)
    active = Cpr(shape, pointers.astype(np.int32), (words & 0xFFFF).astype(np.int32))
    return Entries(active, value, keep)


def cpr_bytes(
    active: Cpr,
    value: NDArray | int = 0,
    selection: tuple[int, int] | None = None,
) -> tuple[bytes, bytes]:
    """Header with row pointers, and entries. ``selection``: threshold and ties."""
    header = np.zeros(HEADER_BYTES // 4, "<u4")
    header[0] = len(active)
    if selection is not None:
        header[1:4] = VALID, *selection
    words = active.columns.astype("<u4") | np.broadcast_to(value, len(active)).astype("<u4") << 16
    return header.tobytes() + active.pointers.astype("<u4").tobytes(), words.tobytes()


def feature_bytes(features: NDArray[np.int8], array: int, plane: int) -> list[bytes]:
    """Each plane of a map's ``features`` (pillars, channels), padded with zero channels."""
    require(
        len(features) * array <= plane, "vectors of a plane", len(features), f"{plane // array}"
    )
    return [
        np.ascontiguousarray(_padded(features[:, low : low + array], 1, array)).tobytes()
        for low in range(0, features.shape[1], array)
    ]


def read_features(
    memory: Memory, address: int, plane: int, tiles: int, count: int, array: int
) -> NDArray[np.int8]:
    """The first ``count`` vectors of every plane: (count, tiles * array)."""
    planes = [
        memory.read(address + tile * plane, count * array).view(np.int8).reshape(count, array)
        for tile in range(tiles)
    ]
    return np.concatenate(planes, axis=1)


def _padded(data: NDArray, axis: int, size: int) -> NDArray:
    pad = [(0, 0)] * data.ndim
    pad[axis] = (0, size - data.shape[axis])
    return np.pad(data, pad)


def padded_inputs(weights: NDArray[np.int8], channels: tuple[int, ...], tiles: int, array: int):
    """``weights`` (taps, inputs, outputs) with zeros where the ``channels`` of each map beside
    another do not fill their ``tiles``."""
    require(weights.shape[1] == sum(channels), "input channels", weights.shape[1], sum(channels))
    parts = np.split(weights, np.cumsum(channels)[:-1], axis=1)
    return np.concatenate([_padded(part, 1, tiles * array) for part in parts], axis=1)


def weight_bytes(weights: NDArray[np.int8], array: int) -> bytes:
    """``weights`` (taps, inputs, outputs), inputs padded already: output tile, input tile, tap."""
    taps, inputs, outputs = weights.shape
    tiles = -(-outputs // array)
    cut = _padded(weights, 2, tiles * array).reshape(taps, inputs // array, array, tiles, array)
    return np.ascontiguousarray(cut.transpose(3, 1, 0, 2, 4)).tobytes()


def read_weights(
    memory: Memory, address: int, taps: int, input_tiles: int, output_tiles: int, array: int
) -> NDArray[np.int8]:
    """The inverse of :func:`weight_bytes`: (taps, inputs, outputs), both padded."""
    size = taps * input_tiles * output_tiles * array**2
    form = (output_tiles, input_tiles, taps, array, array)
    cut = memory.read(address, size).view(np.int8).reshape(form).transpose(2, 1, 3, 0, 4)
    return cut.reshape(taps, input_tiles * array, output_tiles * array)


_PARAMETER = np.dtype([("bias", "<i4"), ("multiplier", "<u2"), ("shift", "u1"), ("zero", "u1")])
assert _PARAMETER.itemsize == PARAMETER_BYTES


def parameter_bytes(
    bias: NDArray, multiplier: NDArray, shift: NDArray, output_tiles: int, array: int
) -> bytes:
    """Eight bytes a channel; all zero where there is none."""
    table = np.zeros(output_tiles * array, _PARAMETER)
    count = len(bias)
    table["bias"][:count] = bias
    table["multiplier"][:count] = multiplier
    table["shift"][:count] = shift
    return table.tobytes()


def read_parameters(memory: Memory, address: int, channels: int) -> NDArray:
    """The parameters of each channel, a structured array of bias, multiplier, shift."""
    table = memory.read(address, channels * PARAMETER_BYTES).view(_PARAMETER)
    if table["zero"].any():
        raise BadInput("byte 7 of a channel's parameters is not 0; allowed: 0")
    return table
