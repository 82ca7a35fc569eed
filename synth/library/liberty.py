"""Liberty syntax: a text becomes a tree of groups with attributes; nothing is interpreted here.

Source: Synopsys, *Liberty User Guide*, volume 1: every statement is a simple attribute
(``name : value ;``), a complex attribute (``name (value, ...) ;``) or a group
(``name (value, ...) { statements }``). Semicolons may be missing at the end of a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from golden.errors import BadInput

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_SPACE = re.compile(r"[\s;]+")
_STATEMENT = re.compile(
    r"""[\s;]*(?:
        (?P<close>\})
      | (?P<name>[A-Za-z_][\w.]*)[ \t]*(?:
            :[ \t]*(?P<value>"[^"]*"|[^;\n{}]*)
          | \((?P<arguments>(?:"[^"]*"|[^")])*)\)\s*(?P<open>\{)?
        )
    )""",
    re.VERBOSE,
)
_ARGUMENT = re.compile(r'"[^"]*"|[^\s,\\]+')


@dataclass
class Group:
    """One ``kind (names) { ... }``: its simple and complex attributes and the groups within."""

    kind: str
    names: tuple[str, ...] = ()
    simple: dict[str, str] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    def all(self, kind: str) -> Iterator[Group]:
        return (group for group in self.groups if group.kind == kind)

    def number(self, name: str, default: float | None = None) -> float | None:
        """The simple attribute as a number; ``default`` when it is absent or is none."""
        try:
            return float(self.simple[name])
        except (KeyError, ValueError):
            return default

    @property
    def table(self) -> list[float]:
        """The numbers of its ``values``; :class:`ValueError` where they are none."""
        return numbers(self.lists["values"])

    def flag(self, name: str) -> bool:
        return self.simple.get(name, "").lower() == "true"


def numbers(items: tuple[str, ...]) -> list[float]:
    """Those of a list such as ``("1, 2", "3, 4")``."""
    return [float(number) for item in items for number in item.replace(",", " ").split()]


def parse(text: str, source: str) -> Group:
    """The ``library`` group of a Liberty text.

    Raises :class:`BadInput` with ``source`` and the line where the text stops being Liberty.
    """
    # A comment keeps its newlines so that line numbers in errors stay true.
    text = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    root = Group("")
    stack = [root]
    position, end = 0, len(text)
    match_at = _STATEMENT.match
    while True:
        match = match_at(text, position)
        if match is None:
            space = _SPACE.match(text, position)
            position = space.end() if space else position
            if position == end:
                break
            _fail(text, position, source, f"{text[position : position + 30].split(chr(10))[0]!r}")
        position = match.end()
        name, value, arguments, opened = match.group("name", "value", "arguments", "open")
        here = stack[-1]
        if name is None:
            if len(stack) == 1:
                _fail(text, position, source, "a '}' too many")
            stack.pop()
        elif value is not None:
            here.simple[name] = value.strip().strip('"')
        else:
            items = tuple(item.strip('"') for item in _ARGUMENT.findall(arguments))
            if opened:
                group = Group(name, items)
                here.groups.append(group)
                stack.append(group)
            else:
                here.lists[name] = items
    if len(stack) > 1:
        _fail(text, end, source, f"the end of the file inside {stack[-1].kind!r}")
    libraries = list(root.all("library"))
    if len(libraries) != 1:
        raise BadInput(f"{source} is not a Liberty file: {len(libraries)} library groups, not 1")
    return libraries[0]


def _fail(text: str, position: int, source: str, found: str) -> None:
    line = text.count("\n", 0, position) + 1
    raise BadInput(f"{source} is not a Liberty file: line {line}: unexpected {found}")
