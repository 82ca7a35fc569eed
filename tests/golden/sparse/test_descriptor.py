"""Descriptors: their bytes, and each thing that can be wrong with one."""

import struct
from types import SimpleNamespace

import pytest

from golden.errors import BadInput
from golden.sparse.accelerator import ACCELERATORS
from golden.sparse.checks import RULES, check, offence
from golden.sparse.descriptor import BYTES, FIELDS, complete, decode, encode, highest, reserved
from golden.sparse.descriptor_cases import (
    BROKEN,
    GOOD_CONV,
    GOOD_COORDS,
    GOOD_DECONV,
    GOOD_UNION,
)

N8 = ACCELERATORS["n8"]


@pytest.mark.parametrize("good", [GOOD_CONV, GOOD_DECONV, GOOD_COORDS, GOOD_UNION])
def test_good_descriptors_pass(good):
    check(good, N8, 0)


def test_bytes_are_little_endian_at_their_offsets():
    fields = {"op": 1, "rows": 0x1234, "capacity": 0x89ABCDEF, "weights": 0x11223344556677}
    data = encode(fields)
    assert len(data) == BYTES
    assert data[0] == 1
    assert struct.unpack_from("<H", data, 12) == (0x1234,)
    assert struct.unpack_from("<I", data, 36) == (0x89ABCDEF,)
    assert struct.unpack_from("<Q", data, 144) == (0x11223344556677,)
    assert decode(data) == complete(fields)


def test_fields_are_aligned_and_do_not_overlap():
    used = [f.offset + byte for f in FIELDS for byte in range(f.bits // 8)]
    assert len(used) == len(set(used))
    assert max(used) < BYTES
    assert all(f.offset % (f.bits // 8) == 0 for f in FIELDS)
    assert sorted([*used, *reserved()]) == list(range(BYTES))


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.name)
def test_every_field_has_ends(field):
    number = 5
    if field.address:
        wrong = [1, 64, *([1 << 40] if field.bits == 64 else [])]
        words = "a multiple of 128"
    else:
        high = highest(field, N8, number)
        wrong = [value for value in (field.low - 1, high + 1) if 0 <= value < 1 << field.bits]
        words = f"{field.low} to {high}"
    for value in wrong:
        with pytest.raises(BadInput, match=rf"^{field.name} of descriptor 5 is {value}; .*{words}"):
            check(GOOD_CONV | {field.name: value}, N8, number)
        found = offence(encode(GOOD_CONV | {field.name: value}), N8, number)
        assert found.offset == field.offset


@pytest.mark.parametrize(("name", "fields"), BROKEN)
def test_every_rule_can_be_broken(name, fields):
    with pytest.raises(BadInput, match=f"^{name} of descriptor 0 is "):
        check(fields, N8, 0)


def test_no_rule_is_missed_by_the_broken_ones():
    """Each rule is the first that some descriptor of the list above breaks."""
    hit = set()
    for _, fields in BROKEN:
        view = SimpleNamespace(**complete(fields))
        hit |= {i for i, rule in enumerate(RULES) if not rule.holds(view, N8)}
    fits = next(i for i, r in enumerate(RULES) if "weight buffer" in r.allowed)
    wide = next(i for i, r in enumerate(RULES) if r.field == "columns" and "up-samp" in r.allowed)
    # A named machine holds the weights of every pass, and 512 columns of input are at most 2048.
    assert set(range(len(RULES))) - hit == {fits, wide}
    small = N8.replace(weight_bytes=8 * 64)
    with pytest.raises(BadInput, match="^kernel of descriptor 0 is 3; .*weight buffer"):
        check(GOOD_CONV, small, 0)
    with pytest.raises(BadInput, match="^columns of descriptor 0 is 513; .*up-sampling"):
        check(GOOD_COORDS | {"columns": 513}, N8.replace(columns=2048), 0)


def test_resident_weights_fit_exactly():
    check(GOOD_CONV | {"resident": 1, "kernel": 1, "output_tiles": 32}, N8, 0)
    check(GOOD_CONV | {"resident": 1, "output_tiles": 3}, N8, 0)


@pytest.mark.parametrize("byte", [55, 168, 255])
def test_reserved_bytes_are_zero(byte):
    data = bytearray(encode(GOOD_CONV))
    data[byte] = 1
    found = offence(bytes(data), N8, 0)
    assert (found.offset, found.name) == (byte, f"reserved byte {byte}")


def test_an_unknown_or_too_wide_field_is_named():
    with pytest.raises(BadInput, match="^descriptor field is 'colour'"):
        encode({"colour": 1})
    with pytest.raises(BadInput, match="^op is 256; allowed: 0 to 255"):
        encode({"op": 256})
