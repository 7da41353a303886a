"""Loads the vocabularies in a forked child while this process reads its command line, documents and prices.

Loading takes as long as everything else of a short run together, and no thread can run beside it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from aiplan.tokens.loaders import load

LIKELY = ("o200k", "llama-3", "deepseek-3")
"""Vocabularies of the table of models that are loaded before they are asked for, where that is quick."""
FEW = 4 << 20
"""Bytes of text that are counted sooner by what loads fastest."""
MOST = 128 << 20
"""Characters that are sent at most."""
OTHERWISE = frozenset("--help --corpus --tokenizer --list-models merge".split())
"""Words of a command line that counts no texts, or not with the usual vocabularies."""

_begun: Ahead | None = None


class Ahead:
    """A child that counts one batch of texts."""

    def __init__(self) -> None:
        self.open = True
        self.few = True
        """Whether the texts that were sent are few, so that loading counts for more than counting."""
        self.sent: list[str] | None = None
        self.counts: dict[str, list[int]] = {}
        self._texts = os.memfd_create("texts")
        to_child, self._to = os.pipe()
        self._from, from_child = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._to)
            os.close(self._from)
            _serve(to_child, from_child, self._texts)
        os.close(to_child)
        os.close(from_child)

    def send(self, texts: Sequence[str], names: Sequence[str]) -> None:
        """Have these texts counted in these vocabularies, as far as the child has them."""
        import json

        if sum(map(len, texts)) > MOST:
            self.few = False
            self.close()
            return
        self.sent = list(texts)
        encoded = [text.encode() for text in texts]
        self.few = sum(map(len, encoded)) <= FEW
        try:
            with os.fdopen(os.dup(self._texts), "wb") as memory:
                memory.writelines(encoded)
            os.write(self._to, json.dumps([[len(data) for data in encoded], list(names)]).encode() + b"\n")
        except OSError:
            self.close()

    def count(self, texts: Sequence[str], name: str) -> list[int] | None:
        """Tokens of the texts that were sent; None where others are asked, or the child has failed."""
        import json

        if self.open and self.sent is not None:
            try:
                with os.fdopen(os.dup(self._from), "rb") as pipe:
                    self.counts = json.loads(pipe.readline())
            except (OSError, ValueError):
                self.counts = {}
            self.close()
        return self.counts.get(name) if self.sent == list(texts) else None

    def close(self) -> None:
        """Let the child go."""
        if self.open:
            self.open = False
            for handle in (self._to, self._from, self._texts):
                os.close(handle)
            os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)


def _serve(source: int, target: int, memory: int) -> None:
    """The child: load, count what comes, end. It holds none of the parent's streams."""
    code = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        engines = {name: engine for name in LIKELY if (engine := load(name, quick=True))}
        with open(__file__, encoding="utf-8") as file:
            usual = [file.read()]  # an engine prepares itself when it first counts a text with all that texts have
        for engine in engines.values():
            engine(usual)
        with os.fdopen(source, "rb") as pipe:
            line = pipe.readline()
        if line:
            import json

            sizes, names = json.loads(line)
            os.lseek(memory, 0, os.SEEK_SET)
            with os.fdopen(memory, "rb") as sent:
                texts = [sent.read(size).decode() for size in sizes]
            few = sum(sizes) <= FEW
            chosen = {name: (few and engines.get(name)) or load(name, quick=few) for name in names}
            found = {name: engine(texts) for name, engine in chosen.items() if engine}
            with os.fdopen(target, "wb") as pipe:
                pipe.write(json.dumps(found).encode() + b"\n")
        code = 0
    finally:
        os._exit(code)


def possible() -> bool:
    """Whether a child pays and is safe: on Linux with two processors, before any thread has begun."""
    threading = sys.modules.get("threading")
    alone = threading is None or threading.active_count() == 1
    return sys.platform == "linux" and (os.cpu_count() or 1) > 1 and alone


def begin(arguments: Sequence[str]) -> None:
    """Begin before the command line is read, where it looks as if texts are to be counted."""
    global _begun
    if len(arguments) > 1 and OTHERWISE.isdisjoint(arguments) and possible():
        _begun = Ahead()


def begun(wanted: bool) -> Ahead | None:
    """The child that was begun, or one begun now; None where it is not wanted or would not pay."""
    global _begun
    found, _begun = _begun, None
    if not wanted:
        if found:
            found.close()
        return None
    return found or (Ahead() if possible() else None)
