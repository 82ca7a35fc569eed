"""Programs and images: carried out by the golden machine, they give what the network gives."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.accelerator import ACCELERATORS
from golden.sparse.cpr import Cpr
from golden.sparse.image import build, frame, load, read_back
from golden.sparse.interpret import interpret
from golden.sparse.memory import cpr_bytes, read_cpr, weight_bytes
from golden.sparse.network import Layer, Network
from golden.sparse.networks import NETWORKS
from golden.sparse.pillars import GRIDS
from golden.sparse.program import program
from golden.sparse.run import FeatureMap
from golden.sparse.trials import random_map, random_weights, trial
from golden.sparse.variants import VARIANTS

N8 = ACCELERATORS["n8"]


def proves(one):
    """Carry out a trial on memory full of rubbish; compare every map, and what else changed."""
    memory = load(one.program, one.image, fill=0xA5)
    before = memory.bytes.copy()
    interpret(one.program.config, memory, one.program.list_address, len(one.program.steps))
    got = read_back(one.program, memory)
    for name, wanted in one.expected.items():
        assert got[name].active == wanted.active, name
        assert np.array_equal(got[name].features, wanted.features), name
    changed = memory.bytes != before
    for region in one.program.regions:
        if region.output:
            low = region.address - one.program.base
            changed[low : low + region.size] = False
    assert not changed.any()


@pytest.mark.parametrize("seed", range(120))
def test_random_networks(seed):
    rng = np.random.default_rng(seed)
    base = 4096 * int(rng.integers(1 << 24))
    proves(trial(rng, N8, base=base))


@pytest.mark.parametrize("preset", NETWORKS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_networks(preset, variant):
    rng = np.random.default_rng(3)
    one = trial(rng, N8, side=32, network=NETWORKS[preset], variant=VARIANTS[variant], density=0.2)
    proves(one)


@pytest.mark.parametrize("preset", ["pointpillars-kitti", "centerpoint-nuscenes"])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("machine", ["n16", "n64"])
def test_whole_grids_fit(preset, variant, machine):
    form = VARIANTS[variant]
    made = program(
        NETWORKS[preset].for_variant(form), form, GRIDS[preset].shape, ACCELERATORS[machine]
    )
    end = made.base
    for region in made.regions:
        assert region.address == end
        assert region.address % 128 == 0
        end += region.size
    assert end == made.base + made.size
    for number, step in enumerate(made.steps):
        assert step.fields["cpr_after"] <= number
        assert step.fields["features_after"] <= number


def waits_for_what_it_reads(made):
    """What a layer waits for, found again from who writes the addresses that it reads."""
    lists, features = {}, {}
    for number, step in enumerate(made.steps):
        f = step.fields
        sources = [f["source_cpr"], *([f["second_cpr"]] if step.convolution is None else [])]
        assert f["cpr_after"] == max(lists.get(address, 0) for address in sources)
        if step.source is not None:
            read = [f[f"features{s}"] for s in range(f["sources"])]
            assert f["features_after"] == max(features.get(address, 0) for address in read)
            features[f["output_features"]] = number + 1
        if f["write_cpr"]:
            assert f["output_cpr"] not in lists
            lists[f["output_cpr"]] = number + 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_layers_wait_for_what_they_read(variant):
    form = VARIANTS[variant]
    for preset in ("pointpillars-kitti", "centerpoint-nuscenes"):
        waits_for_what_it_reads(program(NETWORKS[preset].for_variant(form), form, (32, 32), N8))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        waits_for_what_it_reads(trial(rng, N8, variant=form).program)


def test_fewer_pillars_take_less_memory():
    form = VARIANTS["spconv-s"]
    network = NETWORKS["pointpillars-kitti"].for_variant(form)
    sizes = [
        program(network, form, (496, 432), ACCELERATORS["n64"], max_pillars=most).size
        for most in (1000, 10_000, None)
    ]
    assert sizes[0] < sizes[1] < sizes[2]


def test_capacities_hold_for_the_worst_frame():
    """As many pillars as promised, so far apart that each reaches all that it can."""
    body = [
        Layer(name=f"b{i}", role="down" if i == 1 else "body", source=(s,), channels=(3, 3),
              kernel=3, stride=1 + (i == 1))
        for i, s in enumerate(("pillars", "b0", "b1"))
    ]  # fmt: skip
    network = Network("chain", "", tuple(body))
    rng = np.random.default_rng(0)
    weights = {layer.name: random_weights(rng, layer) for layer in body}
    for name in ("spconv", "sdconv"):
        form = VARIANTS[name].replace(t=100)
        made = program(network.for_variant(form), form, (64, 64), N8, max_pillars=4)
        active = Cpr.from_keys([9 * 64 + 9, 9 * 64 + 49, 49 * 64 + 9, 49 * 64 + 49], (64, 64))
        pillars = FeatureMap(active, np.full((4, 3), 100, np.int8))
        memory = load(made, build(made, pillars, weights))
        interpret(N8, memory, made.list_address, len(made.steps))
        reached = [len(each.active) for each in read_back(made, memory).values()]
        assert reached[0] == made.places["b0"].capacity == 36
        crowded = FeatureMap(Cpr.from_keys(np.arange(5), (64, 64)), np.zeros((5, 3), np.int8))
        with pytest.raises(BadInput, match="^number of pillars is 5; allowed: up to 4"):
            frame(made, crowded)


def test_maps_with_the_same_sites_share_their_coordinates():
    form = VARIANTS["spconv-s"]
    made = program(NETWORKS["pointpillars-kitti"].for_variant(form), form, (16, 16), N8)
    block = [made.places[f"block1.{i}"] for i in range(4)]
    assert len({place.cpr for place in block}) == 1
    assert {place.cpr_after for place in block} == {1}
    assert [place.features_after for place in block] == [1, 2, 3, 4]
    assert made.places["up1"].cpr == block[0].cpr


def test_coordinates_of_ups_come_first_unless_pruned():
    for name, early in (("spconv", True), ("spconv-p", False)):
        form = VARIANTS[name]
        made = program(NETWORKS["pointpillars-kitti"].for_variant(form), form, (16, 16), N8)
        ops = [(step.fields["op"], step.layer.name) for step in made.steps]
        united = [at for at, op in enumerate(ops) if op == (3, "concat")]
        assert (ops.index((2, "up2")) < united[0] < ops.index((1, "up2"))) == early
        assert (ops.index((2, "up3")) < united[1] < ops.index((1, "up3"))) == early
        # Independent layers stand between dependent ones.
        names = [name for _, name in ops]
        assert names.index("block2.0") + 1 == names.index("up1")
        assert names.index("block3.0") < names.index("up2") < names.index("block3.1")


def test_pruned_maps_are_compacted_where_they_are_put_together():
    """Before a concatenation, a dense layer, and whoever reads the result; not before a
    convolution."""

    def layer(name, role, source, width=8, **more):
        out = width if role == "concat" else 8
        return Layer(name=name, role=role, source=source, channels=(width, out), **more)

    network = Network("test", "", (
        layer("first", "body", ("pillars",), kernel=3),
        layer("second", "body", ("first",), kernel=3),
        layer("both", "concat", ("first", "second"), 16),
        layer("full", "body", ("second",), kernel=3, dense=True),
        layer("last", "body", ("second",), kernel=3),
    ))  # fmt: skip
    variant = VARIANTS["spconv-p"].replace(keep=0.5)
    made = network.for_variant(variant)
    reads = {each.name: each.source for each in made.layers}
    assert reads == {
        "first": ("pillars",), "first.compact": ("first",),
        "second": ("first",), "second.compact": ("second",),
        "both": ("first.compact", "second.compact"), "full": ("second.compact",),
        "last": ("second",), "last.compact": ("last",),
    }  # fmt: skip
    assert network.for_variant(VARIANTS["spconv"]) == network
    for density in (0, 0.3, 1):
        one = trial(
            *(np.random.default_rng(5), N8), network=network, variant=variant, shape=(9, 12),
            density=density,
        )  # fmt: skip
        proves(one)
        # In memory, too, there is nothing else.
        memory = load(one.program, one.image)
        interpret(N8, memory, one.program.list_address, len(one.program.steps))
        for name in ("first", "last"):
            where = one.program.places[f"{name}.compact"]
            assert not where.pruned and one.program.places[name].pruned
            listed = read_cpr(memory, where.cpr, where.entries, where.shape)
            assert listed.active == one.expected[name].active


def test_bytes_of_a_map():
    """By hand, from the words of the documentation."""
    active = Cpr((2, 300), np.array([0, 1, 3], np.int32), np.array([257, 0, 2], np.int32))
    header, entries = cpr_bytes(active, np.array([5, 6, 0xFFFF]), (5, 1))
    words = np.frombuffer(header, "<u4").tolist()
    assert words[:4] == [3, 1, 5, 1]
    assert words[4:16] == [0] * 12
    assert words[16:] == [0, 1, 3]
    assert entries.hex() == "01010500" + "00000600" + "0200ffff"


def test_order_of_weights():
    """Output tile, input tile, tap, input channel, output channel."""
    weights = np.zeros((4, 16, 9), np.int8)
    weights[3, 8 + 5, 8 + 0] = 77
    data = weight_bytes(weights, 8)
    at = ((((1 * 2 + 1) * 4 + 3) * 8) + 5) * 8 + 0
    assert len(data) == 2 * 2 * 4 * 64
    assert data[at] == 77
    assert sum(data) == 77


def test_what_the_machine_cannot_do_is_said():
    rng = np.random.default_rng(0)
    network = NETWORKS["pointpillars-kitti"]
    form = VARIANTS["sdconv"].replace(measure="l2")
    with pytest.raises(BadInput, match="^measure is 'l2'; allowed: max-abs, l1"):
        program(network, form, (16, 16), N8)
    form = VARIANTS["sdconv"].replace(prune=True)
    with pytest.raises(BadInput, match="pruned and selective"):
        program(network, form, (16, 16), N8)
    form = VARIANTS["spconv"]
    with pytest.raises(BadInput, match="^columns of descriptor 0 is 1440; allowed: 1 to 512"):
        program(NETWORKS["pillarnet-nuscenes"], form, (1440, 1440), ACCELERATORS["n64"])
    with pytest.raises(BadInput, match=r"^span of block1.0 is 512; allowed: at least 1027"):
        program(network, form, (64, 512), N8)
    with pytest.raises(BadInput, match="^base is 100; allowed: a multiple of 4096"):
        program(network, form, (16, 16), N8, base=100)
    made = program(network, form, (16, 16), N8)
    with pytest.raises(BadInput, match="^grid of the pillars is"):
        frame(made, random_map(rng, (16, 8), 0.5, 64))
    with pytest.raises(BadInput, match="^channels of the pillars is 3; allowed: 64"):
        frame(made, random_map(rng, (16, 16), 0.5, 3))
