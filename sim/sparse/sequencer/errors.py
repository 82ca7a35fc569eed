"""What goes wrong around a sequencer, as scenarios of cocotb."""

from __future__ import annotations

from golden.sparse.descriptor import LAYERS
from golden.sparse.registers import FAULTS, offset_of

from ..ports import expect
from .channels import bits
from .session import LIST, Session, scenario

REFUSED = (
    ("list_low", LIST + 64 & 0xFFFFFFFF),
    ("list_high", 0x100),
    ("count", 0),
    ("count", LAYERS + 1),
    ("count", 1 << 31),
    ("statistics_low", 4),
    ("statistics_high", 1 << 31),
)
"""Values of registers with which no list begins."""
RESPONSES = (("read", 3, 0, 5), ("write", 2, 1, 9))
"""Errors of the bus: name, code, whether of a write, client."""


@scenario
async def wrong_registers(s: Session) -> None:
    """They are told, and nothing has begun: the next start needs no soft reset."""
    for name, value in REFUSED:
        await s.begin(s.goods(1))
        await s.interrupt()
        await s.write("status", 0b110)
        before = s.clears, len(s.reads.taken)
        await s.write(name, value)
        await s.write("control", 0b101)
        await s.interrupt()
        await s.failure_is("list", 0, offset_of(name))
        await s.status_is("error")
        expect("clears and reads", (s.clears, len(s.reads.taken)), before)
        await s.succeeds(s.goods(1))


@scenario
async def errors_stop_the_machine(s: Session) -> None:
    """Of the bus and of the units, in either pass and while layers drain."""
    for trial in range(30):
        s.set_pace(s.rng.choice([0.0, 0.4]))
        s.layers.taken.clear()
        s.late = {"records_done"}
        moment = trial % 3
        await _reach(s, moment)
        if trial % 5 < 2 or moment == 0:
            name, code, write, client = RESPONSES[trial % 2]
            s.error.set(bits(1 | code << 1 | write << 3 | client << 4, 8))
            detail = code | client << 8
        else:
            bit = trial % 3
            name, detail = FAULTS[bit], 0
            s.faults.set(bits(1 << bit, 3))
        s.layers.may_withdraw = True
        await s.cycles(2)
        s.faults.set("000")
        await s.cycles(2)
        s.outputs_are(halt=1, running=0, irq=1)
        taken = len(s.layers.taken)
        s.layers.busy = 0.0
        await s.cycles(50)
        expect("layers handed out after an error", len(s.layers.taken) - taken, 0)
        done = await s.read("layers_done")
        if not moment:
            expect("layers done in the first pass", done, 0)
        await s.failure_is(name, done, detail)
        # A start does nothing now.
        await s.write("control", 0b101)
        await s.status_is("error", "stopped")
        await s.write("status", 0b100)
        await s.status_is("stopped")
        s.late = set()
        await s.soft_reset()
        s.layers.may_withdraw = False
        await s.succeeds(s.goods(2))


async def _reach(s: Session, moment: int) -> None:
    """Start a list of six, and wait for its first pass, for its second, or for its drain."""
    reads = len(s.reads.taken)
    await s.begin(s.goods(6))
    if moment == 0:
        await s.until(lambda: len(s.reads.taken) == reads + 1)
    elif moment == 1:
        await s.until(lambda: len(s.layers.taken) == 3)
        s.layers.busy = 1.0
        await s.cycles(5)
    else:
        await s.until(lambda: len(s.layers.taken) == 6 and not s.owed["layers_done"])
        await s.cycles(2)


@scenario
async def an_error_with_the_last_mark(s: Session) -> None:
    """Either done, or stopped, whichever comes first; never both."""
    seen = set()
    for delay in range(12):
        s.layers.taken.clear()
        s.late = {"records_done"}
        await s.begin(s.goods(1))
        await s.until(lambda: len(s.layers.taken) == 1 and not s.owed["rows_done"])
        await s.cycles(5)
        s.late = set()
        await s.cycles(delay)
        s.faults.set("001")
        await s.cycles(1)
        s.faults.set("000")
        await s.cycles(5)
        failed = (await s.failure())[0] != "none"
        await s.status_is(*(("error", "stopped") if failed else ("done",)))
        seen.add(failed)
        await s.soft_reset()
    expect("outcomes of an error about the last mark", seen, {False, True})


@scenario
async def faults_count_only_while_running(s: Session) -> None:
    """What units say before they are reset, or after the list, is nothing."""
    s.faults.set("111")
    await s.begin(s.goods(8))
    await s.until(lambda: len(s.reads.taken) == 1)
    await s.cycles(s.beats_each)
    await s.failure_is("none", 0, 0)
    s.faults.set("000")
    await s.interrupt()
    await s.status_is("done")
    s.faults.set("111")
    await s.cycles(5)
    await s.status_is("done")
    s.faults.set("110")
    await s.begin(s.goods(1))
    await s.interrupt()
    expect("error", (await s.failure())[0], "capacity")
    s.faults.set("000")
    await s.soft_reset()
