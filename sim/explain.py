"""A wrong beat in words: codes in hexadecimal and each format's own value, field by field."""

from __future__ import annotations

from collections.abc import Iterator

from golden.formats import Float, Format, Int
from golden.unit import Field, Payload, Unit


def explain(config: Unit, vector: int, word: int, beat: int, expected: int, got: int) -> str:
    """What went in as ``vector`` and what came out as output beat ``beat``.

    ``word``, ``expected`` and ``got`` are packed payloads. Of the outputs, only the lanes that
    differ are shown; of the inputs, those that the outputs depend on where that is plain (as many
    lanes in as out), and elsewhere those that are not zero.
    """
    lines = [f"input vector {vector}: {_hex(word, config.input.width)}"]
    wrong = _wrong_lanes(config.output, expected, got)
    lanes_in = _related(config, wrong, beat % config.output_beats)
    for field, codes in _fields(config.input, word):
        nonzero = [k for k, code in enumerate(codes) if code]
        lanes = lanes_in.get(field.name, nonzero if field.lanes > 1 else [0])
        shown = [_lane(field, k, codes[k]) for k in lanes]
        if field.name not in lanes_in and len(lanes) < field.lanes:
            shown.append("(other lanes zero)" if lanes else "(all lanes zero)")
        lines.append(f"  {field.name} {field.format.name}: {'  '.join(shown)}")
    lines.append(compare(f"output beat {beat}", config.output, expected, got))
    return "\n".join(lines)


def compare(name: str, payload: Payload, expected: int, got: int) -> str:
    """Two packed payloads in full, and the lanes in which they differ."""
    lines = [f"{name}: expected {_hex(expected, payload.width)}"]
    lines.append(f"{'got':>{len(name) + 10}} {_hex(got, payload.width)}")
    wrong = _wrong_lanes(payload, expected, got)
    wanted = {field.name: codes for field, codes in _fields(payload, expected)}
    for field, codes in _fields(payload, got):
        for k in wrong[field.name]:
            name = field.name if field.lanes == 1 else f"{field.name}[{k}]"
            want, have = wanted[field.name][k], codes[k]
            lines.append(
                f"  {name} {field.format.name}: expected {_code(field.format, want)}, got"
                f" {_code(field.format, have)}{_distance(field.format, want, have)}"
            )
    return "\n".join(lines)


def value(fmt: Format, code: int) -> str:
    """The number that a code stands for, with as many digits as tell it from its neighbours."""
    if isinstance(fmt, Int) and fmt.fraction_bits == 0:
        return str(int(fmt.split(code)[0]))
    if isinstance(fmt, Float) and not fmt.mantissa_bits and not fmt.is_nan(code):
        return f"2^{int(fmt.split(code)[1])}"
    # A short code stands for a short number: show all of it.
    short = fmt.bits <= 8 or not isinstance(fmt, Float)
    digits = 17 if short else 1 + -(-(fmt.mantissa_bits + 1) * 3 // 10)
    return f"{float(fmt.decode(code)):.{digits}g}"


def _fields(payload: Payload, word: int) -> Iterator[tuple[Field, list[int]]]:
    for field, offset in payload.offsets():
        bits = field.format.bits
        mask = (1 << bits) - 1
        yield field, [word >> offset + k * bits & mask for k in range(field.lanes)]


def _wrong_lanes(payload: Payload, expected: int, got: int) -> dict[str, list[int]]:
    return {
        field.name: [k for k, (w, h) in enumerate(zip(want, have, strict=True)) if w != h]
        for (field, want), (_, have) in zip(
            _fields(payload, expected), _fields(payload, got), strict=True
        )
    }


def _related(config: Unit, wrong: dict[str, list[int]], phase: int) -> dict[str, list[int]]:
    """Input lanes by field of a unit that maps lanes to lanes; empty for others."""
    widest = max(config.output.fields, key=lambda field: field.lanes)
    total = widest.lanes * config.output_beats
    lanes = [phase * widest.lanes + k for k in wrong[widest.name]]
    if total == 1 or not lanes:
        return {}
    return {field.name: lanes for field in config.input.fields if field.lanes == total}


def _lane(field: Field, lane: int, code: int) -> str:
    text = _code(field.format, code)
    return text if field.lanes == 1 else f"[{lane}] {text}"


def _code(fmt: Format, code: int) -> str:
    return f"{_hex(code, fmt.bits)} = {value(fmt, code)}"


def _distance(fmt: Format, want: int, have: int) -> str:
    """How far off a floating-point number of the same sign is, in units in the last place."""
    if not isinstance(fmt, Float) or fmt.is_nan(want) or fmt.is_nan(have):
        return ""
    if bool(fmt.is_negative(want)) != bool(fmt.is_negative(have)):
        return ""
    return f" (off by {abs(int(fmt.magnitude(want)) - int(fmt.magnitude(have)))} ulp)"


def _hex(word: int, width: int) -> str:
    return f"0x{word:0{-(-width // 4)}x}"
