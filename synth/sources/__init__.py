"""Where the Verilog comes from: the catalog, a folder of NAME.v + NAME.json pairs, a git commit."""

from .select import from_catalog, from_designs, from_folder
from .source import Source, read

__all__ = ["Source", "from_catalog", "from_designs", "from_folder", "read"]
