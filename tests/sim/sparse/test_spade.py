"""The whole accelerator: random networks, lists, grids and tiles of every size, to the bit."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from spade_cases import (
    SDCONV,
    body,
    chain,
    everything,
    four,
    pruned_up,
    tiles,
    wrong_records,
)

from golden.sparse.network import Layer, Network
from golden.sparse.trials import trial
from golden.sparse.variants import VARIANTS
from sim.lint import lint_file
from sim.sparse import Timing
from sim.sparse.check import LIMIT, trial_of
from sim.sparse.machine import PAGE, allow, differences, job, outcome, perform

TRIALS = 240
PART = 60
REST = 1500
"""Cycles after which the bus is at rest for certain."""
SPCONV = VARIANTS["spconv"]


def problems(made, result, label=""):
    """What is wrong with a list that was carried out: maps, then records."""
    found = outcome(made.program, result, label)
    assert found.maps.keys() == made.expected.keys()
    return [
        *differences(made.expected, found.maps),
        *wrong_records(made, found, found.cycles),
    ]


def test_lint(n8_verilog):
    assert lint_file(n8_verilog, "spade_n8").problems == ()


@pytest.mark.parametrize("low", range(0, TRIALS, PART))
def test_random_networks(n8, n8_machine, low):
    """Coordinates, features and records; memory that is not for the machine ends a job."""
    cases = [trial_of(seed, n8) for seed in range(low, low + PART)]
    wrong = []
    # A list is done when all is written; weights of taps without rules may still be on their way.
    jobs = [asked.wait(REST) for _, asked in cases]
    for (made, asked), result in zip(cases, n8_machine.run_all(jobs), strict=True):
        assert result.error == "", (asked.name, result.error)
        assert result.idle and result.counts["errors"] == 0
        assert result.values["layers_done"] == len(made.program.steps)
        wrong += [f"{asked.name}: {line}" for line in problems(made, result)]
    assert wrong == []


QUICK = Timing(read_latency=5, write_latency=5)
SIZES = {
    # network, variant, shape, density, tiler
    "one layer": (chain(8, 8), SPCONV, (9, 11), 0.3, None),
    "one pillar": (chain(8, 8, 8), SPCONV, (1, 1), 1.0, None),
    "no pillars": (everything(), SDCONV, (8, 8), 0.0, None),
    "no pillars, spconv-p": (chain(8, 8, 8), VARIANTS["spconv-p"], (5, 7), 0.0, None),
    "every pillar": (everything(), SDCONV, (16, 16), 1.0, None),
    "every pillar, dense": (everything(), VARIANTS["dense"], (8, 8), 1.0, None),
    "one row": (chain(8, 8, 8), SPCONV, (1, 200), 0.2, None),
    "one column": (chain(8, 8, 8), SPCONV, (200, 1), 0.2, None),
    "one row, full": (chain(8, 16, 8), SPCONV, (1, 128), 1.0, None),
    "one column, full": (chain(8, 16, 8), SPCONV, (128, 1), 1.0, None),
    "widest row": (chain(8, 8), SPCONV, (1, 512), 1.0, None),
    "one row, stride 2": (chain(8, 8, role="down", stride=2), SPCONV, (1, 63), 0.5, None),
    "two rows, kernel 2": (
        *(chain(8, 8, role="down", stride=2, kernel=2), SPCONV, (2, 63), 0.5, None),
    ),
    "kernel 2, stride 1": (chain(8, 16, 8, kernel=2), SPCONV, (9, 10), 0.3, None),
    "tiles of one": (chain(8, 16, 8), SPCONV, (10, 10), 0.4, tiles(1, 1)),
    "tiles of one and all": (chain(8, 16, 8), SPCONV, (16, 16), 0.6, tiles(1, 64)),
    "tiles of all": (chain(8, 16, 8), SPCONV, (20, 20), 1.0, tiles(64, 64, 512)),
    "tiles of all but one": (chain(8, 16, 8), SPCONV, (20, 20), 1.0, tiles(63, 63, 512)),
    "tiles of all and one": (chain(8, 8), SPCONV, (10, 10), 0.4, tiles(64, 1)),
    "weights stay": (chain(8, 8, 8), SPCONV, (16, 16), 0.6, tiles(5, 7, resident=True)),
    "least span": (chain(8, 8, 8), SPCONV, (16, 20), 1.0, tiles(64, 64)),
    "least span, many tiles": (chain(24, 24, 24), SPCONV, (12, 12), 0.9, tiles(9, 9)),
    "unions of least span": (everything(), SDCONV, (16, 16), 0.5, tiles(3, 4)),
    "four maps": (four(), SDCONV, (12, 16), 0.2, None),
    "four maps, tiles of one": (four(), SPCONV, (8, 8), 0.3, tiles(1, 1)),
    "a pruned map brought up": (pruned_up(), VARIANTS["spconv-p"], (14, 12), 0.3, None),
    "a dense layer of a sparse map": (
        Network("d", "", (body("a"), body("b", "a", (8, 16), role="head", dense=True))),
        *(SPCONV, (12, 12), 0.1, None),
    ),
}


def sized(config):
    """The trial of each of SIZES."""
    for number, (network, variant, shape, density, tiler) in enumerate(SIZES.values()):
        given = {"network": network, "variant": variant, "shape": shape, "tiler": tiler}
        yield trial(np.random.default_rng(number), config, density=density, **given)


@pytest.mark.parametrize("latency", [1, 100])
def test_sizes(n8, n8_machine, latency):
    """Maps, grids and tiles at their ends."""
    timing = Timing(read_latency=latency, write_latency=latency, stalls=20 if latency == 1 else 0)
    cases, wrong = list(sized(n8)), []
    jobs = [
        job("size", made.program, made.image, timing=timing, seed=seed, limit=LIMIT)
        for seed, made in enumerate(cases)
    ]
    for name, made, result in zip(SIZES, cases, n8_machine.run_all(jobs), strict=True):
        assert result.error == "", (name, result.error)
        wrong += [f"{name}: {line}" for line in problems(made, result)]
    assert wrong == []


def test_they_have_everything(n8):
    """So that what is exact above is not nothing."""
    seen, rules = Counter(), 0
    cases = [trial_of(seed, n8) for seed in range(TRIALS)]
    for made in [*(made for made, _ in cases), *sized(n8)]:
        rules += sum(len(run.rules) for run in made.runs if run.rules is not None)
        steps = [step.fields for step in made.program.steps]
        for f in steps:
            op = f["op"]
            seen[f"op {op} kernel {f['kernel']} stride {f['stride']}"] += 1
            for name in ("mode", "use", "measure", "selection", "relu", "resident", "sources"):
                seen[f"{name} {f[name]}"] += 1
            for name in ("write_cpr", "union_bit", "union_first", "input_tiles", "output_tiles"):
                seen[f"{name} {f[name]}"] += 1
            seen[f"deconv {f['kernel']} phase {f['phase']}"] += op == 1
            seen["deconv of a pruned map"] += op == 1 and f["use"] == 1
            seen["first tile smaller"] += f["first_tile"] < f["tile"]
            seen["follows the layer before"] += 0 < f["features_after"] == steps.index(f)
            seen["top k by a count"] += f["select_count"] > 0
            seen["top k by a ratio"] += 0 < f["select_ratio"] < 1 << 16
            seen["threshold"] += f["threshold"] > 0 and f["selection"]
        for run in made.runs:
            outputs = len(run.generated)
            seen["no outputs"] += outputs == 0
            seen["every output"] += outputs == np.prod(run.generated.shape)
            seen["more outputs than a tile"] += outputs > n8.tile
    for _, asked in cases:
        seen[f"stalls {asked.timing.stalls}"] += 1
        seen[f"shared {asked.timing.shared}"] += 1
        seen[f"latency {asked.timing.read_latency}"] += 1
    wanted = [
        *(f"op 0 kernel {kernel} stride 1" for kernel in (1, 2, 3)),
        *(f"op 0 kernel {kernel} stride 2" for kernel in (2, 3)),
        *(f"op {op} kernel {kernel} stride 1" for op in (1, 2) for kernel in (2, 4)),
        *("op 3 kernel 1 stride 1", "deconv of a pruned map", "first tile smaller"),
        *(f"{name} {value}" for name in ("mode", "use", "measure") for value in range(3)),
        *(f"{name} {v}" for name in ("selection", "relu", "resident") for v in range(2)),
        *(f"{name} {v}" for name in ("write_cpr", "union_first") for v in range(2)),
        *(f"sources {count}" for count in (1, 2, 3, 4)),
        *(f"union_bit {bit}" for bit in (1, 2, 3)),
        *(f"{side}_tiles {count}" for side in ("input", "output") for count in (1, 2, 3)),
        *(f"deconv {k} phase {phase}" for k in (2, 4) for phase in range(k)),
        *("follows the layer before", "top k by a count", "top k by a ratio", "threshold"),
        *("no outputs", "every output", "more outputs than a tile"),
        *(f"stalls {each}" for each in (0, 20, 60)),
        *("shared True", "shared False"),
        *(f"latency {each}" for each in (1, 5, 30, 100)),
    ]
    assert [name for name in wanted if seen[name] == 0] == []
    assert rules > 100_000


def back_to_back(cases, **options):
    """A job that carries out lists one after the other, each with no right to the others' memory,
    and nothing of an earlier run in its own."""
    first = cases[0].program
    asked = job("lists", first, cases[0].image, limit=LIMIT, **options)
    end = max(made.program.base + made.program.size for made in cases)
    asked = dataclasses.replace(asked, size=end - asked.base + PAGE)
    for number, made in enumerate(cases[1:], 1):
        asked.forbid().load(made.program.base, bytes([0xA5]) * made.program.size)
        for address, data in made.image:
            asked.load(address, data)
        perform(allow(asked, made.program), made.program, LIMIT, f"{number}.")
    return asked


def carried_out(machine, cases, **options):
    """What is wrong after lists back to back."""
    result = machine.run(back_to_back(cases, **options))
    assert result.error == ""
    labels = ("", *(f"{number}." for number in range(1, len(cases))))
    for label, made in zip(labels, cases, strict=True):
        yield from (f"list {label}: {line}" for line in problems(made, result, label))


@pytest.mark.parametrize("seed", range(4))
def test_lists_back_to_back(n8, n8_machine, seed):
    rng, cases, base = np.random.default_rng(seed), [], 0
    for _ in range(5):
        cases.append(trial(rng, n8, base=base))
        base += -(-cases[-1].program.size // PAGE) * PAGE
    assert list(carried_out(n8_machine, [*cases, cases[0]], timing=QUICK, seed=seed)) == []


def test_a_list_after_one_whose_last_reads_are_under_way(n8, n8_machine):
    """A pillar alone needs one of nine taps; weights of the last of them may still be coming when
    its features are in memory."""
    given = {"network": chain(8, 24), "variant": VARIANTS["spconv-s"], "shape": (1, 1)}
    made = trial(np.random.default_rng(0), n8, density=1.0, **given)
    slow = Timing(read_latency=1, write_latency=1, stalls={"r": 80}, shared=False)
    jobs = [
        job("early", made.program, made.image, timing=slow, seed=seed, limit=LIMIT)
        for seed in range(10)
    ]
    assert not all(result.idle for result in n8_machine.run_all(jobs))
    for seed in range(10):
        assert list(carried_out(n8_machine, [made] * 2, timing=slow, seed=seed)) == []


def test_what_is_undefined_has_no_effect(n8, n8_machine):
    """Registers and memories that nothing resets begin with other values in each run."""
    made = trial(
        *(np.random.default_rng(8), n8), network=everything(), variant=SDCONV, shape=(12, 12)
    )
    timing = Timing(read_latency=30, write_latency=30)
    jobs = [
        job(f"unique{seed}", made.program, made.image, timing=timing, seed=seed, limit=LIMIT)
        for seed in range(1, 6)
    ]
    results = n8_machine.run_all(jobs)
    assert problems(made, results[0]) == []
    for result in results[1:]:
        assert np.array_equal(result.dumps["memory"], results[0].dumps["memory"])
        assert result.values == results[0].values
        assert result.at == results[0].at and result.counts == results[0].counts


def test_a_layer_keeps_its_coordinates(n8, n8_machine):
    """Where the output set is the source's, one CPR serves both, and nothing is written to it."""
    network = Network(
        "same",
        "",
        (body("a"), Layer(name="b", role="body", source=("a",), channels=(8, 8), kernel=1)),
    )
    made = trial(
        *(np.random.default_rng(2), n8),
        network=network,
        variant=VARIANTS["spconv-s"],
        shape=(9, 9),
        density=0.4,
    )
    assert [step.fields["write_cpr"] for step in made.program.steps] == [0, 0]
    result = n8_machine.run(job("same", made.program, made.image, timing=QUICK, limit=LIMIT))
    assert problems(made, result) == []
