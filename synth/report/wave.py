"""Waveforms of the first beats of a unit, as the golden model and its stated timing have them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

from golden.unit import Payload, Unit

BEATS = 3
MOST = 10
"""Digits that fit on a bus."""
CELL, ROW, LEFT = 74, 30, 96
"""Widths of a cycle and of the names, height of a line, in units of the picture."""


@dataclass(frozen=True)
class Track:
    """``values``: by cycle a bit, or the text on a bus, None where nothing is stated."""

    name: str
    values: list[int | str | None]


def tracks(config: Unit) -> list[Track]:
    """The handshakes and fields of :data:`BEATS` random beats without stalls: each result is
    computed, and stands where latency and interval put it, which simulation checks."""
    beats = config.random(np.random.default_rng(1), BEATS)
    beats = {name: codes[:BEATS] for name, codes in beats.items()}
    results = config.compute(beats)
    takes = [int(n) for n in config.intervals(beats)]
    starts = [1 + sum(takes[:k]) for k in range(BEATS)]
    ends = [
        start + config.latency - (config.interval - took)
        for start, took in zip(starts, takes, strict=True)
    ]
    each = config.output_beats
    cycles = ends[-1] + each + 1
    sent = {start: k for k, start in enumerate(starts)}
    given = {end + n: k * each + n for k, end in enumerate(ends) for n in range(each)}
    return [
        Track("i transfers", [int(cycle in sent) for cycle in range(cycles)]),
        *_fields("i", config.input, beats, sent, cycles),
        Track("o transfers", [int(cycle in given) for cycle in range(cycles)]),
        *_fields("o", config.output, results, given, cycles),
    ]


def _fields(
    stream: str, payload: Payload, beats: dict, places: dict[int, int], cycles: int
) -> list[Track]:
    found = []
    for field in payload.fields:
        digits = -(-field.format.bits // 4)
        values: list[int | str | None] = [None] * cycles
        for cycle, beat in places.items():
            code = int(beats[field.name][beat, 0])
            more = " .." if field.lanes > 1 else ""
            values[cycle] = f"{code:0{digits}x}{more}"
        found.append(Track(f"{stream}.{field.name}", values))
    return found


def svg(config: Unit) -> str:
    """The waveform as an ``<svg>`` in the colours of the page."""
    lines = [Track("clk", []), *tracks(config)]
    cycles = len(lines[1].values)
    width, height = LEFT + CELL * cycles + 4, ROW * len(lines) + 22
    parts = [
        f'<svg role="img" aria-label="waveform" xmlns="http://www.w3.org/2000/svg"'
        f' viewBox="0 0 {width} {height}" width="{width}" height="{height}" fill="none"'
        ' stroke="currentColor" stroke-width="1.2" font-size="11">'
    ]
    for cycle in range(cycles):
        x = LEFT + cycle * CELL
        parts.append(f'<path d="M{x} 18V{height - 4}" stroke-opacity=".15"/>')
        parts.append(_label(x + CELL / 2, 12, str(cycle), "middle"))
    for row, track in enumerate(lines):
        top = 22 + row * ROW
        parts.append(_label(LEFT - 8, top + 16, track.name, "end"))
        if track.name == "clk":
            d = f"M{LEFT} {top + 20}" + f"v-16h{CELL // 2}v16h{CELL // 2}" * cycles
            parts.append(f'<path d="{d}"/>')
        elif isinstance(track.values[0], int):
            parts.append(f'<path d="{_bits(track.values, top)}"/>')
        else:
            parts += _bus(track.values, top)
    return "".join([*parts, "</svg>"])


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="currentColor"'
        f' stroke="none">{escape(text)}</text>'
    )


def _bits(values: list, top: int) -> str:
    level = [top + 4 if value else top + 20 for value in values]
    d = f"M{LEFT} {level[0]}"
    for cycle, y in enumerate(level):
        d += f"V{y}h{CELL}" if cycle else f"h{CELL}"
    return d


def _bus(values: list, top: int) -> list[str]:
    parts = []
    for cycle, value in enumerate(values):
        x = LEFT + cycle * CELL
        if value is None:
            parts.append(f'<path d="M{x} {top + 12}h{CELL}" stroke-opacity=".3"/>')
            continue
        d = f"M{x} {top + 12}l5 -8h{CELL - 10}l5 8l-5 8h-{CELL - 10}z"
        parts.append(f'<path d="{d}"/>')
        parts.append(_label(x + CELL / 2, top + 16, _short(value), "middle"))
    return parts


def _short(value: str) -> str:
    digits, _, more = value.partition(" ")
    fits = len(value) <= MOST
    return value if fits else f"{digits[: MOST - 3 - len(more)]}...{more}"
