"""The beats with which every simulation of the catalog begins."""

import pytest

from golden.decoder import DecoderConfig
from golden.posit_codec import PositCodecConfig
from golden.unit import Unit, concatenate
from hw.catalog import CATALOG

ROWS = {
    f"{design.name} {field.name}": (design.config, field)
    for design in CATALOG
    if isinstance(design.config, Unit)
    and not isinstance(design.config, DecoderConfig | PositCodecConfig)  # lanes on their own
    for field in design.config.input.fields
    if field.lanes > 1 and getattr(field.format, "has_specials", False)
}


@pytest.mark.parametrize("name", ROWS)
def test_each_lane_alone_is_no_number(name):
    """So a unit that overlooks the NaN of one lane is found out."""
    config, field = ROWS[name]
    codes = concatenate(*config.corners())[field.name]
    special = field.format.is_nan(codes) | field.format.is_inf(codes)
    assert special[special.sum(axis=1) == 1].any(axis=0).all()
