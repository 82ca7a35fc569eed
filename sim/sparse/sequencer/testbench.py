"""Registers and lists of a sequencer, as scenarios of cocotb."""

from __future__ import annotations

from golden.sparse.checks import offence
from golden.sparse.descriptor import BYTES, encode
from golden.sparse.descriptor_cases import broken
from golden.sparse.registers import ADDRESS_BITS, REGISTERS, constants, offset_of

from ..ports import expect, require
from .session import LIST, OKAY, SLVERR, STATISTICS, Session, scenario

BEYOND = REGISTERS[-1].offset + 4
"""Offset of no register."""


@scenario
async def registers_read_and_write(s: Session) -> None:
    """Constants, what can be written and what cannot, and accesses beyond the last register."""
    for busy in (0.0, 0.5):
        s.set_pace(busy)
        for register in REGISTERS:
            value = await s.read(register.name)
            for field in register.fields:
                known = constants(s.config).get(field.name, 0)
                expect(field.name, value >> field.low & (1 << field.bits) - 1, known)
        for register in REGISTERS:
            writable = [f for f in register.fields if f.access in ("rw", "en")]
            if [f.access for f in writable] == ["rw"]:
                await s.write(register.name, 0x89ABCDEF)
                await s.write(register.name, 0x11223344, strobe=0b0110)
                await s.reads_as(**{register.name: 0x892233EF})
                await s.write(register.name, 0)
            elif not writable:
                before = await s.read(register.name)
                await s.write(register.name, 0xFFFFFFFF & ~before)
                await s.reads_as(**{register.name: before})
        for offset in (BEYOND, (1 << ADDRESS_BITS) - 4):
            expect(f"what is at {offset:#x}", await s.read(offset, SLVERR), 0)
            await s.write(offset, 0xFFFFFFFF, response=SLVERR)
        await s.write("control", 0b100)
        await s.reads_as(control=0b100)
        await s.write("control", 0)
        await _impatient_master(s, busy)


async def _impatient_master(s: Session, busy: float) -> None:
    """Data may come long before the address; answers need not be waited for, nor taken."""
    s.w.queue.append({"data": 7, "strb": 15})
    await s.cycles(5)
    s.aw.queue.append({"addr": offset_of("count"), "prot": 0})
    await s.cycles(20)
    await s.reads_as(count=7)
    await s.write("count", 0)
    s.b.busy = 1.0
    count = len(s.b.taken)
    for value, offset in ((5, offset_of("count")), (6, BEYOND), (7, offset_of("list_low"))):
        s.aw.queue.append({"addr": offset, "prot": 0})
        s.w.queue.append({"data": value, "strb": 15})
    await s.cycles(30)
    s.b.busy = busy
    await s.until(lambda: len(s.b.taken) == count + 3)
    expect("responses", s.b.taken[count:], [[OKAY], [SLVERR], [OKAY]])
    await s.reads_as(count=5, list_low=7)
    await s.write("count", 0)
    await s.write("list_low", 0)


@scenario
async def good_lists(s: Session) -> None:
    """Random lists of any length, one after the other."""
    trial = 0
    while trial < 24 or s.listed < s.count:
        s.set_pace(s.rng.choice([0.0, 0.0, 0.3, 0.8]))
        await s.succeeds(s.goods(s.rng.choice([1, 1, 2, 3, 8, 20]) if trial else 40))
        trial += 1


@scenario
async def every_layer_is_waited_for(s: Session) -> None:
    """Done comes only with the last mark of each kind; meanwhile registers are locked, but for
    control and status."""
    for kind in s.marks:
        s.late = {kind}
        await s.begin(s.goods(3))
        await s.until(lambda: len(s.layers.taken) % 3 == 0 and s.layers.taken)
        await s.cycles(200)
        s.outputs_are(irq=0, running=1, statistics=STATISTICS)
        await s.status_is("busy")
        await s.write("count", 77)
        await s.write("list_low", 0)
        await s.write("control", 0b001)
        await s.reads_as(count=3, list_low=LIST & 0xFFFFFFFF)
        s.late = set()
        await s.until(lambda: not any(s.owed.values()))
        await s.cycles(3)
        await s.status_is("done")
        s.outputs_are(irq=0)
        await s.write("control", 0b100)
        await s.status_is("done")
        s.outputs_are(irq=1, running=0)
        await s.write("status", 0b010)


async def _malformed(s: Session, descriptors: list[bytes], number: int) -> None:
    """A list whose descriptor ``number`` is the first that is wrong."""
    found = offence(descriptors[number], s.config, number)
    s.layers.taken.clear()
    await s.begin(descriptors)
    await s.interrupt()
    what = f"{found.name} of descriptor {number} is {found.value}: error, layer, detail"
    expect(what, await s.failure(), ("descriptor", number, found.offset))
    await s.status_is("error", "stopped")
    expect("layers of a malformed list", len(s.layers.taken), 0)
    s.outputs_are(halt=1, running=0)


@scenario
async def malformed_descriptors(s: Session) -> None:
    """All that is known to be wrong, each by itself in a good list."""
    for fields in broken(s.config, 5):
        count = s.rng.randint(1, 3)
        number = s.rng.randrange(count)
        descriptors = s.goods(count)
        descriptors[number] = encode(fields)
        await _malformed(s, descriptors, number)
        await s.soft_reset()
    await s.succeeds(s.goods(2))


@scenario
async def flipped_bits(s: Session) -> None:
    """Any few bits of a good list, as golden judges them; and bytes of rubbish."""
    wrong = 0
    for trial in range(260):
        s.set_pace(s.rng.choice([0.0, 0.3]))
        descriptors = s.goods(2)
        data = bytearray(descriptors[s.rng.randrange(2)])
        index = descriptors.index(bytes(data))
        for _ in range(s.rng.choice([1, 1, 2, 3])):
            bit = trial * 7919 % (8 * BYTES) if trial % 2 else s.rng.randrange(8 * 56)
            data[bit // 8] ^= 1 << s.rng.randrange(8)
        if trial % 50 == 49:
            data = bytearray(s.rng.randbytes(BYTES))
        descriptors[index] = bytes(data)
        if offence(descriptors[index], s.config, index) is None:
            await s.succeeds(descriptors)
        else:
            wrong += 1
            await _malformed(s, descriptors, index)
            await s.soft_reset()
    assert 100 < wrong < 250, wrong


@scenario
async def memory_changes_between_the_passes(s: Session) -> None:
    """What is wrong only in the second pass is found in it."""
    descriptors = s.goods(3)
    await s.begin(descriptors)
    reads = len(s.reads.taken)
    await s.until(lambda: len(s.reads.taken) == reads + 1)
    s.memory = {LIST: descriptors[0] + bytes(BYTES) + descriptors[2]}
    await s.interrupt()
    expect("error and layer", (await s.failure())[:2], ("descriptor", 1))
    require(len(s.layers.taken) == 1, f"{len(s.layers.taken)} layers before a malformed second")
    s.outputs_are(halt=1)
    await s.soft_reset()
