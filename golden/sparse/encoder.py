"""The pillar feature network: points to one INT8 vector a pillar.

Linear, batch norm, ReLU and maximum over the points of a pillar, in float64; then one rounding to
INT8. Only real points enter the maximum (OpenPCDet's PillarVFE also lets its zero padding in; its
dynamic version does not).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from .pillars import Grid, Pillars, point_features
from .run import FeatureMap


@dataclass(frozen=True, eq=False)
class PillarEncoder:
    """``layers``: ``(weight (inputs, outputs), bias)`` of each linear layer, batch norm folded.

    The output of every layer but the last is joined with its maximum over the pillar, as in
    OpenPCDet. ``scale``: the real value of one step of the INT8 output.
    """

    layers: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]
    scale: float

    def real(self, pillars: Pillars, grid: Grid) -> NDArray[np.float64]:
        """The real features (pillars, channels), before rounding."""
        x = point_features(pillars, grid)
        need = self.layers[0][0].shape[0]
        require(
            x.shape[1] == need, "point features of the grid", x.shape[1], f"{need}, as the weights"
        )
        starts = pillars.starts[:-1]
        count = np.diff(pillars.starts)
        for position, (weight, bias) in enumerate(self.layers):
            x = np.maximum(x @ weight + bias, 0)
            if len(count) == 0:
                return np.zeros((0, self.layers[-1][0].shape[1]))
            most = np.maximum.reduceat(x, starts, axis=0)
            last = position == len(self.layers) - 1
            x = most if last else np.column_stack([x, np.repeat(most, count, axis=0)])
        return x

    def __call__(self, pillars: Pillars, grid: Grid) -> FeatureMap:
        """The INT8 feature map: round half to even, at most 127."""
        codes = np.minimum(np.rint(self.real(pillars, grid) / self.scale), 127)
        return FeatureMap(pillars.active, codes.astype(np.int8))
