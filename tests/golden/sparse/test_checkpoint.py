"""Parameters by OpenPCDet's names: round trips, folding against real arithmetic, refusals."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.checkpoint import fit_grid, fold, load_state
from golden.sparse.networks import NETWORKS, network_of
from golden.sparse.pillars import GRIDS, pillarize
from golden.sparse.quantize import quantize
from golden.sparse.run import run
from golden.sparse.scene import synthetic_frame
from golden.sparse.variants import variant_of

from .test_networks import integers_of, small_grid

SPARSE = variant_of("spconv-s")


def random_state(preset, variant=SPARSE):
    return integers_of(preset, variant)


def same_integers(made, state):
    loaded = quantize(made.network, SPARSE, made.grid, state)
    assert loaded.encoder.scale == made.encoder.scale
    for name, layer in made.layers.items():
        for part in ("weights", "bias", "multiplier", "shift"):
            assert np.array_equal(getattr(layer, part), getattr(loaded.layers[name], part)), name


@pytest.mark.parametrize("preset", NETWORKS)
def test_random_parameters_are_a_checkpoint(preset):
    """Random parameters under OpenPCDet's names, read as a checkpoint, give the same integers."""
    made = random_state(preset)
    same_integers(made, made.state)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_files(tmp_path, suffix):
    """The same through a file, with a prefix and with a parameter that nobody needs."""
    made = random_state("pointpillars-kitti")
    path = tmp_path / f"weights{suffix}"
    state = {f"module.{k}": np.ascontiguousarray(v) for k, v in made.state.items()}
    state["global_step"] = np.array([7])
    if suffix == ".npz":
        np.savez(path, **state)
    else:
        numpy = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
        numpy.save_file(state, path)
    same_integers(made, load_state(path))


def test_names_are_those_of_openpcdet():
    names = set(random_state("pointpillars-kitti").state)
    assert {"vfe.pfn_layers.0.linear.weight", "vfe.pfn_layers.0.norm.running_var",
            "backbone_2d.blocks.0.1.weight", "backbone_2d.blocks.0.2.bias",
            "backbone_2d.blocks.2.16.weight", "backbone_2d.blocks.2.17.running_mean",
            "backbone_2d.deblocks.2.0.weight", "backbone_2d.deblocks.2.1.weight",
            "dense_head.conv_cls.bias", "dense_head.conv_dir_cls.weight"} <= names  # fmt: skip
    state = random_state("pointpillars-kitti").state
    assert state["backbone_2d.deblocks.2.0.weight"].shape == (256, 128, 4, 4)
    assert state["backbone_2d.blocks.1.1.weight"].shape == (128, 64, 3, 3)
    head = set(random_state("centerpoint-nuscenes").state)
    assert {"dense_head.shared_conv.0.weight", "dense_head.heads_list.5.hm.0.1.running_mean",
            "dense_head.heads_list.0.center_z.1.bias"} <= head  # fmt: skip
    pillarnet = random_state("pillarnet-nuscenes").state
    assert pillarnet["backbone_3d.conv2.0.0.weight"].shape == (64, 3, 3, 32)
    assert pillarnet["backbone_3d.conv5.0.0.weight"].shape == (256, 256, 3, 3)


@pytest.mark.parametrize(
    ("preset", "name", "order"),
    [("pointpillars-kitti", "block1.1", "oiyx"), ("centerpoint-nuscenes", "up1", "oiyx"),
     ("pointpillars-kitti", "up3", "ioyx"), ("pillarnet-nuscenes", "stage2.0", "oyxi"),
     ("pillarnet-nuscenes", "stage5.0", "oiyx")],
)  # fmt: skip
def test_layouts(preset, name, order):
    """Where a single weight goes: (out, in, row, column) as PyTorch and spconv document them."""
    layer = next(layer for layer in network_of(preset).layers if layer.name == name)
    piece = layer.pieces[0]
    k = layer.kernel
    at = {"o": 5, "i": 7, "y": k - 1, "x": 0}
    size = {"o": layer.channels[1], "i": layer.channels[0], "y": k, "x": k}
    array = np.zeros([size[axis] for axis in order])
    array[tuple(at[axis] for axis in order)] = 1.0
    plain = {"weight": np.ones, "bias": np.zeros, "running_mean": np.zeros,
             "running_var": np.ones}  # fmt: skip
    state = {f"{piece.norm}.{part}": make(size["o"]) for part, make in plain.items()}
    weight, _ = fold(state | {f"{piece.conv}.weight": array}, layer)
    assert [int(index[0]) for index in np.nonzero(weight)] == [at["y"] * k + at["x"], 7, 5]


