"""Mapped netlists at work: simulated gate by gate, with what their nets do."""

from .bench import Mismatch, Recording, Stream, simulate
from .circuit import Circuit, Unsimulated
from .workload import Workload, of_beats, of_cases, workload

__all__ = [
    "Circuit",
    "Mismatch",
    "Recording",
    "Stream",
    "Unsimulated",
    "Workload",
    "of_beats",
    "of_cases",
    "simulate",
    "workload",
]
