"""The cycle model: hand-worked layers, invariants, the planner, an independent estimate."""

from dataclasses import replace

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.accelerator import ACCELERATORS, AcceleratorConfig, accelerator_of
from golden.sparse.cpr import Cpr, union
from golden.sparse.cycles import ORDERS, fits, ideal_loop, layer_cost
from golden.sparse.frames import read_frame
from golden.sparse.networks import network_of
from golden.sparse.pillars import GRIDS, pillarize
from golden.sparse.plan import candidates, plan_layer
from golden.sparse.report import summary
from golden.sparse.rules import generate
from golden.sparse.run import FeatureMap, LayerRun, convolution_of
from golden.sparse.variants import VARIANTS, variant_of
from golden.sparse.work import Work, work_of

SMALL = AcceleratorConfig(array=16, bus_bits=128, input_bytes=65536, weight_bytes=40960,
                          sum_bytes=65536, rule_bytes=28672, latency=100)  # fmt: skip


def work(counts, *, channels=(16, 16), span=32, made=32, granule=32, waits=False, rows=0):
    counts = np.array(counts, np.int64)
    tiles = len(counts)
    return Work("by hand", channels, channels[0] * channels[1], granule, counts,
                np.arange(tiles)[:, None] * span, np.arange(tiles)[:, None] * span + span - 1,
                np.full(tiles, made), tiles * span, rows, waits, 9 * 100, 0)  # fmt: skip


def coordinate_runs(path, preset, variant):
    """Layer runs with coordinates and rules alone: what a variant that ignores features needs."""
    grid = GRIDS[preset]
    maps = {"pillars": pillarize(read_frame(path), grid).active}
    for layer in network_of(preset).for_variant(variant).layers:
        source = maps[layer.source[0]]
        if layer.role == "concat":
            maps[layer.name] = union([maps[name] for name in layer.source])
            continue
        form = convolution_of(layer, variant)
        output, rules = generate(form, source)
        maps[layer.name] = output
        nothing = np.zeros((0, 0), np.int8)
        yield LayerRun(layer, form, FeatureMap(source, nothing), FeatureMap(output, nothing),
                       output, rules)  # fmt: skip


def test_one_tile_by_hand():
    """One pass of 16 x 16: three taps of 20, 10 and 0 rules, 32 outputs."""
    cost = layer_cost(SMALL, work([[20, 10, 0]]), "tile")
    # Streaming 30 rules; the tap of 10 waits 6 cycles for the next weights; the empty one is free.
    assert (cost.useful, cost.weight) == (30, 6)
    # Bus: 2 x 256 B of weights, 32 x 16 B in, 32 x 16 B out, 2 B for each of 64 coordinates: 104
    # beats of 16 B, 36 of them hidden behind the pass.
    assert cost.memory == 104 - 36
    # 104 cycles a pass are enough for 32 output vectors.
    assert cost.vector == 0
    # Drain 2 x 16, latency 2 x 100, first inputs 32 beats, last outputs 32 beats.
    assert cost.edge == 32 + 200 + 32 + 32
    assert cost.rule == 0
    assert cost.cycles == 30 + 6 + 68 + 296
    assert cost.bytes_read == 2 * 256 + 512 + 64
    assert cost.bytes_written == 512 + 64
    assert cost.dense == 900
    assert cost.binds == "edge"


def test_channel_tiles_by_hand():
    """32 to 48 channels are 2 x 3 passes; inputs stay, weights do too (the layer fits)."""
    cost = layer_cost(SMALL, work([[400, 400]], channels=(32, 48), made=300), "tile")
    assert cost.useful == 800 * 6
    assert cost.bytes_read == 6 * 2 * 256 + 2 * 512 + 2 * 32
    assert cost.dense == 900 * 6
    assert cost.memory == 0  # 300 B stores and all loads hide behind 800 cycles


def test_vector_unit_binds_where_rules_are_few():
    """A deconvolution's tap makes an output vector a rule; with one tap of 4 outputs a rule ..."""
    fast = SMALL.replace(bus_bits=512)
    cost = layer_cost(fast, work([[32]], made=512, span=1), "tile")
    # 512 vectors of the vector unit, against 128.5 beats of stores and 32 cycles of rules.
    assert cost.vector > 300
    assert cost.binds == "vector"


def test_rule_generator_shows_only_where_it_must_wait():
    tiles = [[300, 300]] * 4
    ahead = layer_cost(SMALL, work(tiles, made=100), "tile")
    waits = layer_cost(SMALL, work(tiles, made=100, waits=True, rows=40), "tile")
    assert ahead.rule == 0
    assert waits.rule == 100 + 40 / 4


