"""Dot products by table lookup: sums of four activations are made once and looked up by weights.

Sources: Mo et al., "LUT Tensor Core" (ISCA 2025: weights read as +-1 bits, so that half of a table
is the other half's negative; tables made once for many weight columns); Wei et al., "T-MAC"
(EuroSys 2025: bit-serial lookups); Zhang et al., "SAIL" (arXiv 2509.25853).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import require
from .formats import INT8, Codes, Int, integer
from .integer_sum import IntegerSum, check_activations, random_integers
from .unit import Beats, Field, Payload, Unit

GROUP = 4
"""Activations of a table."""
ENTRIES = 1 << GROUP - 1
"""Entries of a table: those with its last activation added; the others are their negatives."""


def _check(a: Int, lanes: int) -> None:
    check_activations(a)
    check_lanes(lanes)


def check_lanes(lanes: int) -> None:
    """:class:`BadInput` unless ``lanes`` activations fill tables."""
    require(4 <= lanes <= 256 and lanes % GROUP == 0, "lanes", lanes, "4, 8, 12 ... 256")


def table_fields(a: Int, lanes: int) -> tuple[Field, Field]:
    """The tables of ``lanes`` activations in a payload, and the sum of them all."""
    entry = integer(a.bits + 2)
    total = integer(a.bits + (lanes - 1).bit_length())
    groups = lanes // GROUP
    meaning = (
        "tables of four activations a0 to a3, entry 0 least significant: entry i is a3 + the sum"
        " over k < 3 of a[k], negated where bit k of i is 0"
    )
    return (
        Field("tables", entry, meaning, groups * ENTRIES),
        Field("total", total, "sum of the activations"),
    )


def make_tables(activations: Codes) -> Codes:
    """Tables of activations (numbers, shape ``(beats, lanes)``): shape ``(beats, groups, 8)``."""
    groups = activations.reshape(len(activations), activations.shape[1] // GROUP, GROUP)
    index = np.arange(ENTRIES)[:, None] >> np.arange(GROUP - 1) & 1
    signs = np.concatenate([2 * index - 1, np.ones((ENTRIES, 1), int)], axis=1)
    return groups @ signs.T


@dataclass(frozen=True, kw_only=True)
class TablesConfig(Unit):
    """Tables for the table-lookup dot products that share these activations.

    Parameters
    ----------
    a:
        Format of the activations: a signed integer of 2 to 16 bits.
    lanes:
        Activations a beat: a multiple of 4, up to 256.
    """

    a: Int = INT8
    lanes: int = 32

    def __post_init__(self) -> None:
        _check(self.a, self.lanes)
        super().__post_init__()

    @property
    def stages(self) -> tuple[str, ...]:
        return ("precompute",)

    @property
    def input(self) -> Payload:
        return Payload((Field("a", self.a, "activations", self.lanes),))

    @property
    def output(self) -> Payload:
        return Payload(table_fields(self.a, self.lanes))

    @property
    def contract(self) -> str:
        tables, total = self.output.fields
        return f"{tables.meaning[0].upper()}{tables.meaning[1:]}. total is the {total.meaning}."

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        numbers = self.a.integer(beats["a"])
        tables, total = self.output.fields
        return {
            "tables": tables.format.wrap(make_tables(numbers)).reshape(len(numbers), tables.lanes),
            "total": total.format.wrap(numbers.sum(axis=1))[:, None],
        }

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every combination of extremes within a table."""
        ends = self.a.wrap(np.array([self.a.minimum, self.a.maximum, 0, -1]))
        quads = ends[np.indices((4,) * GROUP).reshape(GROUP, -1).T]
        yield {"a": np.tile(quads, self.lanes // GROUP)}

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        return {"a": random_integers(self.a, rng, count, self.lanes)}


@dataclass(frozen=True, kw_only=True)
class LutConfig(IntegerSum):
    """``result[c] = acc[c] + sum(a[k] * w[c, k])`` by lookup.

    Parameters
    ----------
    a:
        Format of the activations: a signed integer of 2 to 16 bits.
    w_bits:
        Width of the weights, 1 to 8.
    encoding:
        ``"signed"`` (two's complement), ``"unsigned"``, or ``"bipolar"``: each bit is worth +1 or
        -1 times its power of two, as the tables have it; the other two are corrected by the sum of
        the activations.
    lanes:
        Products of a dot product: a multiple of 4, up to 256.
    columns:
        Dot products that share the tables, 1 to 64.
    serial:
        Look the bits of a weight up one a cycle, the most significant first, instead of all at
        once.
    given:
        Take tables (of a :class:`TablesConfig`) instead of activations.
    """

    a: Int = INT8
    w_bits: int = 4
    encoding: str = "signed"
    lanes: int = 32
    columns: int = 1
    serial: bool = False
    given: bool = False

    def __post_init__(self) -> None:
        _check(self.a, self.lanes)
        require(1 <= self.w_bits <= 8, "w_bits", self.w_bits, "1 to 8")
        encodings = ("signed", "unsigned", "bipolar")
        require(self.encoding in encodings, "encoding", self.encoding, ", ".join(encodings))
        require(1 <= self.columns <= 64, "columns", self.columns, "1 to 64")
        super().__post_init__()

    @property
    def results(self) -> int:
        return self.columns

    @property
    def tables(self) -> TablesConfig:
        """The unit that makes the tables."""
        return TablesConfig(a=self.a, lanes=self.lanes)

    @property
    def sum_range(self) -> tuple[int, int]:
        numbers = self.decode(np.arange(1 << self.w_bits))
        top = self.lanes * int(np.abs(numbers).max()) * -self.a.minimum
        return -top, top

    @property
    def stepped(self) -> bool:
        return self.serial

    @property
    def interval(self) -> int:
        return self.w_bits if self.serial else 1

    @property
    def latency(self) -> int:
        return super().latency - 1 + self.interval

    @property
    def stages(self) -> tuple[str, ...]:
        first = () if self.given else ("precompute",)
        return (*first, "lookup") if self.serial else (*first, "lookup", "sum")

    @property
    def input(self) -> Payload:
        weight = integer(self.w_bits, signed=self.encoding == "signed")
        operand = (
            table_fields(self.a, self.lanes)
            if self.given
            else (Field("a", self.a, "activations", self.lanes),)
        )
        weights = Field(
            "w", weight, "weights, one dot product after the other", self.lanes * self.columns
        )
        return Payload((*operand, weights, *self.accumulator_fields))

    @property
    def output(self) -> Payload:
        return Payload((self.result_field,))

    @property
    def contract(self) -> str:
        dot = f"the sum over {self.lanes} lanes of a[k] * w[k]"
        several = f" {self.columns} dot products share the activations." if self.columns > 1 else ""
        tables = " Tables that no activations have give no meaningful result." if self.given else ""
        return (
            f"{self.stated(dot)} Weights of {self.w_bits} bits are {self.encoding}. A beat takes"
            f" {self.interval} cycle(s).{several}{tables}"
        )

    def decode(self, codes: Codes) -> Codes:
        """The numbers that weight codes are worth."""
        if self.encoding == "bipolar":
            return 2 * codes - (1 << self.w_bits) + 1
        top = codes >> (self.w_bits - 1) << self.w_bits
        return codes - (top if self.encoding == "signed" else 0)

    def compute(self, beats: Beats) -> dict[str, Codes]:
        beats = self.input.check(beats)
        count = len(beats["w"])
        weights = self.decode(beats["w"]).reshape(count, self.columns, self.lanes)
        if self.given:
            # The activations again: entry 7 is their sum, and entry 7 with bit k cleared has a[k]
            # twice less; the last activation is what is left.
            tables = self.tables.output.fields[0].format.integer(beats["tables"])
            tables = tables.reshape(count, self.lanes // GROUP, ENTRIES)
            whole = tables[..., -1:]
            others = (whole - tables[..., [6, 5, 3]]) // 2
            numbers = np.concatenate([others, whole - others.sum(-1, keepdims=True)], axis=-1)
            numbers = numbers.reshape(count, self.lanes)
        else:
            numbers = self.a.integer(beats["a"])
        return self.finish(beats, (weights * numbers[:, None]).sum(axis=2))

    def corners(self) -> Iterator[dict[str, Codes]]:
        """Every four bits of weights against random and extreme activations; every weight against
        every activation of eight bits."""
        rng = np.random.default_rng(0)
        top = 1 << self.w_bits
        nibbles = np.indices((2,) * GROUP).reshape(GROUP, -1).T * (top - 1)
        for row in self.tables.corners():
            a = row["a"][rng.integers(0, len(row["a"]), (4, 16))].reshape(64, self.lanes)
            w = np.tile(np.tile(nibbles, (4, self.lanes // GROUP)), self.columns)
            yield self._beats(a, w, rng)
        count = 1 << min(self.a.bits, 8)
        for weight in range(top):
            a = (np.arange(count)[:, None] + np.arange(self.lanes)) % (1 << self.a.bits)
            yield self._beats(a, np.full((count, self.lanes * self.columns), weight), rng)

    def random(self, rng: np.random.Generator, count: int) -> dict[str, Codes]:
        a = random_integers(self.a, rng, count, self.lanes)
        return self._beats(
            a, random_integers(integer(self.w_bits, signed=False), rng, count, self._weights), rng
        )

    @property
    def _weights(self) -> int:
        return self.lanes * self.columns

    def _beats(self, a: Codes, w: Codes, rng: np.random.Generator) -> dict[str, Codes]:
        operand = self.tables.compute({"a": a}) if self.given else {"a": a}
        return {**operand, "w": w, **self.acc_beats(len(w), rng)}
