"""A wrapped design between AXI4-Stream ends that know nothing of ours; `test_axis.py` runs it."""

from __future__ import annotations

import json
import logging
import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge, Timer, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

JOB = json.loads(os.environ.get("AXIS_JOB", "{}"))


def pauses(seed, profile):
    """Cycle by cycle, whether an end stalls: never, often, or in long runs."""
    rng = random.Random(seed)
    while True:
        stall = profile != "none" and rng.random() < (0.6 if profile == "often" else 0.5)
        for _ in range(1 if profile == "often" else rng.randint(1, 20)):
            yield stall


def frame(stream, words):
    size = stream["bytes"]
    return AxiStreamFrame(b"".join(word.to_bytes(size, "little") for word in words))


async def ends(dut, seed, profile):
    Clock(dut.ACLK, 10, unit="ns").start()
    dut.ARESETn.value = 0
    made = []
    for kind, streams in ((AxiStreamSource, JOB["inputs"]), (AxiStreamSink, JOB["outputs"])):
        made.append({})
        for number, (prefix, stream) in enumerate(streams.items()):
            bus = AxiStreamBus.from_prefix(dut, prefix)
            end = kind(bus, dut.ACLK, dut.ARESETn, reset_active_level=False)
            end.log.setLevel(logging.WARNING)
            assert hasattr(bus, "tlast") == stream["last"], prefix
            assert end.byte_lanes == stream["bytes"] and end.byte_size == 8, prefix
            end.set_pause_generator(pauses(f"{seed} {kind.__name__} {number}", profile))
            made[-1][prefix] = end
    await ClockCycles(dut.ACLK, 4)
    dut.ARESETn.value = 1
    await RisingEdge(dut.ACLK)
    return made


@cocotb.test()
@cocotb.parametrize(profile=["none", "often", "runs"])
async def every_beat(dut, profile):
    sources, sinks = await ends(dut, JOB["seed"], profile)
    for prefix, source in sources.items():
        for words in JOB["inputs"][prefix]["frames"]:
            source.send_nowait(frame(JOB["inputs"][prefix], words))
    for prefix, sink in sinks.items():
        for number, words in enumerate(JOB["outputs"][prefix]["frames"]):
            got = await with_timeout(sink.recv(compact=False), 1, "ms")
            expected = frame(JOB["outputs"][prefix], words)
            assert bytes(got.tdata) == bytes(expected.tdata), (prefix, number)
    await ClockCycles(dut.ACLK, 200)
    assert all(sink.empty() and sink.idle() for sink in sinks.values())


@cocotb.test()
async def no_valid_in_reset(dut):
    """A beat that waits is withdrawn at once when the reset comes, and gone after it."""
    sources, sinks = await ends(dut, JOB["seed"], "none")
    for sink in sinks.values():
        sink.clear_pause_generator()
        sink.pause = True
    for prefix, source in sources.items():
        source.clear_pause_generator()
        source.send_nowait(frame(JOB["inputs"][prefix], JOB["inputs"][prefix]["frames"][0]))
    valids = [getattr(dut, f"{prefix}_tvalid") for prefix in sinks]
    for _ in range(100):
        await RisingEdge(dut.ACLK)
        if any(valid.value for valid in valids):
            break
    else:
        raise AssertionError("no beat came")
    await Timer(1, "ns")
    dut.ARESETn.value = 0
    await Timer(1, "ns")
    await ReadOnly()
    assert not any(valid.value for valid in valids)
    await ClockCycles(dut.ACLK, 3)
    dut.ARESETn.value = 1
    await ClockCycles(dut.ACLK, 20)
    assert not any(valid.value for valid in valids)
