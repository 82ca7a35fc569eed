"""The ports of AXI4 and AXI4-Lite, under the names of the specification (Arm IHI 0022, issue H).

A bus is one flat interface whose members are the lower-case signal names, so that a top level can
have ports ``m_axi_araddr`` and the like (:func:`flat`, :func:`connect_flat`), which tools for
system design recognise as a bus.
"""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .layout import ADDRESS_BITS

OKAY, EXOKAY, SLVERR, DECERR = range(4)
"""Codes of BRESP and RRESP (table A3-4): bit 1 says that something went wrong."""
INCREMENTING = 1
"""Code of AWBURST and ARBURST (table A3-3)."""
BORDER = 4096
"""Bytes: no burst crosses a multiple of it (A3.4.1)."""

_MEMORY = 0b0011  # normal, non-cacheable, bufferable: what plain memory wants


def _address(prefix: str, address_bits: int, id_bits: int) -> dict[str, wiring.Member]:
    """Members of an address channel, as its master sees them. Constants of this family of masters
    are initial values, so that nobody needs to drive them."""
    return {
        f"{prefix}id": Out(id_bits),
        f"{prefix}addr": Out(address_bits),
        f"{prefix}len": Out(8),
        f"{prefix}size": Out(3),
        f"{prefix}burst": Out(2, init=INCREMENTING),
        f"{prefix}lock": Out(1),
        f"{prefix}cache": Out(4, init=_MEMORY),
        f"{prefix}prot": Out(3),
        f"{prefix}qos": Out(4),
        f"{prefix}valid": Out(1),
        f"{prefix}ready": In(1),
    }


def _read(data_bits: int, address_bits: int, id_bits: int) -> dict[str, wiring.Member]:
    return {
        **_address("ar", address_bits, id_bits),
        "rid": In(id_bits),
        "rdata": In(data_bits),
        "rresp": In(2),
        "rlast": In(1),
        "rvalid": In(1),
        "rready": Out(1),
    }


def _write(data_bits: int, address_bits: int, id_bits: int) -> dict[str, wiring.Member]:
    return {
        **_address("aw", address_bits, id_bits),
        "wdata": Out(data_bits),
        "wstrb": Out(data_bits // 8),
        "wlast": Out(1),
        "wvalid": Out(1),
        "wready": In(1),
        "bid": In(id_bits),
        "bresp": In(2),
        "bvalid": In(1),
        "bready": Out(1),
    }


def axi4_read(
    data_bits: int, address_bits: int = ADDRESS_BITS, id_bits: int = 1
) -> wiring.Signature:
    """The AR and R channels of AXI4 as a master sees them."""
    return wiring.Signature(_read(data_bits, address_bits, id_bits))


def axi4_write(
    data_bits: int, address_bits: int = ADDRESS_BITS, id_bits: int = 1
) -> wiring.Signature:
    """The AW, W and B channels of AXI4 as a master sees them."""
    return wiring.Signature(_write(data_bits, address_bits, id_bits))


def axi4(data_bits: int, address_bits: int = ADDRESS_BITS, id_bits: int = 1) -> wiring.Signature:
    """All five channels of AXI4 as a master sees them: a master has a member ``Out(axi4(...))``."""
    sizes = (data_bits, address_bits, id_bits)
    return wiring.Signature({**_write(*sizes), **_read(*sizes)})


def axi4_lite(address_bits: int, data_bits: int = 32) -> wiring.Signature:
    """AXI4-Lite as a master sees it: a slave has a member ``In(axi4_lite(...))``."""
    return wiring.Signature(
        {
            "awaddr": Out(address_bits),
            "awprot": Out(3),
            "awvalid": Out(1),
            "awready": In(1),
            "wdata": Out(data_bits),
            "wstrb": Out(data_bits // 8),
            "wvalid": Out(1),
            "wready": In(1),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
            "araddr": Out(address_bits),
            "arprot": Out(3),
            "arvalid": Out(1),
            "arready": In(1),
            "rdata": In(data_bits),
            "rresp": In(2),
            "rvalid": In(1),
            "rready": Out(1),
        }
    )


def flat(prefix: str, signature: wiring.Signature) -> dict[str, wiring.Member]:
    """The members of ``signature`` as members ``prefix_name`` of a top level, whose Verilog ports
    then have exactly these names. For a slave's port pass ``signature.flip()``."""
    return {f"{prefix}_{name}": member for name, member in signature.members.items()}


def connect_flat(m: Module, top: wiring.Component, prefix: str, bus: object) -> None:
    """Connect ports that :func:`flat` gave ``top`` with ``bus``, the interface of a submodule of
    the same direction: ``connect_flat(m, self, "m_axi", dma.m_axi)``."""
    for name, member in bus.signature.members.items():
        port, inner = getattr(top, f"{prefix}_{name}"), getattr(bus, name)
        m.d.comb += port.eq(inner) if member.flow == Out else inner.eq(port)


class FlatBuses(wiring.Component):
    """``inner`` as a top level whose AXI ports have plain names, ``m_axi_araddr`` and so on.

    ``buses``: names of the members of ``inner`` to flatten. All others are passed on as they are.
    """

    def __init__(self, inner: wiring.Component, *buses: str):
        self.inner = inner
        self.buses = buses
        members: dict[str, wiring.Member] = {}
        for name, member in inner.signature.members.items():
            if name in buses:
                members |= flat(name, member.signature)
            else:
                members[name] = member
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inner = self.inner
        for name, member in self.inner.signature.members.items():
            outer, inner = getattr(self, name, None), getattr(self.inner, name)
            if name in self.buses:
                connect_flat(m, self, name, inner)
            elif member.is_signature:
                wiring.connect(m, wiring.flipped(outer), inner)
            else:
                m.d.comb += outer.eq(inner) if member.flow == Out else inner.eq(outer)
        return m
