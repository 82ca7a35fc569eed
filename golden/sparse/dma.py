"""The accelerator's access to memory: its clients, and the bursts that come of what they ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..errors import require

BORDER = 4096
"""Bytes: no AXI burst crosses a multiple of it."""
MOST_VECTORS = 255
"""Marks of vectors that one burst carries at most."""


def _power(name: str, value: object, low: int, high: int) -> None:
    """``value`` is a power of two within limits, or :class:`BadInput`."""
    fits = isinstance(value, int) and low <= value <= high and value & (value - 1) == 0
    require(fits, name, value, f"a power of two, {low} to {high}")


@dataclass(frozen=True, kw_only=True)
class ReadClient:
    """Who reads: ``name``, and a FIFO of ``depth`` beats that a burst never exceeds. A ``sink``
    has no FIFO: it takes every beat in the cycle in which it comes, at any time."""

    name: str
    depth: int = 32
    sink: bool = False

    def __post_init__(self) -> None:
        _power(f"depth of {self.name}", self.depth, 2, 4096)


@dataclass(frozen=True, kw_only=True)
class WriteClient:
    """Who writes: ``name``, and a FIFO of ``depth`` beats that a burst never exceeds."""

    name: str
    depth: int = 8

    def __post_init__(self) -> None:
        _power(f"depth of {self.name}", self.depth, 2, 4096)


@dataclass(frozen=True, kw_only=True)
class DmaConfig:
    """An AXI4 master that several clients share.

    ``bus_bits``: data width, 64 to 512. ``reads``, ``writes``: the clients; without
    ``round_robin`` an earlier one goes first. ``burst``: most beats of a burst. ``outstanding``:
    most read bursts whose data is under way, and most write bursts not yet acknowledged.
    """

    bus_bits: int = 512
    reads: tuple[ReadClient, ...] = ()
    writes: tuple[WriteClient, ...] = ()
    burst: int = 16
    outstanding: int = 16
    round_robin: bool = False

    def __post_init__(self) -> None:
        _power("bus_bits", self.bus_bits, 64, 512)
        _power("burst", self.burst, 1, min(256, BORDER // self.beat))
        _power("outstanding", self.outstanding, 2, 256)
        for kind, clients in (("reads", self.reads), ("writes", self.writes)):
            names = [client.name for client in clients]
            fits = len(set(names)) == len(names) <= 16 and all(n.isidentifier() for n in names)
            require(fits, kind, names, "up to 16 different identifiers")

    def replace(self, **changes: Any) -> DmaConfig:
        """A copy with some fields changed."""
        return replace(self, **changes)

    @property
    def beat(self) -> int:
        """Bytes of one bus beat."""
        return self.bus_bits // 8

    @property
    def beat_bits(self) -> int:
        """Address bits within a beat, which are 0."""
        return (self.beat - 1).bit_length()

    @property
    def page(self) -> int:
        """Beats from border to border."""
        return BORDER // self.beat

    def longest(self, client: ReadClient | WriteClient) -> int:
        """Most beats of a burst of ``client``."""
        return (
            self.burst
            if isinstance(client, ReadClient) and client.sink
            else min(self.burst, client.depth)
        )


@dataclass(frozen=True)
class Burst:
    """``beats`` consecutive beats from byte ``address``; a write has marks, which count when it is
    acknowledged, and may have no beats at all."""

    address: int
    beats: int
    vectors: int = 0
    layer: int = 0


@dataclass(frozen=True)
class Write:
    """A beat that a client writes, with the fields of the hardware's `write_layout`."""

    address: int
    data: int = 0
    strobe: int = 0
    flush: int = 0
    vector: int = 0
    layer: int = 0


def read_bursts(config: DmaConfig, longest: int, address: int, beats: int) -> Iterator[Burst]:
    """The bursts of one read of a client whose bursts are no longer than ``longest``."""
    while beats:
        length = min(beats, longest, config.page - address // config.beat % config.page)
        yield Burst(address, length)
        address += length * config.beat
        beats -= length


def write_bursts(config: DmaConfig, longest: int, writes: Iterable[Write]) -> Iterator[Burst]:
    """The bursts of what one client writes; what is not closed at the end is left out."""
    address = beats = vectors = 0
    for each in writes:
        keep = each.strobe != 0
        if beats and keep and each.address != address + beats * config.beat:
            yield Burst(address, beats, vectors)
            beats = vectors = 0
        if not beats:
            address = each.address
        beats += keep
        vectors += each.vector
        border = keep and (each.address + config.beat) % BORDER == 0
        full = beats == longest or vectors == MOST_VECTORS
        if each.flush or each.layer or border or full or not beats:
            if beats or vectors or each.layer:
                yield Burst(address, beats, vectors, each.layer)
            beats = vectors = 0
