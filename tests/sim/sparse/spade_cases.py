"""Networks for the whole accelerator, and what its records of statistics must say."""

import dataclasses
from itertools import accumulate

from golden.sparse.descriptor import CONV, DECONV, UNION
from golden.sparse.network import Layer, Network
from golden.sparse.record import RECORD
from golden.sparse.tiling import Tiling, least_span
from golden.sparse.variants import VARIANTS


def body(name, source="pillars", channels=(8, 8), **options):
    options = {"role": "body", "kernel": 3} | options
    return Layer(name=name, source=(source,), channels=channels, **options)


def chain(*widths, **options):
    """A network of bodies, one after the other."""
    names = ["pillars", *(f"layer{k}" for k in range(len(widths) - 1))]
    layers = [
        body(names[k + 1], names[k], (widths[k], widths[k + 1]), **options)
        for k in range(len(widths) - 1)
    ]
    return Network("chain", "", tuple(layers))


def everything():
    """A network of few pillars which in the variant ``sdconv`` makes use of every client of the
    memory port: unions, measures with late headers, selections."""
    up = {"role": "up", "transposed": True}
    layers = (
        body("a", channels=(8, 9)),
        body("b", "a", (9, 8)),
        body("c", "b", (8, 16), role="down", stride=2),
        body("up.b", "b", (8, 8), **up, kernel=1, stride=1),
        body("up.c", "c", (16, 8), **up, kernel=2, stride=2),
        Layer(name="concat", role="concat", source=("up.b", "up.c"), channels=(16, 16)),
        body("head", "concat", (16, 8), role="head", relu=False),
    )
    return Network("everything", "", layers)


def four():
    """Four maps side by side, brought up from three scales."""
    up = {"role": "up", "transposed": True}
    down = {"role": "down", "stride": 2}
    layers = (
        body("a"),
        body("b", "a"),
        body("c", "b", **down),
        body("d", "c", **down),
        body("up.a", "a", **up, kernel=1),
        body("up.b", "b", **up, kernel=1),
        body("up.c", "c", **up, kernel=2, stride=2),
        body("up.d", "d", (8, 5), **up, kernel=4, stride=4),
        Layer(
            name="concat",
            role="concat",
            source=("up.a", "up.b", "up.c", "up.d"),
            channels=(29, 29),
        ),
        body("head", "concat", (29, 8), role="head", relu=False),
    )
    return Network("four", "", layers)


def pruned_up():
    """A pruned map, brought up."""
    up = {"role": "up", "transposed": True, "kernel": 2, "stride": 2}
    return Network(
        "pruned",
        "",
        (body("a", role="down", stride=2), body("b", "a"), body("c", "b", **up)),
    )


SDCONV = VARIANTS["sdconv"].replace(t=30, t_of="active")


def tiles(first, tile, span=None, resident=False):
    """A tiler: always these tiles; ``span``: None for the least that can be."""

    def tiling(config, task):
        least = min(least_span(task.convolution, task.columns), task.inputs)
        rows = task.taps * task.input_tiles * task.output_tiles * config.array
        fits = resident and rows <= config.weight_vectors
        return Tiling(first_tile=first, tile=tile, span=span or least, resident=fits)

    return tiling


def expected_counts(trial):
    """Of each descriptor by golden's rules: rules issued, vectors drained, least passes."""
    runs = {run.layer.name: run for run in trial.runs}
    for step in trial.program.steps:
        f, run = step.fields, runs[step.layer.name]
        cut = f["input_tiles"] * f["output_tiles"]
        if f["op"] == CONV:
            rules, outputs = len(run.rules), len(run.generated)
        elif f["op"] == DECONV:
            k = f["kernel"]
            rules = int(run.rules.counts()[f["phase"] * k :][:k].sum())
            outputs = len(run.generated) // k
        else:
            rules = outputs = 0
        if not outputs:
            yield 0, 0, 1
            continue
        count = 1 + max(0, -(-(outputs - f["first_tile"]) // f["tile"]))
        yield rules * cut, outputs * f["output_tiles"], count * cut


def wrong_records(trial, found, read_cycles):
    """In words, what is wrong with the records that a list has left."""
    expected, totals = list(expected_counts(trial)), [0, 0]
    if len(found.records) != len(expected):
        yield f"{len(found.records)} records of {len(expected)} layers"
    vectors = list(accumulate(vectors for _, vectors, _ in expected))
    passes = list(accumulate(passes for _, _, passes in expected))
    for number, record in enumerate(found.records):
        counts = record.counts
        if counts["number"] != number:
            yield f"record {number} has the number {counts['number']}"
        if counts["useful"] != expected[number][0]:
            yield f"record {number}: {counts['useful']} rules issued, not {expected[number][0]}"
        totals = [totals[0] + counts["outputs"], totals[1] + counts["passes"]]
        # The vector unit drains after the end of issue; passes are taken ahead of it.
        if totals[0] > vectors[number]:
            yield f"record {number}: {totals[0]} vectors drained of {vectors[number]} by then"
        if totals[1] < passes[number]:
            yield f"record {number}: {totals[1]} passes of at least {passes[number]} by then"
    if totals[0] < vectors[-1] - 2 * trial.program.config.tile:
        yield f"{totals[0]} vectors drained of {vectors[-1]}"
    if vectors[-1] == 0 and totals[1] != passes[-1]:
        yield f"{totals[1]} passes, not {passes[-1]}"
    cycles = sum(record.cycles for record in found.records)
    if not 0 < cycles <= read_cycles:
        yield f"records of {cycles} cycles, the list of {read_cycles}"
    for name in ("beats_read", "beats_written"):
        most = found.counts["read_beats" if name == "beats_read" else "write_beats"]
        some = sum(record.counts[name] for record in found.records)
        if not 0 <= some <= most:
            yield f"{some} {name}, {most} on the bus"
    assert set(RECORD) == set(found.records[0].counts)


def union_list(made, bad, second):
    """A list of one union of the pillars of ``made`` with a map ``bad`` (bytes of header and
    entries) beside them, either one first; and the pieces of memory that it needs."""
    program = made.program
    pillars, other = program.places["pillars"], program.places["a"]
    step = next(step for step in program.steps if step.fields["op"] == UNION)
    first = [("source_cpr", pillars.cpr), ("source_entries", pillars.entries)]
    last = [("second_cpr", other.cpr), ("second_entries", other.entries)]
    if not second:
        names = [name for name, _ in first + last]
        first_last = dict(zip(names, [*(v for _, v in last), *(v for _, v in first)], strict=True))
    else:
        first_last = dict(first + last)
    fields = step.fields | first_last | {"cpr_after": 0, "union_first": 0}
    return [dataclasses.replace(step, fields=fields)], dict(
        zip((other.cpr, other.entries), bad, strict=True)
    )
