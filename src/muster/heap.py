"""The C library's heap, for processes of our own: the command line and the workers of a sweep. Only glibc knows these wishes."""

import ctypes
from contextlib import suppress

TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8  # glibc, malloc.h: M_...
HEAPS, KEPT = 2, 2**31 - 1  # heaps; bytes


def asked(wishes: dict[int, int]) -> None:
    """Asks the C library for some options of its heap, where it is glibc."""
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        for option, value in wishes.items():
            library.mallopt(option, value)


def shared() -> None:
    """All threads take memory from two heaps.

    With one for each thread, what a thread frees another cannot take: 4,096 national draws held 1,500 to 1,570 MB instead of 1,236 to
    1,424. With a single one they held 1,200, but threads that start together waited for it: a run of one draw took 0.15 s longer.
    """
    asked({ARENA_MAX: HEAPS})


def kept() -> None:
    """What is freed stays with the process, for the next chunk: it would come back page by page.

    A sweep of four runs by two workers takes 19.4 to 20.3 s instead of 21.5; a run of many draws holds up to 2,080 MB and gains little.
    """
    asked({MMAP_MAX: 0, TRIM_THRESHOLD: KEPT})
