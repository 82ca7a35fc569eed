"""The whole accelerator as a unit: its configuration, and what it does, in words.

Its golden model is :mod:`golden.sparse.interpret`: a list of descriptors carried out on a memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import require
from ..unit import Config, Payload
from .accelerator import AcceleratorConfig
from .mxu import WEIGHTS


@dataclass(frozen=True, kw_only=True)
class SpadeConfig(Config):
    """An accelerator that carries out lists of layer descriptors in memory.

    Parameters
    ----------
    accelerator:
        Sizes of array, buffers and bus. A vector of N bytes must not be shorter than a beat.
    pe:
        Processing element of the array: ``int8``, ``int4``, ``dint4``; weights are bytes in memory.
    sparse:
        False: every site is active, and there is neither rule generation nor anything else that
        sparsity needs. For comparison; it carries out programs of the variant ``dense``.
    importance:
        False leaves out what vector pruning and selective dilation need, as a machine that is not
        ``sparse`` must.
    """

    accelerator: AcceleratorConfig
    pe: str = "int8"
    sparse: bool = True
    importance: bool = True

    def __post_init__(self) -> None:
        a = self.accelerator
        require(a.bus_bits <= 8 * a.array, "bus_bits", a.bus_bits, f"at most {8 * a.array}")
        for name in ("input_vectors", "weight_vectors", "tile"):
            value = getattr(a, name)
            require(value & (value - 1) == 0, name, value, "a power of two")
        allowed = "False, as a dense machine prunes nothing"
        require(self.sparse or not self.importance, "importance", self.importance, allowed)
        require(self.pe in WEIGHTS, "pe", self.pe, ", ".join(WEIGHTS))

    @property
    def inputs(self) -> dict[str, Payload]:
        """None: all goes through AXI."""
        return {}

    @property
    def outputs(self) -> dict[str, Payload]:
        """None: all goes through AXI."""
        return {}

    @property
    def ports(self) -> dict[str, str]:
        return {
            "s_axil": "AXI4-Lite slave: registers",
            "m_axi": "AXI4 master: descriptors, features, weights and lists in memory",
            "irq": "level: enabled, and done or in error",
        }

    @property
    def contract(self) -> str:
        what = "sparse pillar convolutions" if self.sparse else "dense convolutions"
        return (
            f"{what} exactly: the coordinates and the INT8 features of every layer of the list are"
            " those of the integer convolution, summed in 32 bits without wrap-around, requantized"
            " once; a malformed descriptor stops the list before anything is written"
        )

    @property
    def timing(self) -> str:
        return (
            f"a tap of a tile takes max(rules, {self.accelerator.array}) cycles, with nothing"
            " between taps, passes, tiles and layers as long as memory keeps up"
        )
