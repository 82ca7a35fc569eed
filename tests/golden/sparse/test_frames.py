"""Frame files: every format gives the same points, and every defect a clear line."""

import struct

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.frames import check_frame, read_frame


@pytest.fixture
def points():
    rng = np.random.default_rng(5)
    return np.column_stack([rng.uniform(-50, 50, (20, 3)), rng.random(20)]).astype(np.float32)


def pcd(points, encoding, **changes):
    head = {"VERSION": "0.7", "FIELDS": "x y z intensity", "SIZE": "4 4 4 4", "TYPE": "F F F F",
            "COUNT": "1 1 1 1", "WIDTH": len(points), "HEIGHT": 1, "VIEWPOINT": "0 0 0 1 0 0 0",
            "POINTS": len(points), "DATA": encoding} | changes  # fmt: skip
    text = "# .PCD v0.7\n" + "".join(f"{k} {v}\n" for k, v in head.items() if v is not None)
    if encoding == "ascii":
        body = "\n".join(" ".join(repr(float(v)) for v in row) for row in points).encode()
    else:
        body = points.tobytes()
    return text.encode() + body


def test_kitti(tmp_path, points):
    points.tofile(tmp_path / "a.bin")
    assert np.array_equal(read_frame(tmp_path / "a.bin").points, points)


def test_nuscenes(tmp_path, points):
    five = np.column_stack([points, np.arange(20, dtype=np.float32)])
    five.tofile(tmp_path / "a.pcd.bin")
    assert np.array_equal(read_frame(tmp_path / "a.pcd.bin").points, five)


def test_numpy(tmp_path, points):
    np.save(tmp_path / "a.npy", points.astype(np.float64))
    assert np.array_equal(read_frame(tmp_path / "a.npy").points, points)
    np.savez(tmp_path / "a.npz", labels=np.zeros(3), points=points)
    assert np.array_equal(read_frame(tmp_path / "a.npz").points, points)
    np.savez(tmp_path / "b.npz", points[:, :3])
    assert np.array_equal(read_frame(tmp_path / "b.npz").points[:, :3], points[:, :3])
    assert (read_frame(tmp_path / "b.npz").points[:, 3] == 0).all()


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_pcd(tmp_path, points, encoding):
    (tmp_path / "a.pcd").write_bytes(pcd(points, encoding))
    assert np.array_equal(read_frame(tmp_path / "a.pcd").points, points)


def test_pcd_with_padding_and_other_types(tmp_path):
    """Fields in another order, an 8-byte float, an integer intensity, two paddings of one name."""
    rows = [(1.5, -2.0, 7, 3.25), (4.0, 5.5, 200, -1.0)]
    body = b"".join(struct.pack("<f3sdB2sf", y, b"", x, i, b"", z) for x, y, i, z in rows)
    head = pcd(np.zeros((2, 4), np.float32), "binary", FIELDS="y _ x intensity _ z",
               SIZE="4 1 8 1 1 4", TYPE="F U F U U F", COUNT="1 3 1 1 2 1")  # fmt: skip
    head = head[: head.index(b"DATA binary\n") + 12]
    (tmp_path / "a.pcd").write_bytes(head + body)
    want = [[x, y, z, i] for x, y, i, z in rows]
    assert read_frame(tmp_path / "a.pcd").points.tolist() == want


def test_pcd_nan_is_a_lost_return(tmp_path, points):
    points[3, 1] = np.nan
    (tmp_path / "a.pcd").write_bytes(pcd(points, "binary"))
    frame = read_frame(tmp_path / "a.pcd")
    assert frame.invalid == 1
    assert np.array_equal(frame.points, np.delete(points, 3, axis=0))


