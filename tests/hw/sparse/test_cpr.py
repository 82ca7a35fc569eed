"""Malformed lists, and a memory that acknowledges late."""

from __future__ import annotations

import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from golden.sparse.accelerator import ACCELERATORS
from golden.sparse.cpr import Cpr
from golden.sparse.memory import cpr_bytes
from golden.sparse.places import HEADER_BYTES
from golden.sparse.rgu import RuleLayer, Source, pillars, tokens
from hw.sparse.cpr import CprReader, CprWriter

CONFIG = ACCELERATORS["n16"]
SHAPE = 24, 10


async def offer(ctx, stream, words, rng):
    for word in words:
        while rng.random() < 0.3:
            await ctx.tick()
        ctx.set(stream.payload, word)
        ctx.set(stream.valid, 1)
        await ctx.tick().until(stream.ready)
        ctx.set(stream.valid, 0)


def read(lists):
    """The tokens of each list (header and pointers; entries; use), by row, and whether there was an
    error."""
    beat = CONFIG.beat
    memory, layers = {}, []
    for number, (header, entries, use) in enumerate(lists):
        cpr = number << 20
        for base, data in ((cpr, header), (cpr + (1 << 19), entries)):
            for low in range(0, len(data), beat):
                part = data[low : low + beat].ljust(beat, b"\xff")
                memory[base + low] = int.from_bytes(part, "little")
        layers.append(
            {"cpr": cpr, "entries": cpr + (1 << 19), "rows": SHAPE[0], "columns": SHAPE[1]}
            | {"use": use}
        )
    dut = CprReader(CONFIG)
    result = []

    async def layer(ctx):
        await offer(ctx, dut.layer, layers, random.Random(1))

    def serve(command, data):
        queue = []

        async def commands(ctx):
            ctx.set(command.ready, 1)
            async for _, _, valid, payload in ctx.tick().sample(command.valid, command.payload):
                if valid:
                    for k in range(payload.beats):
                        # Beyond a list that claims too much lies anything.
                        queue.append(memory.get(payload.address + k * beat, 0x5A5A << 40))

        async def beats(ctx):
            while True:
                if queue:
                    await offer(ctx, data, [queue.pop(0)], random.Random(len(queue)))
                else:
                    await ctx.tick()

        return commands, beats, queue

    rows, entries = serve(dut.read_rows, dut.rows), serve(dut.read_entries, dut.entries)

    async def sink(ctx):
        ctx.set(dut.o.ready, 1)
        for _ in lists:
            given = [[]]
            for _ in range(20_000):
                _, _, valid, token = await ctx.tick().sample(dut.o.valid, dut.o.payload)
                if not valid:
                    continue
                if not token.empty:
                    given[-1].append((token.column, token.index, token.value))
                if token.last:
                    if len(given) == SHAPE[0]:
                        break
                    given.append([])
            else:
                pytest.fail("the reader hangs")
            result.append(given)
        await ctx.tick().repeat(20)
        assert not rows[2] and not entries[2]  # all that was asked for has been taken
        result.append(bool(ctx.get(dut.error)))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for process in (layer, *rows[:2], *entries[:2]):
        simulator.add_testbench(process, background=True)
    simulator.add_testbench(sink)
    simulator.run()
    *given, error = result
    return given, error


def good(seed=0):
    rng = np.random.default_rng(seed)
    active = Cpr.from_bitmap(rng.random(SHAPE) < 0.6)
    value = rng.integers(0, 9, len(active))
    beats = tokens(Source.read(active, value, value >= 0, "ignore"))
    given, row = [[]], 0
    for k, last in enumerate(beats["last"]):
        if not beats["empty"][k]:
            given[row].append(tuple(int(beats[name][k]) for name in ("column", "index", "value")))
        if last:
            given, row = [*given, []], row + 1
    header, entries = (bytearray(part) for part in cpr_bytes(active, value))
    return header, entries, given[: SHAPE[0]]


def pointer(number):
    return slice(HEADER_BYTES + 4 * number, HEADER_BYTES + 4 * number + 4)


