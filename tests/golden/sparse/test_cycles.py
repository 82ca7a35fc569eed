"""The cycle model on networks: invariants, the planner, an independent estimate."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse import state
from golden.sparse.accelerator import ACCELERATORS, accelerator_of
from golden.sparse.cpr import union
from golden.sparse.cycles import costs, tilings
from golden.sparse.frames import read_frame
from golden.sparse.networks import network_of
from golden.sparse.pillars import GRIDS, pillarize
from golden.sparse.plan import plan
from golden.sparse.program import program
from golden.sparse.report import summary
from golden.sparse.rules import generate
from golden.sparse.run import FeatureMap, LayerRun, convolution_of
from golden.sparse.variants import VARIANTS, variant_of
from golden.sparse.workload import Workload


def coordinate_runs(path, preset, variant):
    """Layer runs with coordinates and rules alone: what a variant that ignores features needs."""
    grid = GRIDS[preset]
    maps = {"pillars": pillarize(read_frame(path), grid).active}
    nothing = np.zeros((0, 0), np.int8)
    for layer in network_of(preset).for_variant(variant).layers:
        source = maps[layer.source[0]]
        if layer.role == "concat":
            form, rules = None, None
            source = output = union([maps[name] for name in layer.source])
        else:
            form = convolution_of(layer, variant)
            output, rules = generate(form, source)
        maps[layer.name] = output
        yield LayerRun(layer, form, FeatureMap(source, nothing), FeatureMap(output, nothing),
                       output, rules)  # fmt: skip


def workload_of(path, name, preset="pointpillars-kitti"):
    workload = Workload()
    for run in coordinate_runs(path, preset, variant_of(name)):
        workload(run)
    return workload


def program_of(name, config, preset="pointpillars-kitti"):
    variant = variant_of(name)
    network = network_of(preset).for_variant(variant)
    return program(network, variant, GRIDS[preset].shape, config)


def backbone(made, found):
    """``(useful, all)`` cycles of backbone and up-sampling."""
    mine = [found[x.name] for x in made.network.layers if x.role in ("body", "down", "up")]
    return sum(c.useful for c in mine), sum(c.cycles for c in mine)


def bare_loop(run, array, tile, beat):
    """``(useful, all)`` cycles of the bare loop, an upper bound for every machine of this kind:
    max(rules, N) a tap; the bus at a beat a cycle, inputs for each output-channel tile, weights for
    each tile; the larger of the two a tile, and 2N of drain. A deconv is tiled by its inputs."""
    transposed = run.convolution.transposed
    number = -(-(len(run.source.active) if transposed else len(run.generated)) // tile)
    counts = np.zeros((number, run.rules.taps))
    low, high = np.full(number, 1 << 30), np.full(number, -1)
    for tap in range(run.rules.taps):
        inputs, outputs = run.rules.tap(tap)
        which = (inputs if transposed else outputs) // tile
        counts[:, tap] = np.bincount(which, minlength=number)
        np.minimum.at(low, which, inputs)
        np.maximum.at(high, which, inputs)
    ci, co = (-(-c // array) for c in run.layer.channels)
    size = np.minimum(tile, len(run.generated) - np.arange(number) * tile)
    made = counts.sum(axis=1) if transposed else size
    busy = np.where(counts > 0, np.maximum(counts, array), 0).sum(axis=1) * ci * co
    weights = run.rules.taps * run.layer.channels[0] * run.layer.channels[1]
    moved = (high - low + 1) * run.layer.channels[0] * co + weights + made * run.layer.channels[1]
    return counts.sum() * ci * co, (np.maximum(busy, moved / beat) + 2 * array).sum()


# An independent estimate of what the bare loop can reach: frame, variant, N, tile, bytes a beat,
# per cent of cycles useful, and how far our reading of it is off. It does not say how it treats the
# last, short tile of a layer, which is where the sparsest frame spends its cycles.
ESTIMATE = [
    ("kitti_000001_full.bin", "spconv", 64, 512, 64, 97.6, 0.05),
    ("kitti_000001_full.bin", "spconv-s", 64, 1024, 64, 98.3, 0.3),
    ("kitti_000008_fov.bin", "spconv-s", 64, 1024, 64, 97.9, 0.6),
    ("kitti_000008_fov.bin", "spconv-s", 64, 512, 64, 89.0, 2.1),
    ("kitti_000001_full.bin", "spconv", 16, 128, 16, 99.3, 0.06),
]


@pytest.mark.parametrize(("name", "variant", "n", "tile", "beat", "share", "off"), ESTIMATE)
def test_independent_estimate(lidar, name, variant, n, tile, beat, share, off):
    useful = total = 0.0
    for run in coordinate_runs(lidar(name), "pointpillars-kitti", variant_of(variant)):
        if run.layer.role not in ("head", "concat"):
            one, all_of_it = bare_loop(run, n, tile, beat)
            useful, total = useful + one, total + all_of_it
    assert abs(100 * useful / total - share) <= off


@pytest.mark.parametrize("accelerator", ["n16", "n32", "n64"])
@pytest.mark.parametrize("name", ["spconv", "spconv-s"])
def test_useful_cycles_are_those_of_the_rules(lidar, accelerator, name):
    """And at least 95 % of all, on the sparsest real frame, as nothing better is known of it."""
    config = accelerator_of(accelerator)
    path = lidar("kitti_000008_fov.bin")
    made = program_of(name, config)
    found = costs(made, workload_of(path, name))
    for run in coordinate_runs(path, "pointpillars-kitti", variant_of(name)):
        if run.rules is None:
            assert found[run.layer.name].cycles == 0
            continue
        ci, co = (-(-c // config.array) for c in run.layer.channels)
        cost = found[run.layer.name]
        assert cost.useful == len(run.rules) * ci * co
        assert cost.cycles >= cost.useful
    useful, total = backbone(made, found)
    assert 0.95 < useful / total < 1


def test_more_of_anything_is_hardly_slower(lidar):
    """More memory in flight may come in another order, which may cost a little."""
    workload = workload_of(lidar("kitti_000008_fov.bin"), "spconv-s")

    def cycles(**changes):
        found = costs(program_of("spconv-s", accelerator_of("n16").replace(**changes)), workload)
        return sum(cost.cycles for cost in found.values())

    base = cycles()
    for change in ({"latency": 0}, {"input_bytes": 131072}, {"weight_bytes": 65536}):
        assert cycles(**change) <= 1.001 * base
    assert cycles(bus_bits=64) > base
    assert cycles(latency=1000) > 1.01 * base


def test_planner_is_better_on_its_reference_and_good_on_others(lidar):
    config, name = accelerator_of("n64"), "spconv-s"
    reference = workload_of(lidar("kitti_000001_full.bin"), name)
    other = workload_of(lidar("kitti_000008_fov.bin"), name)
    first = program_of(name, config)
    planned = plan(first.network, first.variant, first.shape, config, reference)
    assert tilings(planned) != tilings(first)
    assert [s.layer.name for s in planned.steps] == [s.layer.name for s in first.steps]
    totals = [
        [sum(c.cycles for c in costs(made, frame).values()) for made in (first, planned)]
        for frame in (reference, other)
    ]
    assert totals[0][1] < totals[0][0]
    assert totals[1][1] < 1.01 * totals[1][0]


def test_selections_of_a_real_network_wait():
    """SD-Conv: the generator waits for the layer before, and that is no wait for rules."""
    from golden.sparse.commands import run_frame
    from golden.sparse.scene import synthetic_frame

    config = accelerator_of("n16")
    records, _ = run_frame(synthetic_frame(0), "pointpillars-kitti", VARIANTS["sdconv"], config)
    total = summary(records, config)
    assert total.cycles == sum(total.parts.values()) == sum(r.cost.cycles for r in records)
    assert total.fps == pytest.approx(1e9 / total.cycles)
    assert total.macs < total.dense_macs
    assert 0 < total.saving < 1
    assert total.parts["edge"] > 0
    assert total.parts["rule"] < 0.02 * total.cycles
    waiting = next(r for r in records if r.name == "block3.3")
    assert waiting.cost.edge > 2 * 100 + state.LISTS
    # Features and coordinates, of all outputs of a layer whose importance is asked for.
    out = waiting.generated
    assert waiting.cost.bytes_written == out * (256 + 4) + 64 + 4 * (62 + 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"array": 12}, "array is 12"), ({"bus_bits": 100}, "bus_bits is 100"),
     ({"latency": -1}, "latency is -1"), ({"frequency": 0}, "frequency is 0"),
     ({"input_bytes": 100}, "input_bytes is 100"), ({"weight_bytes": 511}, "weight_bytes is 511"),
     ({"weight_bytes": 40960}, "weight_bytes is 40960; allowed: 16 times a power of two"),
     ({"sum_bytes": 0}, "sum_bytes is 0"), ({"rule_bytes": 1.5}, "rule_bytes is 1.5"),
     ({"rule_bytes": 27647}, "rule_bytes is 27647; allowed: at least 27648"),
     ({"columns": 1}, "columns is 1"), ({"columns": 2049}, "columns is 2049")],
)  # fmt: skip
def test_config_refused(change, message):
    with pytest.raises(BadInput, match=message):
        accelerator_of("n16").replace(**change)


def test_named_accelerators():
    assert [c.array for c in ACCELERATORS.values()] == [8, 16, 32, 64]
    assert accelerator_of("n64").buffers <= 1 << 20
    with pytest.raises(BadInput, match="accelerator is 'n9'"):
        accelerator_of("n9")
