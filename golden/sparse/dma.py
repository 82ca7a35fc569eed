"""The accelerator's access to memory: its clients, and the bursts that come of what they ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self

from ..errors import require
from ..unit import Config, Payload
from .descriptor import ADDRESS_BITS
from .fields import flag, number

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
class DmaConfig(Config):
    """An AXI4 master that several clients share.

    Parameters
    ----------
    bus_bits:
        Data width, 64 to 512.
    reads, writes:
        The clients; without ``round_robin`` an earlier one goes first.
    burst:
        Most beats of a burst.
    outstanding:
        Most read bursts whose data is under way, and most write bursts not yet acknowledged.
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

    @property
    def inputs(self) -> dict[str, Payload]:
        """Of each reader its reads, of each writer its beats."""
        address = number("address", ADDRESS_BITS, "of a byte, a multiple of the beat")
        read = Payload((address, number("beats", 16, "to read, 0 or more")))
        write = Payload(
            (
                address,
                number("data", self.bus_bits, "byte 0 least significant"),
                number("strobe", self.beat, "bit k: byte k is written; 0: nothing is"),
                flag("flush", "the burst ends with this beat"),
                flag("vector", "mark: counts when this and all before is acknowledged"),
                flag("layer", "mark, of a beat that has flush too"),
            )
        )
        reads = {f"{client.name}_read": read for client in self.reads}
        return reads | {f"{client.name}_write": write for client in self.writes}

    @property
    def outputs(self) -> dict[str, Payload]:
        """Of each reader its data."""
        data = Payload((number("data", self.bus_bits, "byte 0 least significant"),))
        return {f"{client.name}_data": data for client in self.reads}

    @property
    def ports(self) -> dict[str, str]:
        done = "marks acknowledged in this cycle: bits 0 to 7 vectors, bit 8 layer"
        return {
            "m_axi": "AXI4 master",
            **{f"{client.name}_done": done for client in self.writes},
            "halt": "start no more bursts",
            "idle": "nothing is under way on the bus",
            "error": "first error response since reset: bit 0 valid, 1 and 2 its code (2 SLVERR,"
            " 3 DECERR), 3 of a write, 4 to 7 the client among the readers or the writers",
        }

    @property
    def contract(self) -> str:
        return (
            "Every client's reads give the data of memory in the order of its commands, and its"
            " writes reach memory in their order, each exactly once; no burst crosses a multiple"
            f" of {BORDER} bytes; a client that stands still keeps no other from its data; marks"
            " count when the responses of their beat and of all before it have come; the first"
            " error response is told with the client that it is for."
        )

    @property
    def timing(self) -> str:
        return (
            "A burst starts every cycle and a beat goes through every cycle, each way; from a"
            " command to ARVALID 3 cycles, from RVALID to its data 3 (a sink: 1), from the beat"
            " that ends a burst to AWVALID 2 and to WVALID 4, from BVALID to its marks 1"
        )

    def describe(self) -> dict[str, Any]:
        """The parameters as plain data, for manifests."""
        clients = {kind: [asdict(c) for c in getattr(self, kind)] for kind in ("reads", "writes")}
        return super().describe() | clients

    @classmethod
    def of(cls, described: dict[str, Any]) -> Self:
        """The inverse of :meth:`describe`."""
        reads = tuple(ReadClient(**each) for each in described["reads"])
        writes = tuple(WriteClient(**each) for each in described["writes"])
        return cls(**(described | {"reads": reads, "writes": writes}))

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
