"""A synthetic street seen by a spinning 64-beam LiDAR, so that everything runs with no data set.

A seeded layout of ground, buildings, cars, poles, tree crowns and people is ray-cast by a sensor
with the beam table of the Velodyne HDL-64E of KITTI (+2 to -24.8 degrees, mounted 1.73 m above
ground), with range noise and drop-out. Its density of active pillars lies in the band of real
frames, 1.4 to 7 % of the KITTI grid. It is a workload, not a test of detectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from .frames import Frame, check_frame

SENSOR_HEIGHT = 1.73  # m above ground, KITTI's
BEAMS = np.concatenate([np.linspace(2.0, -8.33, 32), np.linspace(-8.87, -24.8, 32)])  # degrees
COLUMNS = 2083  # azimuth steps a turn: 0.173 degrees at 10 Hz
REACH = 80.0  # m
NOISE = 0.02  # m, standard deviation of range
DROP_OUT = 0.08  # share of rays lost whatever they hit


@dataclass(frozen=True)
class Box:
    """A box on the ground: centre (x, y), size (length, width, height), yaw, reflectance."""

    x: float
    y: float
    size: tuple[float, float, float]
    yaw: float
    reflectance: float

    @property
    def radius(self) -> float:
        return float(np.hypot(self.size[0], self.size[1]) / 2)

    def range(self, direction: NDArray) -> NDArray:
        """Distance along each ray of ``direction`` (n, 3) from the sensor, infinite if missed."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        centre = turn @ np.array([-self.x, -self.y, SENSOR_HEIGHT - self.size[2] / 2])
        ray = direction @ turn.T
        with np.errstate(divide="ignore", invalid="ignore"):
            one = (-np.array(self.size) / 2 - centre) / ray
            two = (np.array(self.size) / 2 - centre) / ray
        near = np.minimum(one, two).max(axis=1)
        far = np.maximum(one, two).min(axis=1)
        return np.where((near <= far) & (near > 0.5), near, np.inf)


@dataclass(frozen=True)
class Cylinder:
    """An upright cylinder: centre (x, y), radius, lowest and highest z above ground."""

    x: float
    y: float
    radius: float
    low: float
    high: float
    reflectance: float

    def range(self, direction: NDArray) -> NDArray:
        """Distance along each ray to the mantle, infinite if missed."""
        a = direction[:, 0] ** 2 + direction[:, 1] ** 2
        b = direction[:, 0] * self.x + direction[:, 1] * self.y
        root = b**2 - a * (self.x**2 + self.y**2 - self.radius**2)
        with np.errstate(invalid="ignore"):
            distance = (b - np.sqrt(root)) / a
        z = SENSOR_HEIGHT + distance * direction[:, 2]
        hit = (root >= 0) & (distance > 0.5) & (z >= self.low) & (z <= self.high)
        return np.where(hit, distance, np.inf)


def street(rng: np.random.Generator) -> list[Box | Cylinder]:
    """A street along x: buildings, parked and driving cars, lamp posts, trees, people."""
    things: list[Box | Cylinder] = []
    for side in (-1, 1):
        x = -REACH
        while x < REACH:  # a row of buildings with gaps between
            length = rng.uniform(8, 22)
            depth = rng.uniform(8, 14)
            y = side * (rng.uniform(11, 17) + depth / 2)
            size = (length, depth, rng.uniform(5, 14))
            things.append(Box(x + length / 2, y, size, rng.normal(0, 0.03), rng.uniform(0.2, 0.5)))
            x += length + rng.choice([1.0, 5.0, 12.0])
        for x in np.arange(-REACH, REACH, 6.5):  # parked cars, some places free
            if rng.random() < 0.6:
                things.append(_car(rng, x + rng.uniform(-0.6, 0.6), side * rng.uniform(5.2, 5.8)))
        for x in np.arange(-75.0, 75.0, 18.0):  # lamp posts and trees in turn
            post = x + rng.uniform(-2, 2)
            things.append(Cylinder(post, side * 7.4, 0.09, 0, 7, 0.6))
            if rng.random() < 0.7:
                trunk = x + 9 + rng.uniform(-2, 2)
                things.append(Cylinder(trunk, side * 8.3, 0.18, 0, 3, 0.3))
                things.append(Cylinder(trunk, side * 8.3, rng.uniform(1.2, 2.2), 2.2, 6, 0.25))
        for _ in range(9):  # people on the pavement
            x, y = rng.uniform(-50, 60), side * rng.uniform(6.8, 10)
            things.append(Cylinder(x, y, rng.uniform(0.2, 0.3), 0, rng.uniform(1.5, 1.9), 0.35))
    for x in rng.uniform(8, 70, 4):  # traffic
        things.append(_car(rng, x, rng.choice([-1.9, 1.9])))
    return things


def _car(rng: np.random.Generator, x: float, y: float) -> Box:
    size = (rng.uniform(3.6, 4.8), rng.uniform(1.6, 1.9), rng.uniform(1.4, 1.8))
    return Box(x, y, size, rng.normal(0, 0.04), rng.uniform(0.1, 0.7))


def synthetic_frame(seed: int = 0, full_scale: float = 1.0) -> Frame:
    """One turn of the sensor in the street of ``seed``: some 120,000 points (x, y, z, reflectance).

    ``full_scale``: what a perfect reflector returns: 1 in KITTI, 255 in nuScenes. The same seed
    gives the same points on every machine up to the last bit of the sines.
    """
    require(isinstance(seed, int) and 0 <= seed < 2**32, "seed", seed, "0 to 2^32 - 1")
    rng = np.random.default_rng(seed)
    things = street(rng)
    azimuth = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
    pitch = np.radians(BEAMS)
    direction = np.stack(
        np.broadcast_arrays(
            np.cos(pitch)[:, None] * np.cos(azimuth),
            np.cos(pitch)[:, None] * np.sin(azimuth),
            np.sin(pitch)[:, None],
        ),
        axis=-1,
    )
    with np.errstate(divide="ignore"):
        distance = np.where(direction[..., 2] < 0, -SENSOR_HEIGHT / direction[..., 2], np.inf)
    # Asphalt is dark and is hit at a grazing angle: beyond some 45 m most returns are lost.
    lost = rng.random(distance.shape) < np.clip((distance - 20) / 50, 0, 1)
    distance = np.where(lost, np.inf, distance)
    reflectance = np.full(distance.shape, 0.25)
    for thing in things:
        # Only the columns that can see it.
        away = np.hypot(thing.x, thing.y)
        half = np.arcsin(min(1.0, thing.radius / away)) if away > thing.radius else np.pi
        offset = np.angle(np.exp(1j * (azimuth - np.arctan2(thing.y, thing.x))))
        columns = np.flatnonzero(np.abs(offset) <= half + 0.01)
        hit = thing.range(direction[:, columns].reshape(-1, 3)).reshape(len(BEAMS), -1)
        nearer = hit < distance[:, columns]
        distance[:, columns] = np.where(nearer, hit, distance[:, columns])
        reflectance[:, columns] = np.where(nearer, thing.reflectance, reflectance[:, columns])
    seen = (distance < REACH) & (rng.random(distance.shape) >= DROP_OUT)
    distance = distance + rng.normal(0, NOISE, distance.shape)
    reflectance = np.clip(reflectance + rng.normal(0, 0.05, distance.shape), 0, 0.99)
    intensity = full_scale * reflectance[seen]
    points = np.column_stack([direction[seen] * distance[seen][:, None], intensity])
    return check_frame(points, f"synthetic scene, seed {seed}")
