"""A sequencer under simulation with everything around it: software, the DMA and its memory, the
units."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import BYTES, FIELDS, decode
from golden.sparse.descriptor_cases import random_descriptor
from golden.sparse.registers import ERRORS, REGISTERS, offset_of
from hw.sparse.sequencer import REST

from ...job import FOLDER, JOB
from ...scenario import scenarios
from ...streams import Bench, Port, Violation
from ..ports import expect, require
from .channels import Channel, Taker, bits

OKAY, SLVERR = "00", "10"
LIST, STATISTICS = 0x12_3456_7000 // 128 * 128, 0x98_0000_0080
MARKS = ("layers_done", "rows_done", "records_done")
STATUS = next(register for register in REGISTERS if register.name == "status")
REGISTER_CHANNELS = (
    ("aw", ("addr", "prot")),
    ("w", ("data", "strb")),
    ("ar", ("addr", "prot")),
)


class Session:
    """Software writes and reads registers; the DMA brings a list out of ``memory``; units take
    layers and say some time later that they are done.

    ``late``: kinds of marks that are held back. ``bus_busy``: cycles for which the bus will not
    come to rest; ``restless``: how often it wakes for a cycle. ``seen``: outputs in the last cycle.
    ``clears``: pulses of ``clear``.
    """

    def __init__(self, dut: Any):
        self.config, self.seed, self.count = _load()
        self.beats_each = BYTES // self.config.beat
        self.rng = rng = random.Random(self.seed)
        self.bench = Bench(dut, "clk", "rst")
        self.report: dict[str, Any] = {}
        self.compared = self.listed = 0
        """Layers and registers that were looked at; beats of lists that were taken."""
        port = partial(Port, dut)
        self.aw, self.w, self.ar = (
            Channel(
                *(dut, rng, f"s_axil_{name}valid", f"s_axil_{name}ready"),
                **{field: f"s_axil_{name}{field}" for field in fields},
            )
            for name, fields in REGISTER_CHANNELS
        )
        taker = partial(Taker, dut, rng)
        self.b = taker("s_axil_bvalid", "s_axil_bready", "s_axil_bresp")
        self.r = taker("s_axil_rvalid", "s_axil_rready", "s_axil_rdata", "s_axil_rresp")
        self.reads = taker("list_read__valid", "list_read__ready", "list_read__payload")
        self.layers = taker("layer__valid", "layer__ready", "layer__payload")
        self.beats = Channel(
            *(dut, rng, "list_data__valid", "list_data__ready"), data="list_data__payload"
        )
        self.channels = (self.aw, self.w, self.ar, self.beats)
        self.takers = (self.b, self.r, self.reads, self.layers)
        self.marks = {name: port(name) for name in MARKS}
        self.owed = dict.fromkeys(MARKS, 0)
        self.late: set[str] = set()
        self.idle, self.error, self.faults = port("idle"), port("dma_error"), port("faults")
        outputs = ("halt", "clear", "running", "statistics", "irq")
        self.outputs = {name: port(name) for name in outputs}
        self.memory: dict[int, bytes] = {}
        self.seen: dict[str, str] = {}
        self.clears = self.quiet = self.bus_busy = 0
        self.restless = self.pace = 0.0
        self.idling = True
        for each in (*self.marks.values(), self.error, self.faults):
            each.set(bits(0, each.width))
        self.idle.set("1")

    def tally(self) -> dict[str, Any]:
        """What the scenario amounts to: its vectors are beats of lists, and its beats the layers
        and the register values that were looked at."""
        stalls = {
            "input": sum(each.waited for each in self.channels),
            "output": sum(each.stalled for each in self.takers),
        }
        return {"beats": self.compared, "vectors": self.listed, "stalls": stalls}

    def set_pace(self, busy: float) -> None:
        """How often everybody waits."""
        self.pace = busy
        for each in (*self.channels, *self.takers):
            each.busy = busy

    def step(self, cycle: int) -> None:
        self.seen = {name: each.get() for name, each in self.outputs.items()}
        before = len(self.layers.taken), len(self.reads.taken)
        for each in (self.aw, self.w, self.ar, self.b, self.r, self.reads):
            each.step()
        self.listed += self.beats.step()
        self.layers.step()
        for (payload,) in self.reads.taken[before[1] :]:
            address, count = int(payload[16:], 2), int(payload[:16], 2)
            for beat in range(count):
                self.beats.queue.append({"data": self._beat(address + beat * self.config.beat)})
        for name in self.owed:
            self.owed[name] += len(self.layers.taken) - before[0]
            mark = self.owed[name] and name not in self.late and self.rng.random() >= self.pace
            self.owed[name] -= bool(mark)
            self.marks[name].set("1" if mark else "0")
        halted = self.seen["halt"] == "1"
        self.quiet = self.quiet + 1 if self.idling and halted else 0
        if self.seen["clear"] == "1":
            self._clear(halted)
        self.bus_busy = max(0, self.bus_busy - 1)
        self.idling = not self.bus_busy and self.rng.random() >= self.restless
        self.idle.set("1" if self.idling else "0")

    def _clear(self, halted: bool) -> None:
        """All units are reset."""
        require(self.idling, "reset while the bus is under way")
        require(not halted or self.quiet >= REST, "reset before the bus has come to rest")
        expect("running while units are reset", self.seen["running"], "0")
        self.clears += 1
        self.forget()
        self.error.set(bits(0, 8))

    def forget(self) -> None:
        """What the units have not answered, nobody will."""
        self.beats.drop()
        self.owed = dict.fromkeys(MARKS, 0)
        for mark in self.marks.values():
            mark.set("0")

    def _beat(self, address: int) -> int:
        for base, data in self.memory.items():
            if base <= address < base + len(data):
                return int.from_bytes(data[address - base :][: self.config.beat], "little")
        raise Violation("region", f"{address:#x} is read, where there is no list")

    async def cycles(self, count: int = 1) -> None:
        """Let some pass."""
        await self.bench.cycles(count, self)

    async def until(self, done: Callable[[], object], patience: int = 4000) -> None:
        """Until ``done()``, for ``patience`` cycles at most."""
        for _ in range(patience):
            if done():
                return
            await self.cycles()
        raise Violation("stuck", f"nothing happens for {patience} cycles")

    # Software.

    async def write(
        self, name: str | int, value: int, strobe: int = 0xF, response: str = OKAY
    ) -> None:
        """Write a register, by name or offset."""
        offset = name if isinstance(name, int) else offset_of(name)
        count = len(self.b.taken)
        self.aw.queue.append({"addr": offset, "prot": 0})
        if self.rng.random() < 0.5:
            await self.cycles(self.rng.randrange(3))
        self.w.queue.append({"data": value, "strb": strobe})
        await self.until(lambda: len(self.b.taken) > count)
        expect(f"response to a write of {name}", self.b.taken[-1], [response])

    async def read(self, name: str | int, response: str = OKAY) -> int:
        """The value of a register, by name or offset."""
        offset = name if isinstance(name, int) else offset_of(name)
        count = len(self.r.taken)
        self.ar.queue.append({"addr": offset, "prot": 0})
        await self.until(lambda: len(self.r.taken) > count)
        expect(f"response to a read of {name}", self.r.taken[-1][1], response)
        self.compared += 1
        return int(self.r.taken[-1][0], 2)

    async def reads_as(self, **registers: int) -> None:
        """Registers have these values."""
        for name, value in registers.items():
            expect(name, await self.read(name), value)

    async def status_is(self, *flags: str) -> None:
        """These flags of the status are set, and no other."""
        value = await self.read("status")
        got = {field.name for field in STATUS.fields if value >> field.low & 1}
        expect("status", sorted(got), sorted(flags))

    async def failure(self) -> tuple[str, int, int]:
        """Name of the error, layer, detail."""
        value = await self.read("error")
        require(value & 0xFF < len(ERRORS), f"error code {value & 0xFF}, which there is not")
        return ERRORS[value & 0xFF].name, value >> 16, await self.read("detail")

    async def failure_is(self, name: str, layer: int, detail: int) -> None:
        """The error that is told."""
        expect("error, layer, detail", await self.failure(), (name, layer, detail))

    def outputs_are(self, **wanted: int) -> None:
        """These outputs had these values in the last cycle."""
        for name, value in wanted.items():
            expect(name, int(self.seen[name], 2), value)

    async def interrupt(self, patience: int = 4000) -> None:
        """Wait for it."""
        await self.until(lambda: self.seen["irq"] == "1", patience)

    async def begin(self, descriptors: list[bytes], statistics: int = STATISTICS) -> None:
        """Start a list."""
        self.memory = {LIST: b"".join(descriptors)}
        await self.write("list_low", LIST & 0xFFFFFFFF)
        await self.write("list_high", LIST >> 32)
        await self.write("count", len(descriptors))
        await self.write("statistics_low", statistics & 0xFFFFFFFF)
        await self.write("statistics_high", statistics >> 32)
        await self.write("control", 0b101)

    async def soft_reset(self) -> None:
        """Ask for it, and wait until it is done."""
        await self.write("control", 0b010)
        await self.until(lambda: self.clears and self.seen["halt"] == "0")
        await self.status_is()

    def goods(self, count: int) -> list[bytes]:
        """Random descriptors that are right."""
        return [random_descriptor(self.rng, self.config, number) for number in range(count)]

    async def succeeds(self, descriptors: list[bytes]) -> None:
        """Carry out a good list, and look at everything that is said of it."""
        self.layers.taken.clear()
        self.reads.taken.clear()
        clears, count = self.clears, len(descriptors)
        await self.begin(descriptors)
        await self.interrupt(400 * self.beats_each + 200 * count)
        expect("pulses of clear for a list", self.clears, clears + 1)
        expect("layers handed out", len(self.layers.taken), count)
        for number, ((word,), data) in enumerate(zip(self.layers.taken, descriptors, strict=True)):
            got, wanted = _layer(word), decode(data) | {"number": number}
            wrong = {name: (got[name], wanted[name]) for name in got if got[name] != wanted[name]}
            require(not wrong, f"layer {number}: (got, wanted) of fields: {wrong}")
            self.compared += 1
        expect("reads of the list", len(self.reads.taken), 2)
        await self.status_is("done")
        await self.failure_is("none", 0, 0)
        await self.reads_as(layers_done=count)
        cycles, least = await self.read("cycles_low"), 2 * self.beats_each * count
        require(cycles >= least, f"a list of {count} takes {cycles} cycles, at least {least}")
        require(not self.beats.queue, "a list is done before all of it is read")
        await self.write("status", 0b010)
        await self.cycles(2)
        self.outputs_are(irq=0)


def _layer(word: str) -> dict[str, int]:
    """Fields of a layer on the stream, and its number."""
    result, at = {}, len(word)
    for field in FIELDS:
        width = min(field.bits, 40)
        result[field.name] = int(word[at - width : at], 2)
        at -= width
    assert at == 16
    return result | {"number": int(word[:at], 2)}


@cache
def _load() -> tuple[AcceleratorConfig, int, int]:
    """Machine, seed and count of the job that the environment names."""
    job = json.loads((Path(os.environ[FOLDER]) / JOB).read_text())
    return AcceleratorConfig(**job["config"]["accelerator"]), job["seed"], job["count"]


scenario = scenarios(Session)
