"""Loads the common vocabulary in a forked child while this process reads documents and prices.

Loading takes as long as everything else of a short run together, and no thread can run beside it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

MOST = 1 << 20
"""Characters that are worth sending to the child."""


class Ahead:
    """A child that counts one batch of texts in o200k."""

    def __init__(self) -> None:
        self.open = True
        to_child, self._to = os.pipe()
        self._from, from_child = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._to)
            os.close(self._from)
            _serve(to_child, from_child)
        os.close(to_child)
        os.close(from_child)

    def takes(self, texts: Sequence[str]) -> bool:
        """Whether the child is free and the texts are few."""
        return self.open and sum(map(len, texts)) <= MOST

    def count(self, texts: Sequence[str]) -> list[int] | None:
        """Tokens of each text; None where the child has failed."""
        self.open = False
        try:
            with os.fdopen(self._to, "wb") as pipe:
                pipe.write(json.dumps(list(texts)).encode())
            with os.fdopen(self._from, "rb") as pipe:
                answer = pipe.read()
            os.waitpid(self._pid, 0)
            found = json.loads(answer)
        except (OSError, ValueError):
            return None
        return [int(n) for n in found]

    def close(self) -> None:
        """Let the child go, where it was not needed."""
        if self.open:
            self.open = False
            os.close(self._to)
            os.close(self._from)


def _serve(source: int, target: int) -> None:
    """The child: load, count what comes, end."""
    code = 1
    try:
        import toktok  # type: ignore[import-not-found,import-untyped,unused-ignore]

        toktok.batch_count(["x"], "o200k_base", 1)
        with os.fdopen(source, "rb") as pipe:
            sent = pipe.read()
        if sent:
            with os.fdopen(target, "wb") as pipe:
                pipe.write(json.dumps(toktok.batch_count(json.loads(sent), "o200k_base", 0)).encode())
        code = 0
    finally:
        os._exit(code)


def start() -> Ahead | None:
    """A child where that pays: on Linux with two processors, before anything else runs."""
    import threading

    if sys.platform != "linux" or (os.cpu_count() or 1) < 2 or threading.active_count() > 1:
        return None
    return Ahead() if find_spec("toktok") else None
