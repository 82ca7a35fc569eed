"""Mapped netlists at work: simulated gate by gate, with what their nets do."""

from .bench import Mismatch, Recording, Stream, simulate
from .circuit import Circuit, Unsimulated
from .workload import Workload, workload

__all__ = [
    "Circuit",
    "Mismatch",
    "Recording",
    "Stream",
    "Unsimulated",
    "Workload",
    "simulate",
    "workload",
]
