"""Where things lie in the accelerator's memory: regions, feature maps, and who may write."""

from __future__ import annotations

from dataclasses import dataclass

from .accelerator import AcceleratorConfig
from .descriptor import ALIGN

HEADER_BYTES = 64
STATISTICS_BYTES = 64
PARAMETER_BYTES = 8


def aligned(size: int) -> int:
    """``size`` rounded up to a multiple of ``ALIGN``."""
    return -(-size // ALIGN) * ALIGN


@dataclass(frozen=True)
class Region:
    """``size`` bytes at ``address``. ``output``: the machine writes there, and nowhere else."""

    name: str
    address: int
    size: int
    output: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a feature map lies, and what a layer that reads it must know.

    ``cpr``, ``entries``: addresses. ``features``: address of its features, or of each map of a
    concatenation; ``channels``: of each of them, 0 for one that is there for its coordinates alone.
    ``tiles``: channel tiles of each. ``plane``: bytes from plane to plane. ``capacity``: most
    entries. ``active``: most of them that a later layer sees. ``cpr_after``, ``features_after``:
    layers of the list that must be complete. ``measured``: its entries hold importances, and its
    header says which are important. ``pruned``: what is not selected is no part of the map.
    ``full``: every site is active.
    """

    shape: tuple[int, int]
    cpr: int
    entries: int
    capacity: int
    features: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    tiles: int = 0
    plane: int = 0
    active: int = 0
    cpr_after: int = 0
    features_after: int = 0
    measured: bool = False
    pruned: bool = False
    full: bool = False


class MemoryMap:
    """Lays regions one after the other, from address ``base``."""

    def __init__(self, config: AcceleratorConfig, base: int) -> None:
        self.config = config
        self.base = self.end = base
        self.regions: list[Region] = []

    def allocate(self, name: str, size: int, *, output: bool = False) -> int:
        """The address of a new region."""
        region = Region(name, self.end, aligned(size), output)
        self.regions.append(region)
        self.end += region.size
        return region.address

    def cpr(self, name: str, rows: int, capacity: int, *, output: bool = True) -> tuple[int, int]:
        """Addresses of a CPR's header with its row pointers, and of its entries."""
        return (
            self.allocate(f"{name}.cpr", HEADER_BYTES + 4 * (rows + 1), output=output),
            self.allocate(f"{name}.entries", 4 * capacity, output=output),
        )

    def planes(
        self, name: str, channels: int, vectors: int, *, output: bool = True
    ) -> tuple[int, int, int]:
        """Address of features, their channel tiles, and the bytes from plane to plane."""
        tiles = -(-channels // self.config.array)
        plane = aligned(vectors * self.config.array)
        return self.allocate(f"{name}.features", tiles * plane, output=output), tiles, plane

    def weights(self, name: str, taps: int, input_tiles: int, output_tiles: int) -> int:
        """The address of a layer's weights."""
        matrices = taps * input_tiles * output_tiles
        return self.allocate(f"{name}.weights", matrices * self.config.array**2)

    def parameters(self, name: str, output_tiles: int) -> int:
        """The address of a layer's bias, multiplier and shift a channel."""
        return self.allocate(
            f"{name}.parameters", PARAMETER_BYTES * output_tiles * self.config.array
        )