def test_fold_is_batch_norm():
    """conv, then norm, in real numbers, against the folded convolution."""
    layer = network_of("pointpillars-kitti").layers[4]
    rng = np.random.default_rng(0)
    piece = layer.pieces[0]
    w = rng.normal(size=(128, 64, 3, 3))
    gamma, beta, mean = rng.normal(size=(3, 128))
    var, bias = rng.random((2, 128)) + 0.1
    state = {f"{piece.conv}.weight": w, f"{piece.conv}.bias": bias, f"{piece.norm}.weight": gamma,
             f"{piece.norm}.bias": beta, f"{piece.norm}.running_mean": mean,
             f"{piece.norm}.running_var": var}  # fmt: skip
    weight, folded = fold(state, layer)
    x = rng.normal(size=(64, 3, 3))
    plain = np.einsum("oiyx,iyx->o", w, x) + bias
    want = gamma * (plain - mean) / np.sqrt(var + 1e-3) + beta
    assert np.allclose(np.einsum("tio,it->o", weight, x.reshape(64, 9)) + folded, want)


def test_quantized_network_follows_the_real_one():
    """The first layer's integers, times their scales, against real arithmetic."""
    grid = small_grid("pointpillars-kitti")
    made = random_state("pointpillars-kitti")
    pillars = pillarize(synthetic_frame(5), grid)
    real = made.encoder.real(pillars, grid)
    start = made.encoder(pillars, grid)
    done = next(iter(run(made.network, SPARSE, start, made.parameters)))
    layer = made.layers[done.layer.name]
    weight, bias = fold(made.state, done.layer)
    step = np.abs(weight * made.encoder.scale).max(axis=(0, 1)) / 127 / made.encoder.scale
    clipped = done.output.features == 127
    got = done.output.features * layer.scale

    def convolve(x, w):
        want = np.zeros((len(done.generated), 64)) + bias
        for tap in range(9):
            inputs, outputs = done.rules.tap(tap)
            want[outputs] += x[inputs] @ w[tap]
        return np.maximum(want, 0)

    # Of the quantized operands: half a step of the output, half a step of the bias, and the
    # relative error of the dyadic scale.
    want = convolve(start.features * made.encoder.scale, layer.weights * step)
    bound = layer.scale / 2 + step * made.encoder.scale / 2 + np.abs(want) * 2.0**-15
    assert (np.abs(got - want) <= bound)[~clipped].all()
    # Of the real ones: INT8 noise.
    want = convolve(real, weight)
    error = (got - want)[~clipped]
    assert np.sqrt((error**2).mean()) < 0.1 * np.sqrt((want**2).mean())
    assert clipped.mean() < 0.01


def test_maps_of_different_scale_are_concatenated():
    """One of three maps is eight times larger; the head still sees each in its own scale."""
    state = dict(random_state("pointpillars-kitti").state)
    for part in ("weight", "bias"):
        name = f"backbone_2d.deblocks.1.1.{part}"
        state[name] = 8 * state[name]
    grid = small_grid("pointpillars-kitti")
    made = quantize(network_of("pointpillars-kitti"), SPARSE, grid, state)
    scales = [made.layers[name].scale for name in ("up1", "up2", "up3")]
    assert scales[1] > 5 * max(scales[0], scales[2])
    start = made.encoder(pillarize(synthetic_frame(0), grid), grid)
    *_, head = run(made.network, SPARSE, start, made.parameters)
    weight, bias = fold(state, head.layer)
    want = (head.source.features * np.repeat(scales, 128)) @ weight[0] + bias
    got = head.output.features * made.layers["head"].scale
    inside = np.abs(head.output.features.astype(int)) < 127
    error = (got - want)[inside]
    assert np.sqrt((error**2).mean()) < 0.03 * np.sqrt((want**2).mean())


def test_block_diagonal_head():
    """The branches of a task do not see each other."""
    made = random_state("centerpoint-nuscenes")
    weights = made.layers["task1.out"].weights
    column = 0
    for branch, width in enumerate((2, 1, 3, 2, 2, 1)):
        part = weights[:, :, column : column + width].copy()
        assert part[:, 64 * branch : 64 * branch + 64].any()
        part[:, 64 * branch : 64 * branch + 64] = 0
        assert not part.any()
        column += width


