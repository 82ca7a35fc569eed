"""Payloads: packing, unpacking, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.bitmod import BitmodConfig
from golden.decoder import DecoderConfig
from golden.dot import DotConfig
from golden.encoder import EncoderConfig
from golden.errors import BadInput
from golden.formats import E2M1, FLAG, INT8, INT32, integer
from golden.lut import LutConfig
from golden.lut_float import FloatLutConfig
from golden.mx import BLOCKS
from golden.posit import posit
from golden.unit import Field, Payload

PAYLOAD = Payload(
    (Field("x", E2M1, "", 3), Field("flag", FLAG, ""), Field("wide", integer(73), "", 2))
)


def test_first_field_and_lane_zero_are_least_significant():
    beats = {"x": [[1, 2, 4]], "flag": [[1]], "wide": [[1 << 72, 5]]}
    assert PAYLOAD.width == 12 + 1 + 146
    assert PAYLOAD.pack(beats) == [0x421 | 1 << 12 | 1 << 13 + 72 | 5 << 13 + 73]


@given(st.lists(st.integers(0, 2**159 - 1), max_size=5))
def test_unpack_inverts_pack(words):
    beats = PAYLOAD.unpack(words)
    assert all(codes.shape[0] == len(words) for codes in beats.values())
    assert PAYLOAD.pack(beats) == words


@given(st.lists(st.integers(0, 2**159 - 1), max_size=5))
def test_rows_and_beats_say_the_same(words):
    beats = PAYLOAD.unpack(words)
    rows = list(PAYLOAD.rows(beats))
    assert PAYLOAD.pack(PAYLOAD.beats(rows)) == words
    assert all(row["flag"] == word >> 12 & 1 for row, word in zip(rows, words, strict=True))


def test_rows_may_leave_fields_out_but_name_no_others():
    beats = PAYLOAD.beats([{"x": [1, 2, 3]}, {"flag": 1}])
    assert list(PAYLOAD.rows(beats)) == [
        {"x": [1, 2, 3], "flag": 0, "wide": [0, 0]},
        {"x": [0, 0, 0], "flag": 1, "wide": [0, 0]},
    ]
    with pytest.raises(BadInput, match="^fields is \\['y'\\]; allowed: flag, wide, x"):
        PAYLOAD.beats([{"y": 1}])


@pytest.mark.parametrize(
    ("beats", "message"),
    [
        ({"a": [[0]]}, "fields is .*; allowed: acc, out"),
        ({"acc": [[0]], "out": [[0, 0]]}, r"shape of out is \(1, 2\); allowed: \(1, 1\)"),
        ({"acc": [[0]], "out": [[0], [0]]}, r"shape of out is \(2, 1\); allowed: \(1, 1\)"),
        ({"acc": [[2**32]], "out": [[0]]}, "code 0x100000000 of INT32; allowed: 0 to 0xffffffff"),
    ],
)
def test_bad_beats(beats, message):
    payload = Payload((Field("acc", INT32, ""), Field("out", INT32, "")))
    with pytest.raises(BadInput, match="^" + message):
        payload.check({name: np.array(codes) for name, codes in beats.items()})


def test_a_combinational_unit_has_no_latency():
    config = DotConfig(a=INT8, w=INT8, combinational=True)
    assert (config.latency, config.interval) == (0, 1)
    assert config.replace(combinational=False).latency == 2


@pytest.mark.parametrize(
    ("config", "more"),
    [
        (DotConfig(a=INT8, w=INT8), {"pipeline": 1}),
        (BitmodConfig(), {}),
        (LutConfig(w_bits=1, serial=True), {}),
        (FloatLutConfig(w_bits=1), {"serial": True}),
        (EncoderConfig(format=BLOCKS["mxfp4"], stochastic=True), {}),
        (DecoderConfig(element=E2M1, lanes=8, block=32, scale=BLOCKS["mxfp4"].scale), {}),
    ],
)
def test_what_has_registers_inside_is_not_combinational(config, more):
    message = "^combinational is True; allowed: False where there are registers inside"
    with pytest.raises(BadInput, match=message):
        config.replace(combinational=True, **more)
    with pytest.raises(BadInput, match="^combinational is 2; allowed: False, True"):
        config.replace(combinational=2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DotConfig(a=INT8, w=INT8, lanes=2.0), "lanes is 2.0; allowed: an integer"),
        (lambda: DotConfig(a=INT8, w=INT8, lanes="32"), "lanes is '32'; allowed: an integer"),
        (lambda: DotConfig(a=INT8, w=INT8, lanes=True), "lanes is True; allowed: an integer"),
        (lambda: DotConfig(a=INT8, w=INT8).replace(pipeline=0.5), "pipeline is 0.5; allowed: an"),
        (lambda: LutConfig(serial=1), "serial is 1; allowed: False, True"),
        (lambda: EncoderConfig(format=BLOCKS["mxfp4"], seed=1e6), "seed is 1000000.0; allowed: an"),
        (lambda: BLOCKS["mxfp4"].replace(block=16.0), "block is 16.0; allowed: an integer"),
        (lambda: posit("8"), "width is '8'; allowed: an integer"),
        (lambda: integer(8.0), "width is 8.0; allowed: an integer"),
        (lambda: E2M1.__class__("x", 2, 1, bias=None), "bias is None; allowed: an integer"),
    ],
)
def test_integers_and_switches_take_nothing_else(make, message):
    with pytest.raises(BadInput, match="^" + message):
        make()


def test_integers_of_numpy_are_integers():
    assert DotConfig(a=INT8, w=INT8, lanes=np.int64(2)) == DotConfig(a=INT8, w=INT8, lanes=2)
