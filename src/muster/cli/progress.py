"""The progress bar of long work, on stderr, with the time left."""

from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar():
    """Yields report(label, done, whole): a bar per label."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} draws"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, int] = {}

        def report(label: str, done: int, whole: int) -> None:
            if label not in tasks:
                tasks[label] = bar.add_task(label, total=whole)
            bar.update(tasks[label], completed=done)

        yield report
