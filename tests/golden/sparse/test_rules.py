"""Rules: against their definition, against spconv, and the counts of a real frame."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.errors import BadInput
from golden.sparse.cpr import Cpr
from golden.sparse.frames import read_frame
from golden.sparse.pillars import GRIDS, pillarize
from golden.sparse.rules import Convolution, generate
from golden.sparse.scene import synthetic_frame

CONVOLUTIONS = [
    Convolution(kernel=3),
    Convolution(kernel=3, mode="submanifold"),
    Convolution(kernel=3, mode="selective"),
    Convolution(kernel=3, stride=2),
    Convolution(kernel=2, stride=2),
    Convolution(kernel=1),
    Convolution(kernel=1, stride=1, transposed=True),
    Convolution(kernel=2, stride=2, transposed=True),
    Convolution(kernel=4, stride=4, transposed=True),
]
IDS = [f"{c.mode}-{c.kernel}-{c.stride}{'-transposed' * c.transposed}" for c in CONVOLUTIONS]


def by_definition(c, shape, sites, important):
    """Output sites, and the set of (tap, input site, output site): site by site, from the text."""
    rows, columns = c.output_shape(shape)
    reach = []
    for r, x in sites:
        for dy in range(c.kernel):
            for dx in range(c.kernel):
                if c.transposed:
                    out = (r * c.stride + dy, x * c.stride + dx)
                else:
                    two = (r + c.padding - dy, x + c.padding - dx)
                    if two[0] % c.stride or two[1] % c.stride:
                        continue
                    out = (two[0] // c.stride, two[1] // c.stride)
                if 0 <= out[0] < rows and 0 <= out[1] < columns:
                    reach.append((dy * c.kernel + dx, (r, x), out))
    if c.mode == "submanifold":
        made = set(sites)
    elif c.mode == "selective":
        made = set(sites) | {out for _, site, out in reach if site in important}
    else:
        made = {out for _, _, out in reach}
    return sorted(made), {rule for rule in reach if rule[2] in made}


def check(c, active, bits):
    sites = list(zip(active.rows.tolist(), active.columns.tolist(), strict=True))
    important = {s for s, bit in zip(sites, bits, strict=True) if bit}
    output, rules = generate(c, active, bits if c.mode == "selective" else None)
    made, wanted = by_definition(c, active.shape, sites, important)
    assert list(zip(output.rows.tolist(), output.columns.tolist(), strict=True)) == made
    got = set()
    for tap in range(c.taps):
        inputs, outputs = rules.tap(tap)
        # Monotonic within a tap, and so injective, in both indices.
        assert (np.diff(inputs) > 0).all()
        assert (np.diff(outputs) > 0).all()
        got |= {(tap, sites[i], made[o]) for i, o in zip(inputs, outputs, strict=True)}
    assert len(rules) == len(got)
    assert got == wanted


@pytest.mark.parametrize("convolution", CONVOLUTIONS, ids=IDS)
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_definition(convolution, data):
    shape = data.draw(st.tuples(st.integers(2, 9), st.integers(2, 9)))
    keys = data.draw(st.sets(st.integers(0, shape[0] * shape[1] - 1)))
    active = Cpr.from_keys(sorted(keys), shape)
    bits = np.array(data.draw(st.lists(st.booleans(), min_size=len(active),
                                       max_size=len(active))), bool)  # fmt: skip
    check(convolution, active, bits)


@pytest.mark.parametrize("convolution", CONVOLUTIONS, ids=IDS)
@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (5, 4), (6, 7)])
def test_single_pillars_empty_and_full(convolution, shape):
    """One pillar on every site (so on each border and corner), none, and all."""
    for key in range(shape[0] * shape[1]):
        for bit in (False, True):
            check(convolution, Cpr.from_keys([key], shape), np.array([bit]))
    check(convolution, Cpr.from_keys([], shape), np.zeros(0, bool))
    full = Cpr.full(shape)
    check(convolution, full, np.arange(len(full)) % 2 == 0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_thin_grids(shape):
    for convolution in CONVOLUTIONS:
        if convolution.kernel == 2 and not convolution.transposed:
            with pytest.raises(BadInput, match="grid shape"):
                generate(convolution, Cpr.full(shape))
            continue
        check(convolution, Cpr.full(shape), np.zeros(len(Cpr.full(shape)), bool))


def test_every_mode_differs():
    """On one map, no two convolutions of the same geometry have the same rules."""
    active = Cpr.from_keys([0, 1, 14, 30], (7, 7))
    bits = np.array([True, False, False, False])
    counts = {}
    for mode in ("spconv", "submanifold", "selective"):
        output, rules = generate(Convolution(kernel=3, mode=mode), active,
                                 bits if mode == "selective" else None)  # fmt: skip
        counts[mode] = (len(output), len(rules))
    assert len(set(counts.values())) == 3
    strided = [generate(Convolution(kernel=k, stride=2), active)[1].counts().sum() for k in (2, 3)]
    assert strided[0] != strided[1]


def test_selective_lies_between():
    rng = np.random.default_rng(3)
    active = Cpr.from_bitmap(rng.random((20, 20)) < 0.1)
    selective = Convolution(kernel=3, mode="selective")
    none, rules_none = generate(selective, active, np.zeros(len(active), bool))
    every, rules_every = generate(selective, active, np.ones(len(active), bool))
    sub, rules_sub = generate(Convolution(kernel=3, mode="submanifold"), active)
    dilated, rules_dilated = generate(Convolution(kernel=3), active)
    assert none == sub
    assert every == dilated
    assert np.array_equal(rules_none.inputs, rules_sub.inputs)
    assert np.array_equal(rules_every.inputs, rules_dilated.inputs)


# Known counts of the camera-view KITTI frame: (input pillars, output pillars, rules) a layer.
SPCONV = [
    (3945, 2644, 8854), (2644, 5027, 23796), (5027, 6879, 45243), (6879, 8420, 61911),
    (8420, 2415, 18939), None, None, None, None, None,
    None, None, None, None, None, (1785, 1924, 15888),
]  # fmt: skip
SUBMANIFOLD = [None, *[(2644, 2644, 17686)] * 3, None, *[(1255, 1255, 9071)] * 5, None,
               *[(528, 528, 4030)] * 5]  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "known"), [("spconv", SPCONV), ("submanifold", SUBMANIFOLD)], ids=["spconv", "subm"]
)
def test_known_counts(lidar, mode, known):
    grid = GRIDS["pointpillars-kitti"]
    active = pillarize(read_frame(lidar("kitti_000008_fov.bin")), grid).active
    assert len(active) == 3945
    layer = 0
    for block in (4, 6, 6):
        for position in range(block):
            form = Convolution(kernel=3, mode=mode) if position else Convolution(kernel=3, stride=2)
            output, rules = generate(form, active)
            if known[layer]:
                assert (len(active), len(output), len(rules)) == known[layer]
            active = output
            layer += 1


def test_against_spconv(torch, spconv):
    """Rule sets equal to spconv's, tap by tap, in site coordinates (its order is not raster)."""
    rng = np.random.default_rng(11)
    for density in (0.03, 0.3, 1.0):
        active = Cpr.from_bitmap(rng.random((22, 31)) < density)
        for c, kind in (
            (Convolution(kernel=3), "SparseConv2d"),
            (Convolution(kernel=3, stride=2), "SparseConv2d"),
            (Convolution(kernel=2, stride=2), "SparseConv2d"),
            (Convolution(kernel=3, mode="submanifold"), "SubMConv2d"),
        ):
            sites, pairs = _spconv_pairs(torch, spconv, c, kind, active)
            output, rules = generate(c, active)
            assert sorted(map(tuple, sites.tolist())) == list(
                zip(output.rows.tolist(), output.columns.tolist(), strict=True)
            )
            for tap in range(c.taps):
                inputs, outputs = rules.tap(tap)
                mine = set(zip(active.keys[inputs], output.keys[outputs], strict=True))
                i, o = pairs[tap]
                rows, columns = sites[o].T
                keys = rows * output.shape[1] + columns
                assert mine == set(zip(active.keys[i], keys, strict=True))
                assert len(i) == len(inputs)


