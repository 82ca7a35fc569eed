"""What stands around a design on an FPGA, so that three pins suffice for any number of ports.

A design of hundreds of ports fits no package, and paths from pins would say more of where the pins
are than of the design. So every port has a register beside it: those of the inputs are one shift
register, those of the outputs a chain in which each takes the exclusive or of its port and the
register before. No input is constant and no output unused, so nothing of the design falls away, and
every path through the design is one between registers. It costs a flip-flop for each bit of an
input, a flip-flop and a LUT for each of an output; figures of use are of the design alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: Top module, and how its registers' names begin, by which a path is known as one of the harness.
TOP = "harness"
SCAN_IN, SCAN_OUT = "scan_in", "scan_out"


def harness(
    name: str, ports: Iterable[Mapping[str, Any]], clock: str | None, reset: str | None
) -> str:
    """The Verilog of a harness for design ``name`` with these ``ports`` (name, direction, width).

    ``reset`` is driven from its own register, not from the shift register: it is one net of great
    reach, which the tools put on a global one.
    """
    inputs, outputs = [], []
    for port in ports:
        if port["name"] not in (clock, reset):
            (inputs if port["direction"] == "in" else outputs).append(port)
    connections = [f".{clock}(clk)"] if clock else []
    if reset:
        connections.append(f".{reset}(scan_reset)")
    sizes = []
    for role, found in ((SCAN_IN, inputs), ("outputs", outputs)):
        offset = 0
        for port in found:
            connections.append(f".{port['name']}({role}[{offset} +: {port['width']}])")
            offset += port["width"]
        sizes.append(max(offset, 1))
    last_in, last_out = (size - 1 for size in sizes)
    body = ",\n    ".join(connections)
    return f"""module {TOP}(input clk, input rst, input si, output so);
  reg scan_reset;
  reg [{last_in}:0] {SCAN_IN};
  reg [{last_out}:0] {SCAN_OUT};
  wire [{last_out}:0] outputs;
  assign so = {SCAN_OUT}[{last_out}];
  always @(posedge clk) begin
    scan_reset <= rst;
    {SCAN_IN} <= {{{SCAN_IN}, si}};
    {SCAN_OUT} <= outputs ^ {{{SCAN_OUT}, 1'b0}};
  end
  {name} design_(
    {body}
  );
endmodule
"""
