"""Liberty ``function`` expressions as truth tables."""

from __future__ import annotations

import re
from itertools import product

_TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\]]*|[01]|[()!'^&*|+])")


def truth_table(expression: str, inputs: tuple[str, ...]) -> tuple[bool, ...]:
    """The value of ``expression`` for each assignment of ``inputs``, the last input fastest.

    Operators, tightest first: ``!a`` and ``a'``, ``a ^ b``, ``a & b`` = ``a * b`` = ``a b``,
    ``a | b`` = ``a + b`` (Liberty User Guide, "function"). Raises ``ValueError`` for anything
    else, and ``KeyError`` for a name that is not an input.
    """
    tree = _Parser(expression).parse()
    return tuple(
        tree(dict(zip(inputs, values, strict=True)))
        for values in product((False, True), repeat=len(inputs))
    )


class _Parser:
    """Recursive descent; each method returns a function of the assignment."""

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
            left = _apply(lambda a, b: a or b, left, self.conjunction())
        return left

    def conjunction(self):
        left = self.parity()
        while self.peek() and self.peek() not in ("|", "+", ")"):
            if self.peek() in ("&", "*"):
                self.tokens.pop(0)
            left = _apply(lambda a, b: a and b, left, self.parity())
        return left

    def parity(self):
        left = self.factor()
        while self.peek() == "^":
            self.tokens.pop(0)
            left = _apply(lambda a, b: a != b, left, self.factor())
        return left

    def factor(self):
        token = self.tokens.pop(0) if self.tokens else ""
        if token == "!":
            inner = self.factor()
            return lambda values: not inner(values)
        if token == "(":
            tree = self.disjunction()
            if not self.tokens or self.tokens.pop(0) != ")":
                raise ValueError(f"not a Liberty function: {self.text!r}")
        elif token in ("0", "1"):
            tree = lambda values: token == "1"  # noqa: E731
        elif token[:1].isalpha() or token[:1] == "_":
            tree = lambda values: values[token]  # noqa: E731
        else:
            raise ValueError(f"not a Liberty function: {self.text!r}")
        while self.peek() == "'":
            self.tokens.pop(0)
            tree = _apply(lambda a, _: not a, tree, tree)
        return tree


def _apply(operator, left, right):
    return lambda values: operator(left(values), right(values))
