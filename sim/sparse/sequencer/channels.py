"""Both ends of a channel of AXI or of a stream, stepped once a cycle."""

from __future__ import annotations

import random
from typing import Any

from ...streams import Port, Violation


def bits(value: int, width: int) -> str:
    """As the simulator takes it."""
    return f"{value:0{width}b}"


class Channel:
    """Offers the values of ``queue``, each a number by field, holding each until it is taken.

    ``busy``: share of cycles in which it does not begin to. ``waited``: cycles in which a value was
    offered and not taken.
    """

    def __init__(self, dut: Any, rng: random.Random, valid: str, ready: str, **fields: str):
        self.rng, self.busy = rng, 0.0
        self.valid, self.ready = Port(dut, valid), Port(dut, ready)
        self.fields = {name: Port(dut, port) for name, port in fields.items()}
        self.queue: list[dict[str, int]] = []
        self.offering, self.waited = False, 0
        self.valid.set("0")

    def step(self) -> bool:
        """Whether a value was taken."""
        taken = self.offering and self.ready.get() == "1"
        self.waited += self.offering and not taken
        if taken:
            self.queue.pop(0)
            self.offering = False
            self.valid.set("0")
        if not self.offering and self.queue and self.rng.random() >= self.busy:
            for name, value in self.queue[0].items():
                self.fields[name].set(bits(value, self.fields[name].width))
            self.valid.set("1")
            self.offering = True
        return taken

    def drop(self) -> None:
        """Forget what was not taken."""
        self.queue.clear()
        self.offering = False
        self.valid.set("0")


class Taker:
    """Takes from a channel or stream into ``taken``, the words of its fields, and sees that what is
    offered does not change, nor go unless it ``may_withdraw``.

    ``busy``: share of cycles in which it is not ready. ``stalled``: cycles in which something was
    offered and it was not.
    """

    def __init__(self, dut: Any, rng: random.Random, valid: str, ready: str, *fields: str):
        self.rng, self.busy = rng, 0.0
        self.valid, self.ready = Port(dut, valid), Port(dut, ready)
        self.fields = [Port(dut, name) for name in fields]
        self.taken: list[list[str]] = []
        self.held: list[str] | None = None
        self.willing = self.may_withdraw = False
        self.stalled = 0
        self.ready.set("0")

    def step(self) -> None:
        if self.valid.get() == "1":
            word = [port.get() for port in self.fields]
            if self.held not in (None, word):
                raise Violation("unstable", f"{self.fields[0].name} changes before it is taken")
            self.held = None if self.willing else word
            self.stalled += not self.willing
            if self.willing:
                self.taken.append(word)
        else:
            if self.held is not None and not self.may_withdraw:
                raise Violation("withdrawn", f"{self.valid.name} falls before it is taken")
            self.held = None
        self.willing = self.rng.random() >= self.busy
        self.ready.set("1" if self.willing else "0")
