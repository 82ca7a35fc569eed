"""``build/report``: the page that says what the units cost, and its twins."""

from .collect import collect
from .write import write

__all__ = ["collect", "write"]
