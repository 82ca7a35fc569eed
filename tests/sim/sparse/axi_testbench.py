"""The DMA with somebody else's AXI memory behind it; `test_dma.py` runs it."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict

from cocotbext.axi import AxiBus, AxiRam

from sim.sparse.dma.clients import Reader, Writer
from sim.sparse.dma.session import Session, scenario
from sim.sparse.dma.traffic import SPACE, random_commands, random_writes
from sim.sparse.ports import Signals, Willing, expect, require


def pauses(seed):
    """Cycle by cycle, whether a channel stalls."""
    willing = Willing(seed, True)
    return (not willing(cycle) for cycle in itertools.count())


class Ram:
    """What a client wants of memory, from an AxiRam that checks the protocol by itself."""

    def __init__(self, session):
        config, dut = session.config, session.dut
        size = SPACE * (len(config.reads) + len(config.writes))
        self.beat = config.beat
        self.axi = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=size)
        self.image = bytearray(random.Random(session.seed).randbytes(size))
        self.axi.write(0, self.image)
        # It tells no one when it acknowledges: marks are only checked for their number and order.
        self.acknowledged = defaultdict(lambda: 1 << 30)
        write, read = self.axi.write_if, self.axi.read_if
        channels = (write.aw_channel, write.w_channel, write.b_channel)
        for number, channel in enumerate((*channels, read.ar_channel, read.r_channel)):
            channel.set_pause_generator(pauses(session.seed + number))

    def data(self, address):
        return int.from_bytes(self.axi.read(address, self.beat), "little")

    def expect_reads(self, bursts):
        pass

    def expect_writes(self, name, bursts, writes):
        for write in writes:
            for k in range(self.beat):
                if write.strobe >> k & 1:
                    self.image[write.address + k] = write.data >> 8 * k & 255


@scenario
async def ram(session: Session):
    """All clients at once; at the end, memory holds exactly what was written, in its order."""
    rng, dut, config = random.Random(session.seed), session.dut, session.config
    control = Signals(dut, "halt", "idle", "error")
    control["halt"] = 0
    memory = Ram(session)
    await session.bench.reset()
    readers = [
        Reader(dut, config, k, memory, list(random_commands(rng, config, k, 20)), 2 * k)
        for k in range(len(config.reads))
    ]
    writers = [
        Writer(dut, config, k, memory, list(random_writes(rng, config, k, 200)), 2 * k + 1)
        for k in range(len(config.writes))
    ]
    clients = (*readers, *writers)
    await session.bench.until(
        lambda: all(client.done for client in clients),
        *clients,
        progress=lambda: (
            sum(client.next for client in clients) + sum(reader.received for reader in readers)
        ),
        patience=2000,
    )
    await session.bench.cycles(100, *clients)
    expect("idle", control["idle"], 1)
    expect("error", control["error"], 0)
    require(memory.axi.read(0, len(memory.image)) == memory.image, "memory is not as written")
