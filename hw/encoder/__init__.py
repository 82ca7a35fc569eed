"""Encoders: `golden/encoder.py` in hardware."""

from .unit import Encoder

__all__ = ["Encoder"]
