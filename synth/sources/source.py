"""A design as Verilog, read from its NAME.v and NAME.json."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden.errors import BadInput
from golden.unit import Config
from hw.catalog import CATALOG


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
    found = next((d.config for d in CATALOG if d.name == manifest.get("name")), None)
    described = found and {"kind": type(found).__name__} | found.describe()
    same = json.loads(json.dumps(described)) == manifest.get("config")
    return found if same else None
