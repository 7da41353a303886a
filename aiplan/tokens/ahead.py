"""Counts in a forked child, which loads the vocabularies while this process reads its command line and documents.

Loading takes as long as everything else of a short run together, and no thread can run beside it.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock
from collections.abc import Sequence

from aiplan.tokens.loaders import CountMany, load

LIKELY = ("o200k", "llama-3", "deepseek-3")
"""Vocabularies of the table of models that are loaded before they are asked for, where that is quick."""
FEW = 4 << 20
"""Bytes of text that are counted sooner by what loads fastest."""
MOST = 128 << 20
"""Characters that are sent at most."""
OTHERWISE = frozenset("--help --tokenizer --list-models merge".split())
"""Words of a command line that counts no texts, or not with the usual vocabularies."""

_begun: Ahead | None = None


class Ahead:
    """A child that counts batches of texts, one after another; the parent's side."""

    def __init__(self, *, many: bool = False) -> None:
        """`many` says that much text is to come."""
        self.open = True
        self.few = not many
        """Whether the texts are few, so that loading counts for more than counting."""
        self.waits = 0
        """Answers that are still to come."""
        self.sent: list[str] | None = None
        self.found: dict[str, list[int]] = {}
        self._lock = allocate_lock()
        self._texts = os.memfd_create("texts")
        source, to_child = os.pipe()
        from_child, target = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(to_child)
            os.close(from_child)
            _serve(source, target, self._texts, many)
        os.close(source)
        os.close(target)
        self._to, self._from = os.fdopen(to_child, "wb"), os.fdopen(from_child, "rb")

    def send(self, texts: Sequence[str], names: Sequence[str]) -> None:
        """Have these texts counted in these vocabularies, as far as the child has them; it keeps the last texts."""
        import json

        if not self.open or sum(map(len, texts)) > MOST:
            self.few = False
            self.close()
            return
        sizes: list[int] | None = None
        try:
            if self.sent is None or self.sent != list(texts):
                self._collect()
                encoded = [text.encode() for text in texts]
                sizes = [len(data) for data in encoded]
                self.few = self.few and sum(sizes) <= FEW
                os.ftruncate(self._texts, 0)
                os.lseek(self._texts, 0, os.SEEK_SET)
                with os.fdopen(os.dup(self._texts), "wb") as memory:
                    memory.writelines(encoded)
                self.sent, self.found = list(texts), {}
            self._to.write(json.dumps([sizes, list(names), self.few]).encode() + b"\n")
            self._to.flush()
            self.waits += 1
        except OSError:
            self.close()

    def count(self, texts: Sequence[str], name: str) -> list[int] | None:
        """Tokens of the texts, those that were sent or others; None where the child has failed."""
        with self._lock:
            self._collect()
            if self.sent != list(texts) or name not in self.found:
                self.send(texts, [name])
                self._collect()
            return self.found.get(name) if self.sent == list(texts) else None

    def _collect(self) -> None:
        import json

        while self.waits:
            self.waits -= 1
            try:
                self.found |= json.loads(self._from.readline())
            except (OSError, ValueError):
                self.close()

    def close(self) -> None:
        """Let the child go."""
        if self.open:
            self.open, self.waits = False, 0
            os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)
            os.close(self._texts)
            for pipe in (self._to, self._from):
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue


def _serve(source: int, target: int, memory: int, many: bool) -> None:
    """The child: load, count what comes, end with the parent. It holds none of the parent's streams."""
    code = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        engines: dict[tuple[str, bool], CountMany | None] = {}
        _prepare(engines, source, many)
        import json

        texts: list[str] = []
        with os.fdopen(source, "rb") as requests, os.fdopen(target, "wb") as answers:
            for line in requests:
                sizes, names, few = json.loads(line)
                if sizes is not None:
                    os.lseek(memory, 0, os.SEEK_SET)
                    with os.fdopen(os.dup(memory), "rb") as sent:
                        texts = [sent.read(size).decode() for size in sizes]
                found = {}
                for name in names:
                    if (name, few) not in engines:
                        engines[name, few] = load(name, quick=few)
                    if engine := engines[name, few]:
                        found[name] = engine(texts)
                answers.write(json.dumps(found).encode() + b"\n")
                answers.flush()
        code = 0
    finally:
        os._exit(code)


def _prepare(engines: dict[tuple[str, bool], CountMany | None], source: int, many: bool) -> None:
    """Load what is likely to be asked, as long as nothing is."""
    with open(__file__, encoding="utf-8") as file:
        usual = [file.read()]  # an engine prepares itself when it first counts a text with all that texts have
    for name, few in [(name, True) for name in LIKELY if not many] + [(LIKELY[0], False)]:
        import select

        if engines and select.select([source], [], [], 0)[0]:
            return
        engines[name, few] = engine = load(name, quick=few)
        if engine:
            engine(usual)


def possible() -> bool:
    """Whether a child pays and is safe: on Linux with two processors, before any thread has begun."""
    threading = sys.modules.get("threading")
    alone = threading is None or threading.active_count() == 1
    return hasattr(os, "memfd_create") and (os.cpu_count() or 1) > 1 and alone


def _start(many: bool) -> Ahead | None:
    """A child, where one is possible and the system gives it."""
    try:
        return Ahead(many=many) if possible() else None
    except OSError:
        return None


def begin(arguments: Sequence[str]) -> None:
    """Begin before the command line is read, where it looks as if texts are to be counted."""
    global _begun
    if len(arguments) > 1 and OTHERWISE.isdisjoint(arguments):
        _begun = _start("--corpus" in arguments)


def begun(wanted: bool, *, many: bool = False) -> Ahead | None:
    """The child that was begun, or one begun now; None where it is not wanted or would not pay."""
    global _begun
    found, _begun = _begun, None
    if not wanted:
        if found:
            found.close()
        return None
    return found or _start(many)
