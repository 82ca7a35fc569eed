"""A layer on the ports of the smallest accelerator, recorded for other simulators."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.spade import SpadeConfig
from sim.sparse import recording

TILES = (64 // 8) ** 2


def test_every_cycle_is_recorded(n8, n8_machine, n8_verilog):
    seen = recording.record(SpadeConfig(accelerator=n8), n8_verilog, "spade_n8")
    assert seen.pillars == 64  # of the one layer, all compared with golden
    # A rule is a pillar that is its own neighbour, and of the others those within reach.
    assert 64 * TILES <= seen.rules <= 64 * 9 * TILES and seen.rules % TILES == 0
    assert "block1.1 (spconv-s) of synthetic on 64 pillars of 32 x 32" in seen.text

    def moved(channel):
        valid, ready = (seen.bits[f"m_axi_{channel}{end}"][:, 0] for end in ("valid", "ready"))
        return (valid & ready).astype(bool)

    def numbers(port, where):
        bits = seen.bits[port][where].astype(np.int64)
        return bits @ (1 << np.arange(bits.shape[1]))

    # What is asked for comes, and the features that are written are 64 vectors of 64 bytes.
    assert sum(numbers("m_axi_arlen", moved("ar")) + 1) == moved("r").sum()
    beats = numbers("m_axi_awlen", moved("aw")) + 1
    assert sum(beats) == moved("w").sum() and len(beats) == moved("b").sum()
    assert int(seen.bits["m_axi_wstrb"][moved("w")].sum()) >= 64 * 64
    irq = seen.bits["irq"][:, 0]
    assert not irq[0] and irq[-1] and len(irq) > seen.rules
    assert not seen.bits["rst"].any()


def test_a_frame_that_is_not_there(n8, n8_verilog):
    with pytest.raises(BadInput, match=r"none\.bin"):
        recording.record(SpadeConfig(accelerator=n8), n8_verilog, "spade_n8", "none.bin")
