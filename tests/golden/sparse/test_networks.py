"""Networks: their tables, and every layer of every variant against PyTorch, bit for bit."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from golden.errors import BadInput
from golden.requant import requantize
from golden.sparse.accelerator import SIDE, accelerator_of
from golden.sparse.cpr import Cpr
from golden.sparse.cycles import costs
from golden.sparse.frames import check_frame, read_frame
from golden.sparse.networks import NETWORKS, network_of
from golden.sparse.pillars import GRIDS, pillarize
from golden.sparse.program import program
from golden.sparse.prune import importance, ratio_count
from golden.sparse.quantize import quantize
from golden.sparse.run import FeatureMap, convolution_of, run
from golden.sparse.scene import synthetic_frame
from golden.sparse.variants import VARIANTS, variant_of
from golden.sparse.workload import Workload

FRAME = synthetic_frame(2)


def small_grid(preset):
    """The preset's pillars on a grid of 96 x 64 of them, near the sensor."""
    grid = GRIDS[preset]
    rows, columns = 96, 64
    low = (2.0, -rows * grid.size / 2, grid.low[2])
    high = (2.0 + columns * grid.size, rows * grid.size / 2, grid.high[2])
    return replace(grid, low=low, high=high, shape=(rows, columns))


@lru_cache(maxsize=4)  # each holds some hundred megabytes of real parameters
def integers_of(preset, variant, small=True):
    """The random network, made once a process."""
    grid = small_grid(preset) if small else GRIDS[preset]
    return quantize(network_of(preset).for_variant(variant), variant, grid)


def test_tables():
    """Layers, channels and multiply-accumulates of the dense networks."""
    layers = {name: network.layers for name, network in NETWORKS.items()}
    pp = layers["pointpillars-kitti"]
    body = [layer for layer in pp if layer.role in ("body", "down")]
    assert [(layer.channels, layer.stride) for layer in body] == [
        ((64, 64), 2), *[((64, 64), 1)] * 3, ((64, 128), 2), *[((128, 128), 1)] * 5,
        ((128, 256), 2), *[((256, 256), 1)] * 5]  # fmt: skip
    ups = [layer for layer in pp if layer.role == "up"]
    assert [(u.kernel, u.transposed, u.channels) for u in ups] == [
        (1, True, (64, 128)), (2, True, (128, 128)), (4, True, (256, 128))]  # fmt: skip
    assert [(p.channels, p.norm) for p in pp[-1].pieces] == [(18, None), (42, None), (12, None)]
    assert pp[-1].channels == (384, 72)

    cp = layers["centerpoint-nuscenes"]
    ups = [layer for layer in cp if layer.role == "up"]
    assert [(u.kernel, u.stride, u.transposed) for u in ups] == [
        (2, 2, False), (1, 1, True), (2, 2, True)]  # fmt: skip
    heads = [layer for layer in cp if layer.role == "head"]
    assert heads[0].channels == (384, 64)
    assert [h.channels for h in heads[1::2]] == [(64, 384)] * 6
    assert [h.channels[1] for h in heads[2::2]] == [10 + n for n in (1, 2, 2, 1, 2, 2)]
    assert heads[2].macs_per_rule == 64 * 11

    pn = layers["pillarnet-nuscenes"]
    stages = [layer for layer in pn if layer.name.startswith("stage")]
    assert [s.channels[1] for s in stages] == [32] * 2 + [64] * 3 + [128] * 3 + [256] * 6
    assert [s.stride for s in stages] == [1, 1] + [2, 1, 1] * 4
    assert [s.dense for s in stages] == [False] * 11 + [True] * 3


def test_sources_exist_and_channels_meet():
    for network in NETWORKS.values():
        width = {"pillars": GRIDS[network.preset].channels}
        for layer in network.layers:
            assert sum(width[source] for source in layer.source) == layer.channels[0]
            assert sum(piece.channels for piece in layer.pieces) == (
                layer.channels[1] if layer.pieces else 0
            )
            width[layer.name] = layer.channels[1]


def reference(torch, layer, convolution, source, weights):
    """Accumulators on the whole output grid, by PyTorch in float64 (exact: far below 2^53)."""
    shaped = weights.reshape(layer.kernel, layer.kernel, *layer.channels).astype(np.float64)
    dense = np.zeros((1, layer.channels[0], *source.active.shape))
    dense[0, :, source.active.rows, source.active.columns] = source.features
    x = torch.from_numpy(dense)
    if layer.transposed:
        w = torch.from_numpy(np.ascontiguousarray(shaped.transpose(2, 3, 0, 1)))
        out = torch.nn.functional.conv_transpose2d(x, w, stride=layer.stride)
    else:
        w = torch.from_numpy(np.ascontiguousarray(shaped.transpose(3, 2, 0, 1)))
        out = torch.nn.functional.conv2d(x, w, stride=layer.stride, padding=convolution.padding)
    return out[0].numpy().astype(np.int64)


