"""Units whose streams have a life of their own: how much comes out depends on what goes in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .formats import Codes
from .unit import Beats, Config

Case = dict[str, dict[str, Codes]]
"""What goes in during one operation, such as a layer: beats by input stream, maybe none."""


@dataclass(frozen=True, kw_only=True)
class Process(Config):
    """Configuration of a deterministic process on streams.

    Whatever the streams' timing, what comes out of each stream depends on nothing but what goes
    into each (a Kahn process). An operation leaves nothing behind: after one the process is as
    after reset, and the next may begin while the last one's beats are still inside. Streams share
    a name with nothing else of the unit; lengths of all streams, in and out, may depend on data.
    """

    @property
    def patience(self) -> int:
        """Most cycles in which no beat moves, though no stream stalls, before the last one has."""
        return 1000

    @abstractmethod
    def process(self, inputs: Mapping[str, Beats]) -> dict[str, dict[str, Codes]]:
        """The golden model: beats of every output stream for one case, every bit."""

    @abstractmethod
    def corners(self) -> Iterator[Case]:
        """Directed cases with which every simulation begins: least and greatest sizes, one less
        and one more, every mode. Each has a beat on at least one stream."""

    @abstractmethod
    def random(self, rng: np.random.Generator) -> Case:
        """A random case; drawn often enough, they reach all that the contract says."""

    def cycles(self, inputs: Mapping[str, Beats]) -> int | None:
        """Cycles from the one in which the first input beat of a case is offered to that in which
        the last beat of all transfers, both included, when the unit is idle before and nothing
        stalls: the most that it may take. None where that is not stated."""
        return None
