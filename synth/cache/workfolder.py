"""Folders in which a cache's entry comes to be, and what is left of them when a process is killed.

Their names say whose they are: this machine, and the number of the process.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_OWNER = f".work-{os.uname().nodename}-"


def make(parent: Path) -> Path:
    """A new, empty folder of this process in ``parent``."""
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent, prefix=f"{_OWNER}{os.getpid()}-"))


def clean(build: Path) -> None:
    """Remove the work folders of processes of this machine that are no more."""
    for path in (build / "cache").glob(f"*/{_OWNER}*"):
        process = path.name.removeprefix(_OWNER).partition("-")[0]
        if process.isdecimal() and not _alive(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # alive, and somebody else's
        pass
    return True
