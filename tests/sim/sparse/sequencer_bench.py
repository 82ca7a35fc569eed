"""cocotb tests of the sequencer; test_sequencer.py runs them."""

import json
import os
import random
from functools import partial

import cocotb

from golden.sparse import registers
from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.checks import offence
from golden.sparse.descriptor import BYTES, FIELDS, LAYERS, decode, encode
from golden.sparse.registers import ERRORS, REGISTERS, constants, offset_of
from hw.sparse.sequencer import REST
from sim.streams import Bench, Port

CONFIG = AcceleratorConfig(**json.loads(os.environ["BITPILLAR_MACHINE"]))
BEATS = BYTES // CONFIG.beat
OKAY, SLVERR = "00", "10"
LIST, STATISTICS = 0x12_3456_7000 // 128 * 128, 0x98_0000_0080


def bits(value, width):
    return f"{value:0{width}b}"


class Channel:
    """A driver of one AXI channel or stream: offers values, holding each until it is taken."""

    def __init__(self, dut, rng, valid, ready, **fields):
        self.rng, self.busy = rng, 0.0
        self.valid, self.ready = Port(dut, valid), Port(dut, ready)
        self.fields = {name: Port(dut, port) for name, port in fields.items()}
        self.queue, self.offering = [], False
        self.valid.set("0")

    def step(self):
        """True when a value was taken."""
        taken = self.offering and self.ready.get() == "1"
        if taken:
            self.queue.pop(0)
            self.offering = False
            self.valid.set("0")
        if not self.offering and self.queue and self.rng.random() >= self.busy:
            for name, value in self.queue[0].items():
                self.fields[name].set(bits(value, self.fields[name].width))
            self.valid.set("1")
            self.offering = True
        return taken

    def drop(self):
        self.queue.clear()
        self.offering = False
        self.valid.set("0")


class Taker:
    """Takes from a channel or stream, and sees that what is offered does not change."""

    def __init__(self, dut, rng, valid, ready, *fields):
        self.rng, self.busy = rng, 0.0
        self.valid, self.ready = Port(dut, valid), Port(dut, ready)
        self.fields = [Port(dut, name) for name in fields]
        self.taken, self.willing, self.held = [], False, None
        self.may_withdraw = False
        self.ready.set("0")

    def step(self):
        if self.valid.get() == "1":
            word = [port.get() for port in self.fields]
            assert self.held in (None, word), "the payload changed before it was taken"
            self.held = None if self.willing else word
            if self.willing:
                self.taken.append(word)
        else:
            assert self.held is None or self.may_withdraw, "a payload was withdrawn"
            self.held = None
        self.willing = self.rng.random() >= self.busy
        self.ready.set("1" if self.willing else "0")


