"""Dot products and multiply-accumulates: what they compute, what to try them with."""

from .config import DotConfig

__all__ = ["DotConfig"]
