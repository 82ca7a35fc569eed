"""The whole accelerator, reset while it works: by the pin and by software, at any moment."""

import dataclasses

import numpy as np
import pytest
from spade_cases import SDCONV, everything, tiles

from golden.sparse.trials import trial
from sim.sparse import Timing
from sim.sparse.machine import (
    INTERRUPT,
    OFFSETS,
    SOFT_RESET,
    START,
    differences,
    outcome,
    perform,
    prepared,
    start,
)

LIMIT = 30_000
QUICK = Timing(read_latency=10, write_latency=10)
SLOW = dataclasses.replace(QUICK, write_latency=60, stalls=40, jitter=10)


@pytest.fixture(scope="module")
def made(n8):
    """A trial that makes use of every client of the memory port."""
    given = {"network": everything(), "variant": SDCONV, "tiler": tiles(8, 64, 256)}
    return trial(np.random.default_rng(6), n8, shape=(8, 8), density=0.3, **given)


def moments(machine, made, count, seed):
    """Cycles after the start of a list: the first few, some in it, and around its end."""
    asked = perform(prepared("good", made.program, made.image, timing=QUICK), made.program, LIMIT)
    total = machine.run(asked).values["cycles_low"]
    some = np.random.default_rng(seed).integers(4, total, count)
    return [0, 1, 2, 3, *some.tolist(), *range(total - 6, total + 2), total + 20]


def again(asked, made):
    """Everything as at first, then the whole list."""
    asked.load(made.program.base, bytes([0xA5]) * made.program.size)
    for address, data in made.image:
        asked.load(address, data)
    return perform(asked, made.program, LIMIT, "again.")


def all_exact(made, results):
    for result in results:
        assert result.error == "", (result.name, result.error)
        found = outcome(made.program, result, "again.")
        assert list(differences(made.expected, found.maps)) == [], result.name


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("timing", [QUICK, SLOW], ids=["quick", "slow"])
def test_reset_in_mid_operation(n8_machine, made, soft, timing):
    """The next list is exact. Start may be asked for while a soft reset is under way: it is not
    heard. What is written before the reset lies in the outputs: the memory sees to that."""
    jobs = []
    for seed, cycles in enumerate(moments(n8_machine, made, 25, int(soft))):
        asked = prepared(f"reset{cycles}", made.program, made.image, timing=timing, seed=seed)
        start(asked, made.program).wait(cycles)
        if soft:
            asked.write(OFFSETS["control"], SOFT_RESET | INTERRUPT)
            if seed % 2:
                asked.write(OFFSETS["control"], START | INTERRUPT)
            asked.poll(OFFSETS["status"], 0xF, 0, LIMIT)
        else:
            asked.reset(1 + seed % 3)
            asked.read(OFFSETS["status"], "status")
        jobs.append(again(asked, made))
    results = n8_machine.run_all(jobs)
    all_exact(made, results)
    assert soft or all(result.values["status"] == 0 for result in results)


def test_resets_one_after_the_other(n8_machine, made):
    """Of either kind, in quick succession."""
    rng = np.random.default_rng(9)
    asked = prepared("resets", made.program, made.image, timing=SLOW)
    for _ in range(40):
        start(asked, made.program).wait(int(rng.integers(0, 1500)))
        if rng.integers(2):
            asked.reset(1)
        else:
            asked.write(OFFSETS["control"], SOFT_RESET | INTERRUPT)
            asked.poll(OFFSETS["status"], 0xF, 0, LIMIT)
    all_exact(made, [n8_machine.run(again(asked, made))])