class World:
    """Everything around the sequencer: software, the DMA and its memory, the units."""

    def __init__(self, dut, seed):
        self.rng = rng = random.Random(seed)
        self.bench = Bench(dut, "clk", "rst")
        port = partial(Port, dut)
        axil = {
            name: Channel(
                dut, rng, f"s_axil__{name}valid", f"s_axil__{name}ready",
                **{f: f"s_axil__{name}{f}" for f in fields},
            )
            for name, fields in (("aw", ("addr", "prot")), ("w", ("data", "strb")),
                                 ("ar", ("addr", "prot")))
        }  # fmt: skip
        self.aw, self.w, self.ar = axil["aw"], axil["w"], axil["ar"]
        self.b = Taker(dut, rng, "s_axil__bvalid", "s_axil__bready", "s_axil__bresp")
        self.r = Taker(
            dut, rng, "s_axil__rvalid", "s_axil__rready", "s_axil__rdata", "s_axil__rresp"
        )
        self.reads = Taker(dut, rng, "list_read__valid", "list_read__ready", "list_read__payload")
        self.beats = Channel(
            dut, rng, "list_data__valid", "list_data__ready", data="list_data__payload"
        )
        self.layers = Taker(dut, rng, "layer__valid", "layer__ready", "layer__payload")
        self.marks = {name: port(name) for name in ("layers_done", "rows_done", "records_done")}
        self.owed = dict.fromkeys(self.marks, 0)
        self.late = set()  # kinds of marks that are held back
        self.idle, self.error, self.faults = port("idle"), port("dma_error"), port("faults")
        self.outputs = {
            name: port(name) for name in ("halt", "clear", "running", "statistics", "irq")
        }
        self.memory, self.seen, self.clears, self.quiet = {}, {}, 0, 0
        self.bus_busy = 0  # cycles for which the bus will not come to rest
        self.restless = 0.0  # how often the bus wakes for a cycle
        self.pace = 0.0

    def set_pace(self, busy):
        """How often everybody waits."""
        self.pace = busy
        for each in (self.aw, self.w, self.ar, self.b, self.r, self.reads, self.beats, self.layers):
            each.busy = busy

    async def start(self):
        for each in (*self.marks.values(), self.error, self.faults):
            each.set(bits(0, each.width))
        self.idle.set("1")
        self.idling = True
        await self.bench.start()

    def step(self, cycle):
        self.seen = {name: each.get() for name, each in self.outputs.items()}
        before = len(self.layers.taken), len(self.reads.taken)
        for each in (self.aw, self.w, self.ar, self.b, self.r, self.reads, self.beats, self.layers):
            each.step()
        for payload in self.reads.taken[before[1] :]:
            address, count = int(payload[0][16:], 2), int(payload[0][:16], 2)
            for beat in range(count):
                self.beats.queue.append({"data": self.beat(address + beat * CONFIG.beat)})
        for name in self.owed:
            self.owed[name] += len(self.layers.taken) - before[0]
            mark = self.owed[name] and name not in self.late and self.rng.random() >= self.pace
            self.owed[name] -= bool(mark)
            self.marks[name].set("1" if mark else "0")
        halted = self.seen["halt"] == "1"
        self.quiet = self.quiet + 1 if self.idling and halted else 0
        if self.seen["clear"] == "1":
            assert self.idling, "reset while the bus is under way"
            assert not halted or self.quiet >= REST, "reset before the bus has come to rest"
            assert self.seen["running"] == "0"
            self.clears += 1
            self.beats.drop()
            self.owed = dict.fromkeys(self.owed, 0)
            for mark in self.marks.values():
                mark.set("0")
            self.error.set(bits(0, 8))
        self.bus_busy = max(0, self.bus_busy - 1)
        self.idling = not self.bus_busy and self.rng.random() >= self.restless
        self.idle.set("1" if self.idling else "0")

    def beat(self, address):
        for base, data in self.memory.items():
            if base <= address < base + len(data):
                return int.from_bytes(data[address - base :][: CONFIG.beat], "little")
        raise AssertionError(f"{address:#x} is read")

    async def cycles(self, count=1):
        await self.bench.cycles(count, self)

    async def until(self, done, patience=4000):
        for _ in range(patience):
            if done():
                return
            await self.cycles()
        raise AssertionError(f"nothing happens for {patience} cycles")

    async def write(self, name, value, strobe=0xF, response=OKAY):
        offset = name if isinstance(name, int) else offset_of(name)
        count = len(self.b.taken)
        self.aw.queue.append({"addr": offset, "prot": 0})
        if self.rng.random() < 0.5:
            await self.cycles(self.rng.randrange(3))
        self.w.queue.append({"data": value, "strb": strobe})
        await self.until(lambda: len(self.b.taken) > count)
        assert self.b.taken[-1] == [response]

    async def read(self, name, response=OKAY):
        offset = name if isinstance(name, int) else offset_of(name)
        count = len(self.r.taken)
        self.ar.queue.append({"addr": offset, "prot": 0})
        await self.until(lambda: len(self.r.taken) > count)
        assert self.r.taken[-1][1] == response
        return int(self.r.taken[-1][0], 2)

    async def status(self):
        value = await self.read("status")
        return {f.name: value >> f.low & 1 for f in REGISTERS[6].fields}

    async def failure(self):
        """Name of the error, layer, detail."""
        value = await self.read("error")
        return ERRORS[value & 0xFF].name, value >> 16, await self.read("detail")

    async def begin(self, descriptors, statistics=STATISTICS):
        """Start a list."""
        self.memory = {LIST: b"".join(descriptors)}
        await self.write("list_low", LIST & 0xFFFFFFFF)
        await self.write("list_high", LIST >> 32)
        await self.write("count", len(descriptors))
        await self.write("statistics_low", statistics & 0xFFFFFFFF)
        await self.write("statistics_high", statistics >> 32)
        await self.write("control", 0b101)

    async def soft_reset(self):
        await self.write("control", 0b010)
        await self.until(lambda: self.clears and self.seen["halt"] == "0")
        assert await self.status() == dict(busy=0, done=0, error=0, stopped=0)

    async def succeeds(self, descriptors):
        """Carry out a good list, and look at everything that is said of it."""
        self.layers.taken.clear()
        self.reads.taken.clear()
        clears = self.clears
        await self.begin(descriptors)
        await self.until(lambda: self.seen["irq"] == "1", 400 * BEATS + 200 * len(descriptors))
        assert self.clears == clears + 1
        assert [layer(word[0]) for word in self.layers.taken] == [
            wanted(data, number) for number, data in enumerate(descriptors)
        ]
        assert len(self.reads.taken) == 2
        assert await self.status() == dict(busy=0, done=1, error=0, stopped=0)
        assert await self.failure() == ("none", 0, 0)
        assert await self.read("layers_done") == len(descriptors)
        assert await self.read("cycles_low") >= 2 * BEATS * len(descriptors)
        assert not self.beats.queue
        await self.write("status", 0b010)
        await self.cycles(2)
        assert self.seen["irq"] == "0"


