"""CPR lists: round trips and refusals."""

import numpy as np
import pytest

from golden.errors import BadInput
from golden.sparse.cpr import Cpr, union


def test_round_trip():
    bitmap = np.zeros((4, 5), bool)
    bitmap[0, 4] = bitmap[2, 0] = bitmap[2, 3] = bitmap[3, 4] = True
    active = Cpr.from_bitmap(bitmap)
    assert active.pointers.tolist() == [0, 1, 1, 3, 4]
    assert active.columns.tolist() == [4, 0, 3, 4]
    assert active.rows.tolist() == [0, 2, 2, 3]
    assert active.keys.tolist() == [4, 10, 13, 19]
    assert (active.bitmap() == bitmap).all()
    assert active == Cpr.from_keys([4, 10, 13, 19], (4, 5))
    assert active != Cpr.from_keys([4, 10, 13], (4, 5))
    assert active.density == 0.2


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (3, 3)])
def test_empty_and_full(shape):
    empty = Cpr.from_keys([], shape)
    assert len(empty) == 0
    assert empty.pointers.tolist() == [0] * (shape[0] + 1)
    assert Cpr.full(shape).bitmap().all()


def test_union():
    one, two = Cpr.from_keys([1, 5], (2, 3)), Cpr.from_keys([0, 5], (2, 3))
    assert union([one, two]).keys.tolist() == [0, 1, 5]
    with pytest.raises(BadInput, match="grid shapes"):
        union([one, Cpr.from_keys([0], (3, 2))])


@pytest.mark.parametrize("keys", [[3, 2], [2, 2], [-1, 2], [0, 6]])
def test_keys_refused(keys):
    with pytest.raises(BadInput):
        Cpr.from_keys(keys, (2, 3))


@pytest.mark.parametrize(
    ("pointers", "columns"),
    [([0, 2], [0, 1]), ([0, 1, 1], [0, 1]), ([0, 2, 2], [1, 0]), ([0, 1, 2], [0, 3]),
     ([1, 1, 2], [0, 1]), ([0, 2, 1], [0])],
)  # fmt: skip
def test_lists_refused(pointers, columns):
    with pytest.raises(BadInput):
        Cpr((2, 3), np.array(pointers, np.int32), np.array(columns, np.int32))
