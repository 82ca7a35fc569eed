"""CPR (compressed pillar row): the sorted list of active pillars of a sparse feature map.

Row pointers and, for each row, ascending column indices (SPADE, Lee et al., HPCA 2024). Feature
vectors lie beside it in the same order, which is raster (row-major) order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import require


@dataclass(frozen=True, eq=False)
class Cpr:
    """Active pillars of a grid.

    ``shape``: (rows, columns) of the grid. ``pointers``: int32, rows + 1; the pillars of row r have
    the indices ``pointers[r]`` up to ``pointers[r + 1]``. ``columns``: int32, one a pillar.
    """

    shape: tuple[int, int]
    pointers: NDArray[np.int32]
    columns: NDArray[np.int32]

    def __post_init__(self) -> None:
        rows, width = self.shape
        require(rows >= 1 and width >= 1, "grid shape", self.shape, "1 or more rows and columns")
        require(
            self.pointers.shape == (rows + 1,),
            "number of row pointers",
            len(self.pointers),
            f"{rows + 1}",
        )
        good = self.pointers[0] == 0 and self.pointers[-1] == len(self.columns)
        good = good and bool(np.all(np.diff(self.pointers) >= 0))
        require(
            bool(good), "row pointers", "not ascending from 0 to the number of pillars", "ascending"
        )
        inside = self.columns.size == 0 or (self.columns.min() >= 0 and self.columns.max() < width)
        require(bool(inside), "columns", "outside of the grid", f"0 to {width - 1}")
        keys = self.keys
        require(
            bool(np.all(keys[1:] > keys[:-1])),
            "columns",
            "not strictly ascending in a row",
            "strictly ascending",
        )

    def __len__(self) -> int:
        return len(self.columns)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cpr):
            return NotImplemented
        return self.shape == other.shape and np.array_equal(self.keys, other.keys)

    __hash__ = None  # type: ignore[assignment]  # compared by content, so not a key

    @cached_property
    def rows(self) -> NDArray[np.int32]:
        """Row of each pillar."""
        return np.repeat(np.arange(self.shape[0], dtype=np.int32), np.diff(self.pointers))

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """Raster index (row * width + column) of each pillar, strictly ascending."""
        return self.rows.astype(np.int64) * self.shape[1] + self.columns

    @property
    def density(self) -> float:
        """Active pillars over grid sites."""
        return len(self) / (self.shape[0] * self.shape[1])

    def bitmap(self) -> NDArray[np.bool_]:
        """(rows, columns), true where a pillar is active."""
        result = np.zeros(self.shape, bool)
        result.ravel()[self.keys] = True
        return result

    @classmethod
    def from_keys(cls, keys: ArrayLike, shape: tuple[int, int]) -> Cpr:
        """From raster indices, strictly ascending."""
        keys = np.asarray(keys, np.int64)
        ascending = bool(np.all(keys[1:] > keys[:-1]))
        require(ascending, "raster indices", "not strictly ascending", "strictly ascending")
        rows, columns = np.divmod(keys, shape[1])
        outside = keys.size and (keys[0] < 0 or keys[-1] >= shape[0] * shape[1])
        require(
            not outside,
            "raster index",
            [int(k) for k in keys[[0, -1]]] if keys.size else [],
            f"0 to {shape[0] * shape[1] - 1}",
        )
        pointers = np.searchsorted(rows, np.arange(shape[0] + 1)).astype(np.int32)
        return cls(shape, pointers, columns.astype(np.int32))

    @classmethod
    def from_bitmap(cls, bitmap: ArrayLike) -> Cpr:
        """From a (rows, columns) map of booleans."""
        bitmap = np.asarray(bitmap, bool)
        return cls.from_keys(np.flatnonzero(bitmap), bitmap.shape)

    @classmethod
    def full(cls, shape: tuple[int, int]) -> Cpr:
        """Every site active: a dense map."""
        return cls.from_keys(np.arange(shape[0] * shape[1]), shape)

    def select(self, keep: NDArray[np.bool_]) -> Cpr:
        """Only the pillars where ``keep`` is true."""
        return Cpr.from_keys(self.keys[keep], self.shape)


def union(maps: list[Cpr]) -> Cpr:
    """The pillars active in any of ``maps``, which must share a grid."""
    shapes = {m.shape for m in maps}
    require(len(shapes) == 1, "grid shapes of maps to unite", sorted(shapes), "one shape")
    bitmap = np.zeros(maps[0].shape, bool)
    for one in maps:
        bitmap.ravel()[one.keys] = True
    return Cpr.from_bitmap(bitmap)
