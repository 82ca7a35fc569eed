"""The DMA with somebody else's AXI memory behind it; `test_dma.py` runs it."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict

from cocotbext.axi import AxiBus, AxiRam
from dma_bench import SPACE, Reader, Signals, Willing, Writer, random_commands, random_writes
from dma_testbench import CONFIG, SEED, scenario


def pauses(seed):
    """Cycle by cycle, whether a channel stalls."""
    willing = Willing(seed, True)
    return (not willing(cycle) for cycle in itertools.count())


class Ram:
    """What a client wants of memory, from an AxiRam that checks the protocol by itself."""

    def __init__(self, dut):
        size = SPACE * (len(CONFIG.reads) + len(CONFIG.writes))
        self.axi = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=size)
        self.image = bytearray(random.Random(SEED).randbytes(size))
        self.axi.write(0, self.image)
        # It tells no one when it acknowledges: marks are only checked for their number and order.
        self.acknowledged = defaultdict(lambda: 1 << 30)
        write, read = self.axi.write_if, self.axi.read_if
        channels = (write.aw_channel, write.w_channel, write.b_channel)
        for number, channel in enumerate((*channels, read.ar_channel, read.r_channel)):
            channel.set_pause_generator(pauses(SEED + number))

    def data(self, address):
        return int.from_bytes(self.axi.read(address, CONFIG.beat), "little")

    def expect_reads(self, bursts):
        pass

    def expect_writes(self, name, bursts, writes):
        for write in writes:
            for k in range(CONFIG.beat):
                if write.strobe >> k & 1:
                    self.image[write.address + k] = write.data >> 8 * k & 255


@scenario
async def ram(dut, bench):
    """All clients at once; at the end, memory holds exactly what was written, in its order."""
    rng = random.Random(SEED)
    control = Signals(dut, "halt", "idle", "error")
    control["halt"] = 0
    memory = Ram(dut)
    await bench.reset()
    readers = [
        Reader(dut, CONFIG, k, memory, list(random_commands(rng, CONFIG, k, 20)), 2 * k)
        for k in range(len(CONFIG.reads))
    ]
    writers = [
        Writer(dut, CONFIG, k, memory, list(random_writes(rng, CONFIG, k, 200)), 2 * k + 1)
        for k in range(len(CONFIG.writes))
    ]
    clients = (*readers, *writers)
    await bench.until(
        lambda: all(client.done for client in clients),
        *clients,
        progress=lambda: (
            sum(client.next for client in clients) + sum(reader.received for reader in readers)
        ),
        patience=2000,
    )
    await bench.cycles(100, *clients)
    assert control["idle"] == 1 and control["error"] == 0
    assert memory.axi.read(0, len(memory.image)) == memory.image
