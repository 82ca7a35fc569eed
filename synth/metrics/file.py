"""Results as files: ``metrics.json``, written and read."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from golden.errors import BadInput
from golden.files import write_json

from .result import (
    SCHEMA,
    Branch,
    Corner,
    CriticalPath,
    Equivalence,
    MemoryUse,
    Metric,
    Part,
    Provenance,
    Recording,
    Result,
    Stage,
    Step,
)


def save(path: Path, result: Result) -> Path:
    return write_json(path, {"schema": result.schema, **asdict(result)})


def load(path: Path) -> Result:
    """Read ``metrics.json``; :class:`BadInput` when it is none of this schema."""
    try:
        return from_dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(
            f"{path} is not a metrics file of schema {SCHEMA} ({error}); synthesise it anew"
        ) from error


def from_dict(data: dict[str, Any]) -> Result:
    if data.get("schema") != SCHEMA:
        raise ValueError(f"schema is {data.get('schema')!r}")
    path, provenance = data["critical_path"], data["provenance"]
    recording, equivalence = provenance.get("recording"), data.get("equivalence")
    return Result(
        **{
            **data,
            "provenance": Provenance(
                **{**provenance, "recording": recording and Recording(**recording)}
            ),
            "metrics": [Metric(**item) for item in data["metrics"]],
            "parts": [Part(**item) for item in data["parts"]],
            "memories": [MemoryUse(**item) for item in data.get("memories", [])],
            "branches": [Branch(**item) for item in data.get("branches", [])],
            "path_by_part": [Step(**item) for item in data.get("path_by_part", [])],
            "corners": [Corner(**item) for item in data.get("corners", [])],
            "equivalence": equivalence and Equivalence(**equivalence),
            "critical_path": path
            and CriticalPath(**{**path, "stages": [Stage(**stage) for stage in path["stages"]]}),
        }
    )
