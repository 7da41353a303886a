"""Errors that a user can mend: one line of text and an exit code."""

from __future__ import annotations

from collections.abc import Iterable

ASSERTION_FAILED, USAGE, IMPOSSIBLE, BUG = 1, 2, 3, 70


class UserError(Exception):
    """What was read, where, what is allowed, the nearest name: one line. Exit code 2."""

    exit_code = USAGE


class LayoutError(UserError):
    """A layout that was given and cannot be built: of a grid, a point that cannot be; else an error as any other."""


def nearest(word: str, names: Iterable[str], *, most: int = 3) -> str:
    """The names nearest to `word` as the tail of a message, or nothing where none is near.

    >>> nearest("h1000", ["h100", "a100", "tpu-v4"])
    '; nearest: h100, a100'
    """
    from difflib import get_close_matches

    lower = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), lower, n=most, cutoff=0.5)
    return f"; nearest: {', '.join(lower[c] for c in close)}" if close else ""
