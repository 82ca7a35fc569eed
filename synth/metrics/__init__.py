"""The schema of results: figures with their kinds, where they come from, and breakdowns of them."""

from .file import from_dict, load, save
from .kinds import KINDS, Kind
from .result import (
    MEASURED,
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
    metric,
)

__all__ = [
    "KINDS",
    "MEASURED",
    "SCHEMA",
    "Branch",
    "Corner",
    "CriticalPath",
    "Equivalence",
    "Kind",
    "MemoryUse",
    "Metric",
    "Part",
    "Provenance",
    "Recording",
    "Result",
    "Stage",
    "Step",
    "from_dict",
    "load",
    "metric",
    "save",
]
