"""What a sparse accelerator is made of: array, buffers, bus, memory, clock."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import require
from ..parameters import Parameters

SIDE = 2048
"""Most rows or columns of a grid."""
TAPS = 9
"""Most kernel taps of a pass."""
RULE_BYTES = 3  # a buffered rule: input and output index within the tile, up to 12 bits each


@dataclass(frozen=True, kw_only=True)
class AcceleratorConfig(Parameters):
    """A sparse accelerator: an N x N weight-stationary array with double-buffered memories.

    ``array``: N, rows and columns of the array (4 to 128, a power of two). ``bus_bits``: AXI data
    width (64 to 512; of a whole machine, at most 8 N). ``input_bytes``, ``weight_bytes``: the rings
    of INT8 input vectors and of rows of INT8 weights; ``sum_bytes``: INT32 sums, both halves; each
    a power of two of vectors. ``rule_bytes``: rules of two tiles, nine taps. ``columns``: most
    columns of an input grid (2 to 2048): the length of the rule generator's row buffers.
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
        for name, vector, least, what in (
            ("input_bytes", n, 4 * n, "two tiles of N vectors of N bytes, twice"),
            ("weight_bytes", n, 2 * n, "two N x N weight tiles"),
            ("sum_bytes", 4 * n, 2 * n, "two tiles of N vectors of N partial sums"),
        ):
            value = getattr(self, name)
            good = isinstance(value, int) and value >= least * vector
            good = good and value % vector == 0 and (value // vector).bit_count() == 1
            allowed = f"{vector} times a power of two, at least {least * vector} ({what})"
            require(good, name, value, allowed)
        rules = 2 * TAPS * self.tile * RULE_BYTES
        good = isinstance(self.rule_bytes, int) and self.rule_bytes >= rules
        allowed = f"at least {rules} (two tiles of {self.tile} outputs and {TAPS} taps)"
        require(good, "rule_bytes", self.rule_bytes, allowed)
        good = isinstance(self.columns, int) and 2 <= self.columns <= SIDE
        require(good, "columns", self.columns, f"2 to {SIDE}")
        require(
            isinstance(self.latency, int) and 0 <= self.latency <= 10_000,
            "latency",
            self.latency,
            "0 to 10000 cycles",
        )
        require(0 < self.frequency <= 10_000, "frequency", self.frequency, "up to 10000 MHz")

    @property
    def beat(self) -> int:
        """Bytes of one bus beat."""
        return self.bus_bits // 8

    @property
    def buffers(self) -> int:
        """Bytes of all buffers."""
        return self.input_bytes + self.weight_bytes + self.sum_bytes + self.rule_bytes

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
