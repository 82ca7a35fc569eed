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

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.mxu import sum_bits

from ..shared import Shared
from .layout import drain_layout
from .mxu import Mxu, load_mask

SUM = signed(32)


def issue_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A rule for the array, if ``valid``: input vector ``input`` of the ring times the weights,
    added to sum vector ``output`` of ``half``.

    ``swap``: the weights that were loaded last count from this rule on. ``first``: what the sum
    was before does not count. ``end``: the last rule of a group; see ``ended``.
    """
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "input": unsigned((config.input_vectors - 1).bit_length()),
            "swap": unsigned(1),
            "half": unsigned(1),
            "output": unsigned((config.tile - 1).bit_length()),
            "first": unsigned(1),
            "end": unsigned(1),
        }
    )


def load_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A row of weights on its way into the array, if ``valid``: row N - 1 of the tile first, with
    ``start``, row 0 last. ``address``: in the ring."""
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "start": unsigned(1),
            "address": unsigned((config.weight_vectors - 1).bit_length()),
        }
    )


def _fill_layout(config: AcceleratorConfig, vectors: int, **more: int) -> data.StructLayout:
    lanes = min(config.beat, config.array)
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "address": unsigned((vectors - 1).bit_length()),
            "group": unsigned((config.array // lanes - 1).bit_length()),
            "data": unsigned(8 * lanes),
            **more,
        }
    )


def write_input_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A beat of an input vector into the ring, if ``valid``: bytes ``group`` times their number and
    on. ``zero``: the whole vector becomes zero; ``group`` and ``data`` do not matter."""
    return _fill_layout(config, config.input_vectors, zero=1)


def write_weight_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A beat of a row of weights into the ring, as :func:`write_input_layout`."""
    return _fill_layout(config, config.weight_vectors)


def _ports(config: AcceleratorConfig) -> dict[str, wiring.Member]:
    return {
        "rule": In(issue_layout(config)),
        "load": In(load_layout(config)),
        "write_input": In(write_input_layout(config)),
        "write_weight": In(write_weight_layout(config)),
        "drain": In(drain_layout(config)),
        "sums": Out(data.ArrayLayout(SUM, config.array)),
        "ended": Out(1),
    }


class Bank(wiring.Component):
    """One lane of a ring of vectors: ``depth`` bytes, a read and a write a cycle.

    Attributes
    ----------
    read, address : In, byte : Out
        The byte at ``address`` in the next cycle, until the next ``read``.
    write, write_address, write_byte : In
        Read from the next cycle on.
    """

    def __init__(self, depth: int):
        self._depth = depth
        bits = (depth - 1).bit_length()
        super().__init__(
            {
                "read": In(1),
                "address": In(bits),
                "byte": Out(8),
                "write": In(1),
                "write_address": In(bits),
                "write_byte": In(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.bytes = bytes_ = memory.Memory(shape=8, depth=self._depth, init=[])
        read, write = bytes_.read_port(domain="sync"), bytes_.write_port()
        m.d.comb += [
            read.en.eq(self.read),
            read.addr.eq(self.address),
            self.byte.eq(read.data),
            write.en.eq(self.write),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_byte),
        ]
        return m


class SumBank(wiring.Component):
    """The sums of one column, both halves.

    Attributes
    ----------
    read, add, write : In(issue_layout(config))
        The rule whose sum is ``sum`` in the next cycle; in this one; whose total was made in the
        last one.
    sum : In(signed(width))
        Of the column.
    drain : In(drain_layout(config)), drained : In(1), result : Out(signed(32))
        A read, and the sum in the next cycle, in which ``drained`` is its half.
    """

    def __init__(self, config: AcceleratorConfig, width: int):
        self._config = config
        super().__init__(
            {
                **{stage: In(issue_layout(config)) for stage in ("read", "add", "write")},
                "sum": In(signed(width)),
                "drain": In(drain_layout(config)),
                "drained": In(1),
                "result": Out(SUM),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        total = Signal(SUM, reset_less=True)
        before: list[Value] = []
        for half in range(2):
            m.submodules[f"half_{half}"] = sums = memory.Memory(
                shape=SUM, depth=self._config.tile, init=[]
            )
            read, write = sums.read_port(domain="sync"), sums.write_port()
            adds = Signal(name=f"adds_{half}")
            m.d.comb += [
                adds.eq(self.read.valid & ~self.read.first & (self.read.half == half)),
                read.en.eq(adds | self.drain.enable & (self.drain.half == half)),
                read.addr.eq(Mux(adds, self.read.output, self.drain.output)),
                write.en.eq(self.write.valid & (self.write.half == half)),
                write.addr.eq(self.write.output),
                write.data.eq(total),
            ]
            before.append(read.data)
        old = Signal(SUM)
        m.d.comb += self.result.eq(Mux(self.drained, before[1], before[0]))
        with m.If(~self.add.first):
            m.d.comb += old.eq(Mux(self.add.half, before[1], before[0]))
        with m.If(self.add.valid):
            m.d.sync += total.eq(old + self.sum)
        return m


class Gsu(wiring.Component):
    """Banks and address chains. See :class:`Engine` for the ports that they have in common.

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
                **_ports(config),
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


class Engine(wiring.Component):
    """Banks and array: the part of the accelerator in which sums are made.

    Cycles are those in which a port has the value. A rule issued in cycle s with ``swap`` uses the
    weights whose N words were loaded in cycles up to s - 1; loading the next ones may begin in
    cycle s. So a tap takes max(rules, N) cycles. What was written in cycle w may be issued from
    w + 1 on. Two rules of one output keep :data:`golden.sparse.gsu.HAZARD`.

    Parameters
    ----------
    config:
        Sizes.
    pe:
        Kind of processing element: "int8", "int4", "dint4".

    Attributes
    ----------
    rule : In(issue_layout(config))
    load : In(load_layout(config))
        Words of a tile may come with gaps between them.
    write_input : In(write_input_layout(config))
    write_weight : In(write_weight_layout(config))
    drain : In(drain_layout(config))
        Of a half whose rules have all ``ended``, and before rules are issued for it again.
    sums : Out, array of N of signed 32
        ``DRAIN_LATENCY`` cycles after ``drain``.
    ended : Out
        A pulse ``ended_latency(N)`` cycles after a rule with ``end``: from this cycle on ``drain``
        may be set for all that was issued up to that rule.
    """

    def __init__(self, config: AcceleratorConfig, pe: str = "int8"):
        self._config, self._pe = config, pe
        super().__init__(_ports(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.gsu = gsu = Gsu(self._config, self._pe)
        m.submodules.mxu = mxu = Mxu(self._config.array, self._pe)
        m.d.comb += [
            *(
                getattr(gsu, port).eq(getattr(self, port))
                for port in ("rule", "load", "write_input", "write_weight", "drain")
            ),
            self.sums.eq(gsu.sums),
            self.ended.eq(gsu.ended),
            mxu.activations.eq(gsu.activations),
            mxu.swaps.eq(gsu.swaps),
            mxu.loads.eq(gsu.loads),
            mxu.weights.eq(gsu.weights),
            gsu.column_sums.eq(mxu.sums),
        ]
        return m


def _chain(m: Module, first: data.View, length: int, name: str) -> list[data.View]:
    """``first`` one cycle later, two cycles later, and so on."""
    links = []
    for number in range(length):
        link = Signal(first.shape(), name=f"{name}_{number}")
        m.d.sync += link.eq(links[-1] if links else first)
        links.append(link)
    return links
