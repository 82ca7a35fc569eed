"""The cycle model: layers worked by hand, invariants, the planner, an independent estimate."""

from dataclasses import replace

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse import state
from golden.sparse.accelerator import ACCELERATORS, AcceleratorConfig, accelerator_of
from golden.sparse.cpr import Cpr, union
from golden.sparse.cycles import costs, tilings
from golden.sparse.descriptor import complete
from golden.sparse.frames import read_frame
from golden.sparse.machine import Machine
from golden.sparse.networks import network_of
from golden.sparse.pillars import GRIDS, pillarize
from golden.sparse.plan import plan
from golden.sparse.program import Step, program
from golden.sparse.report import summary
from golden.sparse.rules import Convolution, generate
from golden.sparse.run import FeatureMap, LayerRun, convolution_of
from golden.sparse.tiling import Tiling
from golden.sparse.timeline import Bus, Timeline
from golden.sparse.variants import VARIANTS, variant_of
from golden.sparse.work import conv_work, deconv_work, work_of
from golden.sparse.workload import Load, Workload

SMALL = AcceleratorConfig(array=16, bus_bits=128, input_bytes=65536, weight_bytes=32768,
                          sum_bytes=65536, rule_bytes=28672, latency=100)  # fmt: skip
WHOLE = Tiling(first_tile=512, tile=512, span=2048, resident=False)


# Time and bus.


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


# Work.


def example(density=0.1, shape=(60, 50), mode="spconv", kernel=3, stride=1):
    active = Cpr.from_bitmap(np.random.default_rng(0).random(shape) < density)
    form = Convolution(kernel=kernel, stride=stride, mode=mode)
    important = np.arange(len(active)) % 5 == 0 if mode == "selective" else None
    output, rules = generate(form, active, important)
    return active, output, rules, conv_work(form, active, active, output, rules)


@pytest.mark.parametrize("sizes", [(16, 48, 2048), (1, 7, 2048), (64, 64, 24), (4096, 4096, 4096)])
def test_tiles_have_each_rule_once_and_know_their_inputs(sizes):
    _, output, rules, work = example()
    cut = Tiling(first_tile=sizes[0], tile=sizes[1], span=sizes[2], resident=False)
    tiles = work.tiles(cut)
    assert work.rules == tiles.counts.sum() == len(rules)
    ends = np.cumsum(tiles.outputs)
    assert ends[-1] == len(output)
    assert tiles.span.max() <= sizes[2]
    for tile, end in enumerate(ends):
        start = end - tiles.outputs[tile]
        assert end - start <= (sizes[1] if tile else sizes[0])
        inside = (rules.outputs >= start) & (rules.outputs < end)
        mine = rules.inputs[inside]
        assert tiles.low[tile] == mine.min()
        assert tiles.span[tile] == mine.max() - mine.min() + 1
        # One more output would not have fitted.
        wider = rules.inputs[(rules.outputs >= start) & (rules.outputs <= end)]
        full = end - start == (sizes[1] if tile else sizes[0])
        assert full or end == len(output) or np.ptp(wider) >= sizes[2]
        for tap in range(9):
            part = slice(rules.starts[tap], rules.starts[tap + 1])
            its = rules.inputs[part][inside[part]]
            assert tiles.counts[tile, tap] == len(its)
            assert tiles.last[tile, tap] == (its.max() - mine.min() if len(its) else -1)


def test_coarse_granules_agree_with_fine(monkeypatch):
    _, _, _, fine = example(0.3)
    monkeypatch.setattr("golden.sparse.work.FINE", 100)
    _, _, _, coarse = example(0.3)
    cut = Tiling(first_tile=32, tile=128, span=2048, resident=False)
    assert (fine.granule, coarse.granule) == (1, 16)
    for part in ("outputs", "counts", "low", "span", "last", "generate"):
        assert np.array_equal(getattr(fine.tiles(cut), part), getattr(coarse.tiles(cut), part))


