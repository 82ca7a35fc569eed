"""The vector unit of the sparse accelerator: what it writes, beat by beat."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..requant import RequantConfig, requantize
from .accelerator import AcceleratorConfig
from .descriptor import MEASURES, SELECTIONS
from .places import HEADER_BYTES
from .prune import RATIO_BITS, importance, selection

CHUNK = 16
"""Beats that are asked for at a time, at most, when entries are read again."""


@dataclass(frozen=True, eq=False)
class Command:
    """Complete sums of one output-channel tile of a tile of outputs.

    ``sums``: (outputs, N) int32. ``tags``: an integer an output. ``bias``, ``multiplier``,
    ``shift``: of N channels. The rest: see :func:`hw.sparse.layout.finish_layout`.
    """

    sums: NDArray[np.int64]
    tags: NDArray[np.int64]
    bias: NDArray[np.int64]
    multiplier: NDArray[np.int64]
    shift: NDArray[np.int64]
    base: int
    address: int
    first: bool
    last: bool
    end: bool

    def finish(self, relu: bool) -> NDArray[np.int64]:
        """The features, (outputs, N)."""
        config = RequantConfig(relu=relu)
        return requantize(self.sums, self.multiplier, self.shift, self.bias, config)

    def parameter_bytes(self) -> bytes:
        """As they lie in memory."""
        rows = zip(self.bias.tolist(), self.multiplier.tolist(), self.shift.tolist(), strict=True)
        return b"".join(struct.pack("<iHBx", *row) for row in rows)


@dataclass(frozen=True)
class Write:
    """A beat of :func:`hw.sparse.layout.write_layout`."""

    address: int
    data: int
    strobe: int
    flush: bool = False
    vector: bool = False
    layer: bool = False


@dataclass(frozen=True, eq=False)
class LayerWrites:
    """What the unit writes of a layer. ``value``: importance of the outputs, if measured."""

    features: list[Write]
    entries: list[Write]
    value: NDArray[np.int64]


def layer_writes(
    config: AcceleratorConfig, layer: Mapping[str, int], commands: Sequence[Command]
) -> LayerWrites:
    """Of ``layer`` (fields of a descriptor) whose sums are those of ``commands``, in order."""
    features: list[Write] = []
    totals: list[NDArray[np.int64]] = []
    columns: list[NDArray[np.int64]] = []
    for command in commands:
        codes = command.finish(bool(layer["relu"]))
        features += feature_writes(config, layer, command, codes)
        if command.first or not totals:
            totals.append(np.zeros(len(codes), np.int64))
            columns.append(command.tags)
        if layer["measure"] == MEASURES.index("l1"):
            totals[-1] = totals[-1] + importance(codes, "l1")
        else:
            totals[-1] = np.maximum(totals[-1], importance(codes, "max-abs"))
    value = np.concatenate(totals)
    entries = (
        entry_writes(config, layer, np.concatenate(columns), value) if layer["measure"] else []
    )
    return LayerWrites(features, entries, value)


def feature_writes(
    config: AcceleratorConfig, layer: Mapping[str, int], command: Command, codes: NDArray[np.int64]
) -> list[Write]:
    """Beats of the feature vectors of a command."""
    n, beat = config.array, config.beat
    if not len(codes):
        return [Write(command.address, 0, 0, True, False, True)] if command.end else []
    writes = []
    for k, vector in enumerate(codes):
        index = int(command.tags[k]) if layer["phased"] else command.base + k
        address, words = command.address + index * n, vector.astype(np.int8).tobytes()
        final = k == len(codes) - 1
        for low in range(0, n, beat):
            place = (address + low) % beat
            whole = words[low : low + beat] * max(1, beat // n)
            last = low + beat >= n
            writes.append(
                Write(
                    address + low - place,
                    int.from_bytes(whole, "little"),
                    ((1 << min(n, beat)) - 1) << place,
                    final and last,
                    command.last and not layer["phased"] and last,
                    final and last and command.end,
                )
            )
    return writes


def entry_writes(
    config: AcceleratorConfig,
    layer: Mapping[str, int],
    columns: NDArray[np.int64],
    value: NDArray[np.int64],
) -> list[Write]:
    """Beats of a layer's entries, and those of its header."""
    beat = config.beat
    packed = (columns & 0xFFFF | value << 16).astype("<u4").tobytes()
    writes = []
    for low in range(0, len(packed), beat):
        part = packed[low : low + beat]
        last = low + beat >= len(packed)
        data = int.from_bytes(part, "little")
        strobe = (1 << len(part)) - 1
        writes.append(Write(layer["output_entries"] + low, data, strobe, last, last))
    if layer["selection"] == SELECTIONS.index("top-k"):
        number = layer["select_count"] - (-len(value) * layer["select_ratio"] >> RATIO_BITS)
        threshold, ties = selection(value, number)
    else:
        threshold, ties = layer["threshold"], 0
    header = struct.pack("<4I", len(value), 1, threshold, ties).ljust(HEADER_BYTES, b"\0")
    for low in range(0, HEADER_BYTES, beat):
        last = low + beat >= HEADER_BYTES
        data = int.from_bytes(header[low : low + beat], "little")
        strobe = (1 << beat) - 1
        writes.append(Write(layer["output_cpr"] + low, data, strobe, last, False, last))
    return writes
