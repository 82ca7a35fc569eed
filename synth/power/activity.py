"""Switching activity: how often nets change, and how long they are at 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..mapping.netlist import Net

#: Transitions of each data net in a clock cycle when nothing is known of it: 0.1, the default of
#: OpenSTA and of PrimePower.
DEFAULT_ACTIVITY = 0.1


def _even(net: Net) -> float:
    """At 1 half of the time, but for constants."""
    return float(net == "1") if isinstance(net, str) else 0.5


@dataclass(frozen=True)
class Activity:
    """``toggles(net)``: mean transitions of a net in a clock cycle; ``duty(net)``: the share of
    time in which it is 1; ``source``: where from."""

    source: str
    toggles: Callable[[Net], float]
    duty: Callable[[Net], float] = _even

    @classmethod
    def default(cls, clock: Net | None, quiet: frozenset[Net]) -> Activity:
        """Every net at :data:`DEFAULT_ACTIVITY`, the clock at 2, constants and ``quiet`` at 0."""

        def toggles(net: Net) -> float:
            if net == clock:
                return 2.0
            return 0.0 if isinstance(net, str) or net in quiet else DEFAULT_ACTIVITY

        return cls(
            f"estimate: default activity, {DEFAULT_ACTIVITY:g} transitions a cycle on every data"
            " net, 2 on the clock, none on reset; no glitches",
            toggles,
        )

    @classmethod
    def recorded(
        cls, source: str, nets: Mapping[Net, tuple[float, float]], clock: Net | None
    ) -> Activity:
        """``nets``: toggles and duty of each that is known; the others are still."""

        def toggles(net: Net) -> float:
            return 2.0 if net == clock else nets.get(net, (0.0, 0.0))[0]

        def duty(net: Net) -> float:
            return _even(net) if net == clock or net not in nets else nets[net][1]

        return cls(source, toggles, duty)
