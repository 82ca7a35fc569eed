"""Streams of pillars and rules against the rules themselves, and against counting by hand."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.cpr import Cpr
from golden.sparse.cpr_encoder import CprEncoderConfig
from golden.sparse.rgu import RuleLayer, Source, pillars, rules_of, tokens
from golden.sparse.rgu_unit import KINDS, RguConfig
from golden.sparse.rules import generate


def source_of(rng, shape, use="ignore"):
    active = Cpr.from_bitmap(rng.random(shape) < rng.choice([0.1, 0.5, 0.9, 1]))
    value = rng.integers(0, 1 << 16, len(active))
    return active, Source.read(active, value, rng.random(len(active)) < 0.6, use)


CONVOLUTIONS = [kind for kind in KINDS if kind[0] == "conv"]


@pytest.mark.parametrize("use", ["ignore", "prune", "important"])
@pytest.mark.parametrize("kind", CONVOLUTIONS, ids=lambda kind: "-".join(map(str, kind)))
def test_rules_of_convolutions(kind, use):
    rng = np.random.default_rng(1)
    _, kernel, stride, mode = kind
    gaps = 0
    for _ in range(30):
        shape = tuple(int(n) for n in rng.integers(kernel, 9, 2))
        _, source = source_of(rng, shape, use)
        layer = RuleLayer(kernel=kernel, stride=stride, mode=mode, rows=shape[0], columns=shape[1])
        beats = pillars(layer, source)
        important = source.selected if mode == "selective" else None
        output, rules = generate(layer.convolution, source.pillars, important)
        got = rules_of(layer, beats)
        assert np.array_equal(got.starts, rules.starts)
        assert np.array_equal(got.inputs, source.index[rules.inputs])
        assert np.array_equal(got.outputs, rules.outputs)
        full = beats["empty"] == 0
        rows = (np.cumsum(beats["last"]) - beats["last"])[full]
        assert np.array_equal(rows * output.shape[1] + beats["column"][full], output.keys)
        assert beats["last"].sum() == output.shape[0]
        assert beats["end"].sum() == beats["end"][-1] == 1
        gaps += int(beats["gaps"].sum())
    assert (gaps > 0) == (kernel == 3 and use == "prune")


@pytest.mark.parametrize("kernel", [1, 2, 4])
def test_phases_of_a_transposed_convolution_make_its_map(kernel):
    rng = np.random.default_rng(2)
    for _ in range(10):
        shape = tuple(int(n) for n in rng.integers(1, 7, 2))
        _, source = source_of(rng, shape, "prune")
        sizes = {"kernel": kernel, "rows": shape[0], "columns": shape[1]}
        coords = RuleLayer(op="coords", **sizes)
        output, rules = generate(coords.convolution, source.pillars)
        beats = pillars(coords, source)
        full = beats["empty"] == 0
        assert np.array_equal(beats["column"][full], output.columns)
        assert np.array_equal(beats["index"][full], np.arange(len(output)))
        assert not beats["hits"].any()
        seen = []
        for phase in range(kernel):
            layer = RuleLayer(op="deconv", phase=phase, **sizes)
            got = rules_of(layer, pillars(layer, source))
            for dx in range(kernel):
                inputs, outputs = rules.tap(phase * kernel + dx)
                assert np.array_equal(got.tap(dx)[0], source.index[inputs])
                assert np.array_equal(got.tap(dx)[1], outputs)
            seen += got.outputs.tolist()
        assert sorted(seen) == list(range(len(output)))


def test_a_union_tells_which_maps_are_present():
    shape = (1, 4)
    first, second = (Source.plain(Cpr.from_keys(keys, shape)) for keys in ([0, 2], [2, 3]))
    beats = pillars(RuleLayer(op="union", rows=1, columns=4, union_bit=1), first, second)
    assert beats["column"].tolist() == [0, 2, 3]
    assert beats["value"].tolist() == [1, 3, 2]
    earlier = Source(first.pillars, first.index, np.array([2, 3]), first.selected)
    layer = RuleLayer(op="union", rows=1, columns=4, union_bit=2, union_first=True)
    assert pillars(layer, earlier, second)["value"].tolist() == [2, 7, 4]


def test_a_pruned_entry_between_two_hits_is_a_gap():
    active = Cpr.from_keys([0, 1, 2], (1, 3))
    source = Source.read(active, np.zeros(3), np.array([True, False, True]), "prune")
    beats = pillars(RuleLayer(kernel=3, rows=1, columns=3), source)
    assert beats["column"].tolist() == [0, 1, 2]
    assert beats["hits"].tolist() == [0b010000, 0b101000, 0b010000]
    assert beats["inputs"].tolist() == [[0, 0, 0], [0, 0, 0], [0, 2, 0]]
    assert beats["gaps"].tolist() == [0, 0b010, 0]


@pytest.mark.parametrize("use", ["ignore", "prune", "important"])
def test_tokens_carry_a_source(use):
    rng = np.random.default_rng(3)
    for _ in range(20):
        shape = tuple(int(n) for n in rng.integers(1, 8, 2))
        _, source = source_of(rng, shape, use)
        again = Source.of_tokens(tokens(source), shape)
        assert again.pillars == source.pillars
        for name in ("index", "value", "selected"):
            assert np.array_equal(getattr(again, name), getattr(source, name)), name


def test_a_layer_is_its_fields():
    layer = RuleLayer(op="deconv", kernel=4, phase=3, rows=5, columns=6, union_first=True)
    assert RuleLayer.of(layer.fields()) == layer
    with pytest.raises(BadInput, match="phase"):
        RuleLayer(op="deconv", kernel=4, phase=4, rows=1, columns=1)


def test_cases_of_the_unit():
    config = RguConfig(columns=8)
    seen = set()
    rng = np.random.default_rng(4)
    for case in [*config.corners(), *(config.random(rng) for _ in range(200))]:
        beats = config.process(case)["o"]
        fields = {name: int(codes[0, 0]) for name, codes in case["layer"].items()}
        seen.add(tuple(fields[name] for name in ("op", "kernel", "stride", "mode")))
        assert beats["end"].sum() == 1
        assert config.cycles(case) > len(beats["end"])
    assert len(seen) == len(KINDS)
    with pytest.raises(BadInput, match="columns"):
        RguConfig(columns=0)


@pytest.mark.parametrize("source", ["coordinates", "bitmap"])
def test_the_encoder_gives_the_cpr(source):
    config = CprEncoderConfig(rows=6, columns=11, source=source, word=4)
    rng = np.random.default_rng(5)
    for density in (0, 0.3, 1):
        active = Cpr.from_bitmap(rng.random((6, 11)) < density)
        out = config.process(config.case(active))
        assert out["pointers"]["pointer"][:, 0].tolist() == active.pointers.tolist()
        assert out["pointers"]["last"][:, 0].tolist() == [0] * 6 + [1]
        assert out["entries"]["column"][:, 0].tolist() == active.columns.tolist()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rows": 0}, "rows"),
        ({"columns": 4096}, "columns"),
        ({"word": 65, "source": "bitmap"}, "word"),
        ({"source": "list"}, "source"),
    ],
)
def test_bad_encoders(parameters, message):
    with pytest.raises(BadInput, match=message):
        CprEncoderConfig(**parameters)
