"""What is sent to a netlist while its activity is recorded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golden.sparse.spade import SpadeConfig
from golden.unit import Config
from sim import tensors

BEATS = 2048
SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class Stimulus:
    """What is sent while activity is recorded: ``tensor`` is a file as the user named it, None for
    random numbers; at least ``beats`` beats, drawn with ``seed``. Accelerators carry out a layer of
    ``frame``, a file or "synthetic"."""

    beats: int = BEATS
    seed: int = 1
    tensor: str | None = None
    frame: str = SYNTHETIC

    @property
    def options(self) -> list[str]:
        """What to type for it."""
        given = [f"--tensor {self.tensor}"] if self.tensor else []
        given += [f"--frame {self.frame}"] if self.frame != SYNTHETIC else []
        given += [f"--beats {self.beats}"] if self.beats != BEATS else []
        return given + ([f"--seed {self.seed}"] if self.seed != 1 else [])

    @property
    def numbers(self) -> NDArray[np.float64] | None:
        return _load(self.tensor) if self.tensor else None

    def facts(self, unit: Config) -> list[object]:
        """What the activity of a unit depends on."""
        if isinstance(unit, SpadeConfig):
            real = self.frame != SYNTHETIC
            digest = hashlib.sha256(Path(self.frame).read_bytes()).hexdigest() if real else ""
            return [self.seed, Path(self.frame).name, digest]
        numbers = self.numbers
        digest = None if numbers is None else hashlib.sha256(numbers.tobytes()).hexdigest()
        return [self.beats, self.seed, digest]


@cache
def _load(tensor: str) -> NDArray[np.float64]:
    return tensors.finite(tensors.load(tensor))
