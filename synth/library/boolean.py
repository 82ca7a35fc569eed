"""Liberty ``function`` expressions: as trees, as truth tables, and in any algebra."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from typing import Any, Protocol

_TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\]]*|[01]|[()!'^&*|+])")


Tree = tuple
"""``("name", x)``, ``("constant", bool)``, ``("not", a)``, ``("and" | "or" | "xor", a, b)``."""


def parse(expression: str) -> Tree:
    """The tree of ``expression``. Operators, tightest first: ``!a`` and ``a'``, ``a ^ b``,
    ``a & b`` = ``a * b`` = ``a b``, ``a | b`` = ``a + b`` (Liberty User Guide, "function").
    Raises ``ValueError`` for anything else."""
    return _Parser(expression).parse()


def names(tree: Tree) -> list[str]:
    """The names in a tree, each once, in their order."""
    if tree[0] == "name":
        return [tree[1]]
    found = [name for part in tree[1:] if isinstance(part, tuple) for name in names(part)]
    return list(dict.fromkeys(found))


def evaluate(tree: Tree, values: Mapping[str, Any], algebra: Algebra) -> Any:
    """The value of a tree; ``KeyError`` for a name that has none."""
    kind, *parts = tree
    if kind == "name":
        return values[parts[0]]
    if kind == "constant":
        return algebra.constant(parts[0])
    operator = {"not": algebra.invert, "and": algebra.both, "or": algebra.any, "xor": algebra.odd}
    return operator[kind](*(evaluate(part, values, algebra) for part in parts))


class Algebra(Protocol):
    """What operators mean."""

    def constant(self, value: bool) -> Any: ...
    def invert(self, a: Any) -> Any: ...
    def both(self, a: Any, b: Any) -> Any: ...
    def any(self, a: Any, b: Any) -> Any: ...
    def odd(self, a: Any, b: Any) -> Any: ...


class _Truth:
    """The algebra of two values."""

    def constant(self, value: bool) -> bool:
        return value

    def invert(self, a: bool) -> bool:
        return not a

    def both(self, a: bool, b: bool) -> bool:
        return a and b

    def any(self, a: bool, b: bool) -> bool:
        return a or b

    def odd(self, a: bool, b: bool) -> bool:
        return a != b


def truth_table(expression: str | Tree, inputs: tuple[str, ...]) -> tuple[bool, ...]:
    """The value of ``expression`` for each assignment of ``inputs``, the last input fastest.

    Raises ``ValueError`` for what :func:`parse` refuses, and ``KeyError`` for a name that is not an
    input.
    """
    tree = parse(expression) if isinstance(expression, str) else expression
    return tuple(
        evaluate(tree, dict(zip(inputs, values, strict=True)), _Truth())
        for values in product((False, True), repeat=len(inputs))
    )


class _Parser:
    """Recursive descent; each method returns a tree."""

    def __init__(self, text: str):
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s", "", text):
            raise ValueError(f"not a Liberty function: {text!r}")
        self.text = text

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def parse(self):
        tree = self.disjunction()
        if self.tokens:
            raise ValueError(f"not a Liberty function: {self.text!r}")
        return tree

    def disjunction(self):
        left = self.conjunction()
        while self.peek() in ("|", "+"):
            self.tokens.pop(0)
            left = ("or", left, self.conjunction())
        return left

    def conjunction(self):
        left = self.parity()
        while self.peek() and self.peek() not in ("|", "+", ")"):
            if self.peek() in ("&", "*"):
                self.tokens.pop(0)
            left = ("and", left, self.parity())
        return left

    def parity(self):
        left = self.factor()
        while self.peek() == "^":
            self.tokens.pop(0)
            left = ("xor", left, self.factor())
        return left

    def factor(self):
        token = self.tokens.pop(0) if self.tokens else ""
        if token == "!":
            return ("not", self.factor())
        if token == "(":
            tree = self.disjunction()
            if not self.tokens or self.tokens.pop(0) != ")":
                raise ValueError(f"not a Liberty function: {self.text!r}")
        elif token in ("0", "1"):
            tree = ("constant", token == "1")
        elif token[:1].isalpha() or token[:1] == "_":
            tree = ("name", token)
        else:
            raise ValueError(f"not a Liberty function: {self.text!r}")
        while self.peek() == "'":
            self.tokens.pop(0)
            tree = ("not", tree)
        return tree
