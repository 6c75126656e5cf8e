"""What is computed a second time lies beside its test; tests are not a package, so it is loaded by its path."""

import importlib.util
import sys
from pathlib import Path

import pytest


def beside(name):
    """A module of this folder."""
    spec = importlib.util.spec_from_file_location(f"independent_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def core():
    """Front, training and morale in NumPy."""
    return beside("core")


@pytest.fixture(scope="session")
def benchmark_model():
    """The benchmark model as text."""
    return beside("benchmark")
