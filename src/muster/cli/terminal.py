"""What the commands share at the terminal: progress with the time left, and work that Ctrl-C stops at once."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Event, Semaphore, Thread
from typing import TypeVar

Item = TypeVar("Item")
PATIENCE = 0.2  # seconds after which a waiting thread looks up


def in_background(items: Iterator[Item], meanwhile: Callable[[], object] = lambda: None) -> Iterator[Item]:
    """The same items, computed in a thread: Ctrl-C is heard at once, even while a program compiles.

    One item is at work while the next is computed; none waits beside them, so that memory holds two. While the first is computed this
    thread does what is to be done `meanwhile`.
    """
    ready: SimpleQueue[tuple[list[Item], BaseException | None]] = SimpleQueue()
    wanted, given_up = Semaphore(0), Event()

    def hand_over(found: list[Item], problem: BaseException | None = None) -> None:
        while not wanted.acquire(timeout=PATIENCE):
            if given_up.is_set():
                return
        ready.put((found, problem))

    def work() -> None:
        try:
            for item in items:
                hand_over([item])
                del item
                if given_up.is_set():
                    return
            hand_over([])
        except BaseException as problem:
            hand_over([], problem)

    Thread(target=work, daemon=True).start()
    try:
        meanwhile()
        while True:
            wanted.release()
            while True:
                with suppress(Empty):
                    found, problem = ready.get(timeout=PATIENCE)
                    break
            if problem:
                raise problem
            if not found:
                return
            yield found.pop()
    finally:
        given_up.set()


@contextmanager
def progress_bar(what: str, unit: str = "draws") -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr, where that is a terminal; gives update(label, done, whole). Before the first update the bar only pulses."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[left]}"),
    )
    terminal = sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not terminal) as bar:
        task = bar.add_task(f"{what} (compiling)", total=None, count="", left="")

        def update(label: str, done: int, whole: int) -> None:
            count = f"{done:,} of {whole:,} {unit}"
            bar.update(task, description=label or what, completed=done, total=whole, count=count, left="left")

        yield update


def short(number: float) -> str:
    """A number in at most three digits where it has no more before the point."""
    if number != number:
        return "-"
    if abs(number) >= 9.95 or number == 0:
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= 0.095 else f"{number:.1g}"


def band(middle: float, low: float, high: float, between: str = " "):
    """Median and 90 % band of a number, beside each other or one under the other."""
    return styled(f"{short(middle)}{between}", (f"{short(low)}{'–' if low >= 0 else ' to '}{short(high)}", "dim"))


def styled(*parts: str | tuple[str, str]):
    """A text of parts, some with a style (part, style)."""
    from rich.text import Text

    return Text.assemble(*parts)


def console():
    """Tables and paths on stdout, wide enough where no terminal says how wide; square brackets are letters of titles and paths."""
    from rich.console import Console

    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 100)
