"""The one kind of error that a user can cause: bad input."""

from __future__ import annotations

from dataclasses import fields
from numbers import Integral
from typing import Any, Self


class BadInput(ValueError):
    """Something given from outside is wrong.

    The message is one line: what was wrong, the value, and what is allowed. Command lines print
    it and exit with status 2; libraries may catch it as the ``ValueError`` it is.
    """


def require(condition: bool, name: str, value: object, allowed: str) -> None:
    """Raise :class:`BadInput` naming the parameter, its value and what is allowed."""
    if not condition:
        raise BadInput(f"{name} is {value!r}; allowed: {allowed}")


class Checked:
    """Base of dataclasses whose fields declared ``int`` and ``bool`` take nothing else."""

    def __new__(cls, *values: Any, **named: Any) -> Self:
        places = [each.name for each in fields(cls) if each.init and not each.kw_only]
        named = named | dict(zip(places, values, strict=False))
        for each in fields(cls):
            value = named.get(each.name)
            if each.name in named and each.type in ("int", int):
                whole = isinstance(value, Integral) and not isinstance(value, bool)
                require(whole, each.name, value, "an integer")
            elif each.name in named and each.type in ("bool", bool):
                require(isinstance(value, bool), each.name, value, "False, True")
        return super().__new__(cls)
