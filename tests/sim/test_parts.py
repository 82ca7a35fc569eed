"""The parts of the floor, each on its own: cache, stalls, job files, diagnosis, explanation."""

import multiprocessing
import time

import numpy as np
import pytest

from golden.dot import DotConfig
from golden.errors import BadInput
from golden.formats import E2M1, E5M2, E8M0, FP32, INT8, MXINT8
from hw.catalog import select
from sim.beats import LEAST, plan
from sim.cache import cached, digest
from sim.diagnose import diagnose
from sim.explain import explain, value
from sim.job import Job, StreamPorts, read_bits, write_words
from sim.stalls import ALWAYS, PROFILES, SEGMENT, schedule


def test_cache_makes_an_entry_once(tmp_path):
    made = []

    def make(folder):
        made.append(folder)
        (folder / "x").write_text("x")

    first, second = (cached(tmp_path, "k", make) for _ in range(2))
    assert first == (tmp_path / "k", True) and second == (tmp_path / "k", False)
    assert len(made) == 1 and (first[0] / "x").read_text() == "x"


def test_a_failed_entry_leaves_nothing_and_is_tried_again(tmp_path):
    def fail(folder):
        (folder / "half").write_text("")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cached(tmp_path, "k", fail)
    assert {path.name for path in tmp_path.iterdir()} == {"k.lock"}
    assert cached(tmp_path, "k", lambda folder: None)[1]


def _slow(folder):
    time.sleep(0.3)
    (folder / "by").write_text("")


def _ask(folder):
    return cached(folder, "k", _slow)[1]


def test_processes_that_ask_at_once_make_it_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert sorted(pool.map(_ask, [tmp_path] * 3)) == [False, False, True]


def test_a_digest_depends_on_every_part_and_on_their_borders():
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest(b"abc")}) == 4
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_stalls_are_seeded_and_as_frequent_as_stated():
    assert schedule(5) == schedule(5) != schedule(6)
    stalls = schedule(5, rounds=500)
    assert set(stalls.profiles[: len(PROFILES)]) == set(PROFILES)
    for profile in PROFILES:
        segments = [k for k, p in enumerate(stalls.profiles) if p == profile]
        for pattern, on, off in (
            (stalls.input, profile.input_on, profile.input_off),
            (stalls.output, profile.output_on, profile.output_off),
        ):
            bits = b"".join(pattern[k * SEGMENT : (k + 1) * SEGMENT] for k in segments)
            assert abs(sum(bits) / len(bits) - on / (on + off)) < 0.02, profile
        assert stalls.profile(segments[0] * SEGMENT) is profile
    assert all(ALWAYS.input) and all(ALWAYS.output)


def test_words_survive_the_file(tmp_path):
    words = [0, 1, (1 << 67) - 1, 0x5A]
    write_words(tmp_path / "w.hex", words, 67)
    assert read_bits(tmp_path / "w.hex", 67) == [f"{word:067b}" for word in words]


def test_a_job_survives_the_file(tmp_path):
    import json

    ports = StreamPorts("p", "v", "r", 4)
    job = Job("clk", "rst", ports, ports, latency=2, interval=1, output_beats=3, seed=9)
    job.write(tmp_path, [1, 2], [3] * 6)
    assert Job.read(json.loads((tmp_path / "job.json").read_text())) == job


@pytest.mark.parametrize(
    ("got", "first", "kind"),
    [
        ("abcXefgh", 3, "wrong"),
        ("abcefghijk", 3, "dropped"),
        ("abcghijklm", 3, "dropped"),
        ("abccdefgh", 3, "repeated"),
        ("abcbcdefgh", 3, "repeated"),
        ("abcedfgh", 3, "reordered"),
        ("abcfdegh", 3, "reordered"),
        ("abcXXXXX", 3, "wrong"),
        ("abcX", 3, "wrong"),
    ],
)
def test_diagnosis(got, first, kind):
    assert diagnose("abcdefghijklmnop", got, first) == kind


def test_windows_of_one_value_prove_nothing():
    assert diagnose("aaaabbbbbbbb", "aaaaaaaaabbb", 4) == "wrong"


def test_values_are_shown_with_the_digits_that_tell_them_apart():
    assert value(INT8, 0x80) == "-128"
    assert value(MXINT8, 0x01) == "0.015625"
    assert value(E2M1, 0xF) == "-6"
    assert value(E5M2, 0x01) == "1.52587890625e-05"
    assert value(E8M0, 0) == "2^-127"
    assert value(E8M0, 0xFF) == "nan"
    neighbours = {value(FP32, 0x3F800000 + k) for k in range(1000)}
    assert len(neighbours) == 1000
    assert value(FP32, 0xFF800000) == "-inf"


def test_an_explanation_shows_what_differs_and_what_it_depends_on():
    config = DotConfig(a=E2M1, w=E2M1, lanes=2, scale=E8M0, accumulator=FP32)
    beat = {
        "a": np.array([[0x2, 0x0]]),
        "w": np.array([[0x9, 0x0]]),
        "a_scale": np.array([[127]]),
        "w_scale": np.array([[128]]),
        "acc": np.array([[0]]),
    }
    word = config.input.pack(beat)[0]
    text = explain(config, 7, word, 7, 0xBF800000, 0xBF800002)
    assert "input vector 7: 0x" in text
    assert "a E2M1: [0] 0x2 = 1  (other lanes zero)" in text
    assert "w_scale E8M0: 0x80 = 2^1" in text
    assert "acc FP32: 0x00000000 = 0" in text
    assert "expected 0xbf800000 = -1, got 0xbf800002 = -1.00000024 (off by 2 ulp)" in text


def test_of_a_decoder_only_the_wrong_lane_is_explained():
    config = select("mxfp4_decoder")[0].config.replace(lanes=16)
    elements = np.arange(32)[None] % 16
    word = config.input.pack({"elements": elements, "scale": np.array([[127]])})[0]
    out = config.output.pack(config.compute({"elements": elements, "scale": np.array([[127]])}))
    text = explain(config, 0, word, 1, out[1], out[1] ^ (1 << 16 * 3))
    assert "elements E2M1: [19] 0x3 = 1.5\n" in text and "[18]" not in text
    assert "values[3] BF16: expected" in text and "values[2]" not in text


@pytest.mark.parametrize("name", ["int8_mac", "mxfp4_dot32", "mxfp6_e2m3_decoder"])
def test_a_plan_is_seeded_and_says_where_its_beats_come_from(name):
    config = select(name)[0].config
    one, same, other = (plan(config, seed, 80) for seed in (1, 1, 2))
    pack = config.input.pack
    assert pack(one.beats) == pack(same.beats) != pack(other.beats)
    assert one.count == len(pack(one.beats))
    assert one.origin["random"] == 80 and one.origin["tensor"] == 10 and one.origin["corner"] > 0


def test_a_plan_with_a_tensor_streams_it_instead_of_random_beats():
    config = select("mxfp4_decoder")[0].config
    values = np.linspace(-3, 3, 32 * 200)
    made = plan(config, 1, 150, values)
    assert made.origin["tensor"] == 150 and made.origin["random"] == 0
    expected = config.tensors(values, np.random.default_rng(0))
    assert np.array_equal(made.beats["elements"][-150:], expected["elements"][:150])


def test_a_plan_has_beats_enough(config):
    assert plan(config, 1, 0).count == LEAST
    with pytest.raises(BadInput, match="takes no tensor"):
        plan(config, 1, 10, np.ones(100))
