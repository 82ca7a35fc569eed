"""Importance measures and selections, each told from the others."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.prune import MEASURES, above, importance, ratio_code, ratio_count, top

FEATURES = np.array([[-128, 0, 0, 0], [100, 100, 0, 0], [60, 60, 60, 60], [0, 0, 0, 0]], np.int8)


def test_measures():
    got = {m: importance(FEATURES, m).tolist() for m in MEASURES}
    assert got == {
        "max-abs": [128, 100, 60, 0],
        "l1": [128, 200, 240, 0],
        "l2": [16384, 20000, 14400, 0],
    }
    # Each has another favourite.
    assert {int(np.argmax(v)) for v in got.values()} == {0, 1, 2}


def test_widest_vectors_do_not_overflow():
    assert importance(np.full((1, 4096), -128, np.int8), "l2")[0] == 4096 * 2**14
    assert importance(np.zeros((2, 0), np.int8)).tolist() == [0, 0]


def test_top_prefers_the_earlier_of_equals():
    value = np.array([3, 5, 3, 5, 3])
    assert [np.flatnonzero(top(value, n)).tolist() for n in range(7)] == [
        [], [1], [1, 3], [0, 1, 3], [0, 1, 2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]  # fmt: skip


def test_threshold_is_strict_and_in_units_of_the_norm():
    for measure, limit in (("max-abs", 100), ("l1", 200), ("l2", 120)):
        value = importance(FEATURES, measure)
        assert (
            above(value, limit, measure).tolist()
            == {
                "max-abs": [True, False, False, False],
                "l1": [False, False, True, False],
                "l2": [True, True, False, False],
            }[measure]
        )
    assert above(importance(FEATURES, "l2"), 119, "l2")[2]


def test_counts_round_up():
    assert [ratio_count(10, r) for r in (0, 0.01, 0.1, 0.5, 0.51, 1)] == [0, 1, 2, 5, 6, 10]
    # 0.1 is 6554 / 65536, a little more than a tenth: the field of a descriptor, not the decimal.
    assert ratio_code(0.1) == 6554
    assert ratio_count(0, 1.0) == 0


@pytest.mark.parametrize("call", [lambda: ratio_code(1.5), lambda: ratio_code(float("nan")),
                                  lambda: importance(FEATURES, "l3"),
                                  lambda: above(np.zeros(1, int), -1, "l1")])  # fmt: skip
def test_refused(call):
    with pytest.raises(BadInput):
        call()
