"""The machine of the cycle model, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from golden.sparse import state
from golden.sparse.accelerator import accelerator_of
from golden.sparse.descriptor import complete
from golden.sparse.machine import Machine
from golden.sparse.networks import network_of
from golden.sparse.program import Step
from golden.sparse.tiling import Tiling
from golden.sparse.work import work_of
from golden.sparse.workload import Load

SMALL = accelerator_of("n16")
WHOLE = Tiling(first_tile=512, tile=512, span=2048, resident=False)


def load(counts, *, outputs=32, span=32, **fields):
    """A layer whose rules of each tap are the first ``counts``, one input an output."""
    pairs = [(np.arange(c) % span, np.arange(c)) for c in counts]
    work = work_of(pairs, np.arange(1, outputs + 1), outputs)
    layer = network_of("pointpillars-kitti").layers[1]
    given = complete({"rows": 1, "columns": 512, "capacity": 512} | fields)
    step = Step(fields=given, layer=layer, convolution=None)
    return Load(step=step, work=work, generate=outputs, entries_read=span,
                entries_written=outputs if given["write_cpr"] else 0)  # fmt: skip


def simulate(loads, config=SMALL, cut=WHOLE):
    return Machine(config, loads, [cut if each.work else None for each in loads]).run()


# Check of the list and first descriptor, the coordinates, the only tile.
BEGUN = 2 * (100 + 16)
MADE = BEGUN + 2 * 100 + state.LISTS + 32 + 3


def test_one_pass_by_hand():
    """Two taps with rules of three: 20, 10 and none, on 32 outputs."""
    machine = simulate([load([20, 10, 0])])
    parts = machine.layers[0].parts
    # Three N x N matrices are asked for two cycles later, a beat a row; the first stands in the
    # array when its 16 rows have come and have shifted in.
    assert parts["useful"] == 30
    asked = MADE + 2
    first = asked + 100 + 16 + state.FIRST_BEAT + 16
    assert parts["weights"] == first - MADE
    # 20 rules hide the second matrix. Inputs follow 48 beats of weights and 8 of parameters, so the
    # rule of the 20th comes with its beat: the loader needs no time of its own.
    inputs = asked + 100 + 48 + 8
    waited = max(0, inputs + 20 + state.FIRST_BEAT - (first + 20))
    assert parts["inputs"] == waited > 0
    # The rest: before the generator began, and nobody's, after the last rule: 2N and a few cycles
    # until the vector unit has it, 32 vectors, their 32 beats and the answer.
    end = first + 20 + waited + 10
    assert parts["edge"] == 116 + 200 + state.LISTS
    assert machine.ends == (116, machine.finished - end)
    assert machine.finished == end + 32 + state.DRAIN + 32 + 32 + 100
    assert parts["rule"] == 32 + 3
    assert machine.cycles == 116 + sum(parts.values()) + machine.ends[1] == machine.finished
    assert machine.layers[0].read == (3 * 256 + 20 * 16 + 8 * 16) + (64 + 8 + 4 * 32)
    assert machine.layers[0].written == 32 * 16


def test_taps_take_as_long_as_weights_need():
    """Once all is there: max(rules, N) a tap, none for an empty one, in every pass."""
    counts = [400, 10, 0, 400]
    one, four = (
        simulate([load(counts, outputs=400, span=400, input_tiles=c)]).layers[0].parts
        for c in (1, 4)
    )
    assert four["useful"] == 4 * 810
    # A tap of 10 is waited for in all passes.
    assert (one["weight"], four["weight"]) == (6, 4 * 6)


def test_groups_alternate_halves():
    """1x1: 512 rules and 512 vectors a group. The third group waits for the first to be read, 2N
    cycles late; then both go at the same pace."""
    two, six = (
        simulate([load([512], outputs=512, span=512, output_tiles=c)]).layers[0].parts["vector"]
        for c in (2, 6)
    )
    assert two == 0
    assert 2 * 16 <= six < 100


def test_layers_follow_their_watermark():
    """Three tiles: the next layer's first inputs were written long ago."""
    chain = [load([200] * 9, outputs=400, span=400), load([200] * 9, outputs=400, span=400,
                                                          features_after=1)]  # fmt: skip
    cut = Tiling(first_tile=64, tile=128, span=2048, resident=False)
    edges = [simulate(chain, cut=each).layers[1].parts["edge"] for each in (cut, WHOLE)]
    # Of one tile: 2N of drain, the four chunks that the first tap needs, their answer, the read.
    assert edges[0] < 32 + state.DRAIN + 256 + 2 * 100 < edges[1]
    phased = [chain[0], chain[1]]
    phased[0] = replace(phased[0], step=replace(
        phased[0].step, fields=phased[0].step.fields | {"phased": 1}))  # fmt: skip
    assert simulate(phased, cut=cut).layers[1].parts["edge"] > edges[0]


