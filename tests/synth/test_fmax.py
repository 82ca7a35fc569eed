"""The search for the fastest clock, and the curve that it leaves."""

import json

import pytest

from golden.errors import BadInput
from synth.flow.figures import no_figures
from synth.fmax import curve
from synth.fmax import search as fmax
from synth.fmax.curve import Curve, Point
from synth.mapping import candidates, yosys
from synth.mapping.recipes import SEARCHED, find
from synth.metrics import Metric, Result

pytestmark = pytest.mark.usefixtures("osu018")

# Wide enough for carries and sizes to matter, small enough to be mapped in a second.
SUM = """
module sum(input clk, input [15:0] a, input [15:0] b, output reg [15:0] q);
  reg [15:0] x, y;
  always @(posedge clk) begin
    x <= a;
    y <= b;
    q <= x + y;
  end
endmodule
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sum")
    (folder / "sum.v").write_text(SUM)
    (folder / "sum.json").write_text(json.dumps({"top": "sum", "clock": {"port": "clk"}}))
    return folder


@pytest.fixture(scope="module")
def searched(folder, synth):
    options = (
        "--from", folder, "--build", folder / "build", "--points", 3, "--tolerance", 2,
        "--recipe", "balanced", "--recipe", "speed",
    )  # fmt: skip
    outcome = synth("fmax", "sum", *options)
    assert outcome.return_value == 0, outcome.output
    return outcome, folder / "build" / "fmax" / "sum" / "curve.json", options


def test_fmax_is_the_clock_of_a_run_that_met_it(searched):
    found = curve.load(searched[1])
    met = [point for point in found.points if point.met]
    assert found.fmax == pytest.approx(1e3 / min(point.period for point in met), rel=1e-5)
    # Confirmed at its own clock: no slack is left that another picosecond could take.
    best = min(met, key=lambda point: point.period)
    assert 0 <= best.metrics["slack"] < 0.001
    # It was tried to go on: something missed within two steps of the tolerance.
    missed = [p.period for p in found.points if not p.met and p.period < best.period]
    assert max(missed) > best.period * 0.95
    assert f"sum: fmax {found.fmax:.0f} MHz" in searched[0].output


def test_slack_is_of_the_period_that_was_asked(searched):
    for point in curve.load(searched[1]).points:
        assert point.metrics["slack"] == pytest.approx(point.period - point.delay, abs=2e-5)
        assert point.met == (point.delay <= point.period)


def test_period_matters(searched):
    """The same recipe makes less of the sum when it need not hurry."""
    found = curve.load(searched[1])
    speed = {p.target: p for p in found.points if p.recipe == "speed"}
    assert speed[None].delay < speed[1000.0].delay
    assert speed[None].area > 1.05 * speed[1000.0].area
    assert len({(p.area, p.delay) for p in speed.values()}) > 2
    assert {point.recipe for point in found.points} == {"balanced", "speed"}


def test_front_is_what_nothing_dominates(searched):
    found = curve.load(searched[1])
    stored = json.loads(searched[1].read_text())["points"]
    for point, data in zip(found.points, stored, strict=True):
        better = [
            p
            for p in found.points
            if p.delay <= point.delay
            and p.area <= point.area
            and (p.delay, p.area) != (point.delay, point.area)
        ]
        on_front = any((p.delay, p.area) == (point.delay, point.area) for p in found.front)
        assert on_front == (not better)
        assert data["met"] == point.met and (on_front or not data["front"])
    assert sum(data["front"] for data in stored) == len(found.front) >= 2
    assert found.smallest_at(1e3) == found.front[-1]
    assert found.smallest_at(found.front[0].delay * 0.99) is None


def test_runs_come_from_the_cache(searched, monkeypatch, synth):
    def refuse(*arguments, **options):
        raise AssertionError("a cached run was done again")

    monkeypatch.setattr(yosys, "run", refuse)
    before = searched[1].read_bytes()
    searched[1].unlink()
    assert synth("fmax", "sum", *searched[2]).return_value == 0
    assert searched[1].read_bytes() == before
    assert not (searched[1].parents[2] / "synth").exists()


def test_every_recipe_that_is_searched_exists():
    assert {candidates.find(name).name for name in SEARCHED} == set(SEARCHED) >= {"area", "speed"}


def test_a_target_is_part_of_the_job(tmp_path, job):
    speed = find("speed")
    keys = {job(tmp_path, recipe=r).key for r in (speed, speed.at(4.0), speed.at(5.0))}
    assert len(keys) == 3
    made = job(tmp_path, recipe=speed.at(4.25))
    assert "--recipe speed --target 4.25" in made.command
    assert "upsize -D 4250" in made.recipe.script and "map -B 0.9 -D 8500" in made.recipe.script
    assert "{" not in speed.script and "upsize -D 1;" in speed.script


def test_command_of_a_point_makes_its_figures(searched, folder, synth):
    point = min(curve.load(searched[1]).good, key=lambda p: p.area)
    words = point.command.split()[3:]
    outcome = synth(*words, "--from", folder, "--build", folder / "again")
    assert outcome.return_value == 0, outcome.output
    data = json.loads((folder / "again" / "synth" / "sum" / "metrics.json").read_text())
    figures = {m["name"]: m["value"] for m in data["metrics"]}
    assert figures["area"] == point.area and figures["critical_path"] == point.delay


def test_what_cannot_be_mapped_fails_with_its_reason(tmp_path, synth):
    (tmp_path / "held.v").write_text(
        "module held(input clk, input a, input g, output reg q);\n"
        "  always @* if (g) q = a;\nendmodule\n"
    )
    (tmp_path / "held.json").write_text(json.dumps({"top": "held", "clock": {"port": "clk"}}))
    build = tmp_path / "build"
    outcome = synth("fmax", "--from", tmp_path, "--build", build, "--recipe", "area")
    assert outcome.return_value == 1
    assert "held: area: 1 latches in held" in outcome.output
    found = curve.load(build / "fmax" / "held" / "curve.json")
    assert found.fmax is None and found.front == [] and len(found.points) == 2


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--recipe", "best"], "recipe is 'best'; allowed: balanced"),
        (["--period", "0"], "period is 0.0 ns"),
        (["nonesuch"], "design 'nonesuch' is not in"),
    ],
)
def test_bad_input_writes_nothing(folder, tmp_path, arguments, what, synth):
    outcome = synth("fmax", "--from", folder, "--build", tmp_path / "build", *arguments)
    assert isinstance(outcome.exception, BadInput) and what in str(outcome.exception)
    assert not (tmp_path / "build").exists()


def test_the_whole_catalog_is_not_searched_by_mistake(tmp_path, synth):
    outcome = synth("fmax", "--build", tmp_path / "build")
    assert "designs are none; allowed: names or globs" in str(outcome.exception)


def test_bad_target(folder, tmp_path, synth):
    outcome = synth("run", "--from", folder, "--build", tmp_path / "build", "--target", "0")
    assert "target is 0.0 ns; allowed: above 0" in str(outcome.exception)


def test_not_a_curve(tmp_path):
    path = tmp_path / "curve.json"
    for text in ("", "[]", '{"schema": "other"}', '{"schema": "bitpillar-curve-1"}'):
        path.write_text(text)
        with pytest.raises(BadInput, match="is not a curve of schema bitpillar-curve-1"):
            curve.load(path)


class Machine:
    """A stand-in for the tools whose delay is known: what a recipe aims for, at least ``least``.

    ``run`` and ``job`` are those of a set-up.
    """

    period = 10.0

    def __init__(self, tmp_path, job, least):
        self.build, self._job, self.least = tmp_path, job, least

    def job(self, source, recipe, **changes):
        return self._job(self.build, source=source, recipe=recipe, **changes)

    def run(self, jobs, label):
        results = []
        for job in jobs:
            aim = job.recipe.target_ns or 0.0
            delay = max(self.least[job.recipe.name], min(aim * 1.25, 20.0))
            figures = {"critical_path": delay, "slack": job.period - delay, "area": 100 / delay}
            metrics = [Metric(name, value, "", "", "") for name, value in figures.items()]
            facts = no_figures(job)
            results.append(Result(**{**vars(facts), "metrics": metrics}))
        return results


def test_a_recipe_that_is_off_aims_again(tmp_path, job):
    """Where the tools take 25 % longer than they were asked, periods are met all the same."""
    machine = Machine(tmp_path, job, {"speed": 4.0, "area": 6.0})
    recipes = [find("speed"), find("area")]
    found = fmax.search(machine, job(tmp_path).source, recipes, points=5, tolerance=0.01)
    assert found.fmax == pytest.approx(250)
    for period in {p.period for p in found.points if 4 < p.period < 16} - {machine.period}:
        best = found.smallest_at(period)
        assert best is not None and best.delay >= 0.97 * period


def test_the_slowest_corner_is_the_judge():
    fine = {"critical_path": 4.0, "slack": 1.0, "area": 9.0}
    point = Point("", None, 5.0, fine | {"corner_path": 6.0, "corner_slack": -1.0}, "", "")
    assert not point.met and point.delay == 6.0
    assert Point("", None, 5.0, fine, "", "").met


def test_the_command_of_a_curve(searched):
    command = curve.load(searched[1]).command
    assert command == (
        "python -m synth fmax sum --recipe balanced --recipe speed --period 10"
        " --points 3 --tolerance 2"
    )


def test_front_of_points():
    def point(delay, area):
        return Point("", None, 9.0, {"critical_path": delay, "slack": 1.0, "area": area}, "", "")

    points = [point(4, 10), point(5, 10), point(3, 12), point(6, 8), point(6, 9), point(7, 8.5)]
    assert [(p.delay, p.area) for p in curve.front(points)] == [(3, 12), (4, 10), (6, 8)]


def test_curve_round_trip(tmp_path):
    point = Point("area", None, 5.0, {"critical_path": 4.0, "slack": 1.0, "area": 9.0}, "", "make")
    failed = Point("speed", 3.0, 5.0, {}, "no such luck", "make")
    made = Curve("d", "", "lib", "typ", {"Yosys": "1"}, "0", "fmax d", 200.0, [point, failed])
    assert curve.load(curve.save(tmp_path / "c.json", made)) == made
    assert made.good == made.front == [point] and not failed.met
