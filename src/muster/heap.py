"""The C library's heap, for processes of our own: the command line and the workers of a sweep. Only glibc knows these wishes."""

import ctypes
import gc
from contextlib import suppress

ARENA_MAX, HEAPS = -8, 2  # glibc, malloc.h: M_ARENA_MAX
LARGEST_FAST, NONE = 1, 0  # M_MXFAST
MAPPED_FROM, HUGE = -3, 2**30  # M_MMAP_THRESHOLD, bytes
TRIMMED_FROM, NEVER = -1, 2**31 - 1  # M_TRIM_THRESHOLD, bytes


def shared(heaps: int = HEAPS) -> None:
    """All threads take memory from two heaps, and what is given back is joined at once.

    With one for each thread, what a thread frees another cannot take: 4,096 national draws held 1,500 to 1,570 MB instead of 1,236 to
    1,424. With a single one they held 1,200, but threads that start together waited for it: a run of one draw took 0.15 s longer.
    Workers of a sweep have a single one: each holds 1,610 MB at most, with two 1,630 to 2,390, by which thread took from which.
    Small pieces that are given back are joined with their neighbours at once, not thousands of them when a large one comes: XLA reads the
    national program in 0.82 s instead of 1.08.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(ARENA_MAX, heaps)
        mallopt(LARGEST_FAST, NONE)


def kept() -> None:
    """What a worker frees stays with it, large arrays too: its next run takes the same again, and no pages that the system clears first.

    Two workers take 5.6 and 5.7 s for a run of a sweep instead of 5.7 and 5.85.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        if mallopt(MAPPED_FROM, HUGE):  # where it is refused, the other alone would map every large array anew
            mallopt(TRIMMED_FROM, NEVER)


def tidied() -> None:
    """What is not used any more goes back to the system: tables are circles, which Python looks for late, and the heap keeps its pages.

    The explorer does so after each ensemble. Asked for six of them, each with its claims, it held 1.9 GB, and no more after nine;
    without this 3.5 GB after six.
    """
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
