"""A mapped netlist as Yosys writes it in JSON: instances, the nets between them, their loads."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..library import Cell, Library
from .yosys import Failed

#: What Yosys calls a wire that nobody named.
_MADE_UP = re.compile("_[0-9]+_")

Net = int | str  #: Yosys's number of a wire bit, or the constant "0", "1", "x"


@dataclass(frozen=True)
class Instance:
    """``pins`` maps a pin's name to the net on it. ``behaviour``: of a memory, as the Yosys worker
    wrote it."""

    name: str
    cell: Cell
    pins: dict[str, Net]
    behaviour: str = ""


@dataclass(frozen=True)
class Port:
    name: str
    direction: str
    bits: tuple[Net, ...]


class Netlist:
    """One module: its ports, its library cells, its memories, and (``children``) its instances of
    modules. ``memories``: the black box of each kind of memory."""

    def __init__(
        self, name: str, module: dict, library: Library, memories: Mapping[str, Cell] = {}
    ):
        self.name = name
        self.library = library
        self.ports = [
            Port(port, facts["direction"], tuple(facts["bits"]))
            for port, facts in module["ports"].items()
        ]
        self.instances: list[Instance] = []
        self.memories: list[Instance] = []
        self.children: dict[str, str] = {}  #: instance name -> module name
        self.links: dict[str, dict[str, tuple[Net, ...]]] = {}  #: of these: nets by port
        self.unmapped: Counter[str] = Counter()  #: what is neither a cell nor a module
        for instance, facts in module["cells"].items():
            kind = facts["type"]
            cell = library.cells.get(kind) or memories.get(kind)
            if cell:
                pins = {pin: bits[0] for pin, bits in facts["connections"].items() if bits}
                among = self.memories if kind in memories else self.instances
                behaviour = facts.get("attributes", {}).get("behaviour", "")
                among.append(Instance(instance, cell, pins, behaviour))
            elif kind.startswith("$"):
                if kind != "$scopeinfo":  # a name of the dissolved hierarchy, not hardware
                    self.unmapped[kind] += 1
            else:
                self.children[instance] = kind
                nets = facts["connections"].items()
                self.links[instance] = {port: tuple(bits) for port, bits in nets}
        self.names: dict[Net, str] = {}
        self.written: dict[Net, str] = {}  #: the name of each net in the Verilog
        self.labels: dict[str, Net] = {}  #: all names of nets
        for net, facts in module["netnames"].items():
            for index, bit in enumerate(facts["bits"], int(facts.get("offset", 0))):
                label = f"{net}[{index}]" if len(facts["bits"]) > 1 else net
                self.written.setdefault(bit, label)
                self.labels[label] = bit
                if facts.get("hide_name") or _MADE_UP.fullmatch(net):
                    continue
                # Of a net's names the deepest: it says best where in the unit the register is.
                if label.count(".") >= self.names.get(bit, "").count("."):
                    self.names[bit] = label

    def port(self, name: str | None) -> Net | None:
        """The net on a port of one bit; None where there is none of that name."""
        return next((port.bits[0] for port in self.ports if port.name == name), None)

    def loads(self) -> dict[Net, float]:
        """Net -> capacitance of all that it drives in pF; wires weigh nothing before layout."""
        loads: dict[Net, float] = {}
        for instance in (*self.instances, *self.memories):
            for pin in instance.cell.inputs:
                net = instance.pins.get(pin)
                if net is not None:
                    load = instance.cell.pins[pin].capacitance
                    loads[net] = loads.get(net, 0.0) + load
        for port in self.ports:
            if port.direction == "output":
                for bit in port.bits:
                    loads[bit] = loads.get(bit, 0.0) + self.library.output_load
        return loads


def read(path: Path, library: Library, memories: Mapping[str, Cell] = {}) -> dict[str, Netlist]:
    """Every module of a Yosys JSON file, plain or compressed; blackboxes (library cells, memories)
    are left out. Raises :class:`Failed` for half a file, as tools leave it on a full disk."""
    data = path.read_bytes()
    try:
        modules = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)["modules"]
    except (ValueError, EOFError) as error:
        raise Failed(f"{path.name} is not whole ({error}); is the disk full?") from error
    return {
        name: Netlist(name, module, library, memories)
        for name, module in modules.items()
        if name not in library.cells and not int(module["attributes"].get("blackbox", "0"), 2)
    }