def layer(word):
    """Fields of a layer on the stream, and its number."""
    result, at = {}, len(word)
    for field in FIELDS:
        width = min(field.bits, 40)
        result[field.name] = int(word[at - width : at], 2)
        at -= width
    assert at == 16
    return result | {"number": int(word[:at], 2)}


def wanted(data, number):
    return decode(data) | {"number": number}


def address(rng):
    return rng.randrange(1 << 33) * 128


def good(rng, number):
    """A descriptor that is right, with all that it does not use at random."""
    op = rng.randrange(4)
    most = CONFIG.weight_vectors // CONFIG.array  # matrices of a pass that fit
    conv = rng.choice([k for k in (1, 2, 3) if k * k <= most])
    kernel = {0: conv, 1: rng.choice([k for k in (2, 4) if k <= most]), 2: rng.choice([2, 4])}
    kernel = kernel.get(op, 1)
    fields = {
        "op": op, "kernel": kernel, "relu": rng.randrange(2), "phased": int(op == 1),
        "phase": rng.randrange(kernel) if op == 1 else 0, "selection": rng.randrange(2),
        "rows": rng.randint(2, 512), "columns": rng.randint(2, min(512, CONFIG.columns)),
        "first_tile": rng.randint(1, CONFIG.tile), "tile": rng.randint(1, CONFIG.tile),
        "span": rng.randint(1, CONFIG.input_vectors), "cpr_after": rng.randint(0, number),
        "features_after": rng.randint(0, number), "capacity": rng.randint(1, 1 << 22),
        "select_count": rng.randint(0, 1 << 22), "select_ratio": rng.randint(0, 1 << 16),
        "threshold": rng.randrange(1 << 16), "union_bit": rng.randint(1, 3),
        "union_first": rng.randrange(2), "source_tiles": rng.randint(1, 256),
        "output_tiles": rng.randint(1, 1024), "write_cpr": int(op >= 2 or (op == 0 and number % 2)),
    }  # fmt: skip
    if op == 0:
        fields["sources"] = rng.randint(1, 4)
        fields["stride"] = rng.choice([1, 2]) if kernel > 1 else 1
        if kernel != 2 and fields["stride"] == 1:
            fields["mode"] = rng.randrange(3)
            fields["sources"] = 1 if fields["mode"] == 2 else fields["sources"]
        if fields["sources"] == 1:
            fields["use"] = 2 if fields.get("mode") == 2 else rng.randrange(2)
        if fields["write_cpr"]:
            fields["measure"] = rng.randrange(3)
            if fields["measure"] == 2:
                fields["output_tiles"] = rng.randint(1, 511 // CONFIG.array)
    fields["input_tiles"] = fields["source_tiles"] * fields.get("sources", 1)
    fields |= {f.name: address(rng) for f in FIELDS if f.address and f.bits == 64}
    fields |= {f.name: rng.randrange(1 << 25) * 128 for f in FIELDS if f.address and f.bits == 32}
    data = encode(fields)
    assert offence(data, CONFIG, number) is None
    return data


def goods(rng, count):
    return [good(rng, number) for number in range(count)]


def scenario(body):
    async def test(dut):
        world = World(dut, seed=int(os.environ["BITPILLAR_SEED"]))
        await world.start()
        await body(world)

    test.__name__ = test.__qualname__ = body.__name__
    return cocotb.test()(test)


@scenario
async def registers_read_and_write(w):
    for busy in (0.0, 0.5):
        w.set_pace(busy)
        for register in REGISTERS:
            value = await w.read(register.name)
            for field in register.fields:
                known = constants(CONFIG).get(field.name, 0)
                assert value >> field.low & (1 << field.bits) - 1 == known, field.name
        for register in REGISTERS:
            writable = [f for f in register.fields if f.access in ("rw", "en")]
            if [f.access for f in writable] == ["rw"]:
                await w.write(register.name, 0x89ABCDEF)
                await w.write(register.name, 0x11223344, strobe=0b0110)
                assert await w.read(register.name) == 0x892233EF
                await w.write(register.name, 0)
            elif not writable:
                before = await w.read(register.name)
                await w.write(register.name, 0xFFFFFFFF & ~before)
                assert await w.read(register.name) == before
        beyond = REGISTERS[-1].offset + 4
        for offset in (beyond, (1 << registers.ADDRESS_BITS) - 4):
            assert await w.read(offset, SLVERR) == 0
            await w.write(offset, 0xFFFFFFFF, response=SLVERR)
        await w.write("control", 0b100)
        assert await w.read("control") == 0b100
        await w.write("control", 0)
        # Data may come long before the address.
        w.w.queue.append({"data": 7, "strb": 15})
        await w.cycles(5)
        w.aw.queue.append({"addr": offset_of("count"), "prot": 0})
        await w.cycles(20)
        assert await w.read("count") == 7
        await w.write("count", 0)
        # A master that does not wait for its answers, nor take them.
        w.b.busy = 1.0
        count = len(w.b.taken)
        for value, offset in ((5, "count"), (6, beyond), (7, "list_low")):
            place = offset if isinstance(offset, int) else offset_of(offset)
            w.aw.queue.append({"addr": place, "prot": 0})
            w.w.queue.append({"data": value, "strb": 15})
        await w.cycles(30)
        w.b.busy = busy
        await w.until(lambda goal=count + 3: len(w.b.taken) == goal)
        assert w.b.taken[count:] == [[OKAY], [SLVERR], [OKAY]]
        assert await w.read("count") == 5 and await w.read("list_low") == 7
        await w.write("count", 0)
        await w.write("list_low", 0)


@scenario
async def good_lists(w):
    for trial in range(24):
        w.set_pace(w.rng.choice([0.0, 0.0, 0.3, 0.8]))
        await w.succeeds(goods(w.rng, w.rng.choice([1, 1, 2, 3, 8, 20]) if trial else 40))


@scenario
async def every_layer_is_waited_for(w):
    """Done comes only with the last mark of each kind."""
    for kind in w.marks:
        w.late = {kind}
        await w.begin(goods(w.rng, 3))
        await w.until(lambda: len(w.layers.taken) % 3 == 0 and w.layers.taken)
        await w.cycles(200)
        assert w.seen["irq"] == "0" and w.seen["running"] == "1"
        assert (await w.status())["busy"] == 1
        assert int(w.seen["statistics"], 2) == STATISTICS
        # Registers are locked, but for control and status.
        await w.write("count", 77)
        await w.write("list_low", 0)
        await w.write("control", 0b001)
        assert await w.read("count") == 3 and await w.read("list_low") == LIST & 0xFFFFFFFF
        w.late = set()
        await w.until(lambda: not any(w.owed.values()))
        await w.cycles(3)
        assert (await w.status())["done"] == 1 and w.seen["irq"] == "0"
        await w.write("control", 0b100)
        assert (await w.status())["done"] == 1
        assert w.seen["irq"] == "1" and w.seen["running"] == "0"
        await w.write("status", 0b010)


async def malformed(w, descriptors, number):
    """A list whose descriptor ``number`` is the first that is wrong."""
    found = offence(descriptors[number], CONFIG, number)
    w.layers.taken.clear()
    await w.begin(descriptors)
    await w.until(lambda: w.seen["irq"] == "1")
    assert await w.failure() == ("descriptor", number, found.offset), found
    assert await w.status() == dict(busy=0, done=0, error=1, stopped=1)
    assert not w.layers.taken and w.seen["halt"] == "1" and w.seen["running"] == "0"


@scenario
async def malformed_descriptors(w):
    """All that is known to be wrong, each by itself in a good list."""
    for fields in json.loads(os.environ["BITPILLAR_BROKEN"]):
        count = w.rng.randint(1, 3)
        number = w.rng.randrange(count)
        descriptors = goods(w.rng, count)
        descriptors[number] = encode(fields)
        await malformed(w, descriptors, number)
        await w.soft_reset()
    await w.succeeds(goods(w.rng, 2))


@scenario
async def flipped_bits(w):
    """Any few bits of a good list, as golden judges them; and bytes of rubbish."""
    wrong = 0
    for trial in range(260):
        w.set_pace(w.rng.choice([0.0, 0.3]))
        descriptors = goods(w.rng, 2)
        data = bytearray(descriptors[w.rng.randrange(2)])
        index = descriptors.index(bytes(data))
        for _ in range(w.rng.choice([1, 1, 2, 3])):
            bit = trial * 7919 % (8 * BYTES) if trial % 2 else w.rng.randrange(8 * 56)
            data[bit // 8] ^= 1 << w.rng.randrange(8)
        if trial % 50 == 49:
            data = bytearray(w.rng.randbytes(BYTES))
        descriptors[index] = bytes(data)
        if offence(descriptors[index], CONFIG, index) is None:
            await w.succeeds(descriptors)
        else:
            wrong += 1
            await malformed(w, descriptors, index)
            await w.soft_reset()
    assert 100 < wrong < 250


@scenario
async def memory_changes_between_the_passes(w):
    descriptors = goods(w.rng, 3)
    await w.begin(descriptors)
    reads = len(w.reads.taken)
    await w.until(lambda: len(w.reads.taken) == reads + 1)
    w.memory = {LIST: descriptors[0] + bytes(BYTES) + descriptors[2]}
    await w.until(lambda: w.seen["irq"] == "1")
    assert (await w.failure())[:2] == ("descriptor", 1)
    assert len(w.layers.taken) == 1 and w.seen["halt"] == "1"
    await w.soft_reset()


@scenario
async def wrong_registers(w):
    for name, value, after in (
        ("list_low", LIST + 64 & 0xFFFFFFFF, 0), ("list_high", 0x100, 0), ("count", 0, 0),
        ("count", LAYERS + 1, 0), ("count", 1 << 31, 0), ("statistics_low", 4, 0),
        ("statistics_high", 1 << 31, 0),
    ):  # fmt: skip
        clears, reads = w.clears, len(w.reads.taken)
        await w.begin(goods(w.rng, 1))
        await w.until(lambda: w.seen["irq"] == "1")
        await w.write("status", 0b110)
        clears, reads = w.clears, len(w.reads.taken)
        await w.write(name, value)
        await w.write("control", 0b101)
        await w.until(lambda: w.seen["irq"] == "1")
        assert await w.failure() == ("list", after, offset_of(name))
        assert await w.status() == dict(busy=0, done=0, error=1, stopped=0)
        assert (w.clears, len(w.reads.taken)) == (clears, reads)
        # The next start needs no soft reset, and forgets the error.
        await w.succeeds(goods(w.rng, 1))


@scenario
async def errors_stop_the_machine(w):
    """Of the bus and of the units, in either pass and while layers drain."""
    sources = [("read", 3, 0, 5), ("write", 2, 1, 9)]
    for trial in range(30):
        w.set_pace(w.rng.choice([0.0, 0.4]))
        w.layers.taken.clear()
        w.late = {"records_done"}
        descriptors = goods(w.rng, 6)
        moment = trial % 3
        reads = len(w.reads.taken)
        await w.begin(descriptors)
        if moment == 0:
            await w.until(lambda goal=reads + 1: len(w.reads.taken) == goal)
        elif moment == 1:
            await w.until(lambda: len(w.layers.taken) == 3)
            w.layers.busy = 1.0
            await w.cycles(5)
        else:
            await w.until(lambda: len(w.layers.taken) == 6 and not w.owed["layers_done"])
            await w.cycles(2)
        if trial % 5 < 2 or moment == 0:
            name, code, write, client = sources[trial % 2]
            w.error.set(bits(1 | code << 1 | write << 3 | client << 4, 8))
            detail = code | client << 8
        else:
            bit = trial % 3
            name, detail = registers.FAULTS[bit], 0
            w.faults.set(bits(1 << bit, 3))
        w.layers.may_withdraw = True
        await w.cycles(2)
        w.faults.set("000")
        await w.cycles(2)
        assert w.seen["halt"] == "1" and w.seen["running"] == "0" and w.seen["irq"] == "1"
        taken = len(w.layers.taken)
        w.layers.busy = 0.0
        await w.cycles(50)
        assert len(w.layers.taken) == taken
        done = await w.read("layers_done")
        assert moment or done == 0
        assert await w.failure() == (name, done, detail)
        # A start does nothing now.
        await w.write("control", 0b101)
        assert await w.status() == dict(busy=0, done=0, error=1, stopped=1)
        await w.write("status", 0b100)
        assert await w.status() == dict(busy=0, done=0, error=0, stopped=1)
        w.late = set()
        await w.soft_reset()
        w.layers.may_withdraw = False
        await w.succeeds(goods(w.rng, 2))


@scenario
async def an_error_with_the_last_mark(w):
    """Either done, or stopped, whichever comes first; never both."""
    seen = set()
    for delay in range(12):
        w.layers.taken.clear()
        w.late = {"records_done"}
        await w.begin(goods(w.rng, 1))
        await w.until(lambda: len(w.layers.taken) == 1 and not w.owed["rows_done"])
        await w.cycles(5)
        w.late = set()
        await w.cycles(delay)
        w.faults.set("001")
        await w.cycles(1)
        w.faults.set("000")
        await w.cycles(5)
        status = await w.status()
        failed = status["error"] == 1
        assert status == dict(busy=0, done=not failed, error=failed, stopped=failed)
        seen.add(failed)
        await w.soft_reset()
    assert seen == {False, True}


@scenario
async def faults_count_only_while_running(w):
    w.faults.set("111")
    await w.begin(goods(w.rng, 8))
    await w.until(lambda: len(w.reads.taken) == 1)
    await w.cycles(BEATS)
    assert await w.failure() == ("none", 0, 0)
    w.faults.set("000")
    await w.until(lambda: w.seen["irq"] == "1")
    assert (await w.status())["done"] == 1
    w.faults.set("111")
    await w.cycles(5)
    assert (await w.status())["error"] == 0
    w.faults.set("110")
    await w.begin(goods(w.rng, 1))
    await w.until(lambda: w.seen["irq"] == "1")
    assert (await w.failure())[0] == "capacity"
    w.faults.set("000")
    await w.soft_reset()


@scenario
async def soft_reset_at_any_moment(w):
    for _ in range(60):
        w.set_pace(w.rng.choice([0.0, 0.3, 0.7]))
        w.layers.may_withdraw = w.reads.may_withdraw = True
        w.late = set(w.rng.sample(sorted(w.marks), w.rng.randrange(2)))
        await w.begin(goods(w.rng, 4))
        await w.cycles(w.rng.randrange(14 * BEATS + 60))
        clears = w.clears
        w.bus_busy = w.rng.choice([0, 1, 30])
        w.restless = w.rng.choice([0.0, 0.2, 0.5])
        w.aw.queue.append({"addr": offset_of("control"), "prot": 0})
        w.w.queue.append({"data": 0b010, "strb": 15})
        await w.until(lambda: w.seen["halt"] == "1")
        # The bus comes to rest, wakes once more, and rests.
        w.bus_busy = w.rng.choice([0, 0, 10])
        taken = len(w.layers.taken)
        await w.until(lambda c=clears: w.clears == c + 1)
        w.restless = 0.0
        await w.cycles(40)
        assert w.clears == clears + 1 and len(w.layers.taken) == taken
        assert await w.status() == dict(busy=0, done=0, error=0, stopped=0)
        w.late = set()
        w.layers.may_withdraw = w.reads.may_withdraw = False
        await w.succeeds(goods(w.rng, 2))


@scenario
async def a_start_waits_for_the_bus(w):
    w.bus_busy = 100
    await w.begin(goods(w.rng, 1))
    w.bus_busy = 50
    await w.cycles(45)
    assert not w.reads.taken and not w.clears
    await w.until(lambda: w.seen["irq"] == "1")
    assert w.clears == 1


@scenario
async def reset_at_any_moment(w):
    """Of the whole, by its reset."""
    for _ in range(20):
        await w.begin(goods(w.rng, 3))
        await w.cycles(w.rng.randrange(10 * BEATS + 30))
        for each in (w.layers, w.reads, w.b, w.r):
            each.may_withdraw = True
        for each in (w.aw, w.w, w.ar, w.beats):
            each.drop()
        w.owed = dict.fromkeys(w.owed, 0)
        for mark in w.marks.values():
            mark.set("0")
        await w.bench.reset(w)
        await w.cycles(2)
        w.owed = dict.fromkeys(w.owed, 0)
        w.beats.drop()
        for each in (w.layers, w.reads, w.b, w.r):
            each.may_withdraw = False
        assert all(w.seen[name] == "0" for name in ("halt", "clear", "running", "irq"))
        assert await w.status() == dict(busy=0, done=0, error=0, stopped=0)
        assert await w.read("count") == 0 and await w.read("control") == 0
        await w.succeeds(goods(w.rng, 2))
