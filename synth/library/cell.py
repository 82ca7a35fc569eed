"""Cells of a library, and their pins."""

from __future__ import annotations

from dataclasses import dataclass

from .boolean import truth_table
from .liberty import Group


@dataclass(frozen=True)
class Pin:
    """A pin of a cell; capacitance in pF."""

    name: str
    direction: str
    capacitance: float
    function: str | None
    clock: bool
    group: Group


@dataclass(frozen=True)
class Cell:
    """A cell: area in the library's unit (um2), leakage in W, ``kind`` by what it holds."""

    name: str
    area: float
    leakage: float
    kind: str  #: "combinational", "buffer" (inverters too), "tie", "flip-flop", "latch", "other"
    dont_use: bool
    pins: dict[str, Pin]
    group: Group

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(name for name, pin in self.pins.items() if pin.direction == "input")

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(name for name, pin in self.pins.items() if pin.direction == "output")

    @property
    def table(self) -> tuple[bool, ...] | None:
        """The truth table of the only output; None when there is no such thing."""
        if len(self.outputs) != 1 or not self.pins[self.outputs[0]].function:
            return None
        try:
            return truth_table(self.pins[self.outputs[0]].function, self.inputs)
        except (KeyError, ValueError):
            return None