def test_parts_sum_and_orders_trade():
    """Tile order fetches weights again, channel order inputs."""
    big = work([[200] * 9] * 6, channels=(128, 128), span=150, made=128, granule=128)
    tile, channel = (layer_cost(SMALL, big, order) for order in ORDERS[:2])
    for cost in (tile, channel):
        assert sum(cost.parts.values()) == cost.cycles
        assert cost.useful == 200 * 9 * 6 * 64
    weights, inputs = 9 * 128 * 128, 6 * 150 * 128
    # 8 passes x 2304 B hold an output-channel tile's weights: fetched once in channel order.
    assert tile.bytes_read == 6 * weights + inputs + 2 * 6 * 150
    assert channel.bytes_read == weights + 8 * inputs + 2 * 6 * 150


def test_compaction_by_hand():
    """Exact top-k moves the kept vectors once more each way: 24 of 16 B, a beat each."""
    one = work([[20, 10, 0]])
    plain = layer_cost(SMALL, one, "tile")
    pruned = layer_cost(SMALL, replace(one, compacted=24), "tile")
    assert pruned.cycles == plain.cycles + 2 * 24
    assert pruned.bytes_read == plain.bytes_read + 24 * 16


def test_empty_layer():
    cost = layer_cost(SMALL, work(np.zeros((0, 9))), "tile")
    assert cost.useful == 0
    assert cost.cycles == 200
    assert cost.utilization == 0


def real_work(density=0.1, shape=(60, 50), granule=16, variant="spconv"):
    rng = np.random.default_rng(0)
    active = Cpr.from_bitmap(rng.random(shape) < density)
    layer = network_of("pointpillars-kitti").layers[5]
    form = convolution_of(layer, variant_of(variant))
    output, rules = generate(form, active)
    nothing = np.zeros((0, 0), np.int8)
    run = LayerRun(layer, form, FeatureMap(active, nothing), FeatureMap(output, nothing), output,
                   rules)  # fmt: skip
    return run, work_of(run, granule)


def test_work_counts_each_rule_once_and_knows_its_inputs():
    run, counted = real_work()
    assert counted.rules == len(run.rules)
    for granule in range(len(counted.counts)):
        mine = run.rules.outputs // 16 == granule
        assert counted.counts[granule].sum() == mine.sum()
        for row in range(3):
            three = slice(run.rules.starts[3 * row], run.rules.starts[3 * row + 3])
            inputs = run.rules.inputs[three][mine[three]]
            if len(inputs):
                assert counted.low[granule, row] == inputs.min()
                assert counted.high[granule, row] == inputs.max()
            else:
                assert counted.spans[granule, row] == 0
        inputs = run.rules.inputs[mine]
        assert counted.span[granule] == inputs.max() - inputs.min() + 1
    assert counted.made.sum() == len(run.generated)
    assert counted.dense_rules == 9 * 60 * 50


@pytest.mark.parametrize("tile", [16, 48, 64, 4096])
def test_tiles_are_sums_of_granules(tile):
    run, fine = real_work()
    coarse, direct = fine.tiled(tile), work_of(run, tile)
    for part in ("counts", "low", "high", "made"):
        assert np.array_equal(getattr(coarse, part), getattr(direct, part))


def test_planner_takes_the_cheapest_that_fits():
    _, fine = real_work()
    best = plan_layer(SMALL, fine)
    sizes = list(candidates(SMALL, fine))
    assert max(sizes) <= SMALL.tile_limit(9) == 512
    options = [layer_cost(SMALL, fine.tiled(t), order).cycles
               for t in sizes for order in ORDERS if fits(SMALL, fine.tiled(t), order)]  # fmt: skip
    assert len(options) > 10
    assert best.cycles == min(options) < max(options)


def test_more_of_anything_is_never_slower():
    _, fine = real_work(0.3)
    base = plan_layer(SMALL, fine).cycles
    for change in (
        {"bus_bits": 256},
        {"latency": 0},
        {"input_bytes": 131072},
        {"weight_bytes": 524288},
        {"sum_bytes": 131072, "rule_bytes": 65536},
    ):
        assert plan_layer(SMALL.replace(**change), fine).cycles <= base
    assert plan_layer(SMALL.replace(bus_bits=64), fine).cycles > base
    assert plan_layer(SMALL.replace(latency=1000), fine).cycles == base + 1800


