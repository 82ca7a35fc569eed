"""The whole accelerator on lists and coordinates that are wrong: it says what, stops, and works
again after a soft reset; and it never writes where it may not."""

import dataclasses

import numpy as np
import pytest
from spade_cases import body, union_list
from spade_errors import LIMIT, QUICK, changed, failure, reset_and_again, small_trial, with_fields

from golden.sparse.checks import offence
from golden.sparse.descriptor import CONV, COORDS, DECONV, FIELDS, UNION, encode, highest
from golden.sparse.memory import cpr_bytes
from golden.sparse.network import Network
from golden.sparse.registers import error_code
from golden.sparse.trials import trial
from golden.sparse.variants import VARIANTS
from sim.sparse.machine import ERROR, STOPPED, differences, outcome, perform, prepared


@pytest.fixture(scope="module")
def made(n8):
    return small_trial(n8)


def malformed(made, config):
    """Trials with one descriptor that is wrong in one way, with its number and that way."""
    steps = made.program.steps
    for number, field in enumerate(FIELDS):
        number = number % len(steps)
        value = 64 if field.address else highest(field, config, number) + 1
        if value >> field.bits:
            value = field.low - 1
        if value >= 0:
            yield number, with_fields(made, number, **{field.name: value})
    for number, fields in (
        (0, {"kernel": 2}),  # of a selective layer
        (0, {"mode": 1, "use": 2}),
        (0, {"write_cpr": 0}),
        (len(steps) - 1, {"source_tiles": 3}),
        (len(steps) - 1, {"phased": 1}),
    ):
        yield number, with_fields(made, number, **fields)


def test_malformed_descriptors(n8, n8_machine, made):
    """Nothing is written, whatever layer they are of."""
    cases = list(malformed(made, n8))
    jobs = []
    for number, (_, wrong) in enumerate(cases):
        asked = prepared(f"malformed{number}", wrong.program, wrong.image, timing=QUICK)
        perform(asked, wrong.program, LIMIT)
        jobs += [asked]
    assert len(cases) > 30
    for (number, wrong), result in zip(cases, n8_machine.run_all(jobs), strict=True):
        expected = offence(encode(wrong.program.steps[number].fields), n8, number)
        assert result.error == ""
        assert result.values["status"] == ERROR | STOPPED
        assert result.values["error"] == error_code("descriptor") | number << 16
        assert result.values["detail"] == expected.offset
        assert result.counts["writes"] == 0 and result.values["layers_done"] == 0
    again = []
    for number, (_, wrong) in enumerate(cases[::5]):
        asked = prepared(f"recovered{number}", wrong.program, wrong.image, timing=QUICK)
        again.append(reset_and_again(perform(asked, wrong.program, LIMIT), made))
    for (_, wrong), result in zip(cases[::5], n8_machine.run_all(again), strict=True):
        assert failure(wrong, made, result)[0] == error_code("descriptor")


def broken(active):
    """CPRs that are malformed, as bytes: header with pointers, and entries."""
    header, entries = cpr_bytes(active)
    words = 16  # of the header, before the pointers
    row = int(np.flatnonzero(np.diff(active.pointers) >= 2)[0])
    place = int(active.pointers[row])

    def with_word(data, index, value):
        changed = np.frombuffer(data, "<u4").copy()
        changed[index] = value
        return changed.tobytes()

    yield with_word(header, words, 1), entries
    yield with_word(header, words + row + 1, int(active.pointers[row]) - 1 & 0xFFFF_FFFF), entries
    yield with_word(header, words + row + 1, place + active.shape[1] + 1), entries
    yield with_word(header, words + active.shape[0], 1 << 23), entries
    yield header, with_word(entries, place, active.shape[1])
    yield header, with_word(entries, place, 0xFFFF)
    yield header, with_word(entries, place + 1, int(active.columns[place]))
    yield header, with_word(entries, place, int(active.columns[place + 1]) + 1)


