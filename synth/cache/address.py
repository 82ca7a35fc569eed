"""Addresses of what caches hold: digests of all that decides it."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
"""The folder of all packages of this project."""


def of_facts(facts: Any) -> str:
    """The address of what plain data decide: sha256, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def files(*globs: str) -> list[Path]:
    """The files of this project that match, such as "golden/**/*.py"; each glob matches some."""
    found = []
    for glob in globs:
        matching = sorted(path for path in ROOT.glob(glob) if path.is_file())
        assert matching, f"no file of this project matches {glob}"
        found += matching
    return found


@cache
def of_files(*globs: str) -> str:
    """The address of the names and the text of :func:`files`."""
    digest = hashlib.sha256()
    for path in files(*globs):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()
