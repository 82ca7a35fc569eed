"""Runs Yosys commands in a process of their own: ``python yosys_worker.py COMMANDS.json``.

A fresh process a job, because Yosys keeps global state and ends the process on an error. Yosys's
log goes to stdout. Imports nothing of ours, so that it starts in milliseconds.

Beside Yosys's commands two of our own:
``@unsign`` makes every wire unsigned: OpenSTA 2.0.17 cannot read ``wire signed``;
``@keep TOP`` keeps the modules that TOP instantiates as modules, for the area by submodule;
``@enumerate`` gives cells without a name of their own the names u1, u2 and so on, in all modules,
and their nets _0_, _1_ and so on as cells come to use them: Yosys's own numbers for nets depend on
the names of folders;
``@memories BITS WORDS`` makes black boxes of memories of so many or more, each kind one, and writes
what they are to ``memories.json``: what :func:`synth.library.memories.read` reads. What a
simulation of one has to know is in the attribute ``behaviour`` of its cell.
"""

import ctypes
import json
import signal
import sys
import time
from itertools import count

from pyosys import libyosys as ys


def unsign(design: ys.Design) -> None:
    for module in design.modules_.values():
        for wire in module.wires_.values():
            wire.is_signed = False


def keep(design: ys.Design, top: str) -> None:
    modules = {str(name): module for name, module in design.modules_.items()}
    children = {str(cell.type) for cell in modules["\\" + top].cells_.values()} & modules.keys()
    for child in sorted(children):
        design.run_pass(f"setattr -mod -set keep_hierarchy 1 {child}")


def enumerate_names(design: ys.Design) -> None:
    for module in design.modules_.values():
        taken = {str(name)[1:] for name in (*module.cells_.keys(), *module.wires_.keys())}
        cells = (name for n in count(1) if (name := f"u{n}") not in taken)
        nets = (name for n in count() if (name := f"_{n}_") not in taken)
        for cell in list(module.cells_.values()):
            if str(cell.name).startswith("$"):
                module.rename(cell, ys.IdString("\\" + next(cells)))
            ports = sorted((str(name), bits) for name, bits in cell.connections_.items())
            for _, bits in ports:
                for bit in bits.to_sigbit_vector():
                    if bit.is_wire() and str(bit.wire.name).startswith("$"):
                        module.rename(bit.wire, ys.IdString("\\" + next(nets)))


def memories(design: ys.Design, bits: int, least: int) -> None:
    kinds: dict[tuple, dict] = {}
    for module in list(design.modules_.values()):
        for cell in list(module.cells_.values()):
            if cell.type.str() == "$mem_v2":
                facts = {str(k)[1:]: v for k, v in cell.parameters.items()}
                words, width, writes = (
                    facts[name].as_int() for name in ("SIZE", "WIDTH", "WR_PORTS")
                )
                if words * width >= bits and words >= least and writes:
                    extract(design, module, cell, facts, kinds)
    with open("memories.json", "w") as file:
        json.dump(list(kinds.values()), file)


def extract(design: ys.Design, module: ys.Module, cell: ys.Cell, facts: dict, kinds: dict) -> None:
    """Replace a ``$mem_v2`` by a black box whose pins are single bits. An input that several bits
    of a port share, such as the enable of a whole word, is one pin."""
    words, width, reads, writes = (
        facts[name].as_int() for name in ("SIZE", "WIDTH", "RD_PORTS", "WR_PORTS")
    )
    clocked = "1" in facts["RD_CLK_ENABLE"].as_string()
    pins: dict[str, tuple[str, ys.SigSpec]] = {}
    wiring: dict[str, list[str]] = {}  # port and role -> of each bit the pin, or its constant
    for port, bits in ((str(k)[1:], v) for k, v in cell.connections_.items()):
        side, role = port.lower().split("_")
        count = reads if side == "rd" else writes
        each = bits.size() // count if count else 0
        seen: dict[tuple[str, int], int] = {}
        for index in range(each * count):
            bit = bits.extract(index, 1)
            wired = wiring.setdefault(f"{side}{index // each}_{role}", [])
            if bit.is_fully_const():
                wired.append(bit.as_const().as_string())
            elif role != "clk" and (side, role) != ("rd", "data"):
                place = (str(bit.as_bit().wire.name), bit.as_bit().offset)
                first = seen.setdefault(place, index)
                wired.append(f"{side}{first // each}_{role}_{first % each}")
            if role == "data" and side == "rd":
                pins[f"rd{index // each}_data_{index % each}"] = "output", bit
            elif bit.is_fully_const():
                continue
            elif role == "clk":
                if side == "wr" or clocked:
                    pins["clk"] = "clock", bit
            elif f"{side}{index // each}_{role}_{index % each}" == wired[-1]:
                pins[wired[-1]] = "input", bit
    shape = (words, width, reads, writes, clocked, *((n, kind) for n, (kind, _) in pins.items()))
    if shape not in kinds:
        name = f"memory_{len(kinds)}_{words}x{width}_{reads}r{writes}w"
        box = design.addModule(ys.IdString("\\" + name))
        for number, (pin, (kind, _)) in enumerate(pins.items(), 1):
            wire = box.addWire(ys.IdString("\\" + pin), 1)
            wire.port_id = number
            wire.port_input, wire.port_output = kind != "output", kind == "output"
        box.fixup_ports()
        box.set_bool_attribute(ys.IdString("\\blackbox"), True)
        kinds[shape] = {
            "name": name,
            "words": words,
            "width": width,
            "reads": reads,
            "writes": writes,
            "clocked": clocked,
            "pins": {pin: kind for pin, (kind, _) in pins.items()},
        }
    init = facts["INIT"].as_string()[::-1]
    behaviour = {
        "words": words,
        "width": width,
        "clocked": facts["RD_CLK_ENABLE"].as_string()[::-1],
        "transparent": facts["RD_TRANSPARENCY_MASK"].as_string()[::-1],
        "initial": init if set(init) & {"0", "1"} else "",
        "wiring": wiring,
    }
    name = cell.name
    module.remove(cell)
    new = module.addCell(name, ys.IdString("\\" + kinds[shape]["name"]))
    new.set_string_attribute(ys.IdString("\\behaviour"), json.dumps(behaviour))
    for pin, (_, bit) in pins.items():
        new.setPort(ys.IdString("\\" + pin), bit)


def die_with_parent() -> None:
    """Ask Linux to end this process with the one that started it, however that one ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> None:
    die_with_parent()
    with open(sys.argv[1]) as file:
        commands = json.load(file)
    design = ys.Design()
    for command in commands:
        begin = time.monotonic()
        if command == "@unsign":
            unsign(design)
        elif command == "@enumerate":
            enumerate_names(design)
        elif command.startswith("@keep "):
            keep(design, command.split()[1])
        elif command.startswith("@memories "):
            memories(design, *map(int, command.split()[1:]))
        else:
            design.run_pass(command)
        print(f"@ {time.monotonic() - begin:.2f} s: {command}", flush=True)


if __name__ == "__main__":
    main()
