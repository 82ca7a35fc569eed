"""Values of configuration fields as a sweep file spells them: formats by name, the rest by type."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from golden import formats, posit
from golden.block import BlockFormat
from golden.errors import BadInput
from golden.formats import Format, Int
from golden.mx import BLOCKS
from golden.one_of import OneOf, one_of
from golden.sparse.accelerator import ACCELERATORS, AcceleratorConfig

_NAMED: dict[type, dict[str, Any]] = {BlockFormat: BLOCKS, AcceleratorConfig: ACCELERATORS}
"""What can be asked for by name, beside formats."""


@cache
def _known() -> dict[str, Format]:
    """Every format that `golden` names: by the name of the constant and by its own."""
    found = {}
    for module in (posit, formats):  # of two of one name, that of the constant counts
        constants = {n: f for n, f in vars(module).items() if isinstance(f, Format) and n.isupper()}
        found |= {fmt.name: fmt for fmt in constants.values()} | constants
    return found


def find_format(name: str) -> Format:
    """The format called ``name``; :class:`BadInput` says what names there are.

    Beside those of `golden`: ``INTn``, ``UINTn``, ``INTn (f fraction bits)``, ``dINTn``, ``EeMm``
    (no infinity, no NaN), ``posit(n,es)``, and ``A or B`` for formats chosen at run time.
    """
    if " or " in name:
        return one_of(*map(find_format, name.split(" or ")))
    if name in _known():
        return _known()[name]
    if m := re.fullmatch(r"(U?)INT(\d+)(?: \((\d+) fraction bits?\))?", name):
        return formats.integer(int(m[2]), signed=not m[1], fraction_bits=int(m[3] or 0))
    if m := re.fullmatch(r"dINT(\d+)", name):
        return formats.dint(int(m[1]))
    if m := re.fullmatch(r"E(\d+)M(\d+)", name):
        return formats.minifloat(int(m[1]), int(m[2]))
    if m := re.fullmatch(r"posit\((\d+), ?(\d+)\)", name):
        return posit.posit(int(m[1]), int(m[2]))
    names = ", ".join(sorted(name for name in _known() if name.isidentifier()))
    raise BadInput(
        f"format is {name!r}; allowed: {names}, INTn, UINTn, INTn (f fraction bits), dINTn, EeMm,"
        " posit(n,es), A or B"
    )


def name_of(fmt: Format) -> str:
    """The name by which :func:`find_format` finds ``fmt``."""
    if isinstance(fmt, OneOf):
        return " or ".join(map(name_of, fmt.formats))
    if isinstance(fmt, Int) and fmt.fraction_bits and fmt.name == f"INT{fmt.width}":
        return f"{fmt.name} ({fmt.fraction_bits} fraction bit{'s' * (fmt.fraction_bits > 1)})"
    return fmt.name


def convert(value: Any, hint: Any) -> Any:
    """``value`` of a sweep file as a field of type ``hint``; "none" is None where that may be.

    Raises :class:`BadInput` whose message goes on after "field is ...".
    """
    if get_origin(hint) in (Union, UnionType):
        options = get_args(hint)
        if value == "none" and NoneType in options:
            return None
        said = []
        for option in options:
            if option is not NoneType:
                try:
                    return convert(value, option)
                except BadInput as error:
                    said.append(str(error))
        raise BadInput(" or ".join(dict.fromkeys(said)) + (" or none" * (NoneType in options)))
    if get_origin(hint) is Literal:
        _need(value in get_args(hint), ", ".join(map(str, get_args(hint))))
    elif get_origin(hint) is tuple:
        _need(isinstance(value, list), "a list")
        options = get_args(hint)
        of = options[:1] * len(value) if options[-1] is ... else options
        _need(len(of) == len(value), f"a list of {len(of)}")
        return tuple(convert(each, one) for each, one in zip(value, of, strict=True))
    elif hint is bool:
        _need(isinstance(value, bool), "true, false")
    elif hint is int:
        _need(isinstance(value, int) and not isinstance(value, bool), "an integer")
    elif hint is float:
        _need(isinstance(value, int | float) and not isinstance(value, bool), "a number")
        return float(value)
    elif isinstance(hint, type) and issubclass(hint, Format):
        _need(isinstance(value, str), "the name of a format")
        try:
            fmt = find_format(value)
        except BadInput as error:
            raise BadInput(str(error).partition("; allowed: ")[2]) from error
        _need(isinstance(fmt, hint), f"a format of kind {hint.__name__}")
        return fmt
    elif hint in _NAMED:
        found = _NAMED[hint].get(value) if isinstance(value, str) else None
        _need(found is not None, ", ".join(_NAMED[hint]))
        return found
    else:
        _need(isinstance(hint, type) and isinstance(value, hint), _title(hint))
    return value


def plain(value: Any) -> Any:
    """A field's value as a table holds it: None, a bool, a number or a string."""
    if isinstance(value, Format):
        return name_of(value)
    if isinstance(value, tuple):
        return ", ".join(str(plain(each)) for each in value)
    return value


def columns(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A configuration's fields as columns of a table, those of a part of it as ``part_field``."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if is_dataclass(value) and not isinstance(value, Format):
            value = {f.name: getattr(value, f.name) for f in fields(value)}
        if isinstance(value, dict):
            found |= columns(value, f"{prefix}{name}_")
        else:
            found[f"{prefix}{name}"] = plain(value)
    return found


def _need(condition: bool, allowed: str) -> None:
    if not condition:
        raise BadInput(allowed)


def _title(hint: Any) -> str:
    return {str: "a string"}.get(hint, getattr(hint, "__name__", str(hint)))
