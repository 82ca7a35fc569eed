"""Input beats for dot products: directed corners, adversarial random ones, real tensors.

Uniform random codes prove little here: scales and accumulators would hardly ever overlap, and half
of the FP8 sums would be NaN. So each random beat is drawn from one of several situations, and the
accumulator is placed in view of the dot product that it will be added to.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ..block import BlockFormat
from ..errors import BadInput
from ..formats import Codes, Format, Int
from ..one_of import OneOf
from ..unit import concatenate
from .accumulators import accumulator_corners, draw_integers, draw_nearby
from .elements import draw_elements, extremes, finite, largest, negated
from .scales import draw_scales, scale_corners, scale_fields

if TYPE_CHECKING:
    from .config import DotConfig

_TURNS = 16


def corners(config: DotConfig) -> Iterator[dict[str, Codes]]:
    """Every pair of finite elements (in some lane), every pair with a special one (alone in a
    beat), every extreme of elements with every special accumulator and scale.

    Where the formats are chosen at run time, all of that for every pair of formats, except that
    the extremes take turns; and every tag that names no format."""
    parts = list(_fixed(config))
    for index, (part, tags) in enumerate(parts):
        for beats in _corners(part, index % _TURNS, _TURNS if len(parts) > 1 else 1):
            yield _tagged(beats, tags)
    for name, fmt in _operands(config):
        if isinstance(fmt, OneOf):
            rng = np.random.default_rng(0)
            for tag in range(len(fmt.formats), 1 << fmt.tag.bits):
                yield random(config, rng, 4) | {f"{name}_format": np.full((4, 1), tag)}


def random(config: DotConfig, rng: np.random.Generator, count: int) -> dict[str, Codes]:
    """``count`` beats; each draws its elements, its scales and its accumulator from a situation,
    and before that its formats."""
    parts = list(_fixed(config))
    if len(parts) == 1:
        return _random(config, rng, count)
    chosen = rng.integers(0, len(parts), count)
    drawn = [
        _tagged(_random(part, rng, int(np.sum(chosen == index))), tags)
        for index, (part, tags) in enumerate(parts)
    ]
    order = np.argsort(np.argsort(chosen, kind="stable"), kind="stable")
    beats = {name: codes[order] for name, codes in concatenate(*drawn).items()}
    for name, fmt in _operands(config):
        if isinstance(fmt, OneOf):
            own = np.array([f.bits for f in fmt.formats])[beats[f"{name}_format"]]
            ignored = rng.integers(0, 1 << fmt.code.bits, beats[name].shape) >> own << own
            beats[name] |= ignored
            known, most = len(fmt.formats), 1 << fmt.tag.bits
            if known < most:
                wild = rng.random((count, 1)) < 0.03
                beats[f"{name}_format"][wild] = rng.integers(known, most, np.sum(wild))
    return beats


def tensors(config: DotConfig, values: np.ndarray, rng: np.random.Generator) -> dict[str, Codes]:
    """Beats of a matrix product: ``values`` is cut into rows; each row meets the next one, block
    by block, and the accumulator carries the running result, as in a layer. Pairs of formats that
    are chosen at run time take turns, each with its own running result."""
    parts = [_tagged(_tensors(part, values), tags) for part, tags in _fixed(config)]
    beats = concatenate(*parts)
    turns = np.arange(len(beats["a"])).reshape(len(parts), -1).T.ravel()
    return {name: codes[turns] for name, codes in beats.items()}


def _operands(config: DotConfig) -> tuple[tuple[str, Format], tuple[str, Format]]:
    return ("a", config.a), ("w", config.w)


def _fixed(config: DotConfig) -> Iterator[tuple[DotConfig, dict[str, int]]]:
    """Every choice of formats: the configuration that has only those, and its tags."""
    choices = [f.formats if isinstance(f, OneOf) else (f,) for _, f in _operands(config)]
    for (i, a), (k, w) in product(*(enumerate(formats) for formats in choices)):
        tags = {"a_format": i, "w_format": k}
        names = [f"{name}_format" for name, f in _operands(config) if isinstance(f, OneOf)]
        yield config.replace(a=a, w=w), {name: tags[name] for name in names}


def _tagged(beats: dict[str, Codes], tags: dict[str, int]) -> dict[str, Codes]:
    count = len(beats["a"])
    return beats | {name: np.full((count, 1), tag) for name, tag in tags.items()}


def _corners(config: DotConfig, turn: int, turns: int) -> Iterator[dict[str, Codes]]:
    """The corners of fixed formats; of the extremes, each ``turns``-th from ``turn`` on."""
    left, right = finite(config.a), finite(config.w)
    pairs = np.stack(np.meshgrid(left, right, indexing="ij"), -1).reshape(-1, 2)
    beats = -(-len(pairs) // config.lanes)
    padded = np.zeros((beats * config.lanes, 2), np.int64)
    padded[: len(pairs)] = pairs
    yield _beats(config, *padded.reshape(beats, config.lanes, 2).transpose(2, 0, 1))

    special = [np.setdiff1d(f.all_codes(), finite(f)) for f in (config.a, config.w)]
    pairs = [(a, w) for a in special[0] for w in config.w.all_codes()]
    pairs += [(a, w) for a in left for w in special[1]]
    if pairs:
        if len(pairs) < 8 * config.lanes:  # few, of posits: in every lane then
            pairs = [pair for pair in pairs for _ in range(config.lanes)]
        rows = np.zeros((2, len(pairs), config.lanes), np.int64)
        lane = np.arange(len(pairs)) % config.lanes
        rows[:, np.arange(len(pairs)), lane] = np.array(pairs).T
        yield _beats(config, *rows)

    ends = [extremes(f) for f in (config.a, config.w)]
    tried = list(product(accumulator_corners(config.accumulator), *ends))
    for acc, a, w in tried[turn::turns]:
        scales = scale_corners(config, alone=acc == 0)
        count = len(next(iter(scales.values()), [0]))
        rows = [np.full((count, config.lanes), code) for code in (a, w)]
        yield _beats(config, *rows, scales=scales, acc=acc)


def _random(config: DotConfig, rng: np.random.Generator, count: int) -> dict[str, Codes]:
    """Random beats of fixed formats."""
    if count == 0:
        none = np.zeros((0, config.lanes), np.int64)
        return _beats(config, none, none)
    a, w = (draw_elements(f, rng, count, config.lanes) for f in (config.a, config.w))
    # Cancellation inside the dot product: the second half repeats the first with the other sign.
    if config.lanes > 1 and config.a.signed:
        half = config.lanes // 2
        rows = rng.random(count) < 0.1
        a[rows, half : 2 * half] = negated(config.a, a[rows, :half])
        w[rows, half : 2 * half] = w[rows, :half]
    beats = _beats(config, a, w)
    beats |= draw_scales(config, rng, count)
    if isinstance(config.accumulator, Int):
        beats["acc"] = draw_integers(config.accumulator, rng, count)
    elif config.accumulator is not None:
        beats["acc"] = draw_nearby(config, beats, rng)
    return beats


def _tensors(config: DotConfig, values: np.ndarray) -> dict[str, Codes]:
    """The matrix product of fixed formats."""
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
            operands[name] = fmt.encode(data * (largest(fmt) / peak))
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
    for field in scale_fields(config):
        ones = np.full((len(a), field.lanes), field.format.encode(1.0))
        beats[field.name] = ones if scales is None else scales[field.name]
    if config.accumulator is not None:
        beats["acc"] = np.full((len(a), 1), acc, np.int64)
    return beats