def check_against_torch(torch, integers, frame):
    variant, grid = integers.variant, integers.grid
    start = integers.encoder(pillarize(frame, grid), grid)
    assert len(start.active) > 100
    for done in run(integers.network, variant, start, integers.parameters):
        if done.rules is None:
            continue
        p = integers.layers[done.layer.name]
        full = reference(torch, done.layer, done.convolution, done.source, p.weights)
        at = done.generated
        codes = requantize(full[:, at.rows, at.columns].T, p.multiplier, p.shift, p.bias, p.config)
        kept = np.searchsorted(at.keys, done.output.active.keys)
        assert np.array_equal(at.keys[kept], done.output.active.keys)
        assert np.array_equal(done.output.features, codes[kept])
        if done.convolution.mode == "spconv":  # no site with a contribution is left out
            full[:, at.rows, at.columns] = 0
            assert not full.any()
        if variant.dense or done.layer.dense:
            assert len(done.output.active) == at.shape[0] * at.shape[1]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("preset", NETWORKS)
def test_every_layer_against_torch(torch, preset, variant):
    check_against_torch(torch, integers_of(preset, variant_of(variant)), FRAME)


@pytest.mark.full
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("preset", ["pointpillars-kitti", "centerpoint-nuscenes"])
def test_every_layer_at_full_size(torch, preset, variant):
    check_against_torch(torch, integers_of(preset, variant_of(variant), small=False), FRAME)


@pytest.mark.full
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("preset", "name"),
    [("pointpillars-kitti", "kitti_000001_full.bin"),
     ("pointpillars-kitti", "kitti_000008_fov.bin"),
     ("centerpoint-nuscenes", "nuscenes_1sweep.pcd.bin")],
)  # fmt: skip
def test_every_layer_of_real_frames(torch, lidar, preset, name, variant):
    frame = read_frame(lidar(name))
    check_against_torch(torch, integers_of(preset, variant_of(variant), small=False), frame)


@pytest.mark.full
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("preset", NETWORKS)
def test_real_frames_in_every_network_and_variant(lidar, preset, variant):
    """They run and can be planned, and the rules of every layer are monotonic within a tap."""
    integers = integers_of(preset, variant_of(variant), small=False)
    for name in ("kitti_000001_full.bin", "kitti_000008_fov.bin", "nuscenes_1sweep.pcd.bin"):
        pillars = pillarize(read_frame(lidar(name)), integers.grid)
        start = integers.encoder(pillars, integers.grid)
        workload, done = Workload(), 0
        for layer in run(integers.network, integers.variant, start, integers.parameters):
            workload(layer)
            for tap in range(layer.rules.taps if layer.rules else 0):
                for side in layer.rules.tap(tap):
                    assert (np.diff(side) > 0).all()
            done += 1
        assert done == len(integers.network.layers)
        config = accelerator_of("n64").replace(columns=SIDE)
        shape = integers.grid.shape
        made = program(integers.network, integers.variant, shape, config)
        for cost in costs(made, workload).values():
            assert 0 <= cost.useful <= cost.cycles


def runs(variant, preset="pointpillars-kitti", frame=FRAME):
    integers = integers_of(preset, variant)
    grid = integers.grid
    start = integers.encoder(pillarize(frame, grid), grid)
    return list(run(integers.network, variant, start, integers.parameters))


def test_variants_differ():
    """No two variants do the same work on one frame; each saves more than the one before."""
    macs = {name: sum(d.macs for d in runs(variant_of(name))) for name in VARIANTS}
    assert len(set(macs.values())) == len(VARIANTS)
    assert macs["dense"] > macs["spconv"] > macs["sdconv"] > macs["spconv-s"]
    assert macs["spconv"] > macs["spconv-p"]
    assert macs["sdconv"] > macs["spade+"]