def test_feather(tmp_path, points):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra: frames)")
    from pyarrow import feather

    columns = {"x": points[:, 0].astype(np.float16), "y": points[:, 1], "z": points[:, 2],
               "intensity": (255 * points[:, 3]).astype(np.uint8),
               "laser_number": np.zeros(20, np.uint8)}  # fmt: skip
    feather.write_feather(pyarrow.table(columns), tmp_path / "a.feather")
    got = read_frame(tmp_path / "a.feather").points
    assert np.array_equal(got, np.column_stack([v.astype(np.float32)
                                                for v in list(columns.values())[:4]]))  # fmt: skip
    feather.write_feather(pyarrow.table({"x": [1.0], "y": [2.0]}), tmp_path / "b.feather")
    with pytest.raises(BadInput, match=r"columns of b.feather"):
        read_frame(tmp_path / "b.feather")
    whole = (tmp_path / "a.feather").read_bytes()
    (tmp_path / "c.feather").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"'c.feather' is malformed"):
        read_frame(tmp_path / "c.feather")


def npy(array):
    import io

    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


P = np.ones((6, 4), np.float32)
NAN, INF, FAR = P.copy(), P.copy(), P.copy()
NAN[2, 0], INF[4, 3], FAR[0, 1] = np.nan, -np.inf, 1e6


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.bin", P.tobytes()[:-3], "size of a.bin is 93; allowed: a multiple of 16 bytes"),
        ("a.pcd.bin", P.tobytes(), "size of a.pcd.bin is 96; allowed: a multiple of 20 bytes"),
        ("a.bin", b"", "size of a.bin is 0"),
        ("a.bin", NAN.tobytes(), r"point 2 of a.bin .*finite numbers \(1 of 6"),
        ("a.bin", INF.tobytes(), "point 4 of a.bin"),
        ("a.bin", FAR.tobytes(), "farthest coordinate of a.bin"),
        ("a.npy", npy(NAN), "point 2 of a.npy"),
        ("a.npy", npy(P)[:-5], "'a.npy' is malformed"),
        ("a.npy", npy(P[:, :2]), "points of a.npy"),
        ("a.npy", npy(np.array(["x"])), "points of a.npy"),
        ("a.npy", npy(np.full((2, 4), 1e300)), "point 0 of a.npy"),
        ("a.npz", b"PK\x03\x04 not a zip", "'a.npz' is malformed"),
        ("a.pcd", b"", "size of a.pcd is 0"),
        ("a.pcd", b"VERSION 0.7\n", "header of a.pcd is 'lacks FIELDS"),
        ("a.pcd", pcd(P, "binary")[:-1], "data of a.pcd is '95 bytes'"),
        ("a.pcd", pcd(P, "ascii")[:-4], "data of a.pcd is '23 numbers'"),
        ("a.pcd", pcd(P, "binary_compressed"), "DATA of a.pcd is 'binary_compressed'"),
        ("a.pcd", pcd(P, "binary", FIELDS="x y w intensity"), "fields of a.pcd"),
        ("a.pcd", pcd(P, "binary", POINTS="six"), "POINTS of the PCD header is 'six'"),
        ("a.pcd", pcd(P, "binary", TYPE="F F F Q"), "field type of a.pcd is 'Q4'"),
        ("a.pcd", pcd(P, "binary", SIZE="4 4 4"), "SIZE, TYPE and COUNT of a.pcd"),
        ("a.laz", b"x", "'a.laz' has no known format"),
    ],
    ids=lambda part: part[:30] if isinstance(part, str) else "",
)  # fmt: skip
def test_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        read_frame(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_two_arrays_without_a_name(tmp_path):
    np.savez(tmp_path / "a.npz", P, P)
    with pytest.raises(BadInput, match=r"arrays of a.npz"):
        read_frame(tmp_path / "a.npz")


def test_absent_and_folder(tmp_path):
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        read_frame(tmp_path / "a.bin")
    (tmp_path / "b.bin").mkdir()
    with pytest.raises(BadInput, match=r"frame b.bin is 'not a file'"):
        read_frame(tmp_path / "b.bin")


def test_no_points_is_a_frame():
    assert len(check_frame(np.zeros((0, 4)), "nothing").points) == 0


@pytest.mark.parametrize(
    ("name", "columns", "number"),
    [("kitti_000001_full.bin", 4, 120268), ("kitti_000008_fov.bin", 4, 17238),
     ("nuscenes_1sweep.pcd.bin", 5, 34688)],
)  # fmt: skip
def test_real(lidar, name, columns, number):
    assert read_frame(lidar(name)).points.shape == (number, columns)
