"""Input beats for dot products: directed corners, adversarial random ones, real tensors.

Uniform random codes prove little here: scales and accumulators would hardly ever overlap, and half
of the FP8 sums would be NaN. So each random beat is drawn from one of several situations, and the
accumulator is placed in view of the dot product that it will be added to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .block import BlockFormat
from .errors import BadInput
from .formats import Codes, Float, Format, Int
from .unit import Field, concatenate

if TYPE_CHECKING:
    from .dot import DotConfig

Rng = np.random.Generator


def corners(config: DotConfig) -> Iterator[dict[str, Codes]]:
    """Every pair of finite elements (in some lane), every pair with a special one (alone in a
    beat), every extreme of elements with every special accumulator and scale."""
    left, right = _finite(config.a), _finite(config.w)
    pairs = np.stack(np.meshgrid(left, right, indexing="ij"), -1).reshape(-1, 2)
    beats = -(-len(pairs) // config.lanes)
    padded = np.zeros((beats * config.lanes, 2), np.int64)
    padded[: len(pairs)] = pairs
    yield _beats(config, *padded.reshape(beats, config.lanes, 2).transpose(2, 0, 1))

    special = [np.setdiff1d(f.all_codes(), _finite(f)) for f in (config.a, config.w)]
    pairs = [(a, w) for a in special[0] for w in config.w.all_codes()]
    pairs += [(a, w) for a in left for w in special[1]]
    if pairs:
        rows = np.zeros((2, len(pairs), config.lanes), np.int64)
        lane = np.arange(len(pairs)) % config.lanes
        rows[:, np.arange(len(pairs)), lane] = np.array(pairs).T
        yield _beats(config, *rows)

    extremes = [_extremes(f) for f in (config.a, config.w)]
    for acc in _accumulators(config.accumulator):
        scales = _scale_corners(config, alone=acc == 0)
        count = len(next(iter(scales.values()), [0]))
        for a in extremes[0]:
            for w in extremes[1]:
                rows = [np.full((count, config.lanes), code) for code in (a, w)]
                yield _beats(config, *rows, scales=scales, acc=acc)


def random(config: DotConfig, rng: Rng, count: int) -> dict[str, Codes]:
    """``count`` beats; each draws its elements, its scales and its accumulator from a situation."""
    if count == 0:
        none = np.zeros((0, config.lanes), np.int64)
        return _beats(config, none, none)
    a, w = (_elements(f, rng, count, config.lanes) for f in (config.a, config.w))
    # Cancellation inside the dot product: the second half repeats the first with the other sign.
    if config.lanes > 1 and config.a.signed:
        half = config.lanes // 2
        rows = rng.random(count) < 0.1
        a[rows, half : 2 * half] = _negated(config.a, a[rows, :half])
        w[rows, half : 2 * half] = w[rows, :half]
    beats = _beats(config, a, w)
    beats |= _scales(config, rng, count)
    if isinstance(config.accumulator, Int):
        beats["acc"] = _integers(config.accumulator, rng, count)
    elif config.accumulator is not None:
        beats["acc"] = _nearby(config, beats, rng)
    return beats


def tensors(config: DotConfig, values: np.ndarray, rng: Rng) -> dict[str, Codes]:
    """Beats of a matrix product: ``values`` is cut into rows; each row meets the next one, block
    by block, and the accumulator carries the running result, as in a layer."""
    steps = 24  # blocks that accumulate into one output: 768 channels at 32 lanes
    rows = len(values) // (steps * config.lanes)
    if rows < 2:
        raise BadInput(
            f"tensor has {len(values)} numbers; allowed: {2 * steps * config.lanes} or more"
        )
    blocks = values[: rows * steps * config.lanes].reshape(rows, steps, config.lanes)
    operands, scales, factor = {}, {}, 1.0
    for name, fmt, data in (("a", config.a, blocks), ("w", config.w, np.roll(blocks, 1, axis=0))):
        if config.scale is not None:
            form = _block_format(config, name)
            tensor = form.tensor_code(data) if form.tensor_scale is not None else None
            codes, operands[name] = form.quantize(data, tensor)
            scales[f"{name}_scale"] = codes if form.asymmetric else codes[..., None]
            factor *= 1.0 if tensor is None else float(form.tensor_scale.decode(tensor))
        else:
            peak = np.abs(data).max() or 1.0
            operands[name] = fmt.encode(data * (_largest(fmt) / peak))
    acc = np.zeros((rows, 1), np.int64)
    parts = []
    for step in range(steps):
        beat = {name: codes[:, step] for name, codes in operands.items()}
        beat |= {name: codes[:, step] for name, codes in scales.items()}
        if config.tensor_scale is not None:
            beat["tensor_scale"] = np.full((rows, 1), config.tensor_scale.encode(factor))
        if config.accumulator is not None:
            beat["acc"] = acc
            acc = config.compute(beat)["result"]
        parts.append(beat)
    # Row after row, as one accumulator would see them.
    order = np.arange(rows * steps).reshape(steps, rows).T.ravel()
    return {name: codes[order] for name, codes in concatenate(*parts).items()}


def _block_format(config: DotConfig, name: str) -> BlockFormat:
    """The blocks of operand ``"a"`` or ``"w"``."""
    assert config.scale is not None
    return BlockFormat(
        name=name,
        element=getattr(config, name),
        block=config.lanes,
        scale=config.scale,
        policy="nearest" if config.scale.mantissa_bits else "floor",
        asymmetric=config.sides(name) == 2,
        tensor_scale=config.tensor_scale,
    )


def _beats(
    config: DotConfig,
    a: Codes,
    w: Codes,
    scales: dict[str, Codes] | None = None,
    acc: int = 0,
) -> dict[str, Codes]:
    """Beats of these elements; unit scales and a zero accumulator unless given."""
    beats = {"a": np.array(a), "w": np.array(w)}
    for field in _scale_fields(config):
        ones = np.full((len(a), field.lanes), field.format.encode(1.0))
        beats[field.name] = ones if scales is None else scales[field.name]
    if config.accumulator is not None:
        beats["acc"] = np.full((len(a), 1), acc, np.int64)
    return beats


def _scale_fields(config: DotConfig) -> list[Field]:
    return [field for field in config.input.fields if field.name in config.scales]


def _scale_corners(config: DotConfig, alone: bool) -> dict[str, Codes]:
    """Rows in which all scales are alike, at every extreme of their formats; with ``alone`` also
    rows in which each one in turn is extreme among ones, and the first two at opposite ends."""
    fields = _scale_fields(config)
    places = [(field, lane) for field in fields for lane in range(field.lanes)]
    extremes = {field.name: _scale_extremes(field.format) for field in fields}
    count = max((len(codes) for codes in extremes.values()), default=0)
    ones = {field.name: int(field.format.encode(1.0)) for field in fields}
    rows = [[extremes[f.name][k % len(extremes[f.name])] for f, _ in places] for k in range(count)]
    if alone:
        rest = [ones[f.name] for f, _ in places]
        for index, (field, _) in enumerate(places):
            rows += [[*rest[:index], c, *rest[index + 1 :]] for c in extremes[field.name]]
        ends = [(extremes[f.name][0], f.format.max_code) for f, _ in places]
        rows.append([ends[k][k % 2] for k in range(len(places))])
    table = np.array(rows, np.int64).reshape(len(rows), len(places))
    columns = {f.name: [k for k, (g, _) in enumerate(places) if g is f] for f in fields}
    return {name: table[:, chosen] for name, chosen in columns.items()}


def _scale_extremes(fmt: Float) -> list[int]:
    """The least codes, one, the greatest number, what is no number; with the sign bit too."""
    codes = [0, 1, int(fmt.encode(1.0)), fmt.max_code]
    codes += [code for code in (fmt.inf_code, fmt.nan_code) if code is not None]
    return codes + [code | fmt.sign_bit for code in codes[1:] if fmt.signed]


def _finite(fmt: Format) -> Codes:
    codes = fmt.all_codes()
    return codes[~(fmt.is_nan(codes) | fmt.is_inf(codes))]


def _largest(fmt: Format) -> float:
    return float(np.max(fmt.decode(_finite(fmt))))


def _extremes(fmt: Format) -> list[int]:
    """The zeros, the least and the greatest numbers of either sign, and the special codes."""
    codes = _finite(fmt)
    values = fmt.decode(codes)
    positive, negative = codes[values > 0], codes[values < 0]
    chosen = [*codes[values == 0], positive[0], positive[-1]]
    chosen += [negative[0], negative[-1]] if len(negative) else []
    special = np.setdiff1d(fmt.all_codes(), codes)
    chosen += [special[0], special[-1]] if len(special) else []
    return [int(code) for code in chosen]


def _accumulators(fmt: Format | None) -> list[int]:
    if fmt is None:
        return [0]
    if isinstance(fmt, Int):
        return [0, 1, (1 << fmt.bits) - 1, 1 << fmt.bits - 1, (1 << fmt.bits - 1) - 1]
    assert isinstance(fmt, Float) and fmt.inf_code is not None
    least_normal, one = 1 << fmt.mantissa_bits, fmt.bias << fmt.mantissa_bits
    positive = [0, 1, least_normal - 1, least_normal, one, fmt.max_code, fmt.inf_code]
    positive += [fmt.inf_code + 1, fmt.nan_code or 0]  # a signalling NaN and the quiet one
    return positive + [code | fmt.sign_bit for code in positive]


def _negated(fmt: Format, codes: Codes) -> Codes:
    """The codes of the opposite numbers, where there are such."""
    if isinstance(fmt, Float):
        return codes ^ fmt.sign_bit
    return fmt.encode(-fmt.decode(codes))


def _elements(fmt: Format, rng: Rng, count: int, lanes: int) -> Codes:
    """Element codes: uniform, of one magnitude range, sparse, one huge among tiny, or special."""
    finite = _finite(fmt)
    by_size = finite[np.argsort(np.abs(fmt.decode(finite)), kind="stable")]
    codes = rng.choice(finite, (count, lanes))
    kind = rng.integers(0, 8, count)
    tiny = by_size[: max(2, len(by_size) // 8)]
    huge = by_size[-max(2, len(by_size) // 16) :]
    codes[kind == 1] = rng.choice(tiny, (np.sum(kind == 1), lanes))
    codes[kind == 2] = rng.choice(huge, (np.sum(kind == 2), lanes))
    sparse = rng.random((count, lanes)) < 0.9
    codes[(kind == 3)[:, None] & sparse] = by_size[0]
    lone = np.flatnonzero(kind == 4)
    codes[lone] = rng.choice(tiny, (len(lone), lanes))
    codes[lone, rng.integers(0, lanes, len(lone))] = rng.choice(huge, len(lone))
    special = np.setdiff1d(fmt.all_codes(), finite)
    rows = np.flatnonzero(kind == 5)[::2]
    if len(special):
        codes[rows, rng.integers(0, lanes, len(rows))] = rng.choice(special, len(rows))
    return codes


def _scales(config: DotConfig, rng: Rng, count: int) -> dict[str, Codes]:
    """Scale codes: uniform, moderate, with results near underflow or overflow, no numbers."""
    fields, result = _scale_fields(config), config.floating
    if not fields:
        return {}
    assert result is not None
    lows = [field.format.unit_exponent for field in fields]
    highs = [field.format.max_exponent for field in fields]
    low, high, span = result.unit_exponent, result.max_exponent, config.sum_bits
    kind = rng.integers(0, 10, count)
    rest = np.select(
        [kind < 4, kind < 6, kind < 8],
        [
            rng.integers(-20, 20, count),
            # The whole sum, from its first to its last bit, about the least subnormal ...
            rng.integers(low - span - 4, low + 30, count) - config.unit_exponent,
            # ... and about the largest finite number.
            rng.integers(high - span - 2, high + 4, count) - config.unit_exponent,
        ],
        rng.integers(sum(lows), sum(highs) + 1, count),
    )
    beats = {}
    for index, field in enumerate(fields):
        fmt = field.format
        assert isinstance(fmt, Float)
        exponent = rng.integers(lows[index], highs[index] + 1, count)
        later = slice(index + 1, None)
        exponent = np.clip(exponent, rest - sum(highs[later]), rest - sum(lows[later]))
        exponent = np.clip(exponent, lows[index], highs[index])
        rest = rest - exponent
        # Of two scales of an operand, the second is near the first, or anywhere.
        near = exponent[:, None] + rng.integers(-4, 5, (count, field.lanes))
        anywhere = rng.integers(lows[index], highs[index] + 1, (count, field.lanes))
        exponents = np.where(rng.random((count, 1)) < 0.5, near, anywhere)
        exponents[:, 0] = exponent
        fraction = rng.random(exponents.shape) * (fmt.mantissa_bits > 0)
        codes = fmt.encode(np.ldexp(1 + fraction, exponents))
        odd = rng.random(codes.shape)
        codes = np.where(odd < 0.02, 0, codes)
        special = [code for code in (fmt.nan_code, fmt.inf_code) if code is not None]
        if special:
            codes = np.where(odd > 0.99, rng.choice(special, codes.shape), codes)
        codes |= np.where(rng.random(codes.shape) < 0.1, fmt.sign_bit, 0)
        beats[field.name] = codes
    return beats


def _integers(fmt: Int, rng: Rng, count: int) -> Codes:
    """Accumulator codes: uniform, small, and at both ends, where the sum wraps."""
    mask = (1 << fmt.bits) - 1
    uniform = rng.integers(0, 1 << fmt.bits, count)
    small = rng.integers(-1000, 1000, count)
    edge = (1 << fmt.bits - 1) + small
    kind = rng.integers(0, 3, count)
    return (np.select([kind == 0, kind == 1], [uniform, small], edge) & mask)[:, None]


def _nearby(config: DotConfig, beats: dict[str, Codes], rng: Rng) -> Codes:
    """Accumulators in view of the dot product: cancelling it, some binades off, at ties of the
    rounding, and special."""
    fmt = config.accumulator
    assert isinstance(fmt, Float)
    count = len(beats["a"])
    dot = config.compute(beats)["result"][:, 0]
    field_mask = (1 << fmt.exponent_bits) - 1
    exponent, mantissa = fmt.magnitude(dot) >> fmt.mantissa_bits, dot % (1 << fmt.mantissa_bits)
    sign = np.where(rng.random(count) < 0.5, fmt.sign_bit, 0)
    patterns = [0, (1 << fmt.mantissa_bits) - 1, 1, 1 << fmt.mantissa_bits - 1]
    anything = rng.integers(0, 1 << fmt.mantissa_bits, count)
    chosen = np.where(rng.random(count) < 0.5, rng.choice(patterns, count), anything)
    reach = config.sum_bits + fmt.mantissa_bits + 6
    off = np.clip(exponent + rng.integers(-reach, reach, count), 0, field_mask - 1)
    negated = (dot ^ fmt.sign_bit) & ((1 << fmt.bits) - 1)
    almost = np.where(fmt.magnitude(dot) > 4, negated - rng.integers(-3, 4, count), negated)
    kind = rng.integers(0, 16, count)
    acc = np.select(
        [kind < 8, kind < 10, kind < 12, kind == 12, kind == 13, kind == 14],
        [
            sign | off << fmt.mantissa_bits | chosen,
            negated,
            np.clip(almost, 0, (1 << fmt.bits) - 1),
            sign | np.minimum(exponent, field_mask - 1) << fmt.mantissa_bits | mantissa,
            sign | rng.integers(0, 1 << fmt.mantissa_bits, count),  # subnormal
            rng.choice(_accumulators(fmt), count),
        ],
        rng.integers(0, 1 << fmt.bits, count),
    )
    return acc[:, None]