def test_head_is_a_part():
    _, output, _, work = example()
    half = work.head(0.5)
    assert half.outputs == round(len(output) / 2)
    cut = Tiling(first_tile=half.outputs, tile=4096, span=4096, resident=False)
    assert np.array_equal(half.tiles(cut).counts, work.tiles(cut).counts[:1])
    assert np.array_equal(half.tiles(cut).generate, work.tiles(cut).generate[:1])


def test_rule_generator_by_hand():
    """Two rows of pillars with an empty one between, 4 columns."""
    active = Cpr.from_bitmap([[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]])
    spconv = Convolution(kernel=3)
    output, rules = generate(spconv, active)
    # A row of two into a buffer, and two cycles until it is seen. Each row takes one to begin, one
    # a candidate (4, 4, 3, 3), and one for a column that leaves with no candidate (the last one).
    made = conv_work(spconv, active, active, output, rules)
    assert made.generate == 2 + 2 + (1 + 4 + 1) + (1 + 4 + 1) + (1 + 3) + (1 + 3)
    assert made.made[[4, 8, 11, 14]].tolist() == [10, 16, 20, 24]
    assert (np.diff(made.made)[1:] >= 1).all()
    # SpConv-S: only columns near the row's own, which leave with their candidates.
    own = Convolution(kernel=3, mode="submanifold")
    work = conv_work(own, active, active, *generate(own, active))
    assert work.generate == 2 + 2 + (1 + 2) + 1 + 1 + (1 + 1)
    assert work.made.tolist() == [0, 6, 7, 11]
    # SD-Conv: all columns, the last of each row for itself.
    some = Convolution(kernel=3, mode="selective")
    work = conv_work(some, active, active, *generate(some, active, np.array([1, 0, 0], bool)))
    assert work.generate == 2 + 2 + (1 + 3 + 1) + (1 + 2 + 1) + (1 + 1) + (1 + 1 + 1)
    # Stride 2: the even row fills a buffer first.
    half = Convolution(kernel=3, stride=2)
    work = conv_work(half, active, active, *generate(half, active))
    assert work.generate == 2 + 2 + (1 + 2 + 1) + (1 + 2)
    # A phase of a deconv: a row in, then twice as many outputs.
    work = deconv_work(2, active, active)
    assert work.generate == 3 * 3 + 2 * 2
    assert work.made.tolist() == [0, 3, 4, 5, 6, 8, 9]


def test_pruned_entries_keep_their_indices():
    active, output, rules, _ = example(0.2)
    stored = Cpr.from_bitmap(active.bitmap() | (np.random.default_rng(1).random((60, 50)) < 0.2))
    work = conv_work(Convolution(kernel=3), stored, active, output, rules)
    tiles = work.tiles(replace(WHOLE, first_tile=4096, tile=4096, span=4096))
    assert tiles.span[0] > len(active)
    assert tiles.span[0] <= len(stored)
    assert work.rules == len(rules)


# The machine, by hand.


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


# Networks.


def coordinate_runs(path, preset, variant):
    """Layer runs with coordinates and rules alone: what a variant that ignores features needs."""
    grid = GRIDS[preset]
    maps = {"pillars": pillarize(read_frame(path), grid).active}
    nothing = np.zeros((0, 0), np.int8)
    for layer in network_of(preset).for_variant(variant).layers:
        source = maps[layer.source[0]]
        if layer.role == "concat":
            form, rules = None, None
            source = output = union([maps[name] for name in layer.source])
        else:
            form = convolution_of(layer, variant)
            output, rules = generate(form, source)
        maps[layer.name] = output
        yield LayerRun(layer, form, FeatureMap(source, nothing), FeatureMap(output, nothing),
                       output, rules)  # fmt: skip


def workload_of(path, name, preset="pointpillars-kitti"):
    workload = Workload()
    for run in coordinate_runs(path, preset, variant_of(name)):
        workload(run)
    return workload


