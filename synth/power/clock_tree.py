"""An estimate of what a clock tree adds: buffers between the clock's port and the registers.

Before layout there is no tree; power counts the registers' clock pins as driven by the port alone.
The model: every buffer drives :data:`FANOUT` clock pins, or as many buffers, level by level up to
one; wires weigh nothing; all are the library's smallest buffer that may drive that load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..library import Cell, Library
from .cells import pin_energy

FANOUT = 16


@dataclass(frozen=True)
class ClockTree:
    """``buffers`` of ``cell``; joule a cycle that they take, and drive each other with."""

    cell: str
    buffers: int
    energy: float


def clock_tree(library: Library, pins: int, load: float) -> ClockTree | None:
    """The tree for ``pins`` clock pins of ``load`` pF together; None where the library has no
    buffer, or there is nothing to drive."""
    choice = _buffer(library, FANOUT * load / pins) if pins else None
    if choice is None:
        return None
    own = library.input_load(choice)
    slew = library.clock_slew
    buffers, energy, driven, below = 0, 0.0, pins, load
    while True:
        count = -(-driven // FANOUT)
        inside = pin_energy(library, choice, np.array([slew]), np.array([below / count]))
        # A rise and a fall a cycle in each, and C V^2 of its input.
        energy += count * (2 * inside + own * 1e-12 * library.voltage**2)
        buffers += count
        if count == 1:
            return ClockTree(choice.name, buffers, energy)
        driven, below = count, count * own


def _buffer(library: Library, load: float) -> Cell | None:
    """The smallest buffer that may drive ``load`` pF; the strongest where none may."""
    found = [c for c in library.usable if c.kind == "buffer" and c.table == (False, True)]

    def most(cell: Cell) -> float:
        limit = cell.pins[cell.outputs[0]].group.number("max_capacitance")
        return float("inf") if limit is None else limit * library.load_unit

    able = [cell for cell in found if most(cell) >= load]
    if able:
        return min(able, key=lambda cell: (cell.area, cell.name))
    return max(found, key=lambda cell: (most(cell), cell.name), default=None)
