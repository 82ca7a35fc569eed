"""The schema of results."""

import json
from dataclasses import replace

import pytest

from golden.errors import BadInput
from synth.metrics import KINDS, load, metric, save
from synth.tables.figures import shown
from synth.tables.recipes import recipe_ratios


def test_round_trip(results, tmp_path):
    for result in results.values():
        assert load(save(tmp_path / "metrics.json", result)) == result


def test_every_figure_is_of_a_known_kind(results):
    for result in results.values():
        # Neither has memories (test_memories.py has those that do), other corners
        # (test_libraries.py), a known operation, or an OpenSTA that reads SAIF.
        elsewhere = {"energy_operation", "power_opensta", "corner_path", "corner_slack"}
        expected = {k for k in KINDS if "memory" not in k} - elsewhere
        assert {m.name for m in result.metrics} == expected
        for figure in result.metrics:
            kind = KINDS[figure.name]
            assert (figure.unit, figure.better) == (kind.unit, kind.better) and figure.source


def test_provenance_is_complete(results):
    for name, result in results.items():
        p = result.provenance
        assert set(p.tools) == {"Yosys", "OpenSTA"} and all(p.tools.values())
        assert p.corner == "typical, 1.8 V, 25 C" and len(p.library_sha256) == 64
        assert p.activity.startswith("estimate: default activity, 0.1 transitions")
        assert p.command == f"python -m synth run {name} --recipe balanced --period 10"
        assert p.verilog_sha256[:12] in p.line() and p.command in p.line()


def test_sums(results):
    for result in results.values():
        parts = ("power_internal", "power_switching", "power_clock")
        total = sum(result[name] for name in parts) + result["leakage"] * 1e-3
        assert result["power"] == pytest.approx(total, rel=1e-5)
        assert result["energy"] == pytest.approx(sum(result[n] for n in parts) * 10, rel=1e-5)
        by_type = result.cells_by_type.values()
        assert sum(facts["area"] for facts in by_type) == pytest.approx(result["area"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "bitpillar-metrics-0"}'])
def test_other_files_are_refused(text, tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(BadInput, match="not a metrics file of schema bitpillar-metrics-1"):
        load(path)


def test_missing_field_is_refused(results, tmp_path):
    path = save(tmp_path / "metrics.json", results["sample_mac"])
    data = json.loads(path.read_text())
    del data["provenance"]["command"]
    path.write_text(json.dumps(data))
    with pytest.raises(BadInput, match="command"):
        load(path)


def test_unknown_metric():
    with pytest.raises(KeyError):
        metric("speed", 1.0, "x")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.12345, "0.123"), (1.5, "1.50"), (4.1053, "4.11"), (26.275, "26.3"),
     (243.587, "244"), (29250.0, "29,250"), (1218.75, "1,219"), (966.0, "966"),
     (0.012345, "0.0123"), (9.999, "10.0"), (999.4, "999"), (-1.234, "-1.23")],
)  # fmt: skip
def test_shown(value, text):
    assert shown(value) == text


def test_recipe_ratios(results):
    """Against hand-made copies: one recipe with twice the area and half the delay."""

    def copy(result, recipe, factor):
        figures = [
            replace(m, value=m.value * {"area": factor, "critical_path": 1 / factor}.get(m.name, 1))
            for m in result.metrics
        ]
        made = replace(result.provenance, recipe=recipe)
        return replace(result, provenance=made, metrics=figures)

    mac, dot = results["sample_mac"], results["sample_dot4"]
    both = [copy(mac, "a", 1), copy(dot, "a", 1), copy(mac, "b", 2), copy(dot, "b", 8)]
    ratios = recipe_ratios(both, "a")
    assert ratios["a"] == {"area": 1, "critical_path": 1, "product": 1}
    assert ratios["b"] == pytest.approx({"area": 4, "critical_path": 0.25, "product": 1})
    # A design that one recipe failed on counts for none.
    failed = replace(both[3], status="failed", metrics=[])
    assert recipe_ratios([*both[:3], failed], "a")["b"]["area"] == pytest.approx(2)
