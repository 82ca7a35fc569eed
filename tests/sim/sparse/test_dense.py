"""The dense machine: its rules beat by beat, and whole layers beside the sparse machine."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

import hw.catalog
from golden.errors import BadInput
from golden.process import Process
from golden.sparse.accelerator import accelerator_of
from golden.sparse.cpr import Cpr
from golden.sparse.descriptor import INDEX_BITS
from golden.sparse.fields import number
from golden.sparse.image import build, load, read_back
from golden.sparse.network import Layer, Network
from golden.sparse.program import program
from golden.sparse.rgu import LAYER_BITS, RuleLayer, Source, pillars
from golden.sparse.rgu_unit import KINDS, PILLAR
from golden.sparse.spade import SpadeConfig
from golden.sparse.trials import trial
from golden.sparse.variants import VARIANTS
from golden.unit import Payload
from hw.catalog import Design
from hw.pipeline import streams
from hw.sparse.dense import DenseRules
from hw.verilog import emit
from sim.check import Options, check
from sim.lint import lint, lint_file
from sim.sparse.check import build as build_machine
from sim.sparse.check import dense_variant, timing_of
from sim.sparse.machine import (
    BUSY,
    DONE,
    OFFSETS,
    PAGE,
    SOFT_RESET,
    START,
    differences,
    job,
    outcome,
    perform,
)
from sim.sparse.steps import Job, Timing

LAYER = Payload(tuple(number(name, bits, "of the layer") for name, bits in LAYER_BITS.items()))
TOLD = ("op", "kernel")
TOLD_LAYER = Payload(tuple(number(name, LAYER_BITS[name], "of the layer") for name in TOLD))
DENSE = VARIANTS["dense"]
N8 = accelerator_of("n8")
# A descriptor allows no other up-sampling.
LAYERS = tuple(k for k in KINDS if k[0] not in ("deconv", "coords") or k[1] > 1)


class DenseRulesConfig(Process):
    """A case is a layer; ``o``: its pillars, ``tiler``: what the tiler is told of it."""

    inputs = {"layer": LAYER}
    outputs = {"o": PILLAR, "tiler": TOLD_LAYER}
    contract = "The rule generator's pillars of a full grid; coords and union: an empty last beat."
    timing = "A pillar a cycle."

    def process(self, inputs):
        (fields,) = LAYER.rows(inputs["layer"])
        layer = RuleLayer.of(fields)
        if layer.op in ("conv", "deconv"):
            beats = pillars(layer, Source.plain(Cpr.full((layer.rows, layer.columns))))
        else:
            shapes = {f.name: (1, f.lanes) for f in PILLAR.fields}
            marks = ("empty", "last", "end")
            beats = {n: np.full(shape, int(n in marks)) for n, shape in shapes.items()}
        codes = {f.name: np.reshape(beats[f.name], (-1, f.lanes)) for f in PILLAR.fields}
        return {"o": codes, "tiler": {name: inputs["layer"][name] for name in TOLD}}

    def case(self, rng, kind, shape):
        op, kernel, stride, mode = kind
        layer = RuleLayer(
            op=op,
            kernel=kernel,
            stride=stride,
            mode=mode,
            phase=int(rng.integers(kernel)) if op == "deconv" else 0,
            rows=shape[0],
            columns=shape[1],
        )
        return {"layer": LAYER.beats([layer.fields()])}

    def corners(self):
        rng = np.random.default_rng(0)
        for kind in LAYERS:
            least = 2 if kind[:2] == ("conv", 2) else 1
            sides = [side for side in (1, 2, 3, 4, 5) if least <= side]
            for rows in sides:
                for columns in sides:
                    yield self.case(rng, kind, (rows, columns))
            for shape in ((least, 37), (37, least), (3, 64)):
                yield self.case(rng, kind, shape)
        # Coordinates and indices as wide as they become.
        yield self.case(rng, ("conv", 3, 1, "spconv"), (2, 2048))
        yield self.case(rng, ("conv", 3, 2, "spconv"), (2047, 2))
        yield self.case(rng, ("deconv", 4, 1, "spconv"), (2, 512))

    def random(self, rng):
        kind = LAYERS[rng.integers(len(LAYERS))]
        least = 2 if kind[:2] == ("conv", 2) else 1
        return self.case(rng, kind, tuple(int(n) for n in rng.integers(least, 16, 2)))

    def cycles(self, inputs):
        # Two cycles before the first pillar is there.
        return len(self.process(inputs)["o"]["last"]) + 2


class Rules(wiring.Component):
    """:class:`DenseRules` with the fields of a layer that matter to it."""

    def __init__(self, config):
        self.config = config
        super().__init__(streams(config))

    def elaborate(self, platform):
        m = Module()
        m.submodules.rules = rules = DenseRules(N8)
        wiring.connect(m, rules.pillars, wiring.flipped(self.o))
        m.d.comb += [
            rules.layer.valid.eq(self.layer.valid),
            self.layer.ready.eq(rules.layer.ready),
            rules.layer.payload.capacity.eq(1 << INDEX_BITS),
            self.tiler.valid.eq(rules.tiler_layer.valid),
            rules.tiler_layer.ready.eq(self.tiler.ready),
        ]
        for name in LAYER_BITS:
            m.d.comb += rules.layer.payload[name].eq(self.layer.payload[name])
        for name in TOLD:
            m.d.comb += self.tiler.payload[name].eq(rules.tiler_layer.payload[name])
        return m


def test_rules_are_those_of_a_full_grid(tmp_path, monkeypatch):
    monkeypatch.setitem(hw.catalog.COMPONENTS, DenseRulesConfig, Rules)
    design = Design("dense_rules", DenseRulesConfig(), "rules of full grids", "none", "test")
    result = lint(design, tmp_path)
    assert result.clean, result.problems
    options = Options(seed=3, count=2000)
    result = check(design, options, verilog=tmp_path, results=tmp_path / "results")
    assert result.passed, result.failures
    assert result.stalls["input"] > 500 and result.stalls["output"] > 500


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    config = SpadeConfig(accelerator=N8, sparse=False, importance=False)
    design = Design("dense_n8", config, "smallest", "none", "test")
    verilog = emit(design, tmp_path_factory.mktemp("dense")).with_suffix(".v")
    assert lint_file(verilog, design.name).problems == ()
    return build_machine(verilog, design.name, N8)


def listless(name, given, label="", **options):
    """The job of a trial with no CPR in memory; a read or write of one is an error."""
    plan = given.program
    made = Job(name, plan.size + PAGE, base=plan.base, **options)
    lists = [r for r in plan.regions if r.name.endswith((".cpr", ".entries"))]
    assert lists
    held = {region.address for region in lists}
    for address, data in given.image:
        if address not in held:
            made.load(address, data)
    for region in plan.regions:
        if region not in lists:
            made.readable(region.address, region.size)
            if region.output:
                made.writable(region.address, region.size)
    return perform(made, plan, 1_000_000, label)


def trials(count):
    """Random networks; every other one on a grid of any size, which halving need not divide."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        shape = tuple(int(side) for side in rng.integers(2, 18, 2)) if seed % 2 else None
        network = None
        if shape is not None:
            down = replace(layer("down", 8, 16, stride=2), role="down", name="a")
            network = Network("down", "", (down, replace(layer("b", 16, 8), source=("a",))))
        yield trial(rng, N8, variant=dense_variant(rng), shape=shape, network=network)


