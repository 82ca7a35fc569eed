"""Standard-cell libraries: Liberty files and what they say, memories and what they cost."""

from .cell import Cell, Pin
from .library import DEFAULT_LIBERTY, Library

__all__ = ["DEFAULT_LIBERTY", "Cell", "Library", "Pin"]
