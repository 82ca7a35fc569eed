"""The synthetic scene looks to the accelerator like a real frame, and is reproducible."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.pillars import GRIDS, pillarize
from golden.sparse.scene import NOISE, REACH, SENSOR_HEIGHT, Box, Cylinder, synthetic_frame


@pytest.mark.parametrize("seed", range(8))
def test_density_is_that_of_real_frames(seed):
    active = pillarize(synthetic_frame(seed), GRIDS["pointpillars-kitti"]).active
    assert 0.014 <= active.density <= 0.07


def test_seeded():
    one, again, other = synthetic_frame(3), synthetic_frame(3), synthetic_frame(4)
    assert np.array_equal(one.points, again.points)
    assert not np.array_equal(one.points[:1000], other.points[:1000])


def test_full_scale_is_that_of_the_sensor():
    one, nuscenes = synthetic_frame(0).points, synthetic_frame(0, 255.0).points
    assert np.array_equal(one[:, :3], nuscenes[:, :3])
    assert one[:, 3].max() < 1
    assert np.allclose(255 * one[:, 3], nuscenes[:, 3])


def test_points_are_on_things_and_not_below_ground():
    points = synthetic_frame(0).points
    assert points[:, 2].min() > -SENSOR_HEIGHT - 10 * NOISE
    assert np.linalg.norm(points[:, :3], axis=1).max() < REACH + 10 * NOISE
    height = points[:, 2] + SENSOR_HEIGHT
    assert 0.2 < (np.abs(height) < 0.1).mean() < 0.9  # ground, but not only
    assert (height > 3).any()  # buildings


def test_rays_meet_a_box_and_a_cylinder_where_geometry_says():
    ahead = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.8, 0.0], [1.0, 0.0, 0.1]])
    box = Box(10.0, 0.0, (2.0, 4.0, 3.0), 0.0, 0.5)
    assert box.range(ahead).tolist() == [9.0, np.inf, np.inf, 9.0]
    low = Box(10.0, 0.0, (2.0, 4.0, 1.0), 0.0, 0.5)  # lower than the sensor
    assert low.range(ahead[:1]).tolist() == [np.inf]
    turned = Box(10.0, 0.0, (2.0, 4.0, 3.0), np.pi / 2, 0.5)
    assert np.allclose(turned.range(ahead[:1]), 8.0)
    pole = Cylinder(3.0, 4.0, 0.5, 0.0, 3.0, 0.5)
    assert np.allclose(pole.range(ahead), [np.inf, np.inf, 4.5, np.inf])


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5])
def test_seed_refused(seed):
    with pytest.raises(BadInput, match="seed"):
        synthetic_frame(seed)
