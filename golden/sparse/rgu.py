"""Rule generation as the hardware does it: a step through the source, a step through the output.

The rules are those of :func:`golden.sparse.rules.generate`; here they are the beats of the streams
between the units (`hw/sparse/layout.py`). A field that says nothing in a beat is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from .cpr import Cpr, union
from .descriptor import MODES, OPS, SIDE, USES
from .rules import Convolution, Rules, generate

LAYER_BITS = {
    "op": 2,
    "kernel": 3,
    "stride": 2,
    "mode": 2,
    "phase": 2,
    "rows": SIDE.bit_length(),
    "columns": SIDE.bit_length(),
    "union_bit": 2,
    "union_first": 1,
}
"""Fields of a descriptor that the rule generator has to know, least significant first."""

Beats = dict[str, NDArray[np.int64]]
"""By field, one element a beat (``inputs``: three)."""


@dataclass(frozen=True, eq=False)
class Source:
    """The pillars of a layer's input.

    ``index``: of each pillar's entry in the list that was read, pruned ones included. ``value``:
    unsigned, 16 bits. ``selected``: a boolean.
    """

    pillars: Cpr
    index: NDArray[np.int64]
    value: NDArray[np.int64]
    selected: NDArray[np.bool_]

    @classmethod
    def plain(cls, active: Cpr) -> Source:
        """All of ``active``, without values."""
        zero = np.zeros(len(active), np.int64)
        return cls.read(active, zero, zero == 0, "ignore")

    @classmethod
    def read(cls, active: Cpr, value: NDArray, selected: NDArray[np.bool_], use: str) -> Source:
        """What a layer makes of a list of entries, by its ``use`` of the list's selection: one of
        ``golden.sparse.descriptor.USES``."""
        require(use in USES, "use", use, ", ".join(USES))
        keep = selected if use == "prune" else np.ones(len(active), bool)
        marks = selected[keep] & (use != "ignore")
        return cls(active.select(keep), np.flatnonzero(keep), value[keep].astype(np.int64), marks)

    @classmethod
    def of_tokens(cls, beats: Beats, shape: tuple[int, int]) -> Source:
        """The inverse of :func:`tokens`."""
        rows = np.cumsum(beats["last"]) - beats["last"]
        full = beats["empty"] == 0
        keys = (rows * shape[1] + beats["column"])[full]
        index, value, selected = (beats[name][full] for name in ("index", "value", "selected"))
        return cls(Cpr.from_keys(keys, shape), index, value, selected == 1)


@dataclass(frozen=True, kw_only=True)
class RuleLayer:
    """What the rule generator is told of a layer: fields of its descriptor."""

    op: str = "conv"
    kernel: int = 1
    stride: int = 1
    mode: str = "spconv"
    phase: int = 0
    rows: int
    columns: int
    union_bit: int = 0
    union_first: bool = False

    def __post_init__(self) -> None:
        require(self.op in OPS, "op", self.op, ", ".join(OPS))
        require(self.mode in MODES, "mode", self.mode, ", ".join(MODES))
        require(0 <= self.phase < self.kernel, "phase", self.phase, f"under {self.kernel}")

    def fields(self) -> dict[str, int]:
        """As numbers, in the order of :data:`LAYER_BITS`."""
        named = {"op": OPS.index(self.op), "mode": MODES.index(self.mode)}
        return {name: int(named.get(name, getattr(self, name))) for name in LAYER_BITS}

    @classmethod
    def of(cls, fields: Mapping[str, int]) -> RuleLayer:
        """The inverse of :meth:`fields`."""
        op, mode, first = OPS[fields["op"]], MODES[fields["mode"]], bool(fields["union_first"])
        return cls(**{**fields, "op": op, "mode": mode, "union_first": first})

    @property
    def convolution(self) -> Convolution:
        """The convolution whose rules are made (op ``conv``, ``deconv``, ``coords``)."""
        transposed = self.op in ("deconv", "coords")
        stride = self.kernel if transposed else self.stride
        return Convolution(kernel=self.kernel, stride=stride, transposed=transposed, mode=self.mode)


def tokens(source: Source) -> Beats:
    """What the CPR reader gives: each pillar of the input, and each row without any."""
    return _by_row(
        source.pillars,
        {
            "column": source.pillars.columns,
            "index": source.index,
            "value": source.value,
            "selected": source.selected,
        },
    )


def pillars(layer: RuleLayer, source: Source, second: Source | None = None) -> Beats:
    """What the rule generator gives: each output pillar with its rules, and each row without any.

    ``second``: the second map of a union.
    """
    shape = (layer.rows, layer.columns)
    require(source.pillars.shape == shape, "grid", source.pillars.shape, f"{shape}")
    if layer.op == "union":
        assert second is not None
        return _union(layer, source, second)
    if layer.op == "deconv":
        return _deconv(layer, source)
    important = source.selected if layer.mode == "selective" else None
    output, rules = generate(layer.convolution, source.pillars, important)
    fields = _fields(output.columns)
    if layer.op == "conv":
        fields |= _hits(layer, source, output, rules)
    return _ended(_by_row(output, fields))


def output_count(layer: RuleLayer, beats: Beats) -> int:
    """Output pillars of a layer."""
    return int(np.sum(beats["empty"] == 0))


def rules_of(layer: RuleLayer, beats: Beats) -> Rules:
    """The rules that ``beats`` speak of: the inverse of :func:`pillars`."""
    k = layer.kernel
    pairs: list[tuple[NDArray, NDArray]] = []
    for tap in range(k if layer.op == "deconv" else k * k):
        dy, dx = divmod(tap, k)
        hit = beats["hits"] >> tap & 1 == 1
        row = beats["hits"] >> dy * k
        before = sum(row >> earlier & 1 for earlier in range(dx)) + np.zeros_like(row)
        gap = (beats["gaps"] >> dy & 1) * (dx == 2)
        pairs.append(((beats["inputs"][:, dy] + before + gap)[hit], beats["index"][hit]))
    return Rules.from_taps(pairs)


def _fields(columns: NDArray) -> Beats:
    """Pillars without rules."""
    zero = np.zeros(len(columns), np.int64)
    return {
        "column": columns.astype(np.int64),
        "index": np.arange(len(columns)),
        "value": zero,
        "hits": zero,
        "inputs": np.zeros((len(columns), 3), np.int64),
        "gaps": zero,
    }


def _hits(layer: RuleLayer, source: Source, output: Cpr, rules: Rules) -> Beats:
    k, count = layer.kernel, len(output)
    hits, gaps = np.zeros(count, np.int64), np.zeros(count, np.int64)
    inputs = np.zeros((count, 3), np.int64)
    for dy in range(k):
        latest = np.full(count, -1, np.int64)
        for dx in range(k):
            pairs = rules.tap(dy * k + dx)
            index, out = source.index[pairs[0]], pairs[1]
            further = latest[out] >= 0
            gaps[out] |= (further & (index - latest[out] == 2)).astype(np.int64) << dy
            inputs[out, dy] = np.where(further, inputs[out, dy], index)
            hits[out] |= 1 << dy * k + dx
            latest[out] = index
    return {"hits": hits, "inputs": inputs, "gaps": gaps}


def _deconv(layer: RuleLayer, source: Source) -> Beats:
    k, active = layer.kernel, source.pillars
    dx = np.tile(np.arange(k), len(active))
    item = np.repeat(np.arange(len(active)), k)
    before = active.pointers[active.rows].astype(np.int64)[item]
    count = np.diff(active.pointers).astype(np.int64)[active.rows][item]
    beats = _fields(active.columns[item] * k + dx)
    beats["index"] = k * k * before + layer.phase * k * count + k * (item - before) + dx
    beats["hits"] = 1 << dx
    beats["inputs"][:, 0] = source.index[item]
    # Its grid has the input's rows: one of k output rows each.
    wide = Cpr((layer.rows, layer.columns * k), active.pointers * np.int32(k), beats["column"])
    return _ended(_by_row(wide, beats))


def _union(layer: RuleLayer, first: Source, second: Source) -> Beats:
    maps = [first.pillars, second.pillars]
    output = union(maps)
    value = np.zeros(len(output), np.int64)
    presence = first.value if layer.union_first else 1
    value[np.searchsorted(output.keys, maps[0].keys)] = presence
    value[np.searchsorted(output.keys, maps[1].keys)] |= 1 << layer.union_bit
    return _ended(_by_row(output, _fields(output.columns) | {"value": value}))


def _by_row(active: Cpr, fields: Beats) -> Beats:
    """``fields`` of the pillars of ``active``, with a beat for each row without any."""
    rows = np.concatenate([active.rows, np.flatnonzero(np.diff(active.pointers) == 0)])
    order = np.argsort(rows, kind="stable")
    beats = {}
    for name, field in fields.items():
        filler = np.zeros((len(rows) - len(active), *field.shape[1:]), np.int64)
        beats[name] = np.concatenate([field.astype(np.int64), filler])[order]
    beats["empty"] = (order >= len(active)).astype(np.int64)
    beats["last"] = (np.diff(rows[order], append=active.shape[0]) > 0).astype(np.int64)
    return beats


def _ended(beats: Beats) -> Beats:
    end = np.zeros(len(beats["last"]), np.int64)
    end[-1] = 1
    return beats | {"end": end}