MALFORMED = {
    "first": lambda h, e: h.__setitem__(pointer(0), (1).to_bytes(4, "little")),
    "descending": lambda h, e: h.__setitem__(pointer(7), (0).to_bytes(4, "little")),
    "more than a grid": lambda h, e: h.__setitem__(
        pointer(24), (1 << 22 | 1).to_bytes(4, "little")
    ),
    "huge": lambda h, e: h.__setitem__(pointer(9), (1 << 31).to_bytes(4, "little")),
    "long last row": lambda h, e: h.__setitem__(pointer(24), (1 << 22).to_bytes(4, "little")),
    "long row": lambda h, e: h.__setitem__(
        pointer(3), (int.from_bytes(h[pointer(2)], "little") + 11).to_bytes(4, "little")
    ),
    "column": lambda h, e: e.__setitem__(slice(20, 22), (10).to_bytes(2, "little")),
    "wide column": lambda h, e: e.__setitem__(slice(20, 22), (1 << 15).to_bytes(2, "little")),
    "equal columns": lambda h, e: e.__setitem__(slice(4, 6), e[0:2]),
    "descending columns": lambda h, e: e.__setitem__(slice(0, 2), (9).to_bytes(2, "little")),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_list_is_an_error_and_no_more(fault):
    header, entries, _ = good()
    MALFORMED[fault](header, entries)
    after = good(1)
    (given, again), error = read([(bytes(header), bytes(entries), 0), (*map(bytes, after[:2]), 0)])
    assert error
    assert again == after[2]
    for row in given:
        columns = [token[0] for token in row]
        assert columns == sorted(set(columns)) and all(c < SHAPE[1] for c in columns)


def test_a_good_list_is_no_error():
    lists = [good(seed) for seed in range(3)]
    given, error = read([(bytes(header), bytes(entries), 0) for header, entries, _ in lists])
    assert not error
    assert given == [expected for _, _, expected in lists]


@pytest.mark.parametrize("machine", ["n8", "n64"])
def test_marks_come_when_all_of_a_list_is_in_memory(machine):
    config, rng = ACCELERATORS[machine], np.random.default_rng(7)
    layers, words, wanted = [], [], []
    for number in range(8):
        shape = tuple(int(n) for n in rng.integers(1, 14, 2))
        active = Cpr.from_bitmap(rng.random(shape) < rng.choice([0, 0.3, 1]))
        plain = Source.plain(active)
        beats = pillars(RuleLayer(rows=shape[0], columns=shape[1]), plain)
        late, write = number % 4 == 2, number % 4 != 3
        cpr, at = number << 20, (number << 20) + (1 << 19)
        layers.append({"cpr": cpr, "entries": at, "write_cpr": int(write), "late": int(late)})
        layers[-1]["capacity"] = max(1, len(active))
        names = ("column", "value", "empty", "last", "end")
        words += [{n: int(beats[n][k]) for n in names} for k in range(len(beats["last"]))]
        header, entries = cpr_bytes(active)
        parts = [(cpr + HEADER_BYTES, header[HEADER_BYTES:])] if write else []
        parts += [(cpr, header[:HEADER_BYTES]), (at, entries)] if write and not late else []
        wanted.append({base + k: byte for base, data in parts for k, byte in enumerate(data)})
    dut = CprWriter(config)
    memory, done = {}, []
    plain_layers = [k for k, layer in enumerate(layers) if not layer["late"]]
    late_layers = [k for k, layer in enumerate(layers) if layer["late"]]

    def there(number):
        assert all(memory.get(at) == byte for at, byte in wanted[number].items()), number
        done.append(number)

    def serve(stream, acknowledge, seed):
        async def process(ctx):
            chance, queue, now = random.Random(seed), [], 0
            while True:
                ctx.set(stream.ready, chance.random() < 0.6)
                _, _, valid, ready, beat = await ctx.tick().sample(
                    stream.valid, stream.ready, stream.payload
                )
                now += 1
                if valid and ready:
                    queue.append((now + chance.randrange(2, 60), beat))
                vectors = 0
                while queue and queue[0][0] <= now:
                    beat = queue.pop(0)[1]
                    for k in range(config.beat):
                        if beat.strobe >> k & 1:
                            memory[beat.address + k] = beat.data >> 8 * k & 0xFF
                    vectors += beat.vector
                    if beat.layer:
                        assert beat.flush
                        there(plain_layers.pop(0))
                ctx.set(acknowledge.vectors, vectors)

        return process

    async def give(ctx):
        await offer(ctx, dut.i, words, random.Random(4))

    async def begin(ctx):
        await offer(ctx, dut.layer, layers, random.Random(5))

    async def watch(ctx):
        for _ in range(20_000):
            _, _, pointers_done = await ctx.tick().sample(dut.pointers_done)
            if pointers_done:
                there(late_layers.pop(0))
            if not plain_layers and not late_layers:
                break
        await ctx.tick().repeat(100)
        assert done == list(range(8))
        assert memory == {at: byte for part in wanted for at, byte in part.items()}
        assert not ctx.get(dut.overflow)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for process in (
        give,
        begin,
        serve(dut.rows, dut.rows_done, 2),
        serve(dut.entries, dut.entries_done, 3),
    ):
        simulator.add_testbench(process, background=True)
    simulator.add_testbench(watch)
    simulator.run()


@pytest.mark.parametrize("capacity", [3, 4, 5])
def test_overflow(capacity):
    dut = CprWriter(CONFIG)
    beats = pillars(RuleLayer(rows=2, columns=2), Source.plain(Cpr.full((2, 2))))
    names = ("column", "empty", "last", "end")
    words = [{n: int(beats[n][k]) for n in names} for k in range(4)]

    async def bench(ctx):
        ctx.set(dut.layer.payload, {"write_cpr": 0, "capacity": capacity})
        ctx.set(dut.layer.valid, 1)
        ctx.set(dut.rows.ready, 1)
        await offer(ctx, dut.i, words, random.Random(1))
        await ctx.tick().until(dut.rows.valid & dut.rows.payload.layer)
        assert ctx.get(dut.rows.payload.strobe) == 0
        assert ctx.get(dut.count) == min(4, capacity)
        assert ctx.get(dut.overflow) == (capacity < 4)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
