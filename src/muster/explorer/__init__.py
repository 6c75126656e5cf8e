"""The explorer: a server on this machine and a page on which the levers can be turned (docs/explorer.md)."""

import os


def spare_thread() -> None:
    """One thread of XLA more than cores, to be called before JAX starts: a turned lever need not wait for an ensemble.

    Measured on two cores while ensembles ran one after the other: the longest wait for a typical run fell from 0.7 to 0.07 seconds; an
    ensemble alone took a fifth longer. Results keep their bits.
    """
    os.environ.setdefault("NPROC", str((os.cpu_count() or 1) + 1))
