"""What the tests of single subsystems share: parameters at their central values, records with the rest at 0, many small steps."""

from dataclasses import fields
from importlib import import_module

import jax
import jax.numpy as jnp
import pytest

from muster import evidence


@pytest.fixture(scope="session")
def central():
    """central(name, **overrides): the parameters of a subsystem at the library's central values, some of them changed."""

    def build(name, **overrides):
        record = import_module(f"muster.model.{name}").Params
        values = {key: parameter.value for key, parameter in evidence.parameters()[name].items()}
        assert set(overrides) <= set(values)
        return record(**{key: jnp.asarray(float(value)) for key, value in (values | overrides).items()})

    return build


@pytest.fixture(scope="session")
def made():
    """made(record, **values): a record with the values given; everything else is 0."""

    def build(record, **values):
        names = {field.name for field in fields(record)}
        assert set(values) <= names
        return record(**{name: jnp.asarray(values.get(name, 0.0)) for name in names})

    return build


@pytest.fixture(scope="session")
def iterate():
    """iterate(step, start, times): step applied that many times."""

    def run(step, start, times):
        return jax.lax.fori_loop(0, times, lambda _, state: step(state), start)

    return run
