"""The command line: one file a command. What is slow to import is imported inside the commands.

Exit status: 0 done, 1 our fault, 2 the input is wrong (one sentence), 130 stopped by the user.
"""

import errno
import gc
import io
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from importlib.metadata import version
from types import FrameType
from typing import Annotated

import typer

from muster import heap
from muster.cli.assess import assess
from muster.cli.calibrate import calibrate
from muster.cli.cite import cite
from muster.cli.claims import app as claims
from muster.cli.compare import compare
from muster.cli.data import app as data
from muster.cli.explain import explain
from muster.cli.explore import explore
from muster.cli.new import new
from muster.cli.run import run
from muster.cli.score import score
from muster.cli.sweep import sweep
from muster.cli.validate import app as validate
from muster.errors import UserError

STOPPED = 130
AGAIN = 0.02  # seconds until a Ctrl-C that was lost, or came too soon, comes again
YOUNG = 10_000  # new objects between two searches for circles: imports make many and leave none
EXPECTED = {  # by pydantic's names of what is wrong with the value of an option
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG)  # by the system, of a file

app = typer.Typer(
    name="muster",
    help="Simulates what a mass mobilization does to the army, the front, the society and the state, and judges claims about it.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(run)
app.command()(assess)
app.command()(compare)
app.command()(calibrate)
app.command()(score)
app.command()(sweep)
app.command()(cite)
app.command()(explain)
app.command()(explore)
app.add_typer(claims, name="claims")
app.add_typer(new, name="new")
app.add_typer(data, name="data")
app.add_typer(validate, name="validate")


def show_version(wanted: bool) -> None:
    """Prints the version and ends."""
    if wanted:
        typer.echo(f"muster {version('muster')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and end.")] = False,
) -> None:
    """Options of muster itself; without a command it explains itself."""
    if context.invoked_subcommand is None and not version:
        typer.echo(context.get_help())


def status(arguments: list[str] | None = None) -> int:
    """Runs a command and gives its exit status; every problem becomes a line on stderr."""
    try:
        code = app(args=arguments, prog_name="muster", standalone_mode=False) or 0
        sys.stdout.flush()
        if code == STOPPED:
            tell("stopped.")
        return code
    except (UserError, typer.TyperException) as problem:
        tell(str(problem) if isinstance(problem, UserError) else explained(problem))
        return 2
    except KeyboardInterrupt:
        tell("stopped.")
        return STOPPED
    except BrokenPipeError:
        silence()
        return 0
    except Exception as problem:
        refused = refusal(problem) if isinstance(problem, OSError) else ""
        if refused:
            tell(refused)
            return 2
        if os.environ.get("MUSTER_DEBUG") == "1":
            traceback.print_exc()
        reason = " ".join(f"{type(problem).__name__}: {problem}".split())[:200]
        tell(f"sorry, this is our fault, not yours ({reason}); MUSTER_DEBUG=1 shows where.")
        return 1


def tell(text: str) -> None:
    """A line on stderr, where that can be written."""
    with suppress(OSError):
        typer.echo(f"muster: {' '.join(text.split())}", err=True)


def nowhere() -> int:
    """A file that swallows what is written."""
    return os.open(os.devnull, os.O_WRONLY)


def silence() -> None:
    """From now on stdout goes nowhere, and what waits to be written there too."""
    os.dup2(nowhere(), sys.stdout.fileno())


def refusal(problem: OSError) -> str:
    """What the system refused of a file or of stdout, as a sentence; nothing where it is no matter of the user's."""
    if problem.filename is not None:
        return f"{problem.filename}: cannot be read or written ({problem.strerror})." if problem.errno in REFUSED else ""
    try:
        print(flush=True)  # the error does not say of which file it is: if of stdout, it comes again
    except OSError as again:
        silence()
        return f"what this command prints cannot be written to standard output ({again.strerror}); send it elsewhere."
    return ""


def explained(problem: typer.TyperException) -> str:
    """What is wrong with a command line, with the commands that there are where one is unknown."""
    message, context = problem.format_message(), getattr(problem, "ctx", None)
    if not message.startswith("No such command") or context is None:
        return unreadable(problem) or message
    return f"{message} Known: {', '.join(context.command.list_commands(context))}."


def unreadable(problem: typer.TyperException) -> str:
    """What was expected of an option's value, and what was found; nothing where something else is wrong."""
    errors, option = getattr(problem.__cause__, "errors", None), getattr(problem, "param", None)
    first = errors()[0] if errors else {}
    expected = EXPECTED.get(first.get("type", ""))
    return f"{option.opts[0]} {first['input']}: {expected.format(**first.get('ctx', {}))} was expected." if expected and option else ""


def said_again(lost: "sys.UnraisableHookArgs") -> None:
    """Ctrl-C is lost where Python calls back from clearing its memory: it comes again."""
    if lost.exc_type is KeyboardInterrupt:
        come_again()
    else:
        sys.__unraisablehook__(lost)


def stop(_number: int, frame: FrameType | None) -> None:
    """Ctrl-C as Python hears it, but not in the middle of an import, where libraries may crash: it comes again until that is over."""
    while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    if not frame:
        raise KeyboardInterrupt
    come_again()


def come_again() -> None:
    """Ctrl-C, a little later."""
    threading.Timer(AGAIN, os.kill, (os.getpid(), signal.SIGINT)).start()


def open_output() -> None:
    """A closed stdout or stderr is like /dev/null; a letter that the encoding of stdout lacks is replaced, as Python does on stderr."""
    sys.stdout = sys.stdout or os.fdopen(nowhere(), "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(nowhere(), "w", encoding="utf-8")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def main() -> None:
    """The command `muster`; the process ends without waiting for a thread of a run that is over, or for JAX to take itself apart."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its waiting threads cost a short run a tenth of a second
    gc.set_threshold(YOUNG)
    heap.shared()
    open_output()
    sys.unraisablehook = said_again
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored, as in the background of a shell
        signal.signal(signal.SIGINT, stop)
    code = status()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)
