"""Runs Yosys commands in a process of their own: ``python yosys_worker.py COMMANDS.json``.

A fresh process a job, because Yosys keeps global state and ends the process on an error. Yosys's
log goes to stdout. Imports nothing of ours, so that it starts in milliseconds.

Beside Yosys's commands two of our own:
``@unsign`` makes every wire unsigned: OpenSTA 2.0.17 cannot read ``wire signed``;
``@keep TOP`` keeps the modules that TOP instantiates as modules, for the area by submodule.
"""

import json
import sys
import time

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


def main() -> None:
    with open(sys.argv[1]) as file:
        commands = json.load(file)
    design = ys.Design()
    for command in commands:
        begin = time.monotonic()
        if command == "@unsign":
            unsign(design)
        elif command.startswith("@keep "):
            keep(design, command.split()[1])
        else:
            design.run_pass(command)
        print(f"@ {time.monotonic() - begin:.2f} s: {command}", flush=True)


if __name__ == "__main__":
    main()
