"""Liberty syntax and functions."""

import pytest

from golden.errors import BadInput
from synth.library.boolean import truth_table
from synth.library.liberty import parse

TEXT = """
/* a comment { with a brace
   over lines */
library (tiny) {
  time_unit : "1ns";
  capacitive_load_unit (1, pf);
  area_is : 16            // no semicolon at the end of the line
  cell ("INV") { area : 2.5; dont_use : true;
    pin (A, B) { direction : input ; }
    pin (Y) { function : "(!A)"; timing () {
      values ( "1, 2", \\
               "3, 4" );
    } }
  }
}
"""


def test_groups_and_attributes():
    library = parse(TEXT, "tiny.lib")
    assert library.names == ("tiny",)
    assert library.simple == {"time_unit": "1ns", "area_is": "16"}
    assert library.lists == {"capacitive_load_unit": ("1", "pf")}
    (cell,) = library.all("cell")
    assert cell.names == ("INV",) and cell.number("area") == 2.5 and cell.flag("dont_use")
    assert [pin.names for pin in cell.all("pin")] == [("A", "B"), ("Y",)]
    (timing,) = list(cell.all("pin"))[1].all("timing")
    assert timing.lists["values"] == ("1, 2", "3, 4")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (TEXT.replace('"INV") {', '"INV") {{', 1), 8, "'{"),
        (TEXT.rstrip()[:-1], 15, "end of the file inside 'library'"),
        (TEXT + "}", 16, "too many"),
        ("hello world\n", 1, "'hello world'"),
    ],
)
def test_not_liberty(text, line, what):
    with pytest.raises(BadInput) as caught:
        parse(text, "x.lib")
    assert f"x.lib is not a Liberty file: line {line}: " in str(caught.value)
    assert what in str(caught.value)


def test_empty_text_holds_no_library():
    with pytest.raises(BadInput, match="0 library groups"):
        parse("", "x.lib")


@pytest.mark.parametrize(
    ("expression", "minterms"),
    [
        ("!A", {4, 5, 6, 7, 0, 1, 2, 3} - {4, 5, 6, 7}),
        ("A'", {0, 1, 2, 3}),
        ("(A B)'", {0, 1, 2, 3, 4, 5}),
        ("A+B*C", {3, 4, 5, 6, 7}),
        ("A | B & C", {3, 4, 5, 6, 7}),
        ("A ^ B ^ C", {1, 2, 4, 7}),
        ("A B ^ C", {5, 6} | set()),
        ("!(A|B)C", {1}),
        ("1", set(range(8))),
        ("A''", {4, 5, 6, 7}),
    ],
)
def test_functions(expression, minterms):
    table = truth_table(expression, ("A", "B", "C"))
    assert {index for index, value in enumerate(table) if value} == minterms


@pytest.mark.parametrize("expression", ["", "A +", "(A", "A)", "A @ B", "A ! "])
def test_not_a_function(expression):
    with pytest.raises(ValueError, match="not a Liberty function"):
        truth_table(expression, ("A", "B"))
