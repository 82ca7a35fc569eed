"""What clients ask of a DMA at random."""

from __future__ import annotations

import random
from collections.abc import Iterator

from golden.sparse.dma import BORDER, DmaConfig, Write

SPACE = 0x10000
"""Bytes that a client has for itself: reader k from k * SPACE, writer k behind all readers."""


def random_commands(
    rng: random.Random, config: DmaConfig, number: int, count: int
) -> Iterator[tuple[int, int]]:
    """Address and beats of reads of reader ``number``: lengths about those of bursts, often near a
    border."""
    lengths = (0, 1, 1, 2, config.burst - 1, config.burst, config.burst + 1, 100)
    for _ in range(count):
        beats = rng.choice(lengths)
        if rng.random() < 0.5:
            place = rng.randrange(BORDER, SPACE - BORDER * 2, BORDER)
            place -= rng.randint(0, 2 * config.burst) * config.beat
        else:
            place = rng.randrange(0, SPACE - 100 * config.beat, config.beat)
        yield number * SPACE + place, beats


def random_writes(
    rng: random.Random, config: DmaConfig, number: int, count: int
) -> Iterator[Write]:
    """Beats of writer ``number``; the last one closes what is open."""
    base = (len(config.reads) + number) * SPACE
    address = base
    flush, empty = rng.choice(((0.02, 0), (0.1, 0.1), (0.6, 0.3), (0.02, 0.9)))
    full = (1 << config.beat) - 1
    for _ in range(count):
        if rng.random() < 0.05:  # a jump, often to just before a border
            address = base + rng.randrange(BORDER, SPACE - BORDER, BORDER)
            address -= rng.randint(0, config.burst + 2) * config.beat
        layer = rng.random() < 0.03
        strobe = full if rng.random() < 0.7 else rng.randint(1, full)
        if rng.random() < empty:
            strobe = 0
        yield Write(
            address=address,
            data=rng.getrandbits(config.bus_bits),
            strobe=strobe,
            flush=int(layer or rng.random() < flush),
            vector=int(rng.random() < 0.7),
            layer=int(layer),
        )
        if strobe:
            address = base + (address + config.beat - base) % (SPACE - 2 * BORDER)
    yield Write(address, 0, 0, flush=1, vector=1, layer=1)
