"""Dot products and multiply-accumulates: `golden/dot` in hardware."""

from .unit import Dot

__all__ = ["Dot"]
