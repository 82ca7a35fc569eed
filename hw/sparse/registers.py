"""The register page: `golden/sparse/registers.py` behind an AXI4-Lite slave."""

from __future__ import annotations

from collections.abc import Iterator

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.registers import ADDRESS_BITS, REGISTERS, Bits, Register

from ..arith import named
from .axi import OKAY, SLVERR, axi4_lite


def _fields() -> Iterator[tuple[Register, Bits]]:
    for register in REGISTERS:
        for field in register.fields:
            yield register, field


class RegisterPage(wiring.Component):
    """The registers. A read is answered in the cycle after its address is taken; a write happens
    in the cycle after both address and data are taken, and is answered in the next.

    Attributes
    ----------
    s_axil : In(axi4_lite(ADDRESS_BITS))
    FIELD : In for read-only fields; Out for those that are written
        A field that is set by writing 1 is high for one cycle.
    set_FIELD : In(1)
        Of each field that is cleared by writing 1: it has happened. It wins over clearing.
    forget : In(1)
        Clears these fields.
    locked : In(1)
        Writes to ``rw`` fields do nothing.
    """

    def __init__(self) -> None:
        members: dict[str, wiring.Member] = {
            "s_axil": In(axi4_lite(ADDRESS_BITS)),
            "forget": In(1),
            "locked": In(1),
        }
        for _, field in _fields():
            members[field.name] = (In if field.access == "ro" else Out)(field.bits)
            if field.access == "w1c":
                members[f"set_{field.name}"] = In(1)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.s_axil
        # A write is done when both of its halves are here and the last answer has gone.
        address = Signal(ADDRESS_BITS - 2, reset_less=True)
        word, strobe = Signal(32, reset_less=True), Signal(4, reset_less=True)
        has_address, has_word = Signal(), Signal()
        write = named(m, "write", has_address & has_word & ~bus.bvalid)
        m.d.comb += [bus.awready.eq(~has_address), bus.wready.eq(~has_word)]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [address.eq(bus.awaddr[2:]), has_address.eq(1)]
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [word.eq(bus.wdata), strobe.eq(bus.wstrb), has_word.eq(1)]
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(write):
            m.d.sync += [
                has_address.eq(0),
                has_word.eq(0),
                bus.bvalid.eq(1),
                bus.bresp.eq(self._response(address)),
            ]
        mask = Cat(bit.replicate(8) for bit in strobe)
        self._fields(m, address, write, word, named(m, "mask", mask))

        # Not when the last answer goes: no output of the bus depends on an input of the cycle.
        m.d.comb += bus.arready.eq(~bus.rvalid)
        with m.If(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [bus.rvalid.eq(1), bus.rresp.eq(self._response(bus.araddr[2:]))]
            with m.Switch(bus.araddr[2:]):
                for register in REGISTERS:
                    with m.Case(register.offset // 4):
                        m.d.sync += bus.rdata.eq(self._value(register))
                with m.Default():
                    m.d.sync += bus.rdata.eq(0)
        return m

    def _response(self, address: Signal) -> Value:
        """SLVERR beyond the last register."""
        return Mux(address <= REGISTERS[-1].offset // 4, OKAY, SLVERR)

    def _value(self, register: Register) -> Value:
        """What a register reads as."""
        parts, at = [], 0
        for field in register.fields:
            value = getattr(self, field.name)
            parts.append(Const(0, field.low - at))
            parts.append(Const(0, field.bits) if field.access == "w1s" else value)
            at = field.low + field.bits
        return Cat(*parts)

    def _fields(
        self, m: Module, address: Signal, write: Signal, word: Signal, mask: Signal
    ) -> None:
        for register, field in _fields():
            if field.access == "ro":
                continue
            here = named(m, f"write_{field.name}", write & (address == register.offset // 4))
            value, part = getattr(self, field.name), slice(field.low, field.low + field.bits)
            given = named(m, f"given_{field.name}", word[part] & mask[part])
            if field.access == "w1s":
                m.d.comb += value.eq(here & given)
            elif field.access == "w1c":
                with m.If(getattr(self, f"set_{field.name}")):
                    m.d.sync += value.eq(1)
                with m.Elif(self.forget | (here & given)):
                    m.d.sync += value.eq(0)
            else:
                free = ~self.locked if field.access == "rw" else 1
                with m.If(here & free):
                    m.d.sync += value.eq(value & ~mask[part] | given)
