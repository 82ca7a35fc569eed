"""What a descriptor must obey, field by field and between fields, as data for software and
hardware."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ..errors import BadInput
from .accelerator import AcceleratorConfig
from .descriptor import (
    ADDRESS_BITS,
    ALIGN,
    CONV,
    COORDS,
    DECONV,
    FIELDS,
    SIDE,
    UNION,
    Fields,
    address_mask,
    decode,
    encode,
    highest,
    reserved,
)
from .prune import VALUES

_BY_NAME = {field.name: field for field in FIELDS}


@dataclass(frozen=True)
class Rule:
    """A condition between fields, blamed on ``field``.

    ``holds``: of the fields (attributes) and the machine. It is written so that numbers give a
    number, and signals a signal: with ``&``, ``|`` and comparisons alone.
    """

    field: str
    allowed: str
    holds: Callable[[Any, AcceleratorConfig], Any]


def _if(condition: Any, then: Any) -> Any:
    return (condition == 0) | then


def _computes(f: Any) -> Any:
    return (f.op == CONV) | (f.op == DECONV)


def _upsamples(f: Any) -> Any:
    return (f.op == DECONV) | (f.op == COORDS)


def _weights_fit(f: Any, config: AcceleratorConfig) -> Any:
    """Every tap of every pass at once. The factors are cut to what can fit, so that the product
    of signals is narrow."""
    most = config.weight_vectors // config.array
    mask = (1 << most.bit_length()) - 1
    small = (f.input_tiles <= most) & (f.output_tiles <= most)
    matrices = (f.input_tiles & mask) * (f.output_tiles & mask)
    return (
        small
        & _if((f.op == CONV) & (f.kernel == 1), matrices <= most)
        & _if((f.op == CONV) & (f.kernel == 2), matrices <= most // 4)
        & _if((f.op == CONV) & (f.kernel == 3), matrices <= most // 9)
        & _if((f.op == DECONV) & (f.kernel == 2), matrices <= most // 2)
        & _if((f.op == DECONV) & (f.kernel == 4), matrices <= most // 4)
    )


def _pass_fits(f: Any, config: AcceleratorConfig) -> Any:
    most = config.weight_vectors // config.array
    return (
        _if((f.op == CONV) & (f.kernel == 2), most >= 4)
        & _if((f.op == CONV) & (f.kernel == 3), most >= 9)
        & _if((f.op == DECONV) & (f.kernel == 2), most >= 2)
        & _if((f.op == DECONV) & (f.kernel == 4), most >= 4)
    )


RULES = (
    Rule("kernel", "1 to 3 in a conv", lambda f, c: _if(f.op == CONV, f.kernel <= 3)),
    Rule(
        "kernel",
        "2, 4 in a deconv and in its coords",
        lambda f, c: _if(_upsamples(f), (f.kernel == 2) | (f.kernel == 4)),
    ),
    Rule("kernel", "1 in a union", lambda f, c: _if(f.op == UNION, f.kernel == 1)),
    Rule(
        "stride",
        "1, or 2 in a conv with kernel 2 or 3",
        lambda f, c: (f.stride == 1) | ((f.op == CONV) & (f.kernel >= 2)),
    ),
    Rule(
        "mode",
        "0 (spconv), or a conv with stride 1 and an odd kernel",
        lambda f, c: (
            (f.mode == 0) | ((f.op == CONV) & (f.stride == 1) & ((f.kernel & 1) == 1))
        ),
    ),
    Rule("phase", "below the kernel", lambda f, c: f.phase < f.kernel),
    Rule("phase", "0 but in a deconv", lambda f, c: _if(f.op != DECONV, f.phase == 0)),
    Rule(
        "use",
        "2 (important) if and only if the mode is 2 (selective)",
        lambda f, c: (f.use == 2) == (f.mode == 2),
    ),
    Rule(
        "use",
        "0 in a union and of several sources",
        lambda f, c: _if((f.op == UNION) | (f.sources > 1), f.use == 0),
    ),
    Rule("measure", "0 but in a conv", lambda f, c: _if(f.op != CONV, f.measure == 0)),
    Rule(
        "measure",
        f"L1 of fewer than {VALUES // 128} output channels",
        lambda f, c: _if(f.measure == 2, f.output_tiles <= (VALUES // 128 - 1) // c.array),
    ),
    Rule(
        "write_cpr",
        "1 in coords, in a union and with a measure",
        lambda f, c: _if((f.op >= COORDS) | (f.measure != 0), f.write_cpr == 1),
    ),
    Rule("write_cpr", "0 in a deconv", lambda f, c: _if(f.op == DECONV, f.write_cpr == 0)),
    Rule(
        "resident",
        "0, as the weights of this layer do not fit",
        lambda f, c: _if(_computes(f) & (f.resident == 1), _weights_fit(f, c)),
    ),
    Rule("kernel", "what fits into the weight buffer", lambda f, c: _pass_fits(f, c)),
    Rule("sources", "1 but in a conv", lambda f, c: _if(f.op != CONV, f.sources == 1)),
    Rule(
        "rows",
        "2 or more with kernel 2",
        lambda f, c: _if((f.op == CONV) & (f.kernel == 2), f.rows >= 2),
    ),
    Rule(
        "columns",
        "2 or more with kernel 2",
        lambda f, c: _if((f.op == CONV) & (f.kernel == 2), f.columns >= 2),
    ),
    *(
        Rule(
            side,
            f"at most {SIDE} after up-sampling",
            lambda f, c, side=side: (
                _if(_upsamples(f) & (f.kernel == 2), getattr(f, side) <= SIDE // 2)
                & _if(_upsamples(f) & (f.kernel == 4), getattr(f, side) <= SIDE // 4)
            ),
        )
        for side in ("rows", "columns")
    ),
    Rule(
        "source_tiles",
        "input_tiles / sources",
        lambda f, c: f.sources * f.source_tiles == f.input_tiles,
    ),
    Rule("union_bit", "1 or more in a union", lambda f, c: _if(f.op == UNION, f.union_bit >= 1)),
    Rule("phased", "1 if and only if a deconv", lambda f, c: (f.phased == 1) == (f.op == DECONV)),
)  # fmt: skip


@dataclass(frozen=True)
class Offence:
    """What is wrong with a descriptor: the byte ``offset`` of a field, and words for people."""

    offset: int
    name: str
    value: int
    allowed: str


def offence(data: bytes, config: AcceleratorConfig, number: int) -> Offence | None:
    """The first thing wrong with the descriptor of layer ``number``, as the hardware finds it:
    addresses and reserved bytes as they lie in memory, then ranges as they stand in ``FIELDS``,
    then ``RULES``."""
    fields = decode(data)
    zeros = [
        Offence(f.offset, f.name, fields[f.name], f"a multiple of {ALIGN} below 2^{ADDRESS_BITS}")
        for f in FIELDS
        if f.address and fields[f.name] & address_mask(f)
    ]
    zeros += [Offence(b, f"reserved byte {b}", data[b], "0") for b in reserved() if data[b]]
    if zeros:
        return min(zeros, key=lambda each: each.offset)
    for f in FIELDS:
        if not f.address and not f.low <= fields[f.name] <= highest(f, config, number):
            allowed = f"{f.low} to {highest(f, config, number)}"
            return Offence(f.offset, f.name, fields[f.name], allowed)
    view = SimpleNamespace(**fields)
    for rule in RULES:
        if not rule.holds(view, config):
            field = _BY_NAME[rule.field]
            return Offence(field.offset, field.name, fields[field.name], rule.allowed)
    return None


def check(fields: Fields, config: AcceleratorConfig, number: int) -> None:
    """Raise :class:`BadInput` if the machine would refuse the descriptor as layer ``number``."""
    found = offence(encode(fields), config, number)
    if found is not None:
        raise BadInput(
            f"{found.name} of descriptor {number} is {found.value}; allowed: {found.allowed}"
        )
