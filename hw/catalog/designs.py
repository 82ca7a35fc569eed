"""All designs, in the order in which they are listed."""

from __future__ import annotations

from fnmatch import fnmatchcase

from golden.errors import BadInput

from .blocks import any_designs, block_designs, encoder_designs
from .design import Design
from .integers import dint_designs, integer_designs
from .posits import float_designs, posit_designs
from .requantizers import log_quantizers, requantizers
from .sparse import sparse_designs
from .weights import serial_designs

CATALOG: tuple[Design, ...] = (
    *integer_designs(),
    *dint_designs(),
    *block_designs(),
    *any_designs(),
    *encoder_designs(),
    *float_designs(),
    *posit_designs(),
    *serial_designs(),
    *requantizers(),
    *log_quantizers(),
    *sparse_designs(),
)


def select(*patterns: str) -> list[Design]:
    """The designs whose names match any of the glob ``patterns``, in catalog order; all of them
    without patterns. :class:`BadInput` for a pattern that matches nothing."""
    for pattern in patterns:
        if not any(fnmatchcase(design.name, pattern) for design in CATALOG):
            names = ", ".join(design.name for design in CATALOG)
            raise BadInput(f"design {pattern!r} is not in the catalog; allowed: {names}")
    return [
        design
        for design in CATALOG
        if not patterns or any(fnmatchcase(design.name, pattern) for pattern in patterns)
    ]