def test_dense_macs_are_the_same_in_every_variant():
    grid = small_grid("pointpillars-kitti")
    for name in VARIANTS:
        assert sum(d.dense_macs for d in runs(variant_of(name))) == sum(
            np.prod([n // (2 ** min(3, b)) for n in grid.shape]) * per
            for b, per in (
                (1, 9 * 4 * 64 * 64 + 64 * 128 + 128 * 128 + 256 * 128 + 384 * 72),
                (2, 9 * (64 * 128 + 5 * 128 * 128)),
                (3, 9 * (128 * 256 + 5 * 256 * 256)),
            )
        )


def test_pruning_keeps_the_largest():
    variant = variant_of("spconv-p").replace(keep=0.3, measure="l1")
    seen = 0
    for done in runs(variant):
        if done.layer.role != "body":
            assert len(done.output.active) == len(done.generated)
            continue
        seen += 1
        assert len(done.output.active) == ratio_count(len(done.generated), 0.3)
    assert seen == 13
    everything = runs(variant.replace(keep=1.0))
    plain = runs(variant_of("spconv"))
    assert all(a.output.active == b.output.active
               for a, b in zip(everything, plain, strict=True))  # fmt: skip


def test_pruning_by_threshold():
    variant = variant_of("spconv-p").replace(threshold=100)
    for done in runs(variant):
        if done.layer.role == "body" and len(done.output.active):
            assert importance(done.output.features).min() > 100
    assert len(runs(variant.replace(threshold=127))[-1].output.active) < len(
        runs(variant.replace(threshold=0))[-1].output.active
    )


def test_dilation_share():
    """t counts active pillars or grid sites; the most important dilate."""
    for t_of, measure in (("active", "max-abs"), ("grid", "l2")):
        variant = variant_of("sdconv").replace(t=7.0, t_of=t_of, measure=measure)
        for done in runs(variant):
            if done.important is None:
                assert done.layer.role != "body"
                continue
            active = done.source.active
            base = len(active) if t_of == "active" else active.shape[0] * active.shape[1]
            count = min(len(active), ratio_count(base, 0.07))
            assert done.important.sum() == count
            value = importance(done.source.features, measure)
            if 0 < count < len(active):
                assert value[done.important].min() >= value[~done.important].max()
    none = runs(variant_of("sdconv").replace(t=0.0))
    submanifold = runs(variant_of("spconv-s"))
    assert [len(a.output.active) for a in none] == [len(b.output.active) for b in submanifold]


def test_codes_are_well_spread():
    """Calibrated on another scene: hardly saturated, half alive, all codes in use."""
    for name in ("spconv", "spconv-s", "sdconv"):
        for done in runs(variant_of(name)):
            codes = done.output.features
            assert (np.abs(codes.astype(int)) >= 127).mean() < 0.05
            if done.layer.role in ("body", "down"):
                assert 0.3 < (codes == 0).mean() < 0.7
                assert len(np.unique(codes)) > 100


def test_concat_puts_each_map_in_its_channels():
    done = {d.layer.name: d for d in runs(variant_of("spconv-s"))}
    united = done["concat"].output
    low = 0
    for name in ("up1", "up2", "up3"):
        part = done[name].output
        here = np.isin(united.active.keys, part.active.keys)
        assert here.sum() == len(part.active)
        assert np.array_equal(united.features[here, low : low + 128], part.features)
        assert not united.features[~here, low : low + 128].any()
        low += 128


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("preset", NETWORKS)
def test_a_frame_without_points(preset, variant):
    nothing = check_frame(np.zeros((0, 4)), "nothing")
    done = runs(variant_of(variant), preset, nothing)
    assert len(done) == len(NETWORKS[preset].for_variant(variant_of(variant)).layers)
    sparse = [d for d in done if not (d.layer.dense or variant == "dense")]
    assert all(len(d.output.active) == 0 for d in sparse if "up" not in d.layer.name)


def test_a_full_frame_is_dense():
    """With every pillar active SpConv does what dense does."""
    grid = small_grid("pointpillars-kitti")
    spconv, dense = variant_of("spconv"), variant_of("dense")
    integers = integers_of("pointpillars-kitti", spconv)
    network = integers.network
    rng = np.random.default_rng(0)
    full = Cpr.full(grid.shape)
    start = FeatureMap(full, rng.integers(0, 128, (len(full), 64)).astype(np.int8))
    for a, b in zip(run(network, spconv, start, integers.parameters),
                    run(network, dense, start, integers.parameters), strict=True):  # fmt: skip
        assert a.output.active == b.output.active
        assert np.array_equal(a.output.features, b.output.features)


def test_seeds_and_reproducibility():
    grid, variant = small_grid("pointpillars-kitti"), variant_of("spconv-s")
    network = network_of("pointpillars-kitti")
    one, again, other = (quantize(network, variant, grid, seed=s) for s in (0, 0, 1))
    for name, layer in one.layers.items():
        for part in ("weights", "bias", "multiplier", "shift"):
            assert np.array_equal(getattr(layer, part), getattr(again.layers[name], part))
        assert not np.array_equal(layer.weights, other.layers[name].weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"keep": 1.1}, "keep is 1.1"), ({"t": -1}, "t is -1"), ({"t_of": "all"}, "t_of is 'all'"),
     ({"measure": "max"}, "measure is 'max'"), ({"threshold": -1}, "threshold is -1"),
     ({"mode": "x"}, "mode is 'x'"), ({"down_kernel": 4}, "down_kernel is 4")],
)  # fmt: skip
def test_variant_refused(change, message):
    with pytest.raises(BadInput, match=message):
        variant_of("sdconv").replace(**change)


def test_names_refused():
    with pytest.raises(BadInput, match="variant is 'sparse'; allowed: dense, spconv"):
        variant_of("sparse")
    with pytest.raises(BadInput, match="preset is 'x'; allowed: pointpillars-kitti"):
        network_of("x")


def test_down_kernels():
    strided = {name: {convolution_of(layer, variant_of(name)).kernel
                      for layer in network_of("pillarnet-nuscenes")
                      .for_variant(variant_of(name)).layers if layer.role == "down"}
               for name in VARIANTS}  # fmt: skip
    assert strided == {name: {2 if name == "spade+" else 3} for name in VARIANTS}
