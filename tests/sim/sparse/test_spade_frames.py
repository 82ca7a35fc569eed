"""Layers and whole networks of a frame on the accelerator with a 16 x 16 array; minutes each."""

import pytest

from golden.sparse.accelerator import accelerator_of
from golden.sparse.scene import synthetic_frame
from golden.sparse.variants import variant_of
from sim.sparse import Timing
from sim.sparse.spade import excerpt, machine, planned, simulate

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def n16():
    config = accelerator_of("n16")
    return config, machine(config)


def assert_exact(n16, preset, variant, layers=()):
    config, made = n16
    work = excerpt(synthetic_frame(1), preset, variant_of(variant), layers)
    report = simulate(work, planned(work, preset, config, layers), Timing(), made)
    assert report.differences == []
    assert len(report.layers) == len(work.runs) > 0
    for layer, run in zip(report.layers, work.runs, strict=True):
        tiles = [-(-channels // config.array) for channels in run.layer.channels]
        rules = len(run.rules) if run.rules is not None else 0
        assert layer.counts["useful"] == rules * tiles[0] * tiles[1], layer.name
    assert report.cycles >= sum(layer.cycles for layer in report.layers) > 0


@pytest.mark.parametrize("variant", ["spconv", "spconv-s", "spconv-p", "sdconv"])
def test_a_block(n16, variant):
    assert_exact(n16, "pointpillars-kitti", variant, ("block1.*",))


@pytest.mark.parametrize("preset", ["pointpillars-kitti", "centerpoint-nuscenes"])
@pytest.mark.parametrize("variant", ["spconv-s", "sdconv"])
def test_a_network(n16, preset, variant):
    assert_exact(n16, preset, variant)
