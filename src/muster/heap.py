"""The C library's heap, for processes of our own: the command line and the workers of a sweep."""

import ctypes
from contextlib import suppress

ARENA_MAX = -8  # glibc, malloc.h: M_ARENA_MAX


def shared() -> None:
    """All threads take memory from one heap, where the C library is glibc.

    With a heap for each, what one thread frees another cannot take: 4,096 national draws held 1,500 to 1,570 MB instead of 1,210, and
    were no quicker.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(ARENA_MAX, 1)
