"""Time of the cycle model: a bus that processes share."""

import pytest

from golden.sparse.timeline import Bus, Timeline


def served(reads=(), writes=(), rate=1.0):
    """When reads (arrival, beats, and perhaps density) and writes (start, beats) end."""
    time = Timeline()
    bus = Bus(time, rate)
    jobs = [bus.read(beats, at, *density) for at, beats, *density in reads]

    def write(beats):
        jobs.append(bus.write(beats))
        return
        yield

    for at, beats in writes:
        time.start(write(beats), at)
    time.run()
    return [job.done for job in jobs]


def test_bus_serves_in_order_and_shares():
    assert served([(10, 5), (12, 5), (100, 1)]) == [15, 20, 101]
    assert served([(0, 10)], [(0, 4)]) == [14, 8]  # turns until the write is done
    assert served([(0, 10)], [(4, 3)]) == [13, 10]
    assert served([(0, 10)], rate=0.5) == [20]
    # What is made on the chip leaves the bus to others.
    assert served([(0, 10, 0.25)], [(0, 6)]) == [10, 8]
    assert served([(0, 8, 0.8)], [(0, 20)])[0] == pytest.approx(12.8)


def test_waiting_for_part_of_a_read():
    time = Timeline()
    bus = Bus(time)
    job, seen = bus.read(10, 5), []

    def wait(amount):
        yield from bus.until(job, amount)
        seen.append((amount, time.now))

    for amount in (7, 3, 10):
        time.start(wait(amount), 0)
    time.run()
    assert seen == [(3, 8), (7, 12), (10, 15)]
