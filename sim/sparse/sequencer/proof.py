"""The proof by simulation of a sequencer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from golden.files import write_json
from golden.sparse.sequencer import SequencerConfig

from ...job import JOB
from ...proof import TestbenchProof, origins

DIRECTED = "malformed_descriptors"
"""The scenario of descriptors that are wrong in one way each."""


class SequencerProof(TestbenchProof):
    """Random lists until ``count`` beats of them were read, wrong ones, errors and resets."""

    testbench = tuple(f"sim.sparse.sequencer.{name}" for name in ("testbench", "errors", "resets"))
    main = "good_lists"
    expected = 63  # layers: 24 lists at least, the first of 40

    def __init__(self, config: SequencerConfig, seed: int, count: int):
        self._config, self._count = config, count
        self.timeout = 3600 + count / 10

    def write(self, folder: Path, manifest: Mapping[str, Any], seed: int) -> None:
        job = {"config": self._config.describe(), "seed": seed, "count": self._count}
        write_json(folder / JOB, job)

    def origin(self, outcome: Mapping[str, Any]) -> dict[str, int]:
        vectors = {name: scenario["vectors"] for name, scenario in outcome.items()}
        directed = vectors.pop(DIRECTED, 0)
        return origins(corner=directed, random=sum(vectors.values()))