def test_long_rows_are_fetched_by_row_of_the_kernel():
    """A full, wide grid: 64 outputs reach over two rows and 66 columns, or over 3 times 66."""
    _, fine = real_work(1.0, (9, 3000))
    tile = fine.tiled(64)
    middle = 3000 // 64 + 1  # wholly inside the second row
    assert tile.span[middle] == 2 * 3000 + 66
    assert tile.spans[middle].tolist() == [66, 66, 66]
    assert not fits(SMALL, tile, "tile")
    assert fits(SMALL, tile, "tile by row")
    cost = plan_layer(SMALL, fine)
    assert cost.order.endswith("by row")
    assert cost.utilization > 0.95


def test_a_tile_that_fits_no_buffer():
    """16 outputs at stride 1 in a sparse map that is nearly full in one row alone."""
    _, fine = real_work()
    wide = replace(fine, high=fine.high + 5000)
    with pytest.raises(
        BadInput, match=r"input_bytes is 65536; allowed: at least 1[0-9]{5}, as one"
    ):
        plan_layer(SMALL, wide)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"array": 12}, "array is 12"), ({"bus_bits": 100}, "bus_bits is 100"),
     ({"latency": -1}, "latency is -1"), ({"frequency": 0}, "frequency is 0"),
     ({"input_bytes": 100}, "input_bytes is 100"), ({"weight_bytes": 511}, "weight_bytes is 511"),
     ({"sum_bytes": 0}, "sum_bytes is 0"), ({"rule_bytes": 1.5}, "rule_bytes is 1.5")],
)  # fmt: skip
def test_config_refused(change, message):
    with pytest.raises(BadInput, match=message):
        SMALL.replace(**change)


def test_named_accelerators():
    assert [c.array for c in ACCELERATORS.values()] == [8, 16, 32, 64]
    assert accelerator_of("n64").buffers <= 1 << 20
    with pytest.raises(BadInput, match="accelerator is 'n9'"):
        accelerator_of("n9")


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
        if run.layer.role == "head":
            continue
        one, all_of_it = ideal_loop(work_of(run, tile), n, beat)
        useful, total = useful + one, total + all_of_it
    assert abs(100 * useful / total - share) <= off


@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_real_machine_lies_under_its_bound(lidar, accelerator):
    """Useful cycles are those of the rules, and nearly all: never more."""
    config = accelerator_of(accelerator)
    path = lidar("kitti_000001_full.bin")
    for name in ("spconv", "spconv-s"):
        useful = total = 0
        for run in coordinate_runs(path, "pointpillars-kitti", variant_of(name)):
            cost = plan_layer(config, work_of(run, config.array))
            ci, co = (-(-c // config.array) for c in run.layer.channels)
            assert cost.useful == len(run.rules) * ci * co
            assert cost.cycles > cost.useful
            useful, total = useful + cost.useful, total + cost.cycles
        assert 0.93 < useful / total < 1


def test_variants_are_ordered_as_their_work(lidar):
    """Fewer rules, fewer cycles."""
    config = accelerator_of("n64")
    path = lidar("kitti_000008_fov.bin")
    cycles = {}
    for name in ("spconv", "spconv-s"):
        runs = coordinate_runs(path, "pointpillars-kitti", variant_of(name))
        cycles[name] = sum(plan_layer(config, work_of(run, 64)).cycles for run in runs)
    assert cycles["spconv"] > 2 * cycles["spconv-s"]


def test_summary_adds_up():
    from golden.sparse.commands import run_frame
    from golden.sparse.scene import synthetic_frame

    config = accelerator_of("n16")
    variant = replace(VARIANTS["spconv-p"], keep=0.25)
    records, _ = run_frame(synthetic_frame(0), "pointpillars-kitti", variant, config)
    total = summary(records, config)
    assert total.cycles == sum(total.parts.values()) == sum(r.cost.cycles for r in records)
    assert total.fps == pytest.approx(1e9 / total.cycles)
    assert total.macs < total.dense_macs
    assert 0 < total.saving < 1
    concat = next(r for r in records if r.name == "concat")
    assert concat.cost.bytes_written == concat.active_out * 384 - 128 * sum(
        r.active_out for r in records if r.name.startswith("up")
    )
    # Exact top-k reads and writes the kept vectors once more.
    pruned = next(r for r in records if r.name == "block1.1")
    assert pruned.operation == "SpConv-P 3x3"
    assert pruned.cost.bytes_written == 66 * pruned.generated + 64 * pruned.active_out
