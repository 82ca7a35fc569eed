"""The whole accelerator: from a list of layer descriptors in memory to activations in memory.

`docs/spade.md` has the block diagram; here is its wiring. :class:`Spade` is what a system designer
drops in: an AXI4-Lite port to start it, an AXI4 port to memory, an interrupt.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import INDEX_BITS, OPS
from golden.sparse.dma import Client, DmaConfig
from golden.sparse.gsu import HAZARD
from golden.sparse.record import RECORD

from ..arith import named
from .axi import axi4, axi4_lite, connect_flat, flat
from .cpr import CprReader, CprWriter
from .dispatch import AHEAD, Fork, Gate, PresenceWatch, Progress, Queue, rows_layout
from .dma import Dma
from .fill import Filler, PresenceBits
from .gsu import Engine
from .issue import CAUSES, Issue
from .layout import done_layout, layer_layout, pillar_layout, tile_layout
from .loader import Loader
from .rgu import Rgu
from .sequencer import Sequencer
from .statistics import Statistics
from .tiler import Tiler
from .vpu import Vpu
