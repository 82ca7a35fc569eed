"""RTL as a netlist of simple gates: read and taken apart, not optimised, so that next to nothing of
what mapped the other side takes part here."""

from __future__ import annotations

from pathlib import Path

from ..library import Library, memories
from ..mapping import yosys
from ..mapping.netlist import Netlist, read

GATES = Path(__file__).with_name("gates.lib")
#: What lets a register become part of a memory's port, as it does on the other side.
_PORTS = ("opt_expr", "opt_clean", "opt -nodffe -nosdff", "opt")
_STEPS = (
    "proc",
    "flatten",
    "opt_clean",
    "{ports}",
    "memory -nomap",
    "@memories {least[0]} {least[1]}",
    "memory_map",
    "opt_clean",
    "alumacc",
    "maccmap -unmap",
    "techmap",
    "opt_clean",
    # Both sides begin anywhere: what they come to after reset is part of what is compared.
    "setattr -unset init w:*",
    "dfflegalize -cell $_DFF_P_ x",
    "techmap",
    "setundef -zero",
    "opt_clean",
    "write_json rtl.json",
)


def read_rtl(
    verilog: Path,
    top: str,
    least: tuple[int, int],
    load: float,
    folder: Path,
    timeout: float,
    *,
    with_memories: bool,
) -> Netlist:
    """The module ``top`` with all below it dissolved; memories of at least ``least`` (bits, words)
    are black boxes, with inputs of ``load`` pF; ``with_memories``: whether there are any. Works in
    ``folder``."""
    (folder / "design.v").write_bytes(verilog.read_bytes())
    steps = ["read_verilog design.v", f"hierarchy -check -top {top}"]
    for step in _STEPS:
        steps += (
            (_PORTS if with_memories else ()) if step == "{ports}" else [step.format(least=least)]
        )
    yosys.run(steps, folder, timeout)
    library = Library(GATES)
    kinds = memories.read(folder / "memories.json")
    boxes = {name: kind.cell(load) for name, kind in kinds.items()}
    netlist = read(folder / "rtl.json", library, boxes)[top]
    if netlist.unmapped:
        left = ", ".join(f"{n} {kind}" for kind, n in sorted(netlist.unmapped.items()))
        raise yosys.Failed(f"the RTL of {top} has {left}, which is not compared here")
    return netlist
