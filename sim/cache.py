"""Folders that are made once for a content and found again by it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

CACHE = Path("build/cache/sim")
"""Where compiled simulations are kept; deleting it loses nothing but time."""


def digest(*parts: Any) -> str:
    """A name for everything that determines an entry: text, bytes, or plain data."""
    total = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()[:24]


def cached(folder: Path, key: str, make: Callable[[Path], None]) -> tuple[Path, bool]:
    """``(entry, made)``: the folder ``folder/key``, which ``make(empty folder)`` fills when it is
    not there yet.

    Whoever asks while another process makes the same entry waits for it. An entry is whole or
    absent: a ``make`` that raises leaves nothing.
    """
    entry = folder / key
    if entry.is_dir():
        return entry, False
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if entry.is_dir():
            return entry, False
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{key}.") as temporary:
            work = Path(temporary) / "entry"
            work.mkdir()
            make(work.resolve())
            os.rename(work, entry)
    return entry, True