def test_counts_of_a_frame_against_spconv(torch, spconv):
    """All 16 layers of PointPillars on the synthetic scene: pillars and rules a tap."""
    active = pillarize(synthetic_frame(0), GRIDS["pointpillars-kitti"]).active
    for layer in range(16):
        form = Convolution(kernel=3, stride=2 if layer in (0, 4, 10) else 1)
        sites, pairs = _spconv_pairs(torch, spconv, form, "SparseConv2d", active)
        active, rules = generate(form, active)
        assert np.array_equal(np.sort(sites[:, 0] * active.shape[1] + sites[:, 1]), active.keys)
        assert [len(i) for i, _ in pairs] == rules.counts().tolist()


def _spconv_pairs(torch, spconv, c, kind, active):
    """Output sites of spconv, and for each tap (input index, output index)."""
    module = getattr(spconv, kind)(
        1, 1, c.kernel, stride=c.stride, padding=c.padding, bias=False, indice_key="k",
        algo=spconv.ConvAlgo.Native,
    )  # fmt: skip
    indices = np.column_stack([np.zeros(len(active), np.int32), active.rows, active.columns])
    tensor = spconv.SparseConvTensor(torch.ones(len(active), 1), torch.from_numpy(indices),
                                     list(active.shape), 1)  # fmt: skip
    with torch.no_grad():
        out = module(tensor)
    data = out.find_indice_pair("k")
    table, number = data.indice_pairs.numpy(), data.indice_pair_num.numpy()
    pairs = [(table[0, t, : number[t]], table[1, t, : number[t]]) for t in range(c.taps)]
    if kind == "SubMConv2d":  # it stores half of the taps: the others mirror them, and the centre
        centre = c.taps // 2
        every = np.arange(len(active))
        pairs[centre] = (every, every)
        for t in range(centre):
            assert number[c.taps - 1 - t] in (0, number[t])
            pairs[c.taps - 1 - t] = pairs[t][::-1]
    return out.indices.numpy()[:, 1:], pairs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel": 5}, "kernel is 5"),
        ({"kernel": 3, "stride": 3}, "stride is 3"),
        ({"kernel": 3, "stride": 3, "transposed": True}, "kernel of a SpDeconv is 3"),
        ({"kernel": 2, "stride": 1, "transposed": True}, "stride of a SpDeconv is 1"),
        ({"kernel": 3, "mode": "dense"}, "mode is 'dense'"),
        ({"kernel": 3, "stride": 2, "mode": "submanifold"}, "submanifold convolution"),
        ({"kernel": 2, "mode": "selective"}, "selective convolution"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(BadInput, match=message):
        Convolution(**arguments)


def test_importance_bits_refused():
    active = Cpr.from_keys([0, 1], (3, 3))
    with pytest.raises(BadInput, match="importance bits"):
        generate(Convolution(kernel=3, mode="selective"), active)
    with pytest.raises(BadInput, match="importance bits"):
        generate(Convolution(kernel=3, mode="selective"), active, np.ones(3, bool))
    with pytest.raises(BadInput, match="importance bits"):
        generate(Convolution(kernel=3), active, np.ones(2, bool))
