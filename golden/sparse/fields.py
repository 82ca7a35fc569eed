"""Fields of payloads that are plain numbers."""

from __future__ import annotations

from ..formats import FLAG, integer
from ..unit import Field


def number(name: str, bits: int, meaning: str) -> Field:
    """A field that is an unsigned number."""
    return Field(name, integer(bits, signed=False), meaning)


def flag(name: str, meaning: str) -> Field:
    """A field that is a bit."""
    return Field(name, FLAG, meaning)
