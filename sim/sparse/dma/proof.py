"""The proof by simulation of a DMA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from golden.files import write_json
from golden.sparse.dma import DmaConfig

from ...job import JOB
from ...proof import TestbenchProof, origins

DIRECTED = ("turns", "rate", "latency")
"""Scenarios in which no access is random."""


class DmaProof(TestbenchProof):
    """Random accesses of all clients until ``count`` beats went through, and more."""

    testbench = ("sim.sparse.dma.testbench", "sim.sparse.dma.timing")
    main = "traffic"

    def __init__(self, config: DmaConfig, seed: int, count: int):
        self._config, self.expected = config, count
        self.timeout = 3600 + count / 10

    def write(self, folder: Path, manifest: Mapping[str, Any], seed: int) -> None:
        job = {"config": self._config.describe(), "seed": seed, "count": self.expected}
        write_json(folder / JOB, job)

    def origin(self, outcome: Mapping[str, Any]) -> dict[str, int]:
        vectors = {name: scenario["vectors"] for name, scenario in outcome.items()}
        directed = sum(vectors.pop(name, 0) for name in DIRECTED)
        return origins(corner=directed, random=sum(vectors.values()))
