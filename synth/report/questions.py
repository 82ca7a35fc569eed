"""The questions that the papers ask, read from ``questions.toml`` and checked."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Self

from golden.errors import require
from golden.unit import Unit
from hw.catalog import select

from ..power.operations import each_cycle, operation

FILE = Path(__file__).with_name("questions.toml")
PICTURES = ("quality", "cost")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A design that answers a question.

    ``format`` is a row of :func:`sim.snr.table`, "" for none; ``over``: what the design is a
    multiple of, "" for nothing; ``mode``: fields of a beat that decide how many MACs it holds and
    how long it takes: those in which :mod:`synth.gates.ordinary` measures its power.
    """

    design: str
    format: str = ""
    over: str = ""
    mode: dict[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def macs(self) -> float:
        """MACs a cycle when nothing stalls."""
        config = select(self.design)[0].config
        require(isinstance(config, Unit), "design of a question", self.design, "a unit of beats")
        if self.mode and hasattr(config, "formats"):  # as many lanes as numbers fit in a word
            return config.lanes(self.mode["mode"])
        if self.mode:
            beat = config.input.beats([self.mode])
            return operation(config).each / int(config.intervals(beat)[0])
        require(operation(config).name == "MAC", "design of a question", self.design, "one of MACs")
        return each_cycle(config)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a paper says: that figures of what ``designs`` are compared with are ``ratios`` times
    theirs."""

    designs: list[str]
    ratios: dict[str, float]
    source: str


@dataclass(frozen=True, kw_only=True)
class Question:
    name: str
    title: str
    about: str
    picture: str
    entries: list[Entry]
    claims: list[Claim]

    @classmethod
    def read(cls, data: dict[str, Any]) -> Self:
        entries = [_made(Entry, row) for row in data.pop("row", [])]
        claims = [_made(Claim, claim) for claim in data.pop("claim", [])]
        question = _made(cls, data | {"entries": entries, "claims": claims})
        names = [entry.design for entry in entries]
        allowed = ", ".join(names)
        for named in [
            *(entry.over for entry in entries if entry.over),
            *(design for claim in claims for design in claim.designs),
        ]:
            require(named in names, f"design in question {question.name}", named, allowed)
        require(question.picture in PICTURES, "picture", question.picture, ", ".join(PICTURES))
        return question


def _made(kind: type, data: dict[str, Any]) -> Any:
    names = [each.name for each in fields(kind)]
    for name in data:
        require(name in names, f"key of a {kind.__name__.lower()}", name, ", ".join(names))
    return kind(**data)


@cache
def questions() -> tuple[Question, ...]:
    """All questions, in their order on the page."""
    return tuple(Question.read(each) for each in tomllib.loads(FILE.read_text())["question"])


def designs() -> list[str]:
    """The designs of all questions, each once."""
    return list(dict.fromkeys(e.design for q in questions() for e in q.entries))
