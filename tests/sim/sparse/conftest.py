"""Lets the tests of this folder and their simulators import what stands beside them; and the
smallest whole accelerator, compiled."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from golden.sparse.accelerator import accelerator_of
from golden.sparse.spade import SpadeConfig
from hw.sparse.spade import Spade
from hw.verilog import tools, translate
from sim.cache import CACHE, cached, digest
from sim.sparse.check import build


@pytest.fixture(scope="session")
def n8():
    """The smallest accelerator that has everything."""
    return accelerator_of("n8")


@pytest.fixture(scope="session")
def n8_verilog(n8):
    """Its Verilog, written once for the sources that it comes from: whoever asks waits for whoever
    writes."""
    sources = sorted(path for unit in ("golden", "hw") for path in Path(unit).rglob("*.py"))
    key = digest(tools(), *(part for path in sources for part in (str(path), path.read_bytes())))

    def make(folder):
        (folder / "spade_n8.v").write_text(
            translate(Spade(SpadeConfig(accelerator=n8)), "spade_n8")
        )

    return cached(CACHE, f"spade_n8-verilog-{key}", make)[0] / "spade_n8.v"


@pytest.fixture(scope="session")
def n8_machine(n8, n8_verilog):
    """It with a memory, compiled."""
    return build(n8_verilog, "spade_n8", n8)
