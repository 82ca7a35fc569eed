"""Mapped netlists at work: simulated gate by gate, with what their nets do."""

from .bench import Stream, simulate
from .circuit import Circuit, Unsimulated
from .copies import Mismatch, Recording
from .layer import layer
from .replay import Replay
from .workload import Workload, of_beats, of_cases, workload

__all__ = [
    "Circuit",
    "Mismatch",
    "Recording",
    "Replay",
    "Stream",
    "Unsimulated",
    "Workload",
    "layer",
    "of_beats",
    "of_cases",
    "simulate",
    "workload",
]
