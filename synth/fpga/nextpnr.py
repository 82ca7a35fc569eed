"""nextpnr: a mapped design placed and routed, what it uses of the device and its longest path."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..mapping.yosys import Failed, check_signal
from .harness import SCAN_IN, SCAN_OUT
from .job import Job
from .result import FpgaPath

_USE = re.compile(r"Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%$")
"""A line of nextpnr's table of what a design uses."""
_RUN = "import sys; from {0} import {1}; sys.exit({1}(sys.argv[1:]))"


def run(job: Job, work: Path) -> dict[str, dict[str, int]]:
    """Run nextpnr; what it uses of the device, by kind of its cells.

    Where that is more than there is, it is stopped: some kinds it would try to place for minutes.
    """
    module, function = job.target.nextpnr.split(":")
    command = [sys.executable, "-c", _RUN.format(module, function), *job.nextpnr]
    files = ["--json", "harness.json", "--report", "report.json", "--timing-allow-fail"]
    use: dict[str, dict[str, int]] = {}
    errors, last = [], "no output"
    process = subprocess.Popen(
        [*command, *files],
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    late = threading.Event()
    timer = threading.Timer(job.timeout, lambda: (late.set(), process.kill()))
    timer.start()
    try:
        for line in process.stdout:
            last = line.strip() or last
            if found := _USE.match(line):
                used, available = int(found[2]), int(found[3])
                if used:
                    use[found[1]] = {"used": used, "available": available}
            elif line.startswith("ERROR: "):
                errors.append(line.removeprefix("ERROR: ").strip())
            elif any(u["used"] > u["available"] for u in use.values()):
                return use
        status = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
    if late.is_set():
        raise Failed(f"nextpnr took longer than {job.timeout:g} s")
    check_signal("nextpnr", status)
    if status:
        raise Failed(f"nextpnr: {(errors or [last])[-1]} (status {status})")
    return use


def longest_path(paths: list[Mapping[str, Any]]) -> FpgaPath | None:
    """The longest of the paths between registers of a clock."""
    between = [p for p in paths if p["from"] == p["to"] and p["from"].startswith("posedge")]
    if not between:
        return None
    longest = max((path["path"] for path in between), key=lambda p: sum(s["delay"] for s in p))
    wires = sum(step["delay"] for step in longest if step["type"] == "routing")
    delay = sum(step["delay"] for step in longest)
    start, end = longest[0]["from"]["cell"], longest[-1]["to"]["cell"]
    return FpgaPath(
        delay=round(delay, 3),
        logic=round(delay - wires, 3),
        routing=round(wires, 3),
        start=start.removeprefix("design_."),
        end=end.removeprefix("design_."),
        harness=all(cell.startswith((SCAN_IN, SCAN_OUT)) for cell in (start, end)),
    )
