"""Resets of a sequencer, as scenarios of cocotb."""

from __future__ import annotations

from golden.sparse.registers import offset_of

from ..ports import expect, require
from .session import Session, scenario


@scenario
async def soft_reset_at_any_moment(s: Session) -> None:
    """It waits for the bus, which may wake once more; then a list runs as ever."""
    for _ in range(60):
        s.set_pace(s.rng.choice([0.0, 0.3, 0.7]))
        s.layers.may_withdraw = s.reads.may_withdraw = True
        s.late = set(s.rng.sample(sorted(s.marks), s.rng.randrange(2)))
        await s.begin(s.goods(4))
        await s.cycles(s.rng.randrange(14 * s.beats_each + 60))
        clears = s.clears
        s.bus_busy = s.rng.choice([0, 1, 30])
        s.restless = s.rng.choice([0.0, 0.2, 0.5])
        s.aw.queue.append({"addr": offset_of("control"), "prot": 0})
        s.w.queue.append({"data": 0b010, "strb": 15})
        await s.until(lambda: s.seen["halt"] == "1")
        # The bus comes to rest, wakes once more, and rests.
        s.bus_busy = s.rng.choice([0, 0, 10])
        taken = len(s.layers.taken)
        await s.until(lambda before=clears: s.clears == before + 1)
        s.restless = 0.0
        await s.cycles(40)
        expect("pulses of clear for a soft reset", s.clears, clears + 1)
        expect("layers handed out after a soft reset", len(s.layers.taken) - taken, 0)
        await s.status_is()
        s.late = set()
        s.layers.may_withdraw = s.reads.may_withdraw = False
        await s.succeeds(s.goods(2))


@scenario
async def a_start_waits_for_the_bus(s: Session) -> None:
    """Nothing is read, and no unit reset, while something is under way."""
    s.bus_busy = 100
    await s.begin(s.goods(1))
    s.bus_busy = 50
    await s.cycles(45)
    require(not s.reads.taken and not s.clears, "a list begins while the bus is busy")
    await s.interrupt()
    expect("pulses of clear", s.clears, 1)


@scenario
async def reset_at_any_moment(s: Session) -> None:
    """Of the whole, by its reset."""
    for _ in range(20):
        await s.begin(s.goods(3))
        await s.cycles(s.rng.randrange(10 * s.beats_each + 30))
        for each in s.takers:
            each.may_withdraw = True
        for each in s.channels:
            each.drop()
        s.forget()
        await s.bench.reset(s)
        await s.cycles(2)
        s.forget()
        for each in s.takers:
            each.may_withdraw = False
        s.outputs_are(halt=0, clear=0, running=0, irq=0)
        await s.status_is()
        await s.reads_as(count=0, control=0)
        await s.succeeds(s.goods(2))
