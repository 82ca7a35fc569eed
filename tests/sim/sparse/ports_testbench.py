"""A cocotb testbench that gives ports what a file says, cycle by cycle, and notes the outputs.

A cycle lasts from one falling edge of the clock to the next. Outputs must come from registers: they
are noted as the cycle begins.
"""

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge


@cocotb.test()
async def play(dut):
    folder = Path(os.environ["PORTS_FOLDER"])
    job = json.loads((folder / "ports.json").read_text())
    Clock(dut.clk, 10, unit="ns").start(start_high=False)
    seen = {name: [] for name in job["outputs"]}
    inputs = [(getattr(dut, name), values) for name, values in job["inputs"].items()]
    outputs = [(getattr(dut, name), seen[name]) for name in seen]
    for cycle in range(job["cycles"]):
        for port, values in outputs:
            values.append(str(port.value))
        for port, values in inputs:
            port.value = int(values[cycle], 16)
        await FallingEdge(dut.clk)
    (folder / "seen.json").write_text(json.dumps(seen))