def test_malformed_coordinates(n8_machine, made):
    """Of a layer's source, and of either map of a union."""
    pillars, cases = made.program.places["pillars"], []
    for header, entries in broken(made.pillars.active):
        bad = {pillars.cpr: header, pillars.entries: entries}
        cases.append(changed(made, made.program.steps, bad))
    for second in (False, True):
        for number, bad in enumerate(broken(made.pillars.active)):
            if number:  # (a first pointer below its header's zero is one for both)
                steps, content = union_list(made, bad, second)
                cases.append(changed(made, steps, content))
    jobs = []
    for number, wrong in enumerate(cases):
        asked = prepared(f"coordinates{number}", wrong.program, wrong.image, timing=QUICK)
        jobs.append(reset_and_again(perform(asked, wrong.program, LIMIT), made))
    for wrong, result in zip(cases, n8_machine.run_all(jobs), strict=True):
        assert failure(wrong, made, result)[:2] == (error_code("coordinates"), 0), result.name


def outputs_of(made, step):
    """Pillars of a descriptor's output."""
    f, runs = step.fields, {run.layer.name: run for run in made.runs}
    run = runs[step.layer.name]
    if f["op"] == UNION:
        first, second = (
            set(made.expected[name].active.keys.tolist()) for name in run.layer.source[:2]
        )
        return len(first | second)
    return len(run.generated)


def test_capacities(n8_machine, made):
    """As many pillars as there are fit; one fewer do not."""
    steps, jobs, cases = made.program.steps, [], []
    seen = set()
    for number, step in enumerate(steps):
        if step.fields["op"] == DECONV:  # the coordinates have been counted by their own layer
            continue
        seen.add(step.fields["op"])
        wrong = with_fields(made, number, capacity=outputs_of(made, step) - 1)
        cases.append(wrong)
        asked = prepared(f"capacity{number}", wrong.program, wrong.image, timing=QUICK)
        jobs.append(reset_and_again(perform(asked, wrong.program, LIMIT), made))
    assert seen == {CONV, COORDS, UNION}
    for wrong, result in zip(cases, n8_machine.run_all(jobs), strict=True):
        assert failure(wrong, made, result)[:2] == (error_code("capacity"), 0), result.name
    fit = changed(
        made,
        [
            dataclasses.replace(s, fields=s.fields | {"capacity": outputs_of(made, s)})
            for s in steps
        ],
    )
    asked = prepared("fit", fit.program, fit.image, timing=QUICK)
    result = n8_machine.run(perform(asked, fit.program, LIMIT))
    assert list(differences(made.expected, outcome(fit.program, result).maps)) == []


@pytest.mark.parametrize("variant", ["spconv", "spconv-s", "spconv-p"])
def test_spans(n8, n8_machine, variant):
    """The inputs of the widest output fit; with one fewer they do not."""
    network = Network("two", "", (body("a"), body("b", "a")))
    given = {"network": network, "variant": VARIANTS[variant], "shape": (7, 12)}
    made = trial(np.random.default_rng(4), n8, density=0.3, **given)
    if variant == "spconv-p":  # its second layer's indices count what was pruned
        number, source = 0, made.runs[0]
    else:
        number, source = 1, made.runs[1]
    rules = source.rules
    low, high = np.full(len(source.generated), 1 << 30), np.zeros(len(source.generated), int)
    np.minimum.at(low, rules.outputs, rules.inputs)
    np.maximum.at(high, rules.outputs, rules.inputs)
    need = int((high - low).max()) + 1
    fit, wrong = (with_fields(made, number, span=span) for span in (need, need - 1))
    asked = prepared("fit", fit.program, fit.image, timing=QUICK)
    result = n8_machine.run(perform(asked, fit.program, LIMIT))
    assert list(differences(made.expected, outcome(fit.program, result).maps)) == []
    asked = prepared("span", wrong.program, wrong.image, timing=QUICK)
    result = n8_machine.run(reset_and_again(perform(asked, wrong.program, LIMIT), made))
    assert failure(wrong, made, result)[:2] == (error_code("span"), 0)
