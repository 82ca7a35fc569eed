"""When the two sides of a unit stall: patterns that reach every state of a pipeline.

A profile gives, for each side, the mean number of cycles for which it is willing and for which it
is not, both geometrically distributed. A schedule walks through all profiles again and again, so
that the passage from each to the others is exercised too: an empty pipeline that fills against a
blocked output, a full one that drains into a starved input.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """Mean run lengths in cycles; an ``off`` of 0 never stalls."""

    name: str
    input_on: float
    input_off: float
    output_on: float
    output_off: float


PROFILES = (
    Profile("none", 1, 0, 1, 0),
    Profile("input-starved", 1.3, 2.5, 1, 0),
    Profile("output-blocked", 1, 0, 1.3, 2.5),
    Profile("both", 2, 1.5, 2, 1.5),
    Profile("bursts", 24, 16, 16, 24),
)
SEGMENT = 128
"""Cycles for which a profile holds."""


@dataclass(frozen=True)
class Schedule:
    """By cycle, modulo their length: which profile holds and whether each side is willing."""

    profiles: tuple[Profile, ...]
    input: bytes
    output: bytes

    def profile(self, cycle: int) -> Profile:
        """The profile that holds in a cycle."""
        return self.profiles[cycle % len(self.input) // SEGMENT]


def schedule(seed: int, rounds: int = 24) -> Schedule:
    """All profiles in random order, ``rounds`` times over; it repeats after that."""
    rng = random.Random(seed)
    order = tuple(p for _ in range(rounds) for p in rng.sample(PROFILES, len(PROFILES)))
    return Schedule(
        order,
        b"".join(_pattern(rng, p.input_on, p.input_off) for p in order),
        b"".join(_pattern(rng, p.output_on, p.output_off) for p in order),
    )


def _pattern(rng: random.Random, on: float, off: float) -> bytes:
    """A segment of ones and zeros in runs of these mean lengths."""
    if not off:
        return bytes([1]) * SEGMENT
    pattern = bytearray()
    state = rng.random() < on / (on + off)
    while len(pattern) < SEGMENT:
        leave = 1 / max(1, on if state else off)
        length = 1
        while rng.random() >= leave:
            length += 1
        pattern += bytes([state]) * length
        state = not state
    return bytes(pattern[:SEGMENT])


ALWAYS = Schedule((PROFILES[0],), bytes([1]) * SEGMENT, bytes([1]) * SEGMENT)
"""No side ever stalls."""
