"""The sequencer as a unit: its configuration, and what it does, in words.

Its golden model are the tables that it is built from: :mod:`golden.sparse.registers` for software,
:mod:`golden.sparse.descriptor` and :mod:`golden.sparse.checks` for descriptors.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..unit import Config, Payload
from .accelerator import AcceleratorConfig
from .descriptor import ADDRESS_BITS, BYTES, FIELDS
from .fields import number
from .registers import FAULTS


@dataclass(frozen=True, kw_only=True)
class SequencerConfig(Config):
    """Registers, list and errors of a sparse accelerator.

    Parameters
    ----------
    accelerator:
        What descriptors may ask for, and the width of the bus.
    """

    accelerator: AcceleratorConfig

    @property
    def inputs(self) -> dict[str, Payload]:
        data = number("data", self.accelerator.bus_bits, "byte 0 least significant")
        return {"list_data": Payload((data,))}

    @property
    def outputs(self) -> dict[str, Payload]:
        address = number("address", ADDRESS_BITS, "of a byte, a multiple of the beat")
        fields = (number(f.name, min(f.bits, ADDRESS_BITS), f.meaning) for f in FIELDS)
        return {
            "list_read": Payload((address, number("beats", 16, "to read"))),
            "layer": Payload((*fields, number("number", 16, "its place in the list"))),
        }

    @property
    def ports(self) -> dict[str, str]:
        mark = "in memory are, of one more layer, its"
        faults = ", ".join(f"bit {bit} {name}" for bit, name in enumerate(FAULTS))
        return {
            "s_axil": "AXI4-Lite slave: registers",
            "layers_done": f"{mark} features",
            "rows_done": f"{mark} coordinates",
            "records_done": f"{mark} statistics",
            "dma_error": "an error response on the bus, as the DMA's error",
            "faults": f"of the units, looked at while running: {faults}",
            "idle": "nothing is under way on the bus",
            "halt": "start no more bursts",
            "clear": "for one cycle: reset all units and the DMA",
            "running": "from the second pass over the list until it is done or has failed",
            "statistics": "address of the records, or 0",
            "irq": "level: enabled, and done or in error",
        }

    @property
    def contract(self) -> str:
        return (
            "A list of layer descriptors is handed out in order, each field as it lies in memory,"
            " after all of them were checked against every range and rule; the first offence stops"
            " the list before its first layer, and is told by its place and byte. Done is when"
            " every layer's features, coordinates and statistics are in memory. An error of the bus"
            " or of a unit stops the machine until a soft reset, which waits for the bus to rest."
        )

    @property
    def timing(self) -> str:
        beats = BYTES // (self.accelerator.bus_bits // 8)
        return (
            f"A descriptor takes {beats + 2} cycles in each of two passes over the list;"
            " a register is read in the cycle after its address is taken, and written in the"
            " cycle after address and data are"
        )
