"""Who computes the chunks of a sweep: processes of this machine, or the workers of a Dask scheduler."""

import gc
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection

from muster import forks, heap, programs
from muster.errors import UserError

KEPT = "What is done is kept: call again"
ANSWERS = 10.0  # seconds within which a scheduler answers


@dataclass(frozen=True)
class Workers:
    """Those who compute: what gives them a task, and how many tasks they do at a time now."""

    submit: Callable[..., Future]
    count: Callable[[], int]


@contextmanager
def processes(count: int) -> Iterator[Workers]:
    """Processes of one device each, which end at once when the work is given up or this process dies."""
    context = multiprocessing.get_context(forks.method())
    ends, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(count, context, made_ready, (ends,))

    def submit(function: Callable, *arguments) -> Future:
        with forks.deaf():  # so that a worker that is just starting does not tell of Ctrl-C
            return pool.submit(function, *arguments)

    try:
        yield Workers(submit, lambda: count)
    except BaseException as problem:
        held.close()
        if isinstance(problem, BrokenProcessPool):
            raise UserError(f"sweep: a worker was ended from outside, or ran out of memory. {KEPT}, with fewer --workers.") from None
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        held.close()


@contextmanager
def of_scheduler(address: str) -> Iterator[Workers]:
    """The workers of a Dask scheduler. They run what it tells them, and it what it is told: only one that is trusted."""
    try:
        from distributed import Client
    except ImportError:
        raise UserError("--scheduler needs the package distributed: pip install distributed, here and where the workers are.") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it would log is told here
    try:
        client = Client(address, timeout=ANSWERS, set_as_default=False)
    except (OSError, ValueError) as problem:
        raise UserError(f"--scheduler {address}: no scheduler of Dask answers there, such as tcp://127.0.0.1:8786 ({problem}).") from None
    with client:
        pool = client.get_executor(pure=False)
        try:
            yield Workers(pool.submit, lambda: max(1, sum(client.nthreads().values())))  # pyright: ignore[reportAttributeAccessIssue]
        except (Exception, KeyboardInterrupt) as problem:
            pool.shutdown(wait=False)
            if isinstance(problem, CancelledError) or type(problem).__module__.startswith("distributed"):
                raise UserError(f"--scheduler {address}: its workers or it were lost ({type(problem).__name__}). {KEPT}.") from None
            raise


@cache
def one_device() -> None:
    """A worker that was not made here computes on one core, as the others do; where it has computed before, it stays as it is."""
    with suppress(RuntimeError):
        programs.use_devices(1)


def made_ready(ends: Connection) -> None:
    """A worker: one device, deaf to Ctrl-C, and gone when the other end of the pipe is."""

    def last() -> None:
        try:
            ends.recv()
        except (EOFError, OSError):
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    heap.shared(heaps=1)
    heap.kept()
    programs.use_devices(1)
    gc.freeze()  # what was imported is not looked through again
    threading.Thread(target=last, daemon=True).start()
