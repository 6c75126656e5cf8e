"""The two sides of a war as a pair: where their records have the same shapes, both are computed in one batch.

That halves the compiled program. Nothing depends on it: a pair of unlike shapes is computed one side after the other.
"""

import jax
import jax.numpy as jnp
import numpy as np

from muster.model.quantity import Record


class Pair(Record):
    """Two records: as one with a leading axis of two where their shapes agree, else as they are."""

    parts: tuple  # (stacked,) or (first, second)

    def split(self):
        """The first and the second side's record."""
        if len(self.parts) == 2:
            return self.parts
        return tuple(jax.tree.map(lambda x, side=side: x[side], self.parts[0]) for side in (0, 1))


def pair(first, second) -> Pair:
    """The pair of two sides' records."""
    shapes = [[jnp.shape(leaf) for leaf in jax.tree.leaves(record)] for record in (first, second)]
    if shapes[0] == shapes[1]:
        return Pair((jax.tree.map(stacked, first, second),))
    return Pair((first, second))


def each(function, *pairs: Pair) -> Pair:
    """function(...) of each side."""
    if all(len(p.parts) == 1 for p in pairs):
        return Pair((jax.vmap(function)(*(p.parts[0] for p in pairs)),))
    sides = zip(*(p.split() for p in pairs), strict=True)
    return Pair(tuple(function(*side) for side in sides))


def stacked(x, y):
    """Two leaves with a leading axis of two; in NumPy outside of JAX's programs, where that is far quicker."""
    return np.stack([x, y]) if isinstance(x, np.ndarray) else jnp.stack([x, y])
