"""Ports of a machine under simulation as integers, and what they ought to be."""

from __future__ import annotations

from typing import Any

from ..stalls import ALWAYS, schedule
from ..streams import Port, Violation


class Signals:
    """Ports as integers, read once a cycle and set for the next one."""

    def __init__(self, dut: Any, *names: str):
        self._ports = {name: Port(dut, name) for name in names}
        self._set: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        return int(self._ports[name].get(), 2)

    def __setitem__(self, name: str, value: int) -> None:
        if self._set.get(name) != value:
            self._set[name] = value
            port = self._ports[name]
            port.set(f"{value:0{port.width}b}")


class Willing:
    """When an end does not stall."""

    def __init__(self, seed: int, stalls: bool):
        self._pattern = (schedule(seed) if stalls else ALWAYS).input

    def __call__(self, cycle: int) -> bool:
        return bool(self._pattern[cycle % len(self._pattern)])


def expect(what: str, got: object, wanted: object) -> None:
    """``got`` is what was ``wanted``, or :class:`Violation`."""
    if got != wanted:
        raise Violation("wrong", f"{what}: {_text(got)}, not {_text(wanted)}")


def require(good: object, message: str) -> None:
    """Something holds, or :class:`Violation`."""
    if not good:
        raise Violation("wrong", message)


def _text(value: object) -> str:
    return hex(value) if isinstance(value, int) and value >= 1 << 16 else str(value)
