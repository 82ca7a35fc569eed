"""LiDAR frames from files, as float32 points of four or five columns.

Columns are x, y, z in metres (x forward, y left, z up) and reflectance or intensity; nuScenes has
the ring number as a fifth. What a file does not hold is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, require
from .pcd import read_pcd

FARTHEST = 10_000.0  # metres; a coordinate beyond it is a file read with the wrong layout


@dataclass(frozen=True, eq=False)
class Frame:
    """``points``: float32 (n, 4 or 5). ``name``: where they come from.

    ``invalid``: points that the file itself marks as having no return (NaN in a PCD), left out.
    """

    points: NDArray[np.float32]
    name: str
    invalid: int = 0


def read_frame(path: str | Path) -> Frame:
    """Read a frame; the format follows from the name.

    ``.pcd.bin`` nuScenes (float32 x 5), ``.bin`` KITTI (float32 x 4), ``.npy`` and ``.npz`` (array
    ``points``, or the only one), ``.feather`` Argoverse 2, ``.pcd`` Point Cloud Data 0.7 (ASCII and
    binary). A missing, truncated, empty or malformed file, and any point that is not finite, is
    :class:`BadInput`; only in a PCD is NaN legal, and means "no return".
    """
    path = Path(path)
    reader = next((r for suffix, r in _READERS.items() if path.name.lower().endswith(suffix)), None)
    if reader is None:
        raise BadInput(f"frame {path.name!r} has no known format; allowed: {', '.join(_READERS)}")
    try:
        size = path.stat().st_size
        require(path.is_file(), f"frame {path.name}", "not a file", "a file")
        require(size > 0, f"size of {path.name}", size, "at least one byte")
        points = reader(path)
    except BadInput:
        raise
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise BadInput(f"frame {path.name!r} cannot be read: {reason}") from error
    except (ValueError, KeyError, EOFError) as error:  # what NumPy says of a malformed file
        raise BadInput(f"frame {path.name!r} is malformed: {str(error).splitlines()[0]}") from error
    return check_frame(points, path.name, invalid_allowed=reader is read_pcd)


def check_frame(points: NDArray, name: str, *, invalid_allowed: bool = False) -> Frame:
    """A :class:`Frame` of ``points``, if they are numbers that a sensor could give."""
    numeric = points.ndim == 2 and points.dtype.kind in "fiu" and points.shape[1] >= 3
    require(numeric, f"points of {name}", f"{points.dtype} {points.shape}", "(n, 3 to 5) numbers")
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and reported as such
        points = points.astype(np.float32)
    if points.shape[1] == 3:
        points = np.column_stack([points, np.zeros(len(points), np.float32)])
    points = np.ascontiguousarray(points[:, :5])
    finite = np.isfinite(points).all(axis=1)
    invalid = int(np.sum(~finite))
    if invalid:
        first = int(np.flatnonzero(~finite)[0])
        require(
            invalid_allowed,
            f"point {first} of {name}",
            points[first].tolist(),
            f"finite numbers ({invalid} of {len(points)} points are not)",
        )
        points = points[finite]
    far = np.abs(points[:, :3]).max(initial=0.0)
    require(
        far <= FARTHEST,
        f"farthest coordinate of {name} (m)",
        float(far),
        f"up to {FARTHEST:g}; is the layout of the file what its name says?",
    )
    return Frame(points, name, invalid)


def _records(columns: int) -> Callable[[Path], NDArray]:
    def read(path: Path) -> NDArray:
        size, record = path.stat().st_size, 4 * columns
        require(
            size % record == 0,
            f"size of {path.name}",
            size,
            f"a multiple of {record} bytes (float32 x {columns}); truncated?",
        )
        return np.fromfile(path, "<f4").reshape(-1, columns)

    return read


def _read_npy(path: Path) -> NDArray:
    return np.load(path, allow_pickle=False)


def _read_npz(path: Path) -> NDArray:
    import zipfile

    try:
        # Opened here: NumPy leaves a file open that turns out not to be a zip.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = list(arrays)
            require(
                "points" in names or len(names) == 1,
                f"arrays of {path.name}",
                names,
                "one, or one named points",
            )
            return arrays["points" if "points" in names else names[0]]
    except zipfile.BadZipFile as error:
        raise ValueError("not a whole zip file") from error


def _read_feather(path: Path) -> NDArray:
    try:
        import pyarrow
        from pyarrow import feather
    except ImportError as error:
        raise BadInput("reading .feather needs pyarrow: pip install bitpillar[frames]") from error
    try:
        table = feather.read_table(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(str(error).splitlines()[0]) from error
    missing = {"x", "y", "z"} - set(table.column_names)
    require(not missing, f"columns of {path.name}", table.column_names, "x, y, z[, intensity]")
    names = ["x", "y", "z"] + ["intensity"] * ("intensity" in table.column_names)
    return np.column_stack([table[name].to_numpy().astype(np.float32) for name in names])


_READERS: dict[str, Callable[[Path], NDArray]] = {
    ".pcd.bin": _records(5),
    ".bin": _records(4),
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".feather": _read_feather,
    ".pcd": read_pcd,
}
