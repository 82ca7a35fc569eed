"""Point Cloud Data files, version 0.7, ASCII and binary (the format of the Point Cloud Library)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, require

_TYPES = {("F", 4), ("F", 8), *(("IU"[u], size) for u in (0, 1) for size in (1, 2, 4, 8))}
_INTENSITY = ("intensity", "reflectance", "i")
_LAST_LINE = 32  # header lines: the format has ten and comments


def read_pcd(path: Path) -> NDArray[np.float32]:
    """Points (n, 4) of a PCD file; a lost return is NaN, as the format has it."""
    data = path.read_bytes()
    header, body = _header(data, path.name)
    names = header["FIELDS"]
    sizes = [_whole(header, "SIZE", v) for v in header["SIZE"]]
    counts = [_whole(header, "COUNT", v) for v in header.get("COUNT", ["1"] * len(names))]
    kinds = header["TYPE"]
    same = len(names) == len(sizes) == len(counts) == len(kinds)
    require(same, f"SIZE, TYPE and COUNT of {path.name}", (sizes, kinds, counts), "one a field")
    for kind, size in zip(kinds, sizes, strict=True):
        require((kind, size) in _TYPES, f"field type of {path.name}", f"{kind}{size}", "I, U, F")
    require({"x", "y", "z"} <= set(names), f"fields of {path.name}", names, "x, y, z[, intensity]")
    number = _whole(header, "POINTS", header["POINTS"][0])
    encoding = header["DATA"][0].lower()
    if encoding == "binary":
        columns = _binary(body, names, kinds, sizes, counts, number, path.name)
    elif encoding == "ascii":
        columns = _ascii(body, names, counts, number, path.name)
    else:
        raise BadInput(f"DATA of {path.name} is {encoding!r}; allowed: ascii, binary")
    wanted = ["x", "y", "z", *[n for n in _INTENSITY if n in names][:1]]
    points = np.zeros((number, 4), np.float32)
    for position, name in enumerate(wanted):
        points[:, position] = columns[name]
    return points


def _header(data: bytes, name: str) -> tuple[dict[str, list[str]], bytes]:
    header: dict[str, list[str]] = {}
    position = 0
    for _ in range(_LAST_LINE):
        end = data.find(b"\n", position)
        if end < 0:
            break
        line = data[position:end].decode("ascii", "replace").split("#")[0].split()
        position = end + 1
        if line:
            header[line[0].upper()] = line[1:]
        if line and line[0].upper() == "DATA":
            break
    missing = [k for k in ("FIELDS", "SIZE", "TYPE", "POINTS", "DATA") if not header.get(k)]
    require(not missing, f"header of {name}", "lacks " + ", ".join(missing), "a PCD 0.7 header")
    return header, data[position:]


def _whole(header: dict[str, list[str]], key: str, text: str) -> int:
    require(text.isdigit(), f"{key} of the PCD header", text, "a whole number")
    return int(text)


def _binary(
    body: bytes,
    names: list[str],
    kinds: list[str],
    sizes: list[int],
    counts: list[int],
    number: int,
    file: str,
) -> dict[str, NDArray]:
    letters = {"F": "f", "I": "i", "U": "u"}
    # Names such as "_" for padding may repeat, so fields go by position.
    layout = np.dtype(
        [(f"f{i}", f"<{letters[kinds[i]]}{sizes[i]}", (counts[i],)) for i in range(len(names))]
    )
    need = layout.itemsize * number
    require(
        len(body) >= need,
        f"data of {file}",
        f"{len(body)} bytes",
        f"{need} bytes for {number} points; truncated?",
    )
    records = np.frombuffer(body, layout, number)
    return {name: records[f"f{i}"][:, 0] for i, name in enumerate(names)}


def _ascii(
    body: bytes, names: list[str], counts: list[int], number: int, file: str
) -> dict[str, NDArray]:
    words = body.decode("ascii", "replace").split()
    width = sum(counts)
    require(
        len(words) == width * number,
        f"data of {file}",
        f"{len(words)} numbers",
        f"{width * number} for {number} points; truncated?",
    )
    table = np.array(words, np.float64).reshape(number, width)
    first = np.cumsum([0, *counts[:-1]])
    return {name: table[:, first[i]] for i, name in enumerate(names)}
