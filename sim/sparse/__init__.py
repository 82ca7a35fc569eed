"""Whole machines in simulation: jobs that C++ runs without Python in the loop."""

from .harness import Machine as Machine
from .steps import Job as Job
from .steps import Result as Result
from .steps import Timing as Timing
