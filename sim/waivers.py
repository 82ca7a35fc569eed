"""The warnings of Verilator that are not errors here, each by name and with its reason.

They hold for lint and for simulation. Every other warning of ``-Wall`` fails.
"""

WAIVERS: dict[str, str] = {
    "CASEOVERLAP": "Yosys writes the choice by a state, of which one holds at a time, as a case"
    " that looks at one bit of each",
    "DECLFILENAME": "a design is one file, named after its top module, and holds its submodules",
    "PROCASSINIT": "a register has its reset value also as initial value, for FPGAs",
    "UNUSEDSIGNAL": "a slice of a result leaves the wire that Yosys gives the whole result"
    " partly unused; synthesis removes it",
    "WIDTHEXPAND": "Yosys writes the operands of an operator at their own widths and relies on"
    " the extension that Verilog defines",
}
