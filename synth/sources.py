"""Where the Verilog comes from: the catalog, or any folder of NAME.v + NAME.json pairs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golden.cli import parallel
from golden.errors import BadInput
from golden.unit import Config

if TYPE_CHECKING:
    from hw.catalog import Design


@dataclass(frozen=True)
class Source:
    """A design as Verilog: ``name`` is its top module, ``clock`` and ``reset`` are port names.

    ``hierarchical``: too large to be dissolved: map each module once. ``unit``: the configuration
    from which golden vectors come, where it is known.
    """

    name: str
    verilog: Path
    sha256: str
    clock: str | None
    reset: str | None
    family: str = ""
    summary: str = ""
    config: Any = None
    hierarchical: bool = False
    unit: Config | None = None


def read(manifest: Path) -> Source:
    """The source that a manifest describes; :class:`BadInput` when the pair is not whole."""
    verilog = manifest.with_suffix(".v")
    try:
        data = json.loads(manifest.read_text())
        text = verilog.read_bytes()
        return Source(
            name=data["top"],
            verilog=verilog,
            sha256=hashlib.sha256(text).hexdigest(),
            clock=(data.get("clock") or {}).get("port"),
            reset=(data.get("reset") or {}).get("port"),
            family=data.get("family", ""),
            summary=data.get("summary", ""),
            config=data.get("config"),
            hierarchical=bool(data.get("hierarchical", False)),
            unit=_unit(data),
        )
    except OSError as error:
        raise BadInput(f"design {manifest.stem}: {error.filename}: {error.strerror}") from error
    except (ValueError, KeyError, AttributeError) as error:
        raise BadInput(f"manifest {manifest} cannot be read: {error!r}") from error


def _unit(manifest: dict[str, Any]) -> Config | None:
    """The configuration of the catalog that a manifest is of: same name, same parameters."""
    from hw.catalog import CATALOG

    found = next((d.config for d in CATALOG if d.name == manifest.get("name")), None)
    described = found and {"kind": type(found).__name__} | found.describe()
    same = json.loads(json.dumps(described)) == manifest.get("config")
    return found if same else None


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
    from hw.catalog import select

    return from_designs(select(*globs), folder, jobs)


def from_designs(designs: list[Design], folder: Path, jobs: int | None) -> list[Source]:
    """Sources in ``folder`` of ``designs``, as :func:`from_catalog` gives them."""
    from . import emission

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
