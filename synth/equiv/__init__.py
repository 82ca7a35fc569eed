"""Mapped netlists against their RTL: proof that both are the same machine, or what was tried."""

from .compare import Comparison, compare
from .engine import Outcome, decide
from .rtl import read_rtl

__all__ = ["Comparison", "Outcome", "compare", "decide", "read_rtl"]