def test_late_coordinates_stop_the_generator():
    chain = [
        load([200] * 9, outputs=400, span=400, measure=1, write_cpr=1),
        load([200] * 9, outputs=400, span=400, features_after=1, cpr_after=1),
    ]
    early = [replace(chain[0], step=replace(
        chain[0].step, fields=chain[0].step.fields | {"measure": 0})), chain[1]]  # fmt: skip
    late, plain = simulate(chain).layers[1], simulate(early).layers[1]
    ended = late.began - 2 * 100 - state.LISTS
    assert late.parts["rule"] >= 400  # the whole first tile is made while the array waits
    assert plain.parts["rule"] == 0
    assert ended > simulate(chain[:1]).last_rule + 32 + 400 + state.SCANS[1]


def test_a_list_alone_is_written_as_it_is_made():
    """After the last of 4,096 entries: the last burst, a pointer of the one row, the header."""
    alone = replace(load([32], outputs=4096, write_cpr=1), work=None)
    layer = simulate([alone]).layers[0]
    assert layer.generated == BEGUN + 2 * 100 + state.LISTS + 4096
    assert layer.coordinates_at - layer.generated == pytest.approx(16 + 4 / 16 + 64 / 16 + 100)
    assert layer.written == 4 * 4096 + 64 + 4 * (1 + 1)


def test_resident_weights_and_kept_inputs_are_read_once():
    cut = Tiling(first_tile=128, tile=128, span=2048, resident=True)
    counts, fields = [512] * 9, {"input_tiles": 2, "output_tiles": 3}
    once, again = (
        simulate([load(counts, outputs=512, span=512, **fields)], cut=each).layers[0]
        for each in (cut, replace(cut, resident=False))
    )
    assert once.fields["resident"]
    assert again.read - once.read == 3 * (9 * 2 * 3 * 256)
    kept = again.read - 4 * 9 * 2 * 3 * 256 - 4 * 3 * 8 * 16 - (64 + 8 + 4 * 512)
    assert kept == 512 * 2 * 16  # each tile's inputs once for three output-channel tiles
    # Of five planes, 5 x 128 vectors fit half of the ring and stay; 5 x 512 do not.
    fields |= {"input_tiles": 5}
    small, large = (
        simulate([load(counts, outputs=512, span=512, **fields)], cut=each).layers[0].read
        for each in (replace(cut, resident=False), WHOLE)
    )
    tile = 9 * 5 * 3 * 256 + 3 * 8 * 16  # weights and parameters
    assert large - small == (3 - 1) * 512 * 5 * 16 - 3 * tile


def test_an_empty_layer_ends():
    machine = simulate([load([0] * 9, outputs=0), load([20], features_after=1, cpr_after=1)])
    assert machine.layers[0].features
    assert machine.layers[0].parts["useful"] == 0
    assert machine.layers[1].parts["useful"] == 20


@pytest.mark.parametrize("fields", [{"input_tiles": 12, "output_tiles": 9}, {"input_tiles": 24}])
def test_middle_passes_are_alike(monkeypatch, fields):
    """What is simulated of few passes holds for all."""
    loads = [load([512] * 5 + [9] * 4, outputs=512, span=512, **fields)] * 2
    cut = replace(WHOLE, first_tile=200, tile=200)
    few = simulate(loads, cut=cut)
    monkeypatch.setattr(state, "INPUT_TILES", 99)
    monkeypatch.setattr(state, "OUTPUT_TILES", 99)
    all_of_them = simulate(loads, cut=cut)
    assert few.cycles == pytest.approx(all_of_them.cycles, rel=0.003)
    assert sum(x.read for x in few.layers) == sum(x.read for x in all_of_them.layers)
    assert sum(x.written for x in few.layers) == sum(x.written for x in all_of_them.layers)
    for cause in ("useful", "weight"):
        assert sum(x.parts[cause] for x in few.layers) == sum(
            x.parts[cause] for x in all_of_them.layers)  # fmt: skip
