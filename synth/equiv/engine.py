"""Whether pairs of functions are equal: what is the same, then what can be tried out in full, then
ABC's SAT sweeping (``&cec``) on what is left."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from ..mapping.yosys import Failed
from . import aiger
from .compare import Comparison, differing
from .windows import merged


@dataclass(frozen=True)
class Outcome:
    """``status``: "equal", "different" (``detail`` says where) or "open" within the time given."""

    status: Literal["equal", "different", "open"]
    detail: str
    seconds: float


def decide(comparison: Comparison, folder: Path, timeout: float) -> Outcome:
    """Decide all pairs; ``timeout`` is in seconds, of ABC's part."""
    begin = time.monotonic()

    def outcome(status: Literal["equal", "different", "open"], detail: str) -> Outcome:
        return Outcome(status, detail, round(time.monotonic() - begin, 1))

    pairs = [pair for pair in comparison.pairs if pair[1] != pair[2]]
    total = len(comparison.pairs)
    wrong = differing(comparison.graph, pairs)
    if wrong:
        return outcome("different", f"{len(wrong)} of {total} functions, {wrong[0]} among them")
    outputs = [literal for _, one, two in pairs for literal in (one, two)]
    graph, outputs = merged(comparison.graph, outputs)
    left = [
        (name, one, two)
        for (name, *_), one, two in zip(pairs, outputs[::2], outputs[1::2], strict=True)
        if one != two
    ]
    if not left:
        return outcome("equal", f"{total} functions, by structure and exhaustion")
    odd = [graph.odd(one, two) for _, one, two in left]
    aiger.write(folder / "miter.aig", graph, odd)
    said = _abc(folder, timeout)
    if "Networks are equivalent" in said:
        return outcome("equal", f"{total} functions, {len(left)} of them by SAT sweeping")
    if "NOT EQUIVALENT" in said:
        return outcome("different", f"one of {len(left)} functions such as {left[0][0]}")
    return outcome("open", f"{len(left)} of {total} functions undecided after {timeout:g} s")


def _abc(folder: Path, timeout: float) -> str:
    """What ABC says of the miter in ``folder``."""
    binary = Path(str(files("pyosys"))) / "yosys-abc"
    if not binary.is_file():
        raise Failed(f"{binary.name} is not beside pyosys")
    command = f"&r miter.aig; &cec -m -T {max(1, round(timeout))}"
    try:
        done = subprocess.run(
            [str(binary), "-q", command],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            timeout=timeout + 30,
        )
    except subprocess.TimeoutExpired:
        return ""
    (folder / "abc.log").write_text(done.stdout + done.stderr)
    return done.stdout
