"""What the vector unit writes is what the network's golden model means."""

import struct

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse import vpu_cases
from golden.sparse.cpr import Cpr
from golden.sparse.interpret import MEASURES
from golden.sparse.memory import cpr_bytes
from golden.sparse.prune import above, importance, ratio_count, selected, top
from golden.sparse.vpu import layer_writes
from golden.sparse.vpu_unit import VpuConfig

CONFIG = VpuConfig(array=8, bus_bits=64, tile=32)


def memory(writes):
    """Bytes by address."""
    image = {}
    for write in writes:
        for k in range(64):
            if write.strobe >> k & 1:
                image[write.address + k] = write.data >> 8 * k & 0xFF
    return image


def read(image, address, size):
    return bytes(image[address + k] for k in range(size))


def vectors(layer, commands):
    """The features, all channels side by side, and the columns."""
    tiles = []
    for command in commands:
        if command.first:
            tiles.append([])
        tiles[-1].append(command.finish(bool(layer["relu"])))
    features = np.concatenate([np.concatenate(tile, axis=1) for tile in tiles]).astype(np.int8)
    return features, np.concatenate([c.tags for c in commands if c.first])


@pytest.mark.parametrize("seed", range(40))
def test_entries_and_header(seed):
    rng = np.random.default_rng(seed)
    measure, count = 1 + seed % 2, int(rng.integers(0, 100))
    layer, commands = vpu_cases.layer(
        CONFIG, rng, count, 32, 3, measure=measure,
        select_count=int(rng.integers(0, 30)), select_ratio=int(rng.integers(0, 1 << 15)),
    )  # fmt: skip
    writes = layer_writes(CONFIG.accelerator, layer, commands)
    features, columns = vectors(layer, commands)
    value = importance(features, MEASURES[measure])
    assert writes.value.tolist() == value.tolist()

    image = memory(writes.entries)
    words = np.frombuffer(read(image, layer["output_entries"], 4 * count), "<u4")
    header = read(image, layer["output_cpr"], 64)
    number, flags, threshold, ties = struct.unpack("<4I", header[:16])
    assert len(image) == 4 * count + 64 and (number, flags, any(header[16:])) == (count, 1, False)
    assert (words & 0xFFFF).tolist() == columns.tolist()
    k = layer["select_count"] + ratio_count(count, layer["select_ratio"] / (1 << 16))
    assert selected(words >> 16, threshold, ties).tolist() == top(value, k).tolist()


def test_it_is_the_map_that_the_planner_reads():
    rng = np.random.default_rng(1)
    layer, commands = vpu_cases.layer(CONFIG, rng, 30, 32, 2, measure=1, selection=1, threshold=90)
    writes = layer_writes(CONFIG.accelerator, layer, commands)
    _, columns = vectors(layer, commands)
    active = Cpr.from_keys(np.sort(columns), (1, 2048))
    header, entries = cpr_bytes(active, writes.value, (90, 0))
    image = memory(writes.entries)
    assert read(image, layer["output_cpr"], 64) == header[:64]
    order = np.frombuffer(read(image, layer["output_entries"], 4 * 30), "<u4")
    assert (order >> 16).tolist() == (np.frombuffer(entries, "<u4") >> 16).tolist()
    keep = above(writes.value, 90, "max-abs")
    assert selected(writes.value, 90, 0).tolist() == keep.tolist() and 0 < keep.sum() < 30


@pytest.mark.parametrize("phased", [0, 1])
@pytest.mark.parametrize(("array", "bus_bits"), [(8, 64), (16, 64), (16, 128), (4, 64)])
def test_features_lie_where_they_belong(phased, array, bus_bits):
    config = VpuConfig(array=array, bus_bits=bus_bits, tile=32)
    layer, commands = vpu_cases.layer(
        config, np.random.default_rng(2), 70, 32, 2, phased=phased, relu=1
    )
    writes = layer_writes(config.accelerator, layer, commands).features
    image = memory(writes)
    assert len(image) == 2 * 70 * array
    for command in commands:
        codes = command.finish(True).astype(np.int8)
        index = command.tags if phased else command.base + np.arange(len(codes))
        for place, vector in zip(index.tolist(), codes, strict=True):
            at = command.address + place * array
            assert read(image, at, array) == vector.tobytes()
    assert sum(w.flush for w in writes) == len(commands)
    assert [w.layer for w in writes] == [False] * (len(writes) - 1) + [True]
    assert sum(w.vector for w in writes) == (0 if phased else 70)


def test_a_layer_without_outputs():
    layer, commands = vpu_cases.layer(CONFIG, np.random.default_rng(0), 0, 32, 3, measure=2)
    writes = layer_writes(CONFIG.accelerator, layer, commands)
    (beat,) = writes.features
    assert (beat.strobe, beat.flush, beat.vector, beat.layer) == (0, True, False, True)
    assert memory(writes.entries).keys() == set(
        range(layer["output_cpr"], layer["output_cpr"] + 64)
    )


@pytest.mark.parametrize("importance_", [True, False])
def test_cases_survive_their_beats(importance_):
    config = CONFIG.replace(importance=importance_)
    rng = np.random.default_rng(4)
    for case in [*config.corners(), *(config.random(rng) for _ in range(20))]:
        for name, beats in case.items():
            config.inputs[name].check(beats)
        outputs = config.process(case)
        for name, beats in outputs.items():
            config.outputs[name].check(beats)
        if importance_:
            reads = outputs["select_read"]["beats"].sum()
            assert reads == len(case["select_data"]["data"])


@pytest.mark.parametrize("changes", [{"tile": 4}, {"tile": 24}, {"array": 5}, {"bus_bits": 96},
                                     {"array": 4, "bus_bits": 512, "tile": 16}])  # fmt: skip
def test_refused(changes):
    with pytest.raises(BadInput):
        CONFIG.replace(**changes)
