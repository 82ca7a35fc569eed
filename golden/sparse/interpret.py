"""The golden model of the whole machine: carries out a list of descriptors on a memory."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, require
from ..requant import RequantConfig, requantize
from . import prune
from .accelerator import AcceleratorConfig
from .checks import offence
from .conv import accumulate
from .cpr import Cpr, union
from .descriptor import BYTES, CONV, COORDS, LAYERS, MEASURES, MODES, UNION, decode
from .memory import (
    Entries,
    Memory,
    cpr_bytes,
    feature_bytes,
    read_cpr,
    read_features,
    read_parameters,
    read_weights,
)
from .rules import Convolution, Rules, generate


def interpret(config: AcceleratorConfig, memory: Memory, address: int, count: int) -> None:
    """Carry out the ``count`` descriptors at ``address``.

    All are checked first; one that is malformed is :class:`BadInput`, and nothing is written.
    """
    require(1 <= count <= LAYERS, "number of descriptors", count, f"1 to {LAYERS}")
    data = [bytes(memory.read(address + BYTES * number, BYTES)) for number in range(count)]
    for number, each in enumerate(data):
        found = offence(each, config, number)
        if found is not None:
            raise BadInput(
                f"{found.name} of descriptor {number} is {found.value}; allowed: {found.allowed}"
            )
    for each in data:
        _Layer(config, memory, SimpleNamespace(**decode(each))).run()


class _Layer:
    """One descriptor: ``f``, its fields."""

    def __init__(self, config: AcceleratorConfig, memory: Memory, f: SimpleNamespace) -> None:
        self.config, self.memory, self.f = config, memory, f

    def run(self) -> None:
        f = self.f
        shape = f.rows, f.columns
        source = read_cpr(self.memory, f.source_cpr, f.source_entries, shape)
        if f.op == UNION:
            self.unite(source, read_cpr(self.memory, f.second_cpr, f.second_entries, shape))
            return
        # What pruning took away is not seen, but indices keep counting it.
        seen = source.selected if f.use == 1 else np.ones(len(source.active), bool)
        active = source.active.select(seen)
        upsamples = f.op != CONV
        convolution = Convolution(
            kernel=f.kernel,
            stride=f.kernel if upsamples else f.stride,
            transposed=upsamples,
            mode=MODES[f.mode],
        )
        important = source.selected if f.use == 2 else None
        output, rules = generate(convolution, active, important)
        self.fits(output)
        if f.op == COORDS:
            self.write_cpr(output)
            return
        inputs = self.inputs(source)[seen]
        if f.op == CONV:
            self.finish(output, self.sums(inputs, rules, len(output)))
        else:
            self.phase(inputs, active, rules, len(output))

    def fits(self, output: Cpr) -> None:
        allowed = f"up to the capacity {self.f.capacity}"
        require(len(output) <= self.f.capacity, "number of output pillars", len(output), allowed)

    def write_cpr(
        self, output: Cpr, value: NDArray | int = 0, selection: tuple[int, int] | None = None
    ) -> None:
        header, entries = cpr_bytes(output, value, selection)
        self.memory.write(self.f.output_cpr, header)
        self.memory.write(self.f.output_entries, entries)

    def unite(self, first: Entries, second: Entries) -> None:
        f = self.f
        output = union([first.active, second.active])
        self.fits(output)
        value = np.zeros(len(output), np.uint32)
        own = first.value if f.union_first else 1
        value[np.searchsorted(output.keys, first.active.keys)] = own
        value[np.searchsorted(output.keys, second.active.keys)] |= 1 << f.union_bit
        self.write_cpr(output, value)

    def inputs(self, source: Entries) -> NDArray[np.int8]:
        """Input vectors of every entry, all channels."""
        f, array, count = self.f, self.config.array, len(source.active)
        parts = []
        for s in range(f.sources):
            present = source.value >> s & 1 == 1 if f.sources > 1 else np.ones(count, bool)
            part = np.zeros((count, f.source_tiles * array), np.int8)
            part[present] = read_features(
                self.memory,
                getattr(f, f"features{s}"),
                f.input_plane,
                f.source_tiles,
                int(present.sum()),
                array,
            )
            parts.append(part)
        return np.concatenate(parts, axis=1)

    def sums(self, inputs: NDArray[np.int8], rules: Rules, outputs: int) -> NDArray[np.int32]:
        f = self.f
        weights = read_weights(
            self.memory, f.weights, rules.taps, f.input_tiles, f.output_tiles, self.config.array
        )
        return accumulate(inputs, weights, rules, outputs)

    def features(self, sums: NDArray[np.int32]) -> NDArray[np.int8]:
        f = self.f
        p = read_parameters(self.memory, f.parameters, f.output_tiles * self.config.array)
        config = RequantConfig(relu=bool(f.relu))
        p = {name: p[name].astype(np.int64) for name in ("multiplier", "shift", "bias")}
        return requantize(sums, p["multiplier"], p["shift"], p["bias"], config).astype(np.int8)

    def finish(self, output: Cpr, sums: NDArray[np.int32]) -> None:
        f = self.f
        features = self.features(sums)
        self.write_features(features)
        if f.measure == 0:
            if f.write_cpr:
                self.write_cpr(output)
            return
        value = prune.importance(features, MEASURES[f.measure])
        count = f.select_count + (-(-len(value) * f.select_ratio >> prune.RATIO_BITS))
        selection = (f.threshold, 0) if f.selection else prune.selection(value, count)
        self.write_cpr(output, value, selection)

    def write_features(self, features: NDArray[np.int8]) -> None:
        f = self.f
        planes = feature_bytes(features, self.config.array, f.output_plane)
        for tile, data in enumerate(planes):
            self.memory.write(f.output_features + tile * f.output_plane, data)

    def phase(self, inputs: NDArray[np.int8], active: Cpr, rules: Rules, outputs: int) -> None:
        """One row of a transposed kernel: it writes its outputs among those of the other rows."""
        f, k, array = self.f, self.f.kernel, self.config.array
        taps = [rules.tap(f.phase * k + dx) for dx in range(k)]
        # Only the outputs of this row of the kernel: k of each input, in raster order.
        mine = np.unique(np.concatenate([into for _, into in taps]))
        local = Rules.from_taps([(i, np.searchsorted(mine, into)) for i, into in taps])
        assert np.array_equal(mine, _phase_index(active, k, f.phase))
        features = self.features(self.sums(inputs, local, len(mine)))
        for tile in range(f.output_tiles):
            plane = self.memory.read(f.output_features + tile * f.output_plane, outputs * array)
            part = features[:, tile * array : (tile + 1) * array]
            plane.reshape(outputs, array)[mine] = part.view(np.uint8)


def _phase_index(active: Cpr, k: int, phase: int) -> NDArray[np.int64]:
    """Output index of (row r, phase, position q in the row, dx): k k P(r) + phase k n(r) + k q +
    dx, where P counts the pillars before the row and n those in it."""
    before = active.pointers[active.rows].astype(np.int64)
    within = np.diff(active.pointers)[active.rows]
    q = np.arange(len(active)) - before
    first = k * k * before + phase * k * within + k * q
    return (first[:, None] + np.arange(k)).ravel()
