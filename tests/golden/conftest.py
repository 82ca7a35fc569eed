"""What tests of golden models share."""

import importlib
import warnings

import pytest


@pytest.fixture(scope="session")
def soft():
    """SoftPosit."""
    with warnings.catch_warnings():
        # What SWIG generates has no __module__, of which Python 3.12 warns.
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("softposit")
