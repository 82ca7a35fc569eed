"""Descriptors for tests: one of each kind, random ones, and each thing that can be wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator

from .accelerator import AcceleratorConfig
from .checks import offence
from .descriptor import FIELDS, Fields, encode, highest

GOOD_CONV = {"kernel": 3, "rows": 20, "columns": 30, "capacity": 600, "tile": 64, "first_tile": 32}
GOOD_DECONV = {"op": 1, "kernel": 2, "phased": 1, "phase": 1, "rows": 20, "columns": 30}
GOOD_COORDS = {"op": 2, "kernel": 4, "write_cpr": 1, "rows": 20, "columns": 30}
GOOD_UNION = {"op": 3, "write_cpr": 1, "union_bit": 1, "rows": 20, "columns": 30}

BROKEN = (
    ("kernel", GOOD_CONV | {"kernel": 4}),
    ("kernel", GOOD_DECONV | {"kernel": 3}),
    ("kernel", GOOD_DECONV | {"kernel": 1, "phase": 0}),
    ("kernel", GOOD_COORDS | {"kernel": 1}),
    ("kernel", GOOD_UNION | {"kernel": 2}),
    ("stride", GOOD_CONV | {"stride": 2, "kernel": 1}),
    ("stride", GOOD_DECONV | {"stride": 2}),
    ("mode", GOOD_CONV | {"mode": 1, "stride": 2}),
    ("mode", GOOD_CONV | {"mode": 1, "kernel": 2}),
    ("mode", GOOD_DECONV | {"mode": 1}),
    ("phase", GOOD_DECONV | {"phase": 2}),
    ("phase", GOOD_CONV | {"phase": 1}),
    ("phase", GOOD_COORDS | {"phase": 1}),
    ("use", GOOD_CONV | {"use": 2}),
    ("use", GOOD_CONV | {"mode": 2, "use": 1}),
    ("use", GOOD_UNION | {"use": 1}),
    ("use", GOOD_CONV | {"use": 1, "sources": 2, "input_tiles": 2}),
    ("measure", GOOD_DECONV | {"measure": 1}),
    ("measure", GOOD_UNION | {"measure": 1}),
    ("measure", GOOD_CONV | {"measure": 2, "output_tiles": 64, "write_cpr": 1}),
    ("write_cpr", GOOD_CONV | {"measure": 1}),
    ("write_cpr", GOOD_UNION | {"write_cpr": 0}),
    ("write_cpr", GOOD_COORDS | {"write_cpr": 0}),
    ("write_cpr", GOOD_DECONV | {"write_cpr": 1}),
    ("resident", GOOD_CONV | {"resident": 1, "output_tiles": 4}),
    ("resident", GOOD_CONV | {"resident": 1, "kernel": 1, "output_tiles": 33}),
    ("resident", GOOD_CONV | {"resident": 1, "kernel": 2, "output_tiles": 9}),
    ("resident", GOOD_DECONV | {"resident": 1, "output_tiles": 17}),
    ("resident", GOOD_DECONV | {"resident": 1, "kernel": 4, "output_tiles": 9}),
    (
        "resident",
        GOOD_CONV | {"resident": 1, "input_tiles": 64, "output_tiles": 64, "source_tiles": 64},
    ),
    ("sources", GOOD_DECONV | {"sources": 2, "input_tiles": 2}),
    ("rows", GOOD_CONV | {"kernel": 2, "rows": 1}),
    ("columns", GOOD_CONV | {"kernel": 2, "columns": 1}),
    ("rows", GOOD_DECONV | {"rows": 1025}),
    ("rows", GOOD_COORDS | {"rows": 513}),
    ("source_tiles", GOOD_CONV | {"sources": 3, "input_tiles": 2}),
    ("source_tiles", GOOD_CONV | {"input_tiles": 2}),
    ("union_bit", GOOD_UNION | {"union_bit": 0}),
    ("phased", GOOD_DECONV | {"phased": 0}),
    ("phased", GOOD_CONV | {"phased": 1}),
)
"""Fields that break a rule of a machine of N = 8 (:data:`golden.sparse.checks.RULES`), and nothing
before it, with the name of the field that is to blame: one or more for each rule."""


def broken(config: AcceleratorConfig, number: int) -> Iterator[Fields]:
    """Fields of descriptors that are wrong in one way each, as any layer up to ``number``: each
    rule broken, each field beyond each of its ends."""
    wrong = [fields for _, fields in BROKEN]
    for field in FIELDS:
        if field.address:
            beyond = [1, 64, *([1 << 40] if field.bits == 64 else [])]
        else:
            # What is above the end in the first layer is so in any up to this one.
            more = number if field.name.endswith("_after") else 0
            beyond = [field.low - 1, highest(field, config, 0) + 1 + more]
        wrong += [GOOD_CONV | {field.name: v} for v in beyond if 0 <= v < 1 << field.bits]
    yield from (f for f in wrong if offence(encode(f), config, number) is not None)


def random_descriptor(rng: random.Random, config: AcceleratorConfig, number: int) -> bytes:
    """A descriptor that is right as layer ``number``, with all that it does not use at random."""

    def address() -> int:
        return rng.randrange(1 << 33) * 128

    op = rng.randrange(4)
    most = config.weight_vectors // config.array  # matrices of a pass that fit
    conv = rng.choice([k for k in (1, 2, 3) if k * k <= most])
    kernels = {0: conv, 1: rng.choice([k for k in (2, 4) if k <= most]), 2: rng.choice([2, 4])}
    kernel = kernels.get(op, 1)
    fields = {
        "op": op, "kernel": kernel, "relu": rng.randrange(2), "phased": int(op == 1),
        "phase": rng.randrange(kernel) if op == 1 else 0, "selection": rng.randrange(2),
        "rows": rng.randint(2, 512), "columns": rng.randint(2, min(512, config.columns)),
        "first_tile": rng.randint(1, config.tile), "tile": rng.randint(1, config.tile),
        "span": rng.randint(1, config.input_vectors), "cpr_after": rng.randint(0, number),
        "features_after": rng.randint(0, number), "capacity": rng.randint(1, 1 << 22),
        "select_count": rng.randint(0, 1 << 22), "select_ratio": rng.randint(0, 1 << 16),
        "threshold": rng.randrange(1 << 16), "union_bit": rng.randint(1, 3),
        "union_first": rng.randrange(2), "source_tiles": rng.randint(1, 256),
        "output_tiles": rng.randint(1, 1024), "write_cpr": int(op >= 2 or (op == 0 and number % 2)),
    }  # fmt: skip
    if op == 0:
        fields |= _random_conv(rng, config, kernel, fields)
    fields["input_tiles"] = fields["source_tiles"] * fields.get("sources", 1)
    fields |= {f.name: address() for f in FIELDS if f.address and f.bits == 64}
    fields |= {f.name: rng.randrange(1 << 25) * 128 for f in FIELDS if f.address and f.bits == 32}
    data = encode(fields)
    assert offence(data, config, number) is None
    return data


def _random_conv(
    rng: random.Random, config: AcceleratorConfig, kernel: int, fields: Fields
) -> dict[str, int]:
    """What is allowed in a conv alone."""
    more = {"sources": rng.randint(1, 4), "stride": rng.choice([1, 2]) if kernel > 1 else 1}
    if kernel != 2 and more["stride"] == 1:
        more["mode"] = rng.randrange(3)
        more["sources"] = 1 if more["mode"] == 2 else more["sources"]
    if more["sources"] == 1:
        more["use"] = 2 if more.get("mode") == 2 else rng.randrange(2)
    if fields["write_cpr"]:
        more["measure"] = rng.randrange(3)
        if more["measure"] == 2:
            more["output_tiles"] = rng.randint(1, 511 // config.array)
    return more
