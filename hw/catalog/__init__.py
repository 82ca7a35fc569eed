"""Every named design: `make verilog`, `make sim`, `make synth` and `make report` loop over it."""

from .design import COMPONENTS, Design
from .designs import CATALOG, select

__all__ = ["CATALOG", "COMPONENTS", "Design", "select"]
