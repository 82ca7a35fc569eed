"""A layer queue keeps what its unit reads, whole, and nothing else."""

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.lib import data
from amaranth.sim import Simulator

from golden.sparse.accelerator import ACCELERATORS
from golden.sparse.descriptor import ADDRESS_BITS, FIELDS, LAYERS, address_mask, highest
from hw.sparse.dispatch import Gate, LayerQueue
from hw.sparse.layout import layer_layout
from hw.sparse.loader import LOADER_FIELDS, Loader
from hw.sparse.rules import RULES_FIELDS, RuleGeneration
from hw.sparse.tiler import TILER_FIELDS, Tiler
from hw.sparse.vpu import VPU_FIELDS, VPU_PLAIN_FIELDS, Vpu

CONFIG = ACCELERATORS["n8"]
READERS = {
    "loader": (lambda: Loader(CONFIG), LOADER_FIELDS),
    "rules": (lambda: RuleGeneration(CONFIG), RULES_FIELDS),
    "gate": (Gate, RULES_FIELDS),
    "tiler": (lambda: Tiler(CONFIG), TILER_FIELDS),
    "vpu": (lambda: Vpu(CONFIG), VPU_FIELDS),
    "plain vpu": (lambda: Vpu(CONFIG, importance=False), VPU_PLAIN_FIELDS),
}


@pytest.mark.parametrize("name", READERS)
def test_a_unit_reads_no_field_that_its_queue_drops(name, monkeypatch):
    make, fields = READERS[name]
    read, layer, getitem = set(), layer_layout(), data.View.__getitem__

    def spy(view, key):
        if view.shape() == layer:
            read.add(key)
        return getitem(view, key)

    unit = make()
    monkeypatch.setattr(data.View, "__getitem__", spy)
    rtlil.convert(unit, name="unit", emit_src=False)
    assert read, "nothing was seen"
    if name == "plain vpu":  # what it reads of the measure is not used without importance
        read.discard("measure")
    assert read <= set(fields)
    assert len(set(fields)) == len(fields) and set(fields) <= layer.members.keys()


def _most(field):
    """The largest value that a checked descriptor may have in a field."""
    if field.address:
        return (1 << min(field.bits, ADDRESS_BITS)) - 1 & ~address_mask(field)
    return highest(field, CONFIG, LAYERS)


def test_fields_pass_whole_and_in_order():
    rng = np.random.default_rng(1)
    fields = ("op", "tile", "source_cpr", "input_plane", "capacity", "features_after", "number")
    most = {f.name: _most(f) for f in FIELDS} | {"number": LAYERS - 1}
    layers = [most]
    for _ in range(30):
        values = {name: int(rng.integers(0, high + 1)) for name, high in most.items()}
        for f in FIELDS:
            values[f.name] &= ~address_mask(f) if f.address else -1
        layers.append(values)
    queue = LayerQueue(CONFIG, fields, 3)
    got = []

    async def source(ctx):
        for values in layers:
            while rng.random() < 0.4:
                await ctx.tick()
            ctx.set(queue.i.payload, values)
            ctx.set(queue.i.valid, 1)
            await ctx.tick().until(queue.i.ready)
            ctx.set(queue.i.valid, 0)

    async def watch(ctx):
        ctx.set(queue.o.ready, 0)
        async for _, _, valid, ready, payload in ctx.tick().sample(
            queue.o.valid, queue.o.ready, queue.o.payload
        ):
            if valid and ready:
                got.append({name: payload[name] for name in layer_layout().members})
            ctx.set(queue.o.ready, int(rng.random() < 0.5))
            if len(got) == len(layers):
                break

    simulator = Simulator(queue)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source)
    simulator.add_testbench(watch)
    simulator.run_until(1e-3)
    assert got == [
        {name: value if name in fields else 0 for name, value in values.items()}
        for values in layers
    ]
