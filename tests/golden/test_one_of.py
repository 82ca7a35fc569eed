"""Formats chosen at run time, and dot products of them."""

import numpy as np
import pytest

from golden.dot import DotConfig
from golden.errors import BadInput
from golden.formats import E2M1, E2M3, E3M2, E4M3, E5M2, E8M0, FP16, FP32, INT4, MXINT8, UINT8
from golden.mx import ELEMENTS
from golden.one_of import one_of
from golden.unit import concatenate

ANY = one_of(*ELEMENTS.values())
DOT = DotConfig(a=ANY, w=ANY, lanes=8, scale=E8M0, accumulator=FP32)


def test_every_code_is_that_of_its_format():
    for tag, fmt in enumerate(ANY.formats):
        codes = ANY.code.all_codes()
        tagged, own = ANY.tagged(codes, np.full_like(codes, tag)), codes % (1 << fmt.bits)
        np.testing.assert_array_equal(ANY.decode(tagged), fmt.decode(own))
        np.testing.assert_array_equal(np.signbit(ANY.decode(tagged)), np.signbit(fmt.decode(own)))
    assert ANY.bits == 8 + (len(ANY.formats) - 1).bit_length()
    nothing = ANY.tagged(codes, np.full_like(codes, 7))
    assert ANY.is_nan(nothing).all() or len(ANY.formats) == 8


def test_range_is_that_of_the_widest():
    codes = ANY.all_codes()
    codes = codes[~(ANY.is_nan(codes) | ANY.is_inf(codes))]
    numbers = ANY.integer(codes)
    assert (numbers.min(), numbers.max()) == ANY.integer_range
    assert ANY.unit_exponent == -16


@pytest.mark.parametrize("name", ELEMENTS)
def test_the_same_result_as_the_unit_of_fixed_formats(name):
    tag, element = list(ELEMENTS).index(name), ELEMENTS[name]
    fixed = DOT.replace(a=element, w=E4M3)
    beats = fixed.random(np.random.default_rng(4), 200)
    other = list(ELEMENTS.values()).index(E4M3)
    tags = {"a_format": np.full((200, 1), tag), "w_format": np.full((200, 1), other)}
    np.testing.assert_array_equal(
        DOT.compute(beats | tags)["result"], fixed.compute(beats)["result"]
    )


def test_each_choice_of_formats_has_a_beat_that_tells_it_from_every_other():
    beats = DOT.random(np.random.default_rng(5), 400)
    count = len(ANY.formats) + 1  # and one that names no format
    results = {
        (i, k): DOT.compute(
            beats | {"a_format": np.full((400, 1), i), "w_format": np.full((400, 1), k)}
        )["result"]
        for i in range(count if count <= 1 << ANY.tag.bits else count - 1)
        for k in range(len(ANY.formats))
    }
    pairs = [key for key in results if key[0] < len(ANY.formats)]
    assert all(
        (results[left] != results[right]).any() for left in pairs for right in results
        if left != right
    )  # fmt: skip


def test_random_beats_reach_every_pair_and_no_format():
    beats = DOT.random(np.random.default_rng(6), 5000)
    left, right = beats["a_format"][:, 0], beats["w_format"][:, 0]
    assert len(set(zip(left.tolist(), right.tolist(), strict=True))) >= len(ELEMENTS) ** 2
    narrow = np.isin(left, [k for k, f in enumerate(ANY.formats) if f.bits == 4])
    assert (beats["a"][narrow] > 15).any(), "bits above a narrow code are never set"
    if len(ANY.formats) < 8:
        assert (left == 7).any() and (right == 7).any()
        assert (concatenate(*DOT.corners())["a_format"] == 7).any()


def test_a_smaller_set_makes_a_smaller_unit():
    sets = [(E2M1, E2M3), (E2M1, E2M3, E3M2), (E2M1, E4M3), (E2M1, E4M3, E5M2), ANY.formats]
    units = [DOT.replace(a=one_of(*s), w=one_of(*s)) for s in sets]
    widths = [unit.sum_bits for unit in units]
    # E5M2 spans every other format, so beyond it only the tags grow.
    assert widths[:4] == sorted(set(widths)) and widths[4] == widths[3]
    assert units[-2].input.width < units[-1].input.width
    # Without a code for NaN or infinity, and with no tag to spare, there is nothing to flag.
    assert not units[0].has_specials and all(unit.has_specials for unit in units[1:])


def test_one_operand_alone():
    unit = DOT.replace(w=E2M1, lanes=2)
    assert [f.name for f in unit.input.fields][:3] == ["a", "a_format", "w"]
    beats = {"a": [[1, 0xF2]], "a_format": [[list(ELEMENTS).index("mxfp4")]], "w": [[2, 6]]}
    beats |= {"a_scale": [[127]], "w_scale": [[127]], "acc": [[0]]}
    result = unit.compute({name: np.array(codes) for name, codes in beats.items()})["result"]
    assert FP32.decode(result[0, 0]) == 0.5 * 1 + 1 * 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: one_of(E5M2), "formats is 'E5M2'; allowed: 2 to 16 formats, no two the same"),
        (lambda: one_of(E2M1, E2M1), "formats is 'E2M1, E2M1'; allowed: 2 to 16"),
        (lambda: DOT.replace(a=one_of(E2M1, FP16)), "a.bits is 16; allowed: 1 to 8"),
        (lambda: DOT.replace(a=one_of(E2M1, E8M0)), "a is 'E8M0'; allowed: a format that has"),
        (lambda: one_of(INT4, MXINT8).encode([1.0]), "format is 'INT4 or INT8 .*; allowed: one of"),
        (lambda: one_of(INT4, UINT8).tagged([256], [0]), "code 0x100 of 8-bit code; allowed: 0"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(BadInput, match="^" + message):
        make()
