"""From a design to its figures: what is run, what comes out, and the cache of it."""

from .job import Job, tools
from .results import from_cache, run

__all__ = ["Job", "from_cache", "run", "tools"]
