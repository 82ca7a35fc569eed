"""The workload of an accelerator: a layer of a frame, which the RTL carries out first."""

from __future__ import annotations

from pathlib import Path

from golden.sparse.spade import SpadeConfig
from sim.sparse.recording import record

from .replay import Replay


def layer(config: SpadeConfig, verilog: Path, top: str, frame: str, cache: Path) -> Replay:
    """A layer on a part of ``frame`` as the RTL of ``verilog`` did it, every bit as golden does."""
    seen = record(config, verilog, top, frame, cache)
    return Replay(seen.text, seen.bits, "rules", seen.rules)
