"""The memory image of one frame for a program, and the maps that a run leaves in memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import require
from ..requant import RequantConfig
from . import prune
from .cpr import Cpr
from .descriptor import DECONV, encode
from .memory import (
    Entries,
    Memory,
    cpr_bytes,
    feature_bytes,
    padded_inputs,
    parameter_bytes,
    read_cpr,
    read_features,
    weight_bytes,
)
from .places import Place
from .program import ALL_PRESENT, Program, Step
from .run import FeatureMap, LayerWeights, identity

Image = list[tuple[int, bytes]]
"""Pieces of memory: address and bytes. What they do not cover is anything."""


def build(program: Program, pillars: FeatureMap, weights: Mapping[str, LayerWeights]) -> Image:
    """What must be in memory before ``program`` starts: the descriptors, the input map, weights
    and parameters (``weights``: by name of the layer), full grids."""
    return [*constants(program, weights), *frame(program, pillars)]


def constants(program: Program, weights: Mapping[str, LayerWeights]) -> Image:
    """The part of :func:`build` that is the same for every frame."""
    pieces = [(program.list_address, b"".join(encode(step.fields) for step in program.steps))]
    for step in program.steps:
        if step.source is not None:
            layer = step.layer
            given = identity(layer) if layer.role == "compact" else weights[layer.name]
            pieces += _layer(program, step, given)
    for shape, (cpr, entries) in program.full.items():
        pieces += zip((cpr, entries), cpr_bytes(Cpr.full(shape), ALL_PRESENT), strict=True)
    return pieces


def frame(program: Program, pillars: FeatureMap) -> Image:
    """The part of :func:`build` that a frame brings: its pillars."""
    place, array = program.places["pillars"], program.config.array
    shape, wanted = pillars.active.shape, place.shape
    require(shape == wanted, "grid of the pillars", shape, str(wanted))
    width = pillars.features.shape[1]
    require(width == place.channels[0], "channels of the pillars", width, str(place.channels[0]))
    if program.variant.dense:
        pillars = pillars.densify()
    count = len(pillars.active)
    require(count <= place.capacity, "number of pillars", count, f"up to {place.capacity}")
    value: np.ndarray | int = 0
    selection = None
    if place.measured:
        value = prune.importance(pillars.features, program.variant.measure)
        selection = prune.selection(value, _important(program, count))
    header, entries = cpr_bytes(pillars.active, value, selection)
    planes = feature_bytes(pillars.features, array, place.plane)
    return [
        (place.cpr, header),
        (place.entries, entries),
        *((place.features[0] + tile * place.plane, data) for tile, data in enumerate(planes)),
    ]


def _important(program: Program, count: int) -> int:
    """How many of the input pillars dilate in a selective layer."""
    variant, (rows, columns) = program.variant, program.shape
    base = rows * columns if variant.t_of == "grid" else count
    return prune.ratio_count(base, variant.t / 100)


def _layer(program: Program, step: Step, given: LayerWeights) -> Image:
    array, fields, place = program.config.array, step.fields, step.source
    name, wanted = step.layer.name, RequantConfig(relu=step.layer.relu)
    require(given.config == wanted, f"requantization of {name}", given.config, str(wanted))
    weights = given.weights
    form = (step.convolution.taps, *step.layer.channels)
    require(weights.shape == form, f"shape of the weights of {name}", weights.shape, str(form))
    if fields["op"] == DECONV:
        kernel, phase = fields["kernel"], fields["phase"]
        weights = weights[phase * kernel : (phase + 1) * kernel]
    weights = padded_inputs(weights, place.channels, place.tiles, array)
    parameters = parameter_bytes(
        given.bias, given.multiplier, given.shift, fields["output_tiles"], array
    )
    return [
        (fields["weights"], weight_bytes(weights, array)),
        (fields["parameters"], parameters),
    ]


def load(program: Program, image: Image, fill: int = 0) -> Memory:
    """A memory that holds ``image``, and ``fill`` in all other bytes."""
    memory = Memory(program.base, program.size, fill)
    for address, data in image:
        memory.write(address, data)
    return memory


def read_map(program: Program, memory: Memory, place: Place, *, lists: bool = True) -> FeatureMap:
    """The feature map at ``place``: of a concatenation put together, of a pruned map the rest.

    Without ``lists`` the CPR in memory is not looked at: the grid is full.
    """
    array = program.config.array
    if lists:
        listed = read_cpr(memory, place.cpr, place.entries, place.shape)
    else:
        allowed = "dense: a machine without lists has all sites active"
        require(place.full, "variant of the program", program.variant.name, allowed)
        sites = place.shape[0] * place.shape[1]
        every = np.full(sites, ALL_PRESENT)
        listed = Entries(Cpr.full(place.shape), every, every == ALL_PRESENT)
    count = len(listed.active)
    if len(place.features) == 1:
        features = read_features(memory, place.features[0], place.plane, place.tiles, count, array)[
            :, : place.channels[0]
        ]
    else:
        parts = []
        for bit, (address, channels) in enumerate(zip(place.features, place.channels, strict=True)):
            present = listed.value >> bit & 1 == 1
            part = np.zeros((count, channels), np.int8)
            part[present] = read_features(
                memory, address, place.plane, place.tiles, int(present.sum()), array
            )[:, :channels]
            parts.append(part)
        features = np.concatenate(parts, axis=1)
    if not place.pruned:
        return FeatureMap(listed.active, features)
    return FeatureMap(listed.active.select(listed.selected), features[listed.selected])


def read_back(program: Program, memory: Memory, *, lists: bool = True) -> dict[str, FeatureMap]:
    """The output of each layer by name, as :func:`golden.sparse.run.run` gives it. Without
    ``lists``: as a dense machine leaves it."""
    return {
        layer.name: read_map(program, memory, program.places[layer.name], lists=lists)
        for layer in program.network.layers
    }
