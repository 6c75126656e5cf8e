"""The C library's heap, for processes of our own: the command line and the workers of a sweep. Only glibc knows these wishes."""

import ctypes
from contextlib import suppress

ARENA_MAX, HEAPS = -8, 2  # glibc, malloc.h: M_ARENA_MAX


def shared() -> None:
    """All threads take memory from two heaps.

    With one for each thread, what a thread frees another cannot take: 4,096 national draws held 1,500 to 1,570 MB instead of 1,236 to
    1,424. With a single one they held 1,200, but threads that start together waited for it: a run of one draw took 0.15 s longer.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(ARENA_MAX, HEAPS)
