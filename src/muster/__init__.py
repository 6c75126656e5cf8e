"""Muster simulates what a mass mobilization does, says how sure it is, and judges claims about it.

The public names are those of NAMES; they are imported when they are first used, so that `muster --help` answers at once.
"""

import sys
from importlib import import_module
from types import ModuleType

NAMES = {
    "simulate": ("muster.simulate", None),
    "assess": ("muster.assess", None),
    "compare": ("muster.compare", None),
    "calibrate": ("muster.calibration", "calibrate"),
    "score": ("muster.score", None),
    "sweep": ("muster.sweep", None),
    "explain": ("muster.explain", None),
    "why": ("muster.why", None),
    "validate": ("muster.validate", None),
    "data": ("muster.data", None),
    "build": ("muster.experiment", "build"),
    "ensemble": ("muster.simulate", "ensemble"),
    "load_results": ("muster.results", "load"),
    "load_claims": ("muster.claims", "claims"),
    "bibliography": ("muster.evidence", "bibliography"),
    "Results": ("muster.results", "Results"),
    "UserError": ("muster.errors", "UserError"),
}

__all__ = list(NAMES)


class Job(ModuleType):
    """A module that can be called: muster.simulate(...) calls the function simulate of muster/simulate.py."""

    def __call__(self, *arguments, **options):
        """The module's function of its own name."""
        return getattr(self, self.__name__.rpartition(".")[2])(*arguments, **options)


class Package(ModuleType):
    """This package: makes the modules that share their name with a public function callable as they are imported."""

    def __setattr__(self, name: str, value) -> None:
        """What the import of a submodule calls."""
        if isinstance(value, ModuleType) and name in NAMES:
            value.__class__ = Job
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = Package


def __getattr__(name: str):
    """A public name, imported now."""
    if name not in NAMES:
        raise AttributeError(f"module 'muster' has no attribute '{name}'")
    module, inside = NAMES[name]
    return getattr(import_module(module), inside) if inside else import_module(module)


def __dir__() -> list[str]:
    """The public names."""
    return sorted({*globals(), *NAMES})
