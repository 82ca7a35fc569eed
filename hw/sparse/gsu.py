"""The gather-scatter unit: banks of inputs, weights and sums around the array (:mod:`.mxu`).

::

    rule ─┬─> address ──> address ──> ...        an input bank a row of the array: bank i reads the
          │    bank 0      bank 1                vector's address i cycles after bank 0
          │
    load ─┼─> address ──> address ──> ...        a weight bank a column, j cycles after bank 0
          │    bank 0      bank 1
          │
          └─> delay ─> output ──> output ──> ... a sum bank a column: it reads, adds and writes when
                       bank 0     bank 1         the column's sum is there, j cycles after bank 0

A vector lies at the same address of all banks of a kind, so one address chain serves them all: the
skew of the array is in the addresses, not in first-in first-out buffers of data, and no two rules
ever meet at a bank. All ports take what they are given: the unit never stalls.

Two memories a sum bank, the halves: while rules add to one, the other is drained.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.mxu import sum_bits

from ..shared import Shared
from .banks import Bank, SumBank
from .engine_layout import engine_ports
from .mxu import load_mask


class Gsu(wiring.Component):
    """Banks and address chains. See :class:`hw.sparse.engine.Engine` for the ports that
    they have in common.

    Attributes
    ----------
    activations, swaps, loads, weights : Out, column_sums : In
        The array's; see :class:`hw.sparse.mxu.Mxu`.
    """

    def __init__(self, config: AcceleratorConfig, pe: str = "int8"):
        self._config, self._width = config, sum_bits(config.array, pe)
        n = config.array
        super().__init__(
            {
                **engine_ports(config),
                "activations": Out(data.ArrayLayout(signed(8), n)),
                "swaps": Out(n),
                "loads": Out(n),
                "weights": Out(data.ArrayLayout(8, n)),
                "column_sums": In(data.ArrayLayout(signed(self._width), n)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._inputs(m)
        self._weights(m)
        self._sums(m)
        return m

    def _inputs(self, m: Module) -> None:
        """Bank i reads i + 1 cycles after the issue; its byte is registered once more, and the
        swap is a cycle ahead of it."""
        config, n = self._config, self._config.array
        layout = data.StructLayout({"input": self.rule.input.shape(), "swap": 1, "valid": 1})
        now = Signal(layout)
        m.d.comb += [
            now.input.eq(self.rule.input),
            now.swap.eq(self.rule.swap & self.rule.valid),
            now.valid.eq(self.rule.valid),
        ]
        reads = _chain(m, now, n + 1, "read")
        banks = self._banks(m, "input", config.input_vectors, self.write_input)
        for i, bank in enumerate(banks):
            byte = Signal(signed(8), name=f"activation_{i}", reset_less=True)
            m.d.sync += byte.eq(bank.byte)
            m.d.comb += [
                bank.read.eq(reads[i].valid),
                bank.address.eq(reads[i].input),
                self.activations[i].eq(byte),
                self.swaps[i].eq(reads[i + 1].swap),
            ]

    def _weights(self, m: Module) -> None:
        """Bank j reads j + 1 cycles after the issue, and the array takes its byte a cycle later."""
        config, n = self._config, self._config.array
        reads = _chain(m, self.load, n, "load")
        banks = self._banks(m, "weight", config.weight_vectors, self.write_weight)
        for j, bank in enumerate(banks):
            m.d.comb += [
                bank.read.eq(reads[j].valid),
                bank.address.eq(reads[j].address),
                self.weights[j].eq(bank.byte),
            ]
        m.d.comb += self.loads.eq(load_mask(m, reads[0].valid, reads[0].start, n))

    def _sums(self, m: Module) -> None:
        """Column j's sum is there N + j + 3 cycles after the issue: its bank reads one before."""
        n = self._config.array
        rules = [self.rule, *_chain(m, self.rule, 2 * n + 3, "sum")]
        drain = Signal(self.drain.shape())
        drained = Signal()
        m.d.sync += [drain.eq(self.drain), drained.eq(drain.half)]
        bank = Shared("sum_bank", lambda: SumBank(self._config, self._width))
        for j in range(n):
            m.submodules[f"sum_{j}"] = copy = bank.copy()
            m.d.comb += [
                copy.read.eq(rules[n + j + 2]),
                copy.add.eq(rules[n + j + 3]),
                copy.write.eq(rules[n + j + 4]),
                copy.sum.eq(self.column_sums[j]),
                copy.drain.eq(drain),
                copy.drained.eq(drained),
                self.sums[j].eq(copy.result),
            ]
        m.d.comb += self.ended.eq(rules[-1].valid & rules[-1].end)

    def _banks(self, m: Module, name: str, depth: int, write: data.View) -> list[wiring.Component]:
        """A bank a lane, and the register from which all are written."""
        n = self._config.array
        lanes = min(self._config.beat, n)
        address = Signal(write.address.shape(), name=f"write_{name}_address", reset_less=True)
        beat = Signal(8 * lanes, name=f"write_{name}_data", reset_less=True)
        enable = Signal(n // lanes, name=f"write_{name}_groups")
        whole = write.zero if name == "input" else 0
        m.d.sync += [
            enable.eq(Mux(write.valid, Mux(whole, -1, 1 << write.group), 0)),
            address.eq(write.address),
            beat.eq(Mux(whole, 0, write.data)),
        ]
        bank = Shared(f"{name}_bank", lambda: Bank(depth))
        banks = []
        for lane in range(n):
            m.submodules[f"{name}_{lane}"] = copy = bank.copy()
            m.d.comb += [
                copy.write.eq(enable[lane // lanes]),
                copy.write_address.eq(address),
                copy.write_byte.eq(beat.word_select(lane % lanes, 8)),
            ]
            banks.append(copy)
        return banks


def _chain(m: Module, first: data.View, length: int, name: str) -> list[data.View]:
    """``first`` one cycle later, two cycles later, and so on."""
    links = []
    for number in range(length):
        link = Signal(first.shape(), name=f"{name}_{number}")
        m.d.sync += link.eq(links[-1] if links else first)
        links.append(link)
    return links
