"""The second implementation lies beside its test; tests are not a package, so it is loaded by its path."""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def core():
    """The module tests/independent/core.py."""
    spec = importlib.util.spec_from_file_location("independent_core", Path(__file__).with_name("core.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["independent_core"] = module
    spec.loader.exec_module(module)
    return module