def program_of(name, config, preset="pointpillars-kitti"):
    variant = variant_of(name)
    network = network_of(preset).for_variant(variant)
    return program(network, variant, GRIDS[preset].shape, config)


def backbone(made, found):
    """``(useful, all)`` cycles of backbone and up-sampling."""
    mine = [found[x.name] for x in made.network.layers if x.role in ("body", "down", "up")]
    return sum(c.useful for c in mine), sum(c.cycles for c in mine)


def bare_loop(run, array, tile, beat):
    """``(useful, all)`` cycles of the bare loop, an upper bound for every machine of this kind:
    max(rules, N) a tap; the bus at a beat a cycle, inputs for each output-channel tile, weights for
    each tile; the larger of the two a tile, and 2N of drain. A deconv is tiled by its inputs."""
    transposed = run.convolution.transposed
    number = -(-(len(run.source.active) if transposed else len(run.generated)) // tile)
    counts = np.zeros((number, run.rules.taps))
    low, high = np.full(number, 1 << 30), np.full(number, -1)
    for tap in range(run.rules.taps):
        inputs, outputs = run.rules.tap(tap)
        which = (inputs if transposed else outputs) // tile
        counts[:, tap] = np.bincount(which, minlength=number)
        np.minimum.at(low, which, inputs)
        np.maximum.at(high, which, inputs)
    ci, co = (-(-c // array) for c in run.layer.channels)
    size = np.minimum(tile, len(run.generated) - np.arange(number) * tile)
    made = counts.sum(axis=1) if transposed else size
    busy = np.where(counts > 0, np.maximum(counts, array), 0).sum(axis=1) * ci * co
    weights = run.rules.taps * run.layer.channels[0] * run.layer.channels[1]
    moved = (high - low + 1) * run.layer.channels[0] * co + weights + made * run.layer.channels[1]
    return counts.sum() * ci * co, (np.maximum(busy, moved / beat) + 2 * array).sum()


# An independent estimate of what the bare loop can reach: frame, variant, N, tile, bytes a beat,
# per cent of cycles useful, and how far our reading of it is off. It does not say how it treats the
# last, short tile of a layer, which is where the sparsest frame spends its cycles.
ESTIMATE = [
    ("kitti_000001_full.bin", "spconv", 64, 512, 64, 97.6, 0.05),
    ("kitti_000001_full.bin", "spconv-s", 64, 1024, 64, 98.3, 0.3),
    ("kitti_000008_fov.bin", "spconv-s", 64, 1024, 64, 97.9, 0.6),
    ("kitti_000008_fov.bin", "spconv-s", 64, 512, 64, 89.0, 2.1),
    ("kitti_000001_full.bin", "spconv", 16, 128, 16, 99.3, 0.06),
]


@pytest.mark.parametrize(("name", "variant", "n", "tile", "beat", "share", "off"), ESTIMATE)
def test_independent_estimate(lidar, name, variant, n, tile, beat, share, off):
    useful = total = 0.0
    for run in coordinate_runs(lidar(name), "pointpillars-kitti", variant_of(variant)):
        if run.layer.role not in ("head", "concat"):
            one, all_of_it = bare_loop(run, n, tile, beat)
            useful, total = useful + one, total + all_of_it
    assert abs(100 * useful / total - share) <= off


@pytest.mark.parametrize("accelerator", ["n16", "n32", "n64"])
@pytest.mark.parametrize("name", ["spconv", "spconv-s"])
def test_useful_cycles_are_those_of_the_rules(lidar, accelerator, name):
    """And at least 95 % of all, on the sparsest real frame, as nothing better is known of it."""
    config = accelerator_of(accelerator)
    path = lidar("kitti_000008_fov.bin")
    made = program_of(name, config)
    found = costs(made, workload_of(path, name))
    for run in coordinate_runs(path, "pointpillars-kitti", variant_of(name)):
        if run.rules is None:
            assert found[run.layer.name].cycles == 0
            continue
        ci, co = (-(-c // config.array) for c in run.layer.channels)
        cost = found[run.layer.name]
        assert cost.useful == len(run.rules) * ci * co
        assert cost.cycles >= cost.useful
    useful, total = backbone(made, found)
    assert 0.95 < useful / total < 1


def test_more_of_anything_is_hardly_slower(lidar):
    """More memory in flight may come in another order, which may cost a little."""
    workload = workload_of(lidar("kitti_000008_fov.bin"), "spconv-s")

    def cycles(**changes):
        found = costs(program_of("spconv-s", SMALL.replace(**changes)), workload)
        return sum(cost.cycles for cost in found.values())

    base = cycles()
    for change in ({"latency": 0}, {"input_bytes": 131072}, {"weight_bytes": 65536}):
        assert cycles(**change) <= 1.001 * base
    assert cycles(bus_bits=64) > base
    assert cycles(latency=1000) > 1.01 * base


def test_planner_is_better_on_its_reference_and_good_on_others(lidar):
    config, name = accelerator_of("n64"), "spconv-s"
    reference = workload_of(lidar("kitti_000001_full.bin"), name)
    other = workload_of(lidar("kitti_000008_fov.bin"), name)
    first = program_of(name, config)
    planned = plan(first.network, first.variant, first.shape, config, reference)
    assert tilings(planned) != tilings(first)
    assert [s.layer.name for s in planned.steps] == [s.layer.name for s in first.steps]
    totals = [
        [sum(c.cycles for c in costs(made, frame).values()) for made in (first, planned)]
        for frame in (reference, other)
    ]
    assert totals[0][1] < totals[0][0]
    assert totals[1][1] < 1.01 * totals[1][0]


def test_selections_of_a_real_network_wait():
    """SD-Conv: the generator waits for the layer before, and that is no wait for rules."""
    from golden.sparse.commands import run_frame
    from golden.sparse.scene import synthetic_frame

    config = accelerator_of("n16")
    records, _ = run_frame(synthetic_frame(0), "pointpillars-kitti", VARIANTS["sdconv"], config)
    total = summary(records, config)
    assert total.cycles == sum(total.parts.values()) == sum(r.cost.cycles for r in records)
    assert total.fps == pytest.approx(1e9 / total.cycles)
    assert total.macs < total.dense_macs
    assert 0 < total.saving < 1
    assert total.parts["edge"] > 0
    assert total.parts["rule"] < 0.02 * total.cycles
    waiting = next(r for r in records if r.name == "block3.3")
    assert waiting.cost.edge > 2 * 100 + state.LISTS
    # Features and coordinates, of all outputs of a layer whose importance is asked for.
    out = waiting.generated
    assert waiting.cost.bytes_written == out * (256 + 4) + 64 + 4 * (62 + 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"array": 12}, "array is 12"), ({"bus_bits": 100}, "bus_bits is 100"),
     ({"latency": -1}, "latency is -1"), ({"frequency": 0}, "frequency is 0"),
     ({"input_bytes": 100}, "input_bytes is 100"), ({"weight_bytes": 511}, "weight_bytes is 511"),
     ({"weight_bytes": 40960}, "weight_bytes is 40960; allowed: 16 times a power of two"),
     ({"sum_bytes": 0}, "sum_bytes is 0"), ({"rule_bytes": 1.5}, "rule_bytes is 1.5"),
     ({"rule_bytes": 27647}, "rule_bytes is 27647; allowed: at least 27648"),
     ({"columns": 1}, "columns is 1"), ({"columns": 2049}, "columns is 2049")],
)  # fmt: skip
def test_config_refused(change, message):
    with pytest.raises(BadInput, match=message):
        SMALL.replace(**change)


def test_named_accelerators():
    assert [c.array for c in ACCELERATORS.values()] == [8, 16, 32, 64]
    assert accelerator_of("n64").buffers <= 1 << 20
    with pytest.raises(BadInput, match="accelerator is 'n9'"):
        accelerator_of("n9")
