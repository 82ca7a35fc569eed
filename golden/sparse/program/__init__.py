"""From a network and the shape of its grid to descriptors and a memory map.

A program does not depend on what a frame holds: the machine finds the number of pillars as it runs,
and memory is laid out for the most that there can be. :mod:`golden.sparse.image` fills it.
"""

from .build import Program, program
from .readers import ACCELERATOR_MEASURES
from .steps import Step
from .unions import ALL_PRESENT

__all__ = ["ACCELERATOR_MEASURES", "ALL_PRESENT", "Program", "Step", "program"]
