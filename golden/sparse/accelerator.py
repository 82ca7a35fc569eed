"""What a sparse accelerator is made of: array, buffers, bus, memory, clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..errors import require

RULE_BYTES = 3  # a buffered rule: input and output index within the tile, 12 bits each


@dataclass(frozen=True, kw_only=True)
class AcceleratorConfig:
    """A sparse accelerator: an N x N weight-stationary array with double-buffered memories.

    ``array``: N, rows and columns of the array (4 to 128, a power of two). ``bus_bits``: AXI data
    width (64 to 512). ``input_bytes``, ``weight_bytes``, ``sum_bytes``, ``rule_bytes``: sizes of
    the buffers, both halves together: INT8 input vectors, INT8 weights, INT32 sums, rules.
    ``columns``: most columns of an input grid: the length of the rule generator's row buffers.
    ``latency``: cycles from a read request to its first beat, and from the last beat of a write to
    its response. ``frequency``: MHz; turns cycles into frames a second and nothing else.
    """

    array: int = 64
    bus_bits: int = 512
    input_bytes: int = 256 * 1024
    weight_bytes: int = 128 * 1024
    sum_bytes: int = 512 * 1024
    rule_bytes: int = 56 * 1024
    columns: int = 512
    latency: int = 100
    frequency: float = 1000.0

    def __post_init__(self) -> None:
        sizes = (4, 8, 16, 32, 64, 128)
        require(self.array in sizes, "array", self.array, ", ".join(map(str, sizes)))
        widths = (64, 128, 256, 512)
        require(self.bus_bits in widths, "bus_bits", self.bus_bits, ", ".join(map(str, widths)))
        n = self.array
        for name, least, what in (
            ("input_bytes", 4 * n * n, "two tiles of N vectors of N bytes, twice"),
            ("weight_bytes", 2 * n * n, "two N x N weight tiles"),
            ("sum_bytes", 8 * n * n, "two tiles of N vectors of N partial sums"),
            ("rule_bytes", 2 * 16 * n * RULE_BYTES, "two tiles of N outputs and 16 taps"),
        ):
            value = getattr(self, name)
            require(
                isinstance(value, int) and value >= least, name, value, f"at least {least} ({what})"
            )
        require(
            isinstance(self.latency, int) and 0 <= self.latency <= 10_000,
            "latency",
            self.latency,
            "0 to 10000 cycles",
        )
        require(0 < self.frequency <= 10_000, "frequency", self.frequency, "up to 10000 MHz")

    def replace(self, **changes: Any) -> AcceleratorConfig:
        """A copy with some fields changed."""
        return replace(self, **changes)

    @property
    def beat(self) -> int:
        """Bytes of one bus beat."""
        return self.bus_bits // 8

    @property
    def buffers(self) -> int:
        """Bytes of all buffers."""
        return self.input_bytes + self.weight_bytes + self.sum_bytes + self.rule_bytes

    def tile_limit(self, taps: int) -> int:
        """Most outputs (inputs, for a SpDeconv) that one tile can have: half of each buffer."""
        sums = self.sum_bytes // 2 // (4 * self.array)
        rules = self.rule_bytes // 2 // (taps * RULE_BYTES)
        return min(sums, rules)

    @property
    def range_limit(self) -> int:
        """Most input vectors of one channel tile that half of the input buffer holds."""
        return self.input_bytes // 2 // self.array

    @property
    def input_vectors(self) -> int:
        """Input vectors of N bytes that the input ring holds."""
        return self.input_bytes // self.array

    @property
    def weight_vectors(self) -> int:
        """Rows of N weights that the weight ring holds."""
        return self.weight_bytes // self.array

    @property
    def tile(self) -> int:
        """Most outputs of a tile: the vectors of N sums of one half of the sum buffer."""
        return self.sum_bytes // 2 // (4 * self.array)


ACCELERATORS = {
    # For tests: the smallest machine that has everything.
    "n8": AcceleratorConfig(
        array=8,
        bus_bits=64,
        input_bytes=4 * 1024,
        weight_bytes=2 * 1024,
        sum_bytes=4 * 1024,
        rule_bytes=4 * 1024,
    ),
    "n16": AcceleratorConfig(
        array=16,
        bus_bits=128,
        input_bytes=64 * 1024,
        weight_bytes=32 * 1024,
        sum_bytes=64 * 1024,
        rule_bytes=28 * 1024,
    ),
    "n32": AcceleratorConfig(
        array=32,
        bus_bits=256,
        input_bytes=128 * 1024,
        weight_bytes=64 * 1024,
        sum_bytes=256 * 1024,
        rule_bytes=56 * 1024,
    ),
    "n64": AcceleratorConfig(),  # 952 KiB of buffers in all
}


def accelerator_of(name: str) -> AcceleratorConfig:
    """A named accelerator."""
    require(name in ACCELERATORS, "accelerator", name, ", ".join(ACCELERATORS))
    return ACCELERATORS[name]
