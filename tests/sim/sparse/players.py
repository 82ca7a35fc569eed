"""Plays what ports are given on a component under Verilator."""

import json
from pathlib import Path

from amaranth.lib import data, wiring

from hw.verilog import translate
from sim.verilator import build, run


def play(
    component: wiring.Component,
    name: str,
    inputs: dict[str, list[int]],
    outputs: list[str],
    folder: Path,
    seed: int = 0,
) -> dict[str, list[str]]:
    """The bits of ``outputs`` in each cycle, given those of ``inputs``; ``rst`` is one of them."""
    folder.mkdir(parents=True, exist_ok=True)
    verilog = folder / f"{name}.v"
    verilog.write_text(translate(component, name))
    cycles = len(next(iter(inputs.values())))
    job = {
        "cycles": cycles,
        "inputs": {port: [f"{value:x}" for value in values] for port, values in inputs.items()},
        "outputs": outputs,
    }
    (folder / "ports.json").write_text(json.dumps(job))
    model = build(verilog, top=name)
    env = {"PORTS_FOLDER": str(folder.resolve())}
    done = run(model, "ports_testbench", folder=folder / "run", env=env, seed=seed)
    assert not done.error and done.tests == 1 and not done.failures, done.error + done.log
    return json.loads((folder / "seen.json").read_text())


def pack(layout: data.StructLayout, **fields: int) -> int:
    """The bits of a struct."""
    assert sorted(fields) == sorted(layout.members), (fields, layout)
    word = 0
    for name, value in fields.items():
        field = layout[name]
        assert 0 <= value < 1 << field.width or (value == 0 and not field.width), (name, value)
        word |= value << field.offset
    return word


def signed_lanes(bits: str, lanes: int) -> list[int]:
    """``lanes`` signed numbers, the first least significant; every bit must be known."""
    word, width = int(bits, 2), len(bits) // lanes
    values = [word >> lane * width & (1 << width) - 1 for lane in range(lanes)]
    return [value - (value >> width - 1 << width) for value in values]
