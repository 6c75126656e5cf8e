"""What all tests share: JAX is set up by muster.simulate before any test makes an array."""

import muster.simulate  # noqa: F401
