"""What descriptions have in common: frozen dataclasses, checked when they are made."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Self

from .errors import Checked, require
from .formats import Format


class Parameters(Checked):
    """Base of dataclasses whose fields are parameters."""

    def replace(self, **changes: Any) -> Self:
        """A copy with some parameters changed, checked anew."""
        names = [f.name for f in fields(self)]
        for name in changes:
            require(name in names, "parameter", name, ", ".join(names))
        return replace(self, **changes)

    def describe(self) -> dict[str, Any]:
        """The parameters as plain data, for manifests."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.describe() if isinstance(value, Format | Parameters) else value
