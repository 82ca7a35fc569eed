"""The work of a layer, cut into tiles."""

from dataclasses import replace

import numpy as np
import pytest

from golden.sparse.cpr import Cpr
from golden.sparse.rules import Convolution, generate
from golden.sparse.tiling import Tiling
from golden.sparse.work import conv_work, deconv_work

WHOLE = Tiling(first_tile=512, tile=512, span=2048, resident=False)


def example(density=0.1, shape=(60, 50), mode="spconv", kernel=3, stride=1):
    active = Cpr.from_bitmap(np.random.default_rng(0).random(shape) < density)
    form = Convolution(kernel=kernel, stride=stride, mode=mode)
    important = np.arange(len(active)) % 5 == 0 if mode == "selective" else None
    output, rules = generate(form, active, important)
    return active, output, rules, conv_work(form, active, active, output, rules)


@pytest.mark.parametrize("sizes", [(16, 48, 2048), (1, 7, 2048), (64, 64, 24), (4096, 4096, 4096)])
def test_tiles_have_each_rule_once_and_know_their_inputs(sizes):
    _, output, rules, work = example()
    cut = Tiling(first_tile=sizes[0], tile=sizes[1], span=sizes[2], resident=False)
    tiles = work.tiles(cut)
    assert work.rules == tiles.counts.sum() == len(rules)
    ends = np.cumsum(tiles.outputs)
    assert ends[-1] == len(output)
    assert tiles.span.max() <= sizes[2]
    for tile, end in enumerate(ends):
        start = end - tiles.outputs[tile]
        assert end - start <= (sizes[1] if tile else sizes[0])
        inside = (rules.outputs >= start) & (rules.outputs < end)
        mine = rules.inputs[inside]
        assert tiles.low[tile] == mine.min()
        assert tiles.span[tile] == mine.max() - mine.min() + 1
        # One more output would not have fitted.
        wider = rules.inputs[(rules.outputs >= start) & (rules.outputs <= end)]
        full = end - start == (sizes[1] if tile else sizes[0])
        assert full or end == len(output) or np.ptp(wider) >= sizes[2]
        for tap in range(9):
            part = slice(rules.starts[tap], rules.starts[tap + 1])
            its = rules.inputs[part][inside[part]]
            assert tiles.counts[tile, tap] == len(its)
            assert tiles.last[tile, tap] == (its.max() - mine.min() if len(its) else -1)


def test_coarse_granules_agree_with_fine(monkeypatch):
    _, _, _, fine = example(0.3)
    monkeypatch.setattr("golden.sparse.work.FINE", 100)
    _, _, _, coarse = example(0.3)
    cut = Tiling(first_tile=32, tile=128, span=2048, resident=False)
    assert (fine.granule, coarse.granule) == (1, 16)
    for part in ("outputs", "counts", "low", "span", "last", "generate"):
        assert np.array_equal(getattr(fine.tiles(cut), part), getattr(coarse.tiles(cut), part))


def test_head_is_a_part():
    _, output, _, work = example()
    half = work.head(0.5)
    assert half.outputs == round(len(output) / 2)
    cut = Tiling(first_tile=half.outputs, tile=4096, span=4096, resident=False)
    assert np.array_equal(half.tiles(cut).counts, work.tiles(cut).counts[:1])
    assert np.array_equal(half.tiles(cut).generate, work.tiles(cut).generate[:1])


def test_rule_generator_by_hand():
    """Two rows of pillars with an empty one between, 4 columns."""
    active = Cpr.from_bitmap([[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]])
    spconv = Convolution(kernel=3)
    output, rules = generate(spconv, active)
    # A row of two into a buffer, and two cycles until it is seen. Each row takes one to begin, one
    # a candidate (4, 4, 3, 3), and one for a column that leaves with no candidate (the last one).
    made = conv_work(spconv, active, active, output, rules)
    assert made.generate == 2 + 2 + (1 + 4 + 1) + (1 + 4 + 1) + (1 + 3) + (1 + 3)
    assert made.made[[4, 8, 11, 14]].tolist() == [10, 16, 20, 24]
    assert (np.diff(made.made)[1:] >= 1).all()
    # SpConv-S: only columns near the row's own, which leave with their candidates.
    own = Convolution(kernel=3, mode="submanifold")
    work = conv_work(own, active, active, *generate(own, active))
    assert work.generate == 2 + 2 + (1 + 2) + 1 + 1 + (1 + 1)
    assert work.made.tolist() == [0, 6, 7, 11]
    # SD-Conv: all columns, the last of each row for itself.
    some = Convolution(kernel=3, mode="selective")
    work = conv_work(some, active, active, *generate(some, active, np.array([1, 0, 0], bool)))
    assert work.generate == 2 + 2 + (1 + 3 + 1) + (1 + 2 + 1) + (1 + 1) + (1 + 1 + 1)
    # Stride 2: the even row fills a buffer first.
    half = Convolution(kernel=3, stride=2)
    work = conv_work(half, active, active, *generate(half, active))
    assert work.generate == 2 + 2 + (1 + 2 + 1) + (1 + 2)
    # A phase of a deconv: a row in, then twice as many outputs.
    work = deconv_work(2, active, active)
    assert work.generate == 3 * 3 + 2 * 2
    assert work.made.tolist() == [0, 3, 4, 5, 6, 8, 9]


def test_pruned_entries_keep_their_indices():
    active, output, rules, _ = example(0.2)
    stored = Cpr.from_bitmap(active.bitmap() | (np.random.default_rng(1).random((60, 50)) < 0.2))
    work = conv_work(Convolution(kernel=3), stored, active, output, rules)
    tiles = work.tiles(replace(WHOLE, first_tile=4096, tile=4096, span=4096))
    assert tiles.span[0] > len(active)
    assert tiles.span[0] <= len(stored)
    assert work.rules == len(rules)
