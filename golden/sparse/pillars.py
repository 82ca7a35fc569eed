"""From points to pillars: the grid of each preset, and the points that each pillar keeps.

Differences from OpenPCDet, both so that the order of points in a file cannot change a result: of a
pillar with more than 32 points, evenly spaced ones of its sorted points are kept instead of the
first 32 of the file; of a frame with too many pillars, those with most points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from .cpr import Cpr
from .frames import Frame


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The pillar grid of a preset.

    ``low``, ``high``: x, y, z range in metres, low included. ``size``: side of a pillar in metres.
    ``shape``: (rows along y, columns along x). ``raw``: point columns that the feature network
    reads: 4 (x, y, z, reflectance) or 5 (and the time lag of a sweep, 0 here). ``centre``: whether
    the offset from the pillar's centre has 2 (x, y) or 3 dimensions; with the 3 of the offset from
    the mean of the points there are ``raw + 3 + centre`` point features. ``intensity``: the
    sensor's full scale of column 4. ``channels``: of the
    pillar feature. ``max_points`` a pillar, ``max_pillars`` a frame.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    size: float
    shape: tuple[int, int]
    raw: int = 4
    centre: int = 3
    intensity: float = 1.0
    channels: int = 64
    max_points: int = 32
    max_pillars: int = 40_000

    @property
    def features(self) -> int:
        """Point features that enter the pillar feature network."""
        return self.raw + 3 + self.centre


GRIDS = {
    # PointPillars (Lang et al., CVPR 2019) as OpenPCDet has it: 10 point features.
    "pointpillars-kitti": Grid(
        low=(0.0, -39.68, -3.0), high=(69.12, 39.68, 1.0), size=0.16, shape=(496, 432)
    ),
    # CenterPoint (Yin et al., CVPR 2021), pillar version: x, y, z, intensity, time lag.
    "centerpoint-nuscenes": Grid(
        low=(-51.2, -51.2, -5.0),
        high=(51.2, 51.2, 3.0),
        size=0.2,
        shape=(512, 512),
        raw=5,
        centre=2,
        intensity=255.0,
    ),
    # PillarNet (Shi et al., ECCV 2022): its first sparse stage has 32 channels.
    "pillarnet-nuscenes": Grid(
        low=(-54.0, -54.0, -5.0),
        high=(54.0, 54.0, 3.0),
        size=0.075,
        shape=(1440, 1440),
        raw=5,
        centre=2,
        intensity=255.0,
        channels=32,
    ),
}


@dataclass(frozen=True, eq=False)
class Pillars:
    """Active pillars and the points that they keep.

    ``active``: where. ``points``: float32 (n, raw), in the order of pillars, sorted within one.
    ``starts``: int64, pillars + 1, as row pointers. ``outside``: points out of range;
    ``crowded``: points left out by ``max_points``; ``dropped``: pillars, by ``max_pillars``.
    """

    active: Cpr
    points: NDArray[np.float32]
    starts: NDArray[np.int64]
    outside: int
    crowded: int
    dropped: int


def pillarize(frame: Frame, grid: Grid) -> Pillars:
    """Put the points of ``frame`` on ``grid``.

    Places are computed in float32, as every implementation does: it decides on which side of a
    border a point falls.
    """
    points = frame.points
    if points.shape[1] < grid.raw:
        points = np.column_stack([points, np.zeros(len(points), np.float32)])
    elif grid.raw == 5:
        # The fifth column of a nuScenes file is the ring; the network's is the lag of the sweep.
        points = points.copy()
        points[:, 4] = 0
    points = points[:, : grid.raw]
    low, high = np.float32(grid.low), np.float32(grid.high)
    rows, width = grid.shape
    inside = ((points[:, :3] >= low) & (points[:, :3] < high)).all(axis=1)
    place = np.floor((points[:, :2] - low[:2]) / np.float32(grid.size))
    # The division may round a point just under the border up to it.
    inside &= (place[:, 0] < width) & (place[:, 1] < rows)
    points, place = points[inside], place[inside].astype(np.int64)
    key = place[:, 1] * width + place[:, 0]
    order = np.lexsort((*points.T[::-1], key))
    points, key = points[order], key[order]

    first = np.flatnonzero(np.diff(key, prepend=-1))
    count = np.diff(np.append(first, len(key)))
    dropped = max(0, len(first) - grid.max_pillars)
    kept = np.sort(np.argsort(-count, kind="stable")[: grid.max_pillars])
    lost = int(count.sum() - count[kept].sum())
    first, count = first[kept], count[kept]
    take = np.minimum(count, grid.max_points)
    starts = np.concatenate([[0], np.cumsum(take)])
    pillar = np.repeat(np.arange(len(first)), take)
    rank = np.arange(starts[-1]) - starts[pillar]
    chosen = first[pillar] + rank * count[pillar] // take[pillar]
    active = Cpr.from_keys(key[first], grid.shape)
    crowded = len(points) - lost - len(chosen)
    outside = int(np.sum(~inside))
    return Pillars(active, points[chosen], starts, outside, crowded, dropped)


def point_features(pillars: Pillars, grid: Grid) -> NDArray[np.float64]:
    """(points, raw + 3 + centre): the point, its offset from the pillar's mean and from its centre.

    float64, so that the features do not depend on the order in which a sum is taken.
    """
    points = pillars.points.astype(np.float64)
    count = np.diff(pillars.starts)
    pillar = np.repeat(np.arange(len(count)), count)
    if len(count) == 0:
        return np.zeros((0, grid.features))
    mean = np.add.reduceat(points[:, :3], pillars.starts[:-1], axis=0) / count[:, None]
    centre = np.column_stack(
        [
            grid.low[0] + (pillars.active.columns + 0.5) * grid.size,
            grid.low[1] + (pillars.active.rows + 0.5) * grid.size,
            np.full(len(count), (grid.low[2] + grid.high[2]) / 2),
        ]
    )[:, : grid.centre]
    offset = points[:, : grid.centre] - centre[pillar]
    return np.column_stack([points, points[:, :3] - mean[pillar], offset])


def grid_of(preset: str) -> Grid:
    """The grid of a preset by name."""
    require(preset in GRIDS, "preset", preset, ", ".join(GRIDS))
    return GRIDS[preset]
