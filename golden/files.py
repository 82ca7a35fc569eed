"""Files that are either whole or absent."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_atomic(path: Path, content: str | bytes) -> Path:
    """Write ``content`` to ``path`` through a temporary name in the same folder, then rename.

    A reader never sees half a file, and a failed write leaves the earlier one untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~_UMASK)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    return path


def write_json(path: Path, value: Any) -> Path:
    """:func:`write_atomic` of ``value`` as JSON that a person can read and diff."""
    return write_atomic(path, json.dumps(value, indent=2) + "\n")


# mkstemp makes files that only their owner can read; results are for everyone the umask allows.
_UMASK = os.umask(0)
os.umask(_UMASK)
