"""Modules that are written once and used many times.

Amaranth writes a module for every component: an array of 64 x 64 processing elements would be 4,096
of them, a minute of work and megabytes of Verilog. A :class:`Shared` component is elaborated once
an emission, and each of its copies is an instance of that one module::

    pe = Shared("pe", lambda: ProcessingElement(width=24))
    for j in range(n):
        m.submodules[f"pe_{j}"] = copy = pe.copy()

Where the component is not emitted by an :class:`Emission` (in Amaranth's simulator, or inside
somebody's own design), each copy is a component of its own, with the same behaviour.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from amaranth.back import rtlil
from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, ResetSignal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In


class Emission:
    """One emission of RTLIL, and the platform that Amaranth hands to each ``elaborate`` in it.

    All that it remembers ends with it, so that what is emitted does not depend on what was emitted
    before.
    """

    def __init__(self, top: str):
        self._top = top
        self._texts: list[str] = []
        self._ports: dict[Shared, tuple[str, frozenset[str]]] = {}

    def convert(self, component: Elaboratable) -> str:
        """RTLIL of ``component`` as module ``top``, and of the modules that are shared in it.

        Memories whose initial contents are zero have none: they are SRAM, undefined until written.
        """
        text = rtlil.convert(component, name=self._top, platform=self, emit_src=False)
        return _without_zeros("".join([text, *self._texts]))

    def module(self, shared: Shared) -> tuple[str, frozenset[str]]:
        """Name of the module of ``shared``, and its ports; written when first asked for."""
        if shared not in self._ports:
            taken = {name for name, _ in self._ports.values()}
            # No component has such a name: Amaranth joins the names of submodules by dots.
            name = free = f"{self._top}/{shared.name}"
            while name in taken:
                name = f"{free}_{len(taken)}"
            self._ports[shared] = name, frozenset()
            text = rtlil.convert(shared.make(), name=name, platform=self, emit_src=False)
            self._texts.append(text.replace("attribute \\top 1\n", ""))
            head = re.split(r"(?m)^end$", text, maxsplit=1)[0]
            ports = re.findall(r"^  wire .*?(?:input|output) \d+ .*\\(\S+)$", head, re.M)
            self._ports[shared] = name, frozenset(ports)
        return self._ports[shared]


class Shared:
    """A component of which an emission holds one module.

    Parameters
    ----------
    name:
        Of the module, after the name of the top module.
    make:
        Makes the component; every call makes the same one.
    """

    def __init__(self, name: str, make: Callable[[], wiring.Component]):
        self.name = name
        self._make = make
        self._first: wiring.Component | None = make()
        self.signature = self._first.signature

    def make(self) -> wiring.Component:
        """The component, made anew."""
        first, self._first = self._first, None  # Amaranth warns of components left unused
        return first or self._make()

    def copy(self) -> Copy:
        """One more copy, with the ports of the component."""
        return Copy(self)


class Copy(wiring.Component):
    """A copy of a :class:`Shared` component."""

    def __init__(self, shared: Shared):
        self._shared = shared
        super().__init__(shared.signature)

    def elaborate(self, platform: object) -> Instance | Module:
        if not isinstance(platform, Emission):
            m = Module()
            m.submodules.copy = component = self._shared.make()
            wiring.connect(m, wiring.flipped(self), component)
            return m
        name, present = platform.module(self._shared)
        ports = {"i_clk": ClockSignal(), "i_rst": ResetSignal()}
        for path, member, value in self.signature.flatten(self):
            direction = "i" if member.flow == In else "o"
            ports[f"{direction}_{'__'.join(map(str, path))}"] = Value.cast(value)
        return Instance(name, **{port: v for port, v in ports.items() if port[2:] in present})


def _without_zeros(text: str) -> str:
    """RTLIL without the cells that set memories to zero."""
    zeros = (
        r"^  cell \$meminit_v2 .*\n(?:    .*\n)*?    connect \\DATA \d+'0+\n(?:    .*\n)*  end\n"
    )
    return re.sub(zeros, "", text, flags=re.MULTILINE)
