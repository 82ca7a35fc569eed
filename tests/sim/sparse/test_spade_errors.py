"""The whole accelerator when the memory answers with errors: it says of which access, stops, and
works again after a soft reset; and it never writes where it may not."""

import dataclasses

import pytest
from spade_errors import LIMIT, QUICK, READ, WRITE, failure, reset_and_again, small_trial

from golden.sparse.registers import error_code
from hw.sparse.spade import dma_config
from sim.sparse.machine import differences, outcome, perform, prepared
from sim.sparse.steps import DECERR, SLVERR

RESPONSES = (SLVERR, DECERR)
RANDOM = {
    "list": error_code("descriptor"),
    "cpr": error_code("coordinates"),
    "entries": error_code("coordinates"),
}
"""What may be found before an error response: the beats before it hold random data."""


@pytest.fixture(scope="module")
def made(n8):
    return small_trial(n8)


@pytest.fixture(scope="module")
def clients(n8):
    """Names of readers and of writers, by their numbers."""
    config = dma_config(n8)
    return [each.name for each in config.reads], [each.name for each in config.writes]


@pytest.fixture(scope="module")
def good(made, n8_machine):
    """A run without errors."""
    asked = perform(prepared("good", made.program, made.image, timing=QUICK), made.program, LIMIT)
    result = n8_machine.run(asked)
    assert list(differences(made.expected, outcome(made.program, result).maps)) == []
    return result


@pytest.mark.parametrize("kind", ["read", "write"])
def test_error_responses_of_bursts(n8_machine, made, good, clients, kind):
    """Every burst of the list in turn, and so every client, the list itself included."""
    seen, bursts = set(), range(good.counts[f"{kind}s"])
    for seed in range(8):  # another one where random data was found first
        jobs = []
        for number in bursts:
            asked = prepared(f"{kind}{number}", made.program, made.image, timing=QUICK, seed=seed)
            perform(asked.fault(kind, number, RESPONSES[number % 2]), made.program, LIMIT)
            jobs.append(reset_and_again(asked, made))
        late = []
        for number, result in zip(bursts, n8_machine.run_all(jobs), strict=True):
            code, detail, _ = failure(made, made, result)
            if kind == "read" and code in RANDOM.values():
                late.append(number)
                continue
            assert code == (READ if kind == "read" else WRITE), result.name
            assert detail & 0xFF == RESPONSES[number % 2], result.name
            seen.add(clients[kind == "write"][detail >> 8])
        bursts = late
    assert seen == set(clients[kind == "write"])


def refused(made, region, kind):
    """A job in which a region may not be read, or not be written."""
    program = made.program
    slow = dataclasses.replace(QUICK, decode_error=True)
    asked = prepared(f"{kind}.{region.name}", program, made.image, timing=slow).forbid()
    for each in program.regions:
        if (kind, each) != ("read", region):
            asked.readable(each.address, each.size)
        if each.output and (kind, each) != ("write", region):
            asked.writable(each.address, each.size)
    return reset_and_again(perform(asked, program, LIMIT), made)


READERS = {
    "list": {"list"},
    "cpr": {"rows", "second_rows"},
    "entries": {"entries", "second_entries", "selection"},
    "weights": {"load"},
    "features": {"load"},
    "parameters": {"parameters"},
}
WRITERS = {
    "statistics": {"statistics"},
    "cpr": {"rows", "late"},
    "entries": {"entries", "late"},
    "features": {"features"},
}


@pytest.mark.parametrize("kind", ["read", "write"])
def test_regions_that_the_memory_refuses(n8_machine, made, clients, kind):
    """Each region in turn; everything is read but the last layer's output and the statistics."""
    unread = ("head.features", "statistics")
    asked = [
        region
        for region in made.program.regions
        if (region.output if kind == "write" else region.name not in unread)
    ]
    assert len(asked) > 10
    jobs = [refused(made, region, kind) for region in asked]
    for region, result in zip(asked, n8_machine.run_all(jobs), strict=True):
        code, detail, _ = failure(made, made, result)
        if kind == "read" and code == RANDOM.get(region.name.split(".")[-1]):
            continue
        assert (code, detail & 0xFF) == (READ if kind == "read" else WRITE, DECERR), region.name
        name = clients[kind == "write"][detail >> 8]
        assert name in (READERS if kind == "read" else WRITERS)[region.name.split(".")[-1]]
