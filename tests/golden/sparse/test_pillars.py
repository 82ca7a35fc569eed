"""Pillars: known counts, borders, limits, and that the order of points changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.errors import BadInput
from golden.sparse.encoder import PillarEncoder
from golden.sparse.frames import check_frame, read_frame
from golden.sparse.pillars import GRIDS, Grid, grid_of, pillarize, point_features

SMALL = Grid(low=(0, -2, -1), high=(4, 2, 1), size=0.5, shape=(8, 8), max_points=4)


@pytest.mark.parametrize(
    ("preset", "name", "count"),
    [("pointpillars-kitti", "kitti_000001_full.bin", 14840),
     ("pointpillars-kitti", "kitti_000008_fov.bin", 3945),
     ("centerpoint-nuscenes", "nuscenes_1sweep.pcd.bin", 7896)],
)  # fmt: skip
def test_known_counts(lidar, preset, name, count):
    assert len(pillarize(read_frame(lidar(name)), grid_of(preset)).active) == count


def test_presets():
    shapes = {name: (g.shape, g.features, g.channels) for name, g in GRIDS.items()}
    assert shapes == {
        "pointpillars-kitti": ((496, 432), 10, 64),
        "centerpoint-nuscenes": ((512, 512), 10, 64),
        "pillarnet-nuscenes": ((1440, 1440), 10, 32),
    }
    for grid in GRIDS.values():
        span = np.subtract(grid.high, grid.low)[:2] / grid.size
        assert np.allclose(span, grid.shape[::-1])
    with pytest.raises(BadInput, match="preset is 'kitti'"):
        grid_of("kitti")


def test_borders():
    """Low borders are in, high borders out; rows go along y, columns along x."""
    below = np.nextafter(np.float32(4), np.float32(0))
    points = np.array(
        [[0, -2, -1, 0], [below, 1.999, 0.999, 0], [4, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0],
         [-0.001, 0, 0, 0], [3.9, -1.9, 0, 0]], np.float32
    )  # fmt: skip
    got = pillarize(check_frame(points, "borders"), SMALL)
    assert list(zip(got.active.rows, got.active.columns, strict=True)) == [(0, 0), (0, 7), (7, 7)]
    assert got.outside == 4


def test_point_just_below_the_border_that_rounds_onto_it():
    grid = GRIDS["pointpillars-kitti"]
    x = np.nextafter(np.float32(69.12), np.float32(0))
    got = pillarize(check_frame(np.array([[x, 0, 0, 0]], np.float32), "x"), grid)
    assert len(got.active) + got.outside == 1
    assert (got.active.columns < 432).all()


def test_points_of_a_pillar_are_spaced_evenly():
    z = np.linspace(-0.9, 0.9, 10, dtype=np.float32)
    points = np.column_stack([np.full(10, 0.1), np.full(10, -1.9), z, np.zeros(10)])
    got = pillarize(check_frame(points, "column"), SMALL)
    assert got.points[:, 2].tolist() == z[[0, 2, 5, 7]].tolist()
    assert got.crowded == 6


def test_too_many_pillars_keep_those_with_most_points():
    grid = replace(SMALL, max_pillars=2)
    xs = [0.1, 0.6, 0.7, 1.1, 1.6, 1.7]
    got = pillarize(check_frame(np.array([[x, -1.9, 0, 0] for x in xs]), "row"), grid)
    assert got.active.columns.tolist() == [1, 3]
    assert got.dropped == 2
    assert got.crowded == 0


def test_every_pillar_active():
    grid = GRIDS["pointpillars-kitti"]
    x, y = np.meshgrid(np.arange(432) * 0.16 + 0.08, np.arange(496) * 0.16 - 39.6)
    points = np.column_stack([x.ravel(), y.ravel(), 0 * x.ravel(), 0 * x.ravel()])
    got = pillarize(check_frame(points, "full"), grid)
    assert (len(got.active), got.dropped) == (40_000, 496 * 432 - 40_000)
    got = pillarize(check_frame(points, "full"), replace(grid, max_pillars=10**6))
    assert got.active.density == 1.0


def test_no_points():
    got = pillarize(check_frame(np.zeros((0, 4)), "nothing"), SMALL)
    assert len(got.active) == 0
    assert point_features(got, SMALL).shape == (0, 10)


def test_point_features():
    """By hand: two points in the pillar of row 4, column 2, whose centre is (1.25, 0.25, 0)."""
    points = np.array([[1.25, 0.25, 0.5, 0.3], [1.0, 0.0, -0.5, 0.1]])
    got = point_features(pillarize(check_frame(points, "two"), SMALL), SMALL)
    want = [[1.0, 0.0, -0.5, 0.1, -0.125, -0.125, -0.5, -0.25, -0.25, -0.5],
            [1.25, 0.25, 0.5, 0.3, 0.125, 0.125, 0.5, 0.0, 0.0, 0.5]]  # fmt: skip
    assert np.allclose(got, want, atol=1e-7)
    nine = replace(SMALL, centre=2)
    assert np.allclose(point_features(pillarize(check_frame(points, "two"), nine), nine),
                       np.array(want)[:, :9], atol=1e-7)  # fmt: skip


def test_ring_is_not_read_as_time():
    grid = replace(SMALL, raw=5, centre=2)
    points = np.array([[1.25, 0.25, 0.5, 0.3, 17.0]])
    assert point_features(pillarize(check_frame(points, "ring"), grid), grid)[0, 4] == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_order_of_points_changes_nothing(seed, number):
    rng = np.random.default_rng(seed)
    # Coarse coordinates: crowded pillars, and points that are equal.
    points = rng.integers(-6, 14, (number, 4)).astype(np.float32) / 3
    frame = check_frame(points, "one")
    shuffled = check_frame(rng.permutation(points), "other")
    grid = replace(SMALL, max_pillars=20)
    one, other = pillarize(frame, grid), pillarize(shuffled, grid)
    assert one.active == other.active
    assert np.array_equal(one.points, other.points)
    encoder = PillarEncoder(((rng.normal(size=(10, 8)), rng.normal(size=8)),), 0.05)
    assert np.array_equal(encoder(one, grid).features, encoder(other, grid).features)


def test_encoder_by_hand():
    """ReLU, maximum over the pillar, round half to even, clamp; a layer joins its maximum."""
    points = np.array([[0.1, -1.9, 0.5, 0.0], [0.2, -1.9, -0.5, 0.0], [1.1, -1.9, 0.25, 0.0]])
    pillars = pillarize(check_frame(points, "three"), SMALL)
    weight = np.zeros((10, 3))
    weight[2] = [1.0, -1.0, 1000.0]  # z
    one = PillarEncoder(((weight, np.zeros(3)),), 0.1)(pillars, SMALL).features
    assert one.tolist() == [[5, 5, 127], [2, 0, 127]]
    second = np.zeros((6, 1))
    second[0], second[4] = 1.0, 1.0  # the point's first feature, and the pillar's second maximum
    two = PillarEncoder(((weight, np.zeros(3)), (second, np.zeros(1))), 0.1)
    assert two(pillars, SMALL).features.tolist() == [[10], [2]]
    with pytest.raises(BadInput, match="point features of the grid is 9"):
        one = two(pillars, replace(SMALL, centre=2))
