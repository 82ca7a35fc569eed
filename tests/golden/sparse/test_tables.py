"""The documentation of the accelerator's control says what the data say."""

from pathlib import Path

import pytest

from golden.sparse import tables
from golden.sparse.descriptor import BYTES, reserved

PAGE = Path(__file__).parents[3] / "docs" / "sequencer.md"


@pytest.mark.parametrize("name", [name for name in dir(tables) if name.endswith("_table")])
def test_the_page_has_the_table(name):
    table = getattr(tables, name)()
    assert table.count("\n") > 2
    assert table in PAGE.read_text()


def test_the_page_says_the_size():
    assert f"{BYTES} bytes" in PAGE.read_text()
    assert max(reserved()) == BYTES - 1
