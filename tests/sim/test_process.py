"""The testbench of processes passes a correct one and catches every way of being wrong."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring

import hw.catalog
from golden.errors import BadInput
from golden.formats import FLAG, UINT8
from golden.process import Process
from golden.unit import Field, Payload
from hw.catalog import Design
from hw.pipeline import Register, streams
from hw.verilog import emit
from sim.check import Options, check, proof
from sim.job import ProcessJob
from sim.lint import lint

LIST = Payload((Field("key", UINT8, "least first"), Field("last", FLAG, "of its list")))


@dataclass(frozen=True, kw_only=True)
class MergeConfig(Process):
    """Two sorted lists into one, and the number of keys that both have; ``fault`` breaks it."""

    fault: str = ""
    stated: int = 3  # cycles more than there are keys
    patience = 60

    @property
    def inputs(self):
        return {"a": LIST, "b": LIST}

    @property
    def outputs(self):
        return {"o": LIST, "ties": Payload((Field("count", UINT8, "keys of a that b has too"),))}

    contract = "The keys of both lists in order; of equal ones, that of a first."
    timing = "A key a cycle, three cycles more for a list."

    def process(self, inputs):
        a, b = (inputs[name]["key"][:, 0] for name in "ab")
        keys = np.sort(np.concatenate([a, b]))
        rows = [{"key": int(key), "last": k == len(keys) - 1} for k, key in enumerate(keys)]
        ties = self.outputs["ties"].beats([{"count": int(np.isin(a, b).sum())}])
        return {"o": LIST.beats(rows), "ties": ties}

    def corners(self):
        yield _lists([0], [0])
        yield _lists([5], [1, 2, 3, 7])
        yield _lists(range(20), [255])
        yield _lists(range(0, 40, 2), range(1, 41, 2))
        yield _lists(range(20), range(20))

    def random(self, rng):
        return _lists(*(np.flatnonzero(rng.random(64) < rng.random()) for _ in "ab"))

    def cycles(self, inputs):
        return sum(len(list_["key"]) for list_ in inputs.values()) + self.stated


def _lists(*lists):
    """A case: no list is empty."""
    lists = [list(map(int, keys)) or [9] for keys in lists]
    return {
        name: LIST.beats({"key": k, "last": i == len(keys) - 1} for i, k in enumerate(keys))
        for name, keys in zip("ab", lists, strict=True)
    }


class Merge(wiring.Component):
    def __init__(self, config):
        self.config = config
        super().__init__(streams(config))

    def elaborate(self, platform):
        m = Module()
        fault = self.config.fault
        m.submodules.out = out = Register(self.o.payload.shape())
        m.submodules.counted = counted = Register(self.ties.payload.shape())
        a_done = Signal(reset_less=fault == "not reset")
        b_done, ended = Signal(), Signal()
        count = Signal(8)
        a, b = self.a.payload, self.b.payload
        use_a, tie = Signal(), Signal()
        m.d.comb += [
            use_a.eq(b_done | (~a_done & (a.key <= b.key))),
            tie.eq(~a_done & ~b_done & (a.key == b.key)),
        ]
        both = (self.a.valid | a_done) & (self.b.valid | b_done) & ~ended
        if fault == "looks without valid":
            both = (self.a.valid | a_done) & ~ended
        go, last = Signal(), Signal()
        m.d.comb += [
            out.i.valid.eq(both),
            out.i.payload.key.eq(Mux(use_a, a.key, b.key)),
            out.i.payload.last.eq(last),
            last.eq(Mux(use_a, b_done & a.last, a_done & b.last)),
            go.eq(out.i.valid & out.i.ready),
            self.a.ready.eq(go & use_a),
            self.b.ready.eq(go & ~use_a),
            counted.i.valid.eq(ended),
            counted.i.payload.count.eq(count),
        ]
        with m.If(go):
            m.d.sync += [
                a_done.eq(a_done | (use_a & a.last)),
                b_done.eq(b_done | (~use_a & b.last)),
                count.eq(count + tie),
                ended.eq(last),
            ]
        with m.If(ended & counted.i.ready):
            m.d.sync += [ended.eq(0), a_done.eq(0), b_done.eq(0)]
            if fault != "keeps the count":
                m.d.sync += count.eq(0)
        for register, stream in ((out, self.o), (counted, self.ties)):
            wiring.connect(m, register.o, wiring.flipped(stream))
        key = out.o.payload.key
        waited, again = Signal(), Signal()
        m.d.sync += [waited.eq(out.o.valid & ~self.o.ready), again.eq(0)]
        if fault == "wrong value":
            m.d.comb += self.o.payload.key.eq(key ^ (key == 12))
        elif fault == "swapped":  # of two keys, where both are there
            m.d.comb += self.o.payload.key.eq(Mux(key == 4, 5, Mux(key == 5, 4, key)))
        elif fault == "dropped":
            with m.If(key == 12):
                m.d.comb += [self.o.valid.eq(0), out.o.ready.eq(1)]
        elif fault == "surplus":
            with m.If(out.o.valid & self.o.ready & out.o.payload.last & (key == 39)):
                m.d.sync += again.eq(1)
            with m.If(again):
                m.d.comb += self.o.valid.eq(1)
        elif fault == "unstable":
            m.d.comb += self.o.payload.key.eq(key ^ waited)
        elif fault == "withdrawn":
            m.d.comb += self.o.valid.eq(out.o.valid & ~waited)
        elif fault == "waits for ready":
            m.d.comb += self.ties.valid.eq(counted.o.valid & self.ties.ready)
        elif fault == "deadlock":  # when keys are equal
            stop = Signal()
            m.d.sync += stop.eq(stop | (go & tie & (a.key == 19)))
            m.d.comb += out.i.valid.eq(both & ~stop)
        elif fault == "loses a beat that waits for long":
            patience = Signal(7)
            m.d.sync += patience.eq(Mux(waited, patience + 1, 0))
            with m.If(patience == 127):
                m.d.comb += out.o.ready.eq(1)
        return m


@pytest.fixture
def simulate(tmp_path, monkeypatch):
    monkeypatch.setitem(hw.catalog.COMPONENTS, MergeConfig, Merge)

    def design(**parameters):
        return Design("merge", MergeConfig(**parameters), "two sorted lists", "none", "test")

    def run(count=600, **parameters):
        options = Options(seed=3, count=count)
        return check(design(**parameters), options, verilog=tmp_path, results=tmp_path / "results")

    run.design = design()
    return run


def test_a_correct_process_passes(simulate, tmp_path):
    result = simulate()
    assert result.passed, result.failures
    assert result.origin["corner"] == 108 and result.origin["random"] > 300
    assert result.vectors == result.origin["corner"] + result.origin["random"]
    assert result.beats > 4 * result.vectors and result.cycles > 3000
    assert result.stalls["input"] > 300 and result.stalls["output"] > 300
    assert set(result.scenarios) == {"streaming", "flowing", "timing", "blocked", "reset"}
    assert result.measured["cases"][0] == {"case": 0, "cycles": 4, "stated": 5}
    assert 108 < result.measured["flow"]["cycles"] < 2 * result.vectors
    stored = json.loads((tmp_path / "results/merge/result.json").read_text())
    assert stored["status"] == "pass" and stored["measured"] == result.measured


MUTANTS = {
    "wrong value": ["streaming: o, case", "wrong value", "key UINT8: expected 0x0c = 12, got 0x0d"],
    "swapped": ["beats come out of order", "beats in: "],
    "dropped": ["lost; later beats come in its place"],
    "surplus": ["streaming: ", "is offered when only"],
    "unstable": ["o__payload changes before it transfers"],
    "withdrawn": ["o__valid falls before beat"],
    "waits for ready": ["blocked: ties blocked at beat 0 of case", "nothing is offered for"],
    "deadlock": ["no beat moved for", "takes no beat", "gives no beat", "of case 4 (not offered)"],
    "loses a beat that waits for long": ["blocked: o blocked at beat", "o__payload changes"],
    "keeps the count": ["streaming: ties, case 1, beat 0: wrong value", "ties beat 0 of 1: exp"],
    "looks without valid": ["streaming: "],
    "not reset": ["reset: after reset: "],
}


@pytest.mark.parametrize("fault", MUTANTS)
def test_a_mutant_is_caught_by_its_name(fault, simulate):
    result = simulate(fault=fault)
    text = "\n".join(result.failures)
    assert not result.passed
    for message in [*MUTANTS[fault], "make sim DESIGN=merge SEED=3 N=600"]:
        assert message in text, text


def test_a_process_may_not_take_longer_than_stated(simulate):
    result = simulate(count=0, stated=1)
    assert "timing: case 0 takes 4 cycles, stated 3" in result.failures[0]


def test_manifest_and_lint(simulate, tmp_path):
    manifest = json.loads(emit(simulate.design, tmp_path).read_text())
    assert [(s["name"], s["direction"], s["width"]) for s in manifest["streams"]] == [
        ("a", "in", 9), ("b", "in", 9), ("o", "out", 9), ("ties", "out", 8),
    ]  # fmt: skip
    assert [port["name"] for port in manifest["ports"]][2:5] == [
        "a__payload", "a__valid", "a__ready",
    ]  # fmt: skip
    assert manifest["timing"] == MergeConfig.timing and "latency" not in manifest
    assert lint(simulate.design, tmp_path).clean


def test_what_a_process_cannot_be_given(simulate):
    empty = {name: LIST.beats([]) for name in "ab"}
    with pytest.raises(BadInput, match="^case 0 is 'empty'; allowed: a beat on at least one str"):
        proof(Cases(cases=(empty,)), 1, 0, None)
    with pytest.raises(BadInput, match="^inputs is \\['a'\\]; allowed: a, b"):
        proof(Cases(cases=({"a": empty["a"]},)), 1, 0, None)
    with pytest.raises(BadInput, match="^MergeConfig takes no tensor"):
        proof(MergeConfig(), 1, 0, np.ones(9))


@dataclass(frozen=True, kw_only=True)
class Cases(MergeConfig):
    """Other corners."""

    cases: tuple = ()

    def corners(self):
        yield from self.cases


def test_a_job_of_a_process_survives_the_file(simulate, tmp_path):
    manifest = json.loads(emit(simulate.design, tmp_path).read_text())
    lengths = ({"a": 1, "b": 0, "o": 2, "ties": 0}, {"a": 1, "b": 1, "o": 0, "ties": 1})
    job = ProcessJob.of(manifest, lengths, (7, None), patience=60, seed=9)
    job.write(tmp_path, {"a": [1, 2], "b": [3], "o": [4, 5], "ties": [6]})
    assert ProcessJob.read(tmp_path) == job
    first, second = job.words(tmp_path)
    assert first == {"a": ["000000001"], "b": [], "o": ["000000100", "000000101"], "ties": []}
    assert second == {"a": ["000000010"], "b": ["000000011"], "o": [], "ties": ["00000110"]}
