"""What every unit is: a frozen configuration from which all its views are made.

A unit takes beats from streams and gives beats on streams: either a fixed number of beats on ``o``
for each one on ``i`` (:class:`Unit`), or as its data have it (:class:`golden.process.Process`). The
payload of a stream is a row of fields; a field is a row of numbers of one format. Here the numbers
are arrays of codes of shape ``(beats, lanes)``; in hardware they are packed, first field and lane 0
least significant.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import BadInput, require
from .formats import Codes, Format
from .parameters import Parameters

Beats = Mapping[str, Codes]
"""Codes by field name, each of shape (beats, lanes)."""


@dataclass(frozen=True)
class Field:
    """``lanes`` numbers of one ``format`` in a payload; lane 0 is least significant."""

    name: str
    format: Format
    meaning: str
    lanes: int = 1

    @property
    def width(self) -> int:
        """Bits of all lanes together."""
        return self.format.bits * self.lanes


@dataclass(frozen=True)
class Payload:
    """The fields of one beat, the first one least significant."""

    fields: tuple[Field, ...]

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return sum(field.width for field in self.fields)

    def offsets(self) -> Iterator[tuple[Field, int]]:
        """Each field with the position of its least significant bit."""
        offset = 0
        for field in self.fields:
            yield field, offset
            offset += field.width

    def check(self, beats: Beats) -> dict[str, Codes]:
        """``beats`` with every field present, in shape and in range; :class:`BadInput` if not."""
        names = [field.name for field in self.fields]
        require(sorted(beats) == sorted(names), "fields", sorted(beats), ", ".join(names))
        checked = {f.name: f.format.check(beats[f.name]) for f in self.fields}
        count = {len(codes) if codes.ndim else 0 for codes in checked.values()}
        for field in self.fields:
            shape, allowed = checked[field.name].shape, (min(count), field.lanes)
            require(shape == allowed, f"shape of {field.name}", shape, str(allowed))
        return checked

    def pack(self, beats: Beats) -> list[int]:
        """One integer a beat, as the bits lie on the payload port."""
        checked = self.check(beats)
        words = [0] * len(next(iter(checked.values())))
        for field, offset in self.offsets():
            for lane in range(field.lanes):
                shift = offset + lane * field.format.bits
                for beat, code in enumerate(checked[field.name][:, lane].tolist()):
                    words[beat] |= code << shift
        return words

    def unpack(self, words: list[int]) -> dict[str, Codes]:
        """The codes of packed beats: the inverse of :meth:`pack`."""
        beats = {}
        for field, offset in self.offsets():
            bits, mask = field.format.bits, (1 << field.format.bits) - 1
            codes = [
                [word >> offset + lane * bits & mask for lane in range(field.lanes)]
                for word in words
            ]
            array = np.array(codes, np.int64 if bits <= 62 else object)
            beats[field.name] = array.reshape(len(words), field.lanes)
        return beats

    def beats(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, Codes]:
        """The codes of ``rows``, one a beat: by field a code, or as many as it has lanes. Fields
        that a row leaves out are 0."""
        rows = list(rows)
        names = {field.name for field in self.fields}
        for row in rows:
            require(row.keys() <= names, "fields", sorted(row), ", ".join(sorted(names)))
        beats = {}
        for field in self.fields:
            zero = [0] * field.lanes if field.lanes > 1 else 0
            codes = [row.get(field.name, zero) for row in rows]
            array = np.array(codes, np.int64 if field.format.bits <= 62 else object)
            beats[field.name] = array.reshape(len(rows), field.lanes)
        return beats

    def rows(self, beats: Beats) -> Iterator[dict[str, Any]]:
        """The inverse of :meth:`beats`: by field a Python integer, or a list of its lanes."""
        checked = self.check(beats)
        columns = [
            codes[:, 0].tolist() if field.lanes == 1 else codes.tolist()
            for field, codes in ((field, checked[field.name]) for field in self.fields)
        ]
        for row in zip(*columns, strict=True):
            yield dict(zip(checked, row, strict=True))


@dataclass(frozen=True, kw_only=True)
class Config(Parameters, ABC):
    """Configuration of a unit: base of every ``*Config``."""

    @property
    @abstractmethod
    def inputs(self) -> dict[str, Payload]:
        """Payload of each stream that the unit takes beats from."""

    @property
    @abstractmethod
    def outputs(self) -> dict[str, Payload]:
        """Payload of each stream that the unit gives beats on."""

    @property
    def ports(self) -> dict[str, str]:
        """What ports mean that belong to no stream: by name, or by what their names begin with
        before an underscore."""
        return {}

    @property
    @abstractmethod
    def contract(self) -> str:
        """What the unit returns, exactly, in one paragraph."""

    @property
    @abstractmethod
    def timing(self) -> str:
        """How many cycles it takes, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Unit(Config):
    """Configuration of a unit that gives as many beats on stream ``o`` for each one that it takes
    from stream ``i``.

    Parameters
    ----------
    pipeline:
        Register stages inside the datapath. 0 leaves it combinational between the register that
        takes the input beat and the one that gives the output beat.
    combinational:
        Without these two registers either: a beat comes out in the cycle in which it goes in, and
        ports ``clk`` and ``rst`` do nothing. For units that have no pipeline, take a beat a cycle
        and remember none.
    """

    pipeline: int = 0
    combinational: bool = False

    def __post_init__(self) -> None:
        require(
            0 <= self.pipeline <= self.max_pipeline,
            "pipeline",
            self.pipeline,
            f"0 to {self.max_pipeline}",
        )
        if self.combinational:
            possible = self.pipeline == 0 and not self.stateful and not self.stepped
            require(possible, "combinational", True, "False where there are registers inside")

    @property
    @abstractmethod
    def stages(self) -> tuple[str, ...]:
        """Names of the combinational stages of the datapath, in order."""

    @property
    def max_pipeline(self) -> int:
        """The deepest pipeline: a register between every two stages."""
        return len(self.stages) - 1

    @property
    @abstractmethod
    def input(self) -> Payload:
        """Payload of stream ``i``."""

    @property
    @abstractmethod
    def output(self) -> Payload:
        """Payload of stream ``o``."""

    @property
    def inputs(self) -> dict[str, Payload]:
        return {"i": self.input}

    @property
    def outputs(self) -> dict[str, Payload]:
        return {"o": self.output}

    @property
    def output_beats(self) -> int:
        """Output beats for each input beat."""
        return 1

    @property
    def latency(self) -> int:
        """Cycles from the one in which an input beat transfers to the one in which its first
        output beat is offered, when nothing stalls: the most that any takes."""
        return 0 if self.combinational else self.pipeline + 2

    @property
    def interval(self) -> int:
        """Cycles from one input beat to the next when nothing stalls: the most that any takes."""
        return self.output_beats

    @property
    def timing(self) -> str:
        most = "" if type(self).intervals is Unit.intervals else "up to "
        return (
            f"{most}{self.latency} cycles from the one in which an input beat transfers to the"
            f" one in which its first output beat is offered; an input beat every"
            f" {most}{self.interval} cycle(s); {self.output_beats} output beat(s) for each"
        )

    @property
    def stateful(self) -> bool:
        """Whether a beat's result depends on how many came before it since reset; then
        :meth:`compute` begins with the first beat after reset."""
        return False

    @property
    def stepped(self) -> bool:
        """Whether the unit takes a beat in steps, or gives it in several beats."""
        return self.interval > 1

    def intervals(self, beats: Beats) -> NDArray[np.int64]:
        """Cycles that each of ``beats`` takes, for units where that depends on what is in them.
        A beat that takes fewer than ``interval`` is done as many cycles before ``latency``."""
        return np.full(len(next(iter(beats.values()))), self.interval)

    @abstractmethod
    def compute(self, beats: Beats) -> dict[str, Codes]:
        """The golden model: output beats for input beats, every bit."""

    @abstractmethod
    def corners(self) -> Iterator[dict[str, Codes]]:
        """Directed beats with which every simulation begins: exhaustive where that is feasible."""

    @abstractmethod
    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        """``count`` seeded random beats that reach every case of the contract."""

    def tensors(self, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
        """Beats that carry the real numbers ``values`` (a float64 vector), quantised to the
        formats of the unit; the end that does not fill a beat is left out."""
        raise BadInput(f"{type(self).__name__} takes no tensor")


def in_each_lane(codes: ArrayLike, rows: Codes) -> Codes:
    """``rows`` over and over, with each of ``codes`` alone in each lane."""
    codes = np.asarray(codes)
    lanes = rows.shape[1]
    given = np.resize(rows, (len(codes) * lanes, lanes))
    given[np.arange(len(given)), np.arange(len(given)) % lanes] = np.repeat(codes, lanes)
    return given


def concatenate(*parts: Beats) -> dict[str, Codes]:
    """The beats of all parts in order."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
