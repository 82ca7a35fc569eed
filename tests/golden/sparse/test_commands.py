"""``python -m golden frame`` and ``bench`` as a person runs them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from golden.sparse.networks import NETWORKS
from golden.sparse.variants import VARIANTS

ROOT = Path(__file__).parents[3]


def golden(*arguments, status=0):
    done = subprocess.run(
        [sys.executable, "-m", "golden", *map(str, arguments)], cwd=ROOT, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """One run with everything switched on."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra: report)")
    folder = tmp_path_factory.mktemp("frame")
    done = golden("frame", "synthetic", "--variant", "sdconv", "--t", 5, "--t-of", "active",
                  "--json", folder / "figures.json", "--plot", folder / "plots",
                  "--save", folder / "layers.npz")  # fmt: skip
    return done, folder


def test_table(outputs):
    done, _ = outputs
    lines = done.stdout.splitlines()
    assert lines[0].startswith("PointPillars, sdconv, synthetic scene, seed 0")
    names = [line.split()[0] for line in lines if line.strip()]
    assert [n for n in names if n.startswith("block")] == [
        f"block{b}.{i}" for b, n in ((1, 4), (2, 6), (3, 6)) for i in range(n)]  # fmt: skip
    for name in ("up1", "up2", "up3", "concat", "head", "total"):
        assert name in names
    assert "SpStConv 3x3" in done.stdout
    assert "SD-Conv 3x3" in done.stdout
    assert "frames/s at 1000 MHz" in done.stdout
    assert "% saved" in done.stdout
    assert "…" not in done.stdout  # nothing cut off in a pipe


def test_json(outputs):
    value = json.loads((outputs[1] / "figures.json").read_text())
    assert value["preset"] == "pointpillars-kitti"
    assert (value["variant"]["t"], value["variant"]["t_of"]) == (5, "active")
    assert value["accelerator"]["array"] == 64
    assert len(value["layers"]) == 21
    for layer in value["layers"]:
        assert sum(layer["cycles_by_cause"].values()) == layer["cycles"]
    totals = value["totals"]
    assert totals["macs"] == sum(layer["macs"] for layer in value["layers"])
    assert totals["cycles"] == sum(layer["cycles"] for layer in value["layers"])
    assert totals["saving"] == 1 - totals["macs"] / totals["dense_macs"]
    assert value["layers"][0]["active_in"] == value["frame"]["pillars"]


def test_plots(outputs):
    names = sorted(p.name for p in (outputs[1] / "plots").iterdir())
    assert names == ["layers.png", "pillars.png"]
    for name in names:
        data = (outputs[1] / "plots" / name).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert len(data) > 20_000


def test_saved_layers_can_be_recomputed(outputs):
    """From the file alone: the head's features are those of its rules, weights and inputs."""
    from golden.requant import RequantConfig, requantize

    with np.load(outputs[1] / "layers.npz") as saved:
        for name, source in (("block1.0", "pillars"), ("block2.3", "block2.2"), ("head", "concat")):
            part = {k: saved[f"{name}/{k}"] for k in
                    ("weights", "bias", "multiplier", "shift", "rule_starts", "rule_inputs",
                     "rule_outputs", "features")}  # fmt: skip
            x = saved[f"{source}/features"].astype(np.int64)
            sums = np.zeros(
                (len(saved[f"{name}/generated_columns"]), part["weights"].shape[2]), int
            )
            starts = part["rule_starts"]
            for tap, weight in enumerate(part["weights"].astype(np.int64)):
                rules = slice(starts[tap], starts[tap + 1])
                np.add.at(sums, part["rule_outputs"][rules], x[part["rule_inputs"][rules]] @ weight)
            config = RequantConfig(relu=name != "head")
            codes = requantize(sums, part["multiplier"], part["shift"], part["bias"], config)
            assert np.array_equal(codes, part["features"])
        pointers, shape = saved["head/pointers"], saved["head/shape"]
        assert (len(pointers), pointers[-1]) == (shape[0] + 1, len(saved["head/columns"]))


def test_json_to_standard_output_is_the_same_every_time():
    arguments = ("frame", "synthetic", "--variant", "spconv-s", "--json", "-", "--accelerator",
                 "n16", "--frequency", 800, "--bus", 64, "--latency", 20)  # fmt: skip
    one, two = golden(*arguments).stdout, golden(*arguments).stdout
    assert one == two
    config = json.loads(one)["accelerator"]
    assert (config["frequency"], config["bus_bits"], config["latency"]) == (800, 64, 20)


def test_weights_from_a_file(tmp_path):
    from golden.sparse.pillars import GRIDS
    from golden.sparse.quantize import quantize
    from golden.sparse.variants import variant_of

    made = quantize(NETWORKS["pointpillars-kitti"], variant_of("spconv-s"),
                    GRIDS["pointpillars-kitti"], seed=9)  # fmt: skip
    np.savez(tmp_path / "w.npz", **made.state)
    common = ("frame", "synthetic", "--variant", "spconv-s", "--json", "-")
    loaded = json.loads(golden(*common, "--weights", tmp_path / "w.npz").stdout)
    seeded = json.loads(golden(*common, "--seed", 9).stdout)
    assert loaded.pop("weights") == "w.npz"
    assert seeded.pop("weights") == "random, seed 9"
    assert loaded == seeded


@pytest.mark.full
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("preset", NETWORKS)
def test_synthetic_scene_in_every_network_and_variant(preset, variant):
    value = json.loads(golden("frame", "synthetic", "--preset", preset, "--variant", variant,
                              "--json", "-").stdout)  # fmt: skip
    assert value["totals"]["fps"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("frame", "absent.bin"), "'absent.bin' cannot be read: No such file"),
        (("frame", "README.txt"), "'README.txt' has no known format"),
        (("frame",), "Missing argument"),
        (("frame", "synthetic", "--variant", "sparse"), "'sparse' is not one of"),
        (("frame", "synthetic", "--keep", "2"), "keep is 2.0; allowed: 0 to 1"),
        (("frame", "synthetic", "--t", "101"), "t is 101.0; allowed: 0 to 100"),
        (("frame", "synthetic", "--bus", "48"), "bus_bits is 48"),
        (("frame", "synthetic", "--scene", "-1"), "seed is -1"),
        (("frame", "synthetic", "--weights", "absent.npz"), "a file that exists"),
        (("bench", "--repeat", "0"), "--repeat"),
        (("frames",), "No such command"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message):
    done = golden(*arguments, status=2)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_nothing_half_written(tmp_path):
    """A frame that cannot be run leaves an earlier archive whole, and no temporary file."""
    from golden.sparse.save import Archive

    path = tmp_path / "layers.npz"
    path.write_text("earlier")
    with pytest.raises(RuntimeError), Archive(path):
        raise RuntimeError
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.full
def test_savings(lidar):
    lines = golden("savings", lidar("kitti_000008_fov.bin")).stdout.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines
            if line.startswith("|")]  # fmt: skip
    assert [row[0] for row in rows[2:]] == list(VARIANTS)
    saved = {row[0]: float(row[3].removesuffix(" %")) for row in rows[2:]}
    assert saved["dense"] < 2 < saved["spconv"] < saved["spconv-s"] < 100


@pytest.mark.full
def test_bench():
    lines = golden("bench", "--repeat", 1).stdout.splitlines()
    text = "\n".join(lines)
    for part in ("rules of the 16 SpConv layers", "whole integer network", "peak memory",
                 "spconv", "PyTorch"):  # fmt: skip
        assert part in text
