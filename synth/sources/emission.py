"""Verilog of a design out of a cache that is addressed by content.

The address is the design and the text of everything that may decide its Verilog: all of `golden`
and `hw`, and the versions of what writes it. So a hit is as good as emitting it, and editing the
sources can never give stale Verilog.
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from golden.files import write_atomic
from hw.catalog import Design
from hw.verilog import emit, tools

from ..cache import address, workfolder
from .source import Source, read

_ONE_AT_A_TIME = threading.Lock()  # Amaranth elaborates one design a process at a time


def key(design: Design) -> str:
    """The cache's address of the Verilog of ``design``."""
    sources = address.of_files("golden/**/*.py", "hw/**/*.py")
    return address.of_facts({"design": repr(design), "sources": sources, "tools": tools()})


def is_cached(design: Design, build: Path) -> bool:
    """Whether :func:`emitted` has nothing to write."""
    return _manifest(design, build).is_file()


def emitted(design: Design, build: Path) -> Source:
    """The Verilog of ``design`` in ``build/cache/verilog``, written there if it was not."""
    manifest = _manifest(design, build)
    folder = manifest.parent
    if not manifest.is_file():
        work = workfolder.make(folder.parent)
        try:
            with _ONE_AT_A_TIME:
                emit(design, work)
            work.chmod(0o755)
            try:
                work.rename(folder)
            except OSError:
                if not manifest.is_file():  # or another process was faster
                    raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return read(manifest)


def published(design: Design, build: Path, place: Path) -> Source:
    """The same with the files in ``place``; files that hold these bytes keep their time stamps."""
    manifest = emitted(design, build).verilog.with_suffix(".json")
    place = place / manifest.name
    for suffix in (".v", ".json"):
        content, path = manifest.with_suffix(suffix).read_bytes(), place.with_suffix(suffix)
        if not path.is_file() or path.read_bytes() != content:
            write_atomic(path, content)
    return read(place)


def _manifest(design: Design, build: Path) -> Path:
    return build / "cache" / "verilog" / key(design) / f"{design.name}.json"
