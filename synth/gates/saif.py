"""Switching activity as a file: SAIF 2.0, written and read.

Source: IEEE 1801 annex on SAIF (Switching Activity Interchange Format), its backward part: for each
net the time at 0 and at 1 (``T0``, ``T1``), unknown (``TX``), and the transitions (``TC``).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from golden.errors import BadInput
from golden.files import write_atomic

_TOKEN = re.compile(r'\s*(?:"[^"]*"|//[^\n]*|[()]|(?:\\.|[^\s()"])+)')
_PLAIN = re.compile(r"[A-Za-z0-9_]")


@dataclass(frozen=True)
class Net:
    """Of one net: cycles or other time units at 0, at 1, unknown; transitions."""

    low: int
    high: int
    unknown: int
    transitions: int


@dataclass(frozen=True)
class Saif:
    """``nets`` by the names of the instances that lead to it, its own last; bits are
    ``name[3]``."""

    duration: int
    nets: Mapping[tuple[str, ...], Net]


def write(path: Path, saif: Saif, timescale: str = "1 fs") -> Path:
    """Write a SAIF file, compressed where its name ends in ``.gz``."""
    tree: dict = {}
    for (*places, name), net in saif.nets.items():
        here = tree
        for place in places:
            here = here.setdefault((place,), {})
        here[name] = net
    lines = [
        "(SAIFILE",
        '(SAIFVERSION "2.0")',
        '(DIRECTION "backward")',
        "(DIVIDER / )",
        f"(TIMESCALE {timescale})",
        f"(DURATION {saif.duration})",
        *_instance(tree),
        ")\n",
    ]
    data = "\n".join(lines).encode()
    return write_atomic(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def _instance(here: dict) -> Iterator[str]:
    nets = {name: net for name, net in here.items() if isinstance(name, str)}
    if nets:
        yield "(NET"
        for name, net in nets.items():
            yield (
                f"({_escaped(name)} (T0 {net.low}) (T1 {net.high}) (TX {net.unknown})"
                f" (TC {net.transitions}) (IG 0))"
            )
        yield ")"
    for name, inside in here.items():
        if not isinstance(name, str):
            yield f"(INSTANCE {_escaped(name[0])}"
            yield from _instance(inside)
            yield ")"


def _escaped(name: str) -> str:
    return "".join(c if _PLAIN.match(c) else f"\\{c}" for c in name)


def read(path: Path) -> Saif:
    """Read a SAIF file, plain or compressed; :class:`BadInput` where it is none."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as SAIF: {error}") from None
    try:
        tree = _parsed(text)
        if tree[0] != "SAIFILE":
            raise ValueError("it does not begin with SAIFILE")
        duration = next(int(float(item[1])) for item in _groups(tree, "DURATION"))
        nets: dict[tuple[str, ...], Net] = {}
        for instance in _groups(tree, "INSTANCE"):
            _collect(instance, (), nets)
    except (ValueError, IndexError, TypeError, StopIteration) as error:
        raise BadInput(f"{path} is not SAIF: {error or 'it states no duration'}") from None
    if duration <= 0 or not nets:
        raise BadInput(f"{path} records nothing: duration {duration}, {len(nets)} nets")
    return Saif(duration, nets)


def _parsed(text: str) -> list:
    """Nested lists of words."""
    root: list = []
    stack, position = [root], 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        token = match[0].strip()
        if token == "(":
            stack.append([])
            stack[-2].append(stack[-1])
        elif token == ")":
            if len(stack) == 1:
                raise ValueError("a ')' too many")
            stack.pop()
        elif not token.startswith("//"):
            stack[-1].append(token)
    if text[position:].strip() or len(stack) != 1 or len(root) != 1 or not root[0]:
        raise ValueError("its parentheses do not match")
    return root[0]


def _groups(tree: list, kind: str) -> Iterator[list]:
    return (item for item in tree if isinstance(item, list) and item and item[0] == kind)


def _collect(instance: list, above: tuple[str, ...], nets: dict[tuple[str, ...], Net]) -> None:
    """Nets of an instance and of all in it; its name is its last word before the groups."""
    words = [word for word in instance[1:] if isinstance(word, str)]
    path = (*above, _plain(words[-1]))
    for kind in ("NET", "PORT"):
        for group in _groups(instance, kind):
            for name, *facts in group[1:]:
                values = {fact[0]: int(float(fact[1])) for fact in facts}
                known = (values.get(key, 0) for key in ("T0", "T1", "TX", "TC"))
                nets[(*path, _plain(name))] = Net(*known)
    for inner in _groups(instance, "INSTANCE"):
        _collect(inner, path, nets)


def _plain(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name.strip('"'))
