"""``python -m golden``: the reference models as programs."""

import click

from .cli import main
from .sparse.commands import bench, frame, savings, spade_header


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def golden() -> None:
    """Reference models of bitpillar: what every unit must compute."""


golden.add_command(frame)
golden.add_command(savings)
golden.add_command(bench)
golden.add_command(spade_header)

if __name__ == "__main__":
    main(golden)