def test_spconv_1_layout():
    made = random_state("pillarnet-nuscenes")
    state = dict(made.state)
    name = "backbone_3d.conv3.1.0.weight"
    state[name] = state[name].transpose(1, 2, 3, 0)
    again = quantize(made.network, SPARSE, small_grid("pillarnet-nuscenes"), state)
    assert np.array_equal(again.layers["stage3.1"].weights, made.layers["stage3.1"].weights)


@pytest.mark.parametrize(
    ("features", "preset", "want"),
    [(9, "pointpillars-kitti", (4, 2)), (10, "pointpillars-kitti", (4, 3)),
     (10, "centerpoint-nuscenes", (5, 2)), (11, "centerpoint-nuscenes", (5, 3))],
)  # fmt: skip
def test_point_features_follow_the_checkpoint(features, preset, want):
    state = {"vfe.pfn_layers.0.linear.weight": np.zeros((64, features))}
    grid = fit_grid(GRIDS[preset], state)
    assert ((grid.raw, grid.centre), grid.features) == (want, features)


def broken(change):
    state = dict(random_state("pointpillars-kitti").state)
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("backbone_2d.blocks.1.4.weight"), "lack 'backbone_2d.blocks.1.4.weight'"),
        (lambda s: s.pop("backbone_2d.blocks.1.5.running_var"), "lack 'backbone_2d.blocks.1.5.ru"),
        (lambda s: s.update({"backbone_2d.blocks.0.1.weight": np.zeros((64, 64, 1, 1))}),
         r"shape of backbone_2d.blocks.0.1.weight is \(64, 64, 1, 1\); allowed: \(64, 64, 3, 3\)"),
        (lambda s: s.update({"dense_head.conv_box.bias": np.full(42, np.nan)}),
         "values of dense_head.conv_box.bias is 'not finite'"),
        (lambda s: s.update({"backbone_2d.blocks.0.2.running_var": np.full(64, -1.0)}),
         "running_var is 'negative'"),
        (lambda s: s.update({"vfe.pfn_layers.0.linear.weight": np.zeros((64, 7))}),
         "point features of the weights is 7"),
        (lambda s: s.pop("vfe.pfn_layers.0.linear.weight"), "lack 'vfe.pfn_layers.0.linear"),
    ],
)  # fmt: skip
def test_refused(change, message):
    with pytest.raises(BadInput, match=message):
        quantize(network_of("pointpillars-kitti"), SPARSE, small_grid("pointpillars-kitti"),
                 broken(change))  # fmt: skip


def test_3x3_weights_do_not_fit_2x2_convolutions():
    state = random_state("pointpillars-kitti").state
    variant = variant_of("spade+")
    with pytest.raises(BadInput, match=r"blocks.0.1.weight is \(64, 64, 3, 3\).*\(64, 64, 2, 2\)"):
        quantize(network_of("pointpillars-kitti").for_variant(variant), variant,
                 small_grid("pointpillars-kitti"), state)  # fmt: skip


def test_dead_channel():
    """A channel whose norm has no gain is all bias, and still fits the accumulator."""

    def kill(state):
        state["backbone_2d.blocks.0.2.weight"] = state["backbone_2d.blocks.0.2.weight"].copy()
        state["backbone_2d.blocks.0.2.weight"][3] = 0.0
        state["backbone_2d.blocks.0.2.bias"] = state["backbone_2d.blocks.0.2.bias"].copy()
        state["backbone_2d.blocks.0.2.bias"][3] = 1.0

    grid = small_grid("pointpillars-kitti")
    made = quantize(network_of("pointpillars-kitti"), SPARSE, grid, broken(kill))
    start = made.encoder(pillarize(synthetic_frame(0), grid), grid)
    done = next(iter(run(made.network, SPARSE, start, made.parameters)))
    codes = np.unique(done.output.features[:, 3])
    assert len(codes) == 1
    assert abs(codes[0] * made.layers["block1.0"].scale - 1.0) < made.layers["block1.0"].scale


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("a.npz", b"junk", "'a.npz' are malformed"), ("a.safetensors", b"junk", "are malformed"),
     ("a.pth", b"junk", "no known format; allowed: .npz, .safetensors")],
)  # fmt: skip
def test_files_refused(tmp_path, name, content, message):
    if name.endswith("safetensors"):
        pytest.importorskip("safetensors", reason="safetensors is not installed")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        load_state(tmp_path / name)
    with pytest.raises(BadInput, match="a file that exists"):
        load_state(tmp_path / "absent.npz")
