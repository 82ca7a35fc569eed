"""Sources by name: of the catalog, or in a folder of NAME.v + NAME.json pairs."""

from __future__ import annotations

from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from golden.cli import parallel
from golden.errors import BadInput
from hw.catalog import Design, select

from . import emission
from .source import Source, read


def from_folder(folder: Path, globs: tuple[str, ...]) -> list[Source]:
    """Sources in ``folder`` whose names match any of ``globs`` (all when there are none)."""
    names = sorted(path.stem for path in folder.glob("*.json"))
    if not names:
        raise BadInput(f"{folder} holds no designs; allowed: a folder with NAME.v and NAME.json")
    for glob in globs:
        if not any(fnmatch(name, glob) for name in names):
            raise BadInput(f"design {glob!r} is not in {folder}; allowed: {', '.join(names)}")
    chosen = [n for n in names if not globs or any(fnmatch(n, glob) for glob in globs)]
    return [read(folder / f"{name}.json") for name in chosen]


def from_catalog(globs: tuple[str, ...], folder: Path, jobs: int | None) -> list[Source]:
    """Sources in ``folder`` of the catalog's designs that match any of ``globs``; their Verilog
    comes from the cache beside it, where it is emitted to if it is not there."""
    return from_designs(select(*globs), folder, jobs)


def from_designs(designs: list[Design], folder: Path, jobs: int | None) -> list[Source]:
    """Sources in ``folder`` of ``designs``, as :func:`from_catalog` gives them."""
    build = folder.parent
    missing = [design for design in designs if not emission.is_cached(design, build)]
    if missing:
        parallel(
            partial(emission.emitted, build=build),
            missing,
            label="verilog",
            describe=lambda design, _: design.name,
            workers=jobs,
        )
    return [emission.published(design, build, folder) for design in designs]