def layer(name, inputs, outputs, kernel=3, stride=1):
    return Layer(
        name=name,
        role="body",
        source=("pillars",),
        channels=(inputs, outputs),
        kernel=kernel,
        stride=stride,
    )


def test_random_networks_without_lists_in_memory(dense):
    given = list(trials(24))
    roles = {each.role for one in given for each in one.program.network.layers}
    assert roles == {"body", "down", "up", "concat", "head"}
    jobs = [
        listless(f"trial{n}", one, seed=n, timing=timing_of(np.random.default_rng(n)))
        for n, one in enumerate(given)
    ]
    for one, result in zip(given, dense.run_all(jobs), strict=True):
        found = outcome(one.program, result, lists=False)
        assert list(differences(one.expected, found.maps)) == []


def plain(rows=12, columns=15):
    """Two 3x3 layers of 16 channels, tiled as software does it."""
    layers = layer("first", 16, 16), replace(layer("second", 16, 16), source=("first",))
    network = Network("plain", "", layers)
    rng = np.random.default_rng(0)
    one = trial(rng, N8, variant=DENSE, network=network, shape=(rows, columns), density=0.5)
    made = program(network, DENSE, (rows, columns), N8)
    return replace(one, program=made, image=build(made, one.pillars, one.weights))


def test_pace_and_results_are_those_of_the_sparse_machine_on_a_full_grid(dense, n8_machine):
    one = plain()
    timing = Timing(read_latency=20, write_latency=20)
    given = job("plain", one.program, one.image, timing=timing)
    found = {
        "dense": outcome(one.program, dense.run(given), lists=False),
        "spade": outcome(one.program, n8_machine.run(given)),
    }
    for each in found.values():
        assert list(differences(one.expected, each.maps)) == []
    second = {name: each.records[1] for name, each in found.items()}
    assert second["dense"].counts["useful"] == second["spade"].counts["useful"]
    assert abs(second["dense"].cycles - second["spade"].cycles) <= 4
    # At the start the sparse machine reads a list: two latencies, and a row before the first rule.
    more = found["spade"].cycles - found["dense"].cycles
    assert 40 <= more <= 150


def test_more_outputs_than_the_capacity_stop_it(dense):
    one = plain(rows=3, columns=5)
    first, *others = one.program.steps
    for capacity in (14, 15):
        fields = {**first.fields, "capacity": capacity}
        made = replace(one.program, steps=(replace(first, fields=fields), *others))
        image = build(made, one.pillars, one.weights)
        result = dense.run(job("capacity", made, image))
        if capacity == 15:
            assert outcome(made, result, lists=False).maps
        else:
            with pytest.raises(RuntimeError, match="the machine stopped"):
                outcome(made, result, lists=False)


def test_a_soft_reset_in_mid_layer_leaves_nothing_behind(dense):
    one = plain()
    jobs = []
    for cycles in (300, 701, 2003, 5000):
        made = listless(f"after{cycles}", one, label="first")
        made.write(OFFSETS["control"], START)
        made.wait(cycles)
        made.write(OFFSETS["control"], SOFT_RESET)
        made.poll(OFFSETS["status"], BUSY | DONE, 0, 10_000)
        # What is there of the first run is wiped out.
        for region in one.program.regions:
            if region.output:
                made.load(region.address, bytes(region.size))
        jobs.append(perform(made, one.program, 1_000_000))
    for result in dense.run_all(jobs):
        found = outcome(one.program, result, lists=False)
        assert list(differences(one.expected, found.maps)) == []


def test_sparse_programs_are_refused():
    rng = np.random.default_rng(1)
    one = trial(rng, N8, variant=VARIANTS["spconv"])
    with pytest.raises(BadInput, match="variant of the program is 'spconv'"):
        read_back(one.program, load(one.program, one.image), lists=False)
    with pytest.raises(BadInput, match="importance is True"):
        SpadeConfig(accelerator=N8, sparse=False)
