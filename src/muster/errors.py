"""The one kind of error that is the user's to mend: one clear sentence, exit status 2."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A wrong input: says which file or key, what was expected, and what to do."""


class NotComputed(UserError):
    """Something asked for that this run, or the data at hand, cannot answer, and why."""


def nearest(word: str, candidates: Iterable[str]) -> str:
    """' Did you mean "x"?' for the candidate nearest to a word, or nothing."""
    close = get_close_matches(str(word), list(candidates), n=1, cutoff=0.5)
    return f' Did you mean "{close[0]}"?' if close else ""
