"""Lists in which something goes wrong, and what must be true afterwards."""

import dataclasses

import numpy as np
from spade_cases import SDCONV, everything, tiles

from golden.sparse import image
from golden.sparse.descriptor import encode
from golden.sparse.memory import Memory, read_features
from golden.sparse.registers import error_code
from golden.sparse.trials import trial
from sim.sparse import Timing
from sim.sparse.machine import (
    BUSY,
    DONE,
    ERROR,
    INTERRUPT,
    OFFSETS,
    SOFT_RESET,
    STOPPED,
    allow,
    differences,
    outcome,
    perform,
)

LIMIT = 30_000
"""Cycles within which each of these lists ends, and a soft reset."""
QUICK = Timing(read_latency=10, write_latency=10)
READ, WRITE = error_code("read"), error_code("write")


def small_trial(config):
    """A trial that makes use of every client of the memory port."""
    given = {"network": everything(), "variant": SDCONV.replace(measure="l1")}
    given["tiler"] = tiles(8, 64, 256, resident=True)
    return trial(np.random.default_rng(3), config, shape=(6, 8), density=0.3, **given)


def changed(made, steps, content=None):
    """The trial with other descriptors, as many or fewer; ``content``: other pieces of memory."""
    program = dataclasses.replace(made.program, steps=tuple(steps))
    pieces = dict(made.image) | (content or {})
    pieces[program.list_address] = b"".join(encode(step.fields) for step in steps)
    return dataclasses.replace(made, program=program, image=list(pieces.items()))


def with_fields(made, number, **fields):
    """The trial with other fields of one descriptor."""
    steps = list(made.program.steps)
    steps[number] = dataclasses.replace(steps[number], fields=steps[number].fields | fields)
    return changed(made, steps)


def reset_and_again(asked, made):
    """Soft reset, then the whole list."""
    asked.write(OFFSETS["control"], SOFT_RESET | INTERRUPT)
    asked.poll(OFFSETS["status"], BUSY | DONE | ERROR | STOPPED, 0, LIMIT)
    asked.set_timing(QUICK).forbid()
    for address, data in made.image:
        asked.load(address, data)
    return perform(allow(asked, made.program), made.program, LIMIT, "again.")


def kept(made, memory):
    """Whether ``memory`` still holds the image wherever the machine may not write."""
    program = made.program
    before = image.load(program, made.image).read(program.base, program.size)
    mine = np.zeros(program.size, bool)
    for region in program.regions:
        if region.output:
            mine[region.address - program.base :][: region.size] = True
    return np.array_equal(before[~mine], memory[~mine])


def done(made, count, content):
    """Whether the features of the first ``count`` descriptors are in memory."""
    program = made.program
    memory = Memory(program.base, program.size)
    memory.write(program.base, content)
    ends = {step.layer.name: number for number, step in enumerate(program.steps)}
    for name, want in made.expected.items():
        place = program.places[name]
        if name in ends and ends[name] < count and len(place.features) == 1:
            array = program.config.array
            found = read_features(
                memory, place.features[0], place.plane, place.tiles, len(want.active), array
            )
            if not np.array_equal(found[:, : place.channels[0]], want.features):
                return False
    return True


def failure(wrong, made, result):
    """(code, detail, layer) of the first run of a job; it stopped, and the second went well."""
    assert result.error == "", (result.name, result.error)
    values = result.values
    assert values["irq"] == 1 and values["status"] == ERROR | STOPPED, (result.name, values)
    assert kept(wrong, result.dumps["memory"]), result.name
    found = outcome(made.program, result, "again.")
    assert list(differences(made.expected, found.maps)) == [], result.name
    code, layer = values["error"] & 0xFF, values["error"] >> 16
    if code >= READ:
        # After an error of the bus nothing counts any more; else what was on its way does.
        assert layer == values["layers_done"] or (layer < values["layers_done"] and code > WRITE)
        assert done(wrong, values["layers_done"], result.dumps["memory"]), result.name
    return code, values["detail"], layer
