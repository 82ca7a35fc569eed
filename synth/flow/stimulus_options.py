"""Command-line options that say what activity power comes from."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from golden.errors import require
from golden.sparse.frames import read_frame

from .stimulus import BEATS, SYNTHETIC, Stimulus

_OPTIONS = (
    click.option(
        "--activity",
        type=click.Choice(["vectors", "default"]),
        default="vectors",
        show_default=True,
        help="Power from the netlist simulated on golden vectors, or from default activity.",
    ),
    click.option("--tensor", help="File of real numbers to send instead of random ones."),
    click.option(
        "--frame",
        default=SYNTHETIC,
        show_default=True,
        metavar="FILE|synthetic",
        help="Of a layer of this LiDAR frame, on accelerators.",
    ),
    click.option(
        "--beats",
        type=click.IntRange(1, 1_000_000),
        default=BEATS,
        show_default=True,
        help="Beats in which activity is recorded, at least.",
    ),
    click.option("--seed", type=click.IntRange(0), default=1, show_default=True),
)


def stimulus_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; it takes them as ``stimulus``."""

    @wraps(command)
    def given(
        activity: str, tensor: str | None, frame: str, beats: int, seed: int, **rest: Any
    ) -> Any:
        require(
            activity == "vectors" or tensor is None, "--activity", activity, "vectors with --tensor"
        )
        stimulus = Stimulus(beats, seed, tensor, frame) if activity == "vectors" else None
        if stimulus:
            _ = stimulus.numbers  # a file that cannot be used is said at once
            if frame != SYNTHETIC:
                read_frame(frame)
        return command(stimulus=stimulus, **rest)

    for option in reversed(_OPTIONS):
        given = option(given)
    return given
