"""Counts in a forked child, which loads the vocabularies while this process reads its command line and documents.

Loading takes as long as everything else of a short run together, and no thread can run beside it.
"""

from __future__ import annotations

import os
import sys
from _queue import SimpleQueue
from _thread import allocate_lock, start_new_thread
from collections.abc import Sequence

from aiplan.tokens.loaders import CountMany, load

LIKELY = ("o200k", "llama-3", "deepseek-3")
"""Vocabularies of the table of models that are loaded before they are asked for, where that is quick."""
FEW = 4 << 20
"""Bytes of text that are counted sooner by what loads fastest."""
MOST = 128 << 20
"""Characters that are sent at most."""
CHANNELS = 16
"""Threads that count in the child at most: more than one thread of the parent can read for."""
OTHERWISE = frozenset("--help --tokenizer --list-models merge".split())
"""Words of a command line that counts no texts, or not with the usual vocabularies."""

_begun: Ahead | None = None


class Channel:
    """One thread of the child, and the memory that both share; the parent's side."""

    def __init__(self) -> None:
        self.memory = os.memfd_create("texts")
        self.source, to_child = os.pipe()
        from_child, self.target = os.pipe()
        self.to, self.of = os.fdopen(to_child, "wb"), os.fdopen(from_child, "rb")
        self.waits = 0
        """Answers that are still to come."""
        self.sent: list[str] | None = None
        self.found: dict[str, list[int]] = {}

    def load(self, name: str) -> None:
        """Have what counts much text in a vocabulary loaded. Raises OSError."""
        import json

        self.to.write(json.dumps([[], [name], False]).encode() + b"\n")
        self.to.flush()
        self.waits += 1

    def send(self, texts: Sequence[str], names: Sequence[str], few: bool) -> None:
        """Have texts counted in these vocabularies; the child keeps them. Raises OSError, ValueError."""
        import json

        sizes: list[int] | None = None
        if self.sent != list(texts):
            if self.sent is not None:
                self.collect()  # before the memory is used again
            encoded = [text.encode() for text in texts]
            sizes = [len(data) for data in encoded]
            os.lseek(self.memory, 0, os.SEEK_SET)
            with os.fdopen(os.dup(self.memory), "wb") as memory:
                memory.writelines(encoded)
            self.sent, self.found = list(texts), {}
        self.to.write(json.dumps([sizes, list(names), few]).encode() + b"\n")
        self.to.flush()
        self.waits += 1

    def collect(self) -> None:
        """Take the answers that are to come. Raises OSError, ValueError."""
        import json

        while self.waits:
            self.waits -= 1
            self.found |= json.loads(self.of.readline())

    def count(self, texts: Sequence[str], name: str, few: bool) -> list[int] | None:
        """Tokens of the texts, those that were sent or others. Raises OSError, ValueError."""
        self.collect()
        if self.sent != list(texts) or name not in self.found:
            self.send(texts, [name], few)
            self.collect()
        return self.found.get(name)

    def close(self) -> None:
        """Close the parent's ends."""
        os.close(self.memory)
        for pipe in (self.to, self.of):
            try:
                pipe.close()
            except BrokenPipeError:
                continue


class Ahead:
    """A child that counts batches of texts, as many at once as it has channels; the parent's side."""

    def __init__(self, first: Sequence[str] = LIKELY, *, channels: int = 1, few: bool = True) -> None:
        """`first` are the vocabularies to load before any is asked for."""
        self.open, self.few = True, few
        """`few`: whether the texts are few, so that loading counts for more than counting."""
        self._channels = [Channel() for _ in range(channels)]
        self._free: SimpleQueue[Channel] = SimpleQueue()
        self._lock = allocate_lock()
        self._pid = os.fork()
        if self._pid == 0:
            _serve(self._channels, first, few)
        for channel in self._channels:
            os.close(channel.source)
            os.close(channel.target)
            self._free.put(channel)

    def send(self, texts: Sequence[str], names: Sequence[str]) -> None:
        """Have these texts counted in these vocabularies, as far as the child has them, while other work goes on."""
        if not self._takes(texts):
            return
        channel = self._free.get()
        try:
            channel.send(texts, names, self.few)
        except (OSError, ValueError):
            self._end()
        finally:
            self._free.put(channel)

    def _takes(self, texts: Sequence[str]) -> bool:
        """Whether texts can be sent; the child is let go where they are too many for the memory."""
        size = sum(map(len, texts))
        self.few = self.few and size <= min(FEW, MOST)
        if size > MOST:
            self._end()
        return self.open

    def expect(self, size: int) -> None:
        """Have what counts fastest loaded, where so many bytes of text are to come that it pays."""
        if self.few and size > FEW:
            self.few = False
            try:
                self._channels[0].load(LIKELY[0])
            except OSError:
                self._end()

    def count(self, texts: Sequence[str], name: str) -> list[int] | None:
        """Tokens of the texts, those that were sent or others; None where the child has failed."""
        if not texts:
            return []
        if not self._takes(texts):
            return None
        channel = self._free.get()
        try:
            return channel.count(texts, name, self.few)
        except (OSError, ValueError):
            self._end()
            return None
        finally:
            self._free.put(channel)

    def _end(self) -> None:
        """Let the child go; threads that still wait for it are told so by its pipes."""
        with self._lock:
            if self.open:
                self.open = False
                os.kill(self._pid, 9)
                os.waitpid(self._pid, 0)

    def close(self) -> None:
        """Let the child go, once no thread counts any more."""
        self._end()
        while self._channels:
            self._channels.pop().close()


class _Engines:
    """The child's vocabularies, each loaded once."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._loaded: dict[tuple[str, bool], CountMany | None] = {}
        self._lock = allocate_lock()

    def get(self, name: str, few: bool) -> CountMany | None:
        with self._lock:
            if (name, few) not in self._loaded:
                engine = self._loaded[name, few] = load(name, quick=few, threads=self.threads)
                if engine:  # an engine prepares itself when it first counts a text with all that texts have
                    with open(__file__, encoding="utf-8") as file:
                        engine([file.read()])
            return self._loaded[name, few]


def _serve(channels: Sequence[Channel], first: Sequence[str], few: bool) -> None:
    """The child: load, count what comes, end with the parent. It holds none of the parent's streams."""
    code = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        for channel in channels:
            os.close(channel.to.fileno())
            os.close(channel.of.fileno())
        engines = _Engines(threads=0 if len(channels) == 1 else 1)
        _prepare(engines, channels[0].source, first, few)
        for channel in channels[1:]:
            start_new_thread(_answer, (channel, engines))
        _answer(channels[0], engines)
        code = 0
    finally:
        os._exit(code)


def _answer(channel: Channel, engines: _Engines) -> None:
    """Count what comes through a channel, until the parent closes it."""
    import json

    texts: list[str] = []
    with os.fdopen(channel.source, "rb") as requests, os.fdopen(channel.target, "wb") as answers:
        for line in requests:
            sizes, names, few = json.loads(line)
            if sizes is not None:
                os.lseek(channel.memory, 0, os.SEEK_SET)
                with os.fdopen(os.dup(channel.memory), "rb") as sent:
                    texts = [sent.read(size).decode() for size in sizes]
            found = {name: engine(texts) for name in names if (engine := engines.get(name, few)) and texts}
            answers.write(json.dumps(found).encode() + b"\n")
            answers.flush()


def _prepare(engines: _Engines, source: int, first: Sequence[str], few: bool) -> None:
    """Load what is likely to be asked, as long as nothing is."""
    import select

    for name in first:
        if not select.select([source], [], [], 0)[0]:
            engines.get(name, few)


def possible() -> bool:
    """Whether a child pays and is safe: on Linux with two processors, before any thread has begun."""
    threading = sys.modules.get("threading")
    alone = threading is None or threading.active_count() == 1
    return hasattr(os, "memfd_create") and (os.cpu_count() or 1) > 1 and alone


def _start(*, many: bool = False, one: bool = False) -> Ahead | None:
    """A child for many texts or few, of one model or the usual ones, where one is possible and the system gives it."""
    try:
        first = LIKELY[:1] if many or one else LIKELY
        channels = min(os.cpu_count() or 1, CHANNELS) if many else 1
        return Ahead(first, channels=channels, few=not many) if possible() else None
    except OSError:
        return None


def begin(arguments: Sequence[str]) -> None:
    """Begin before the command line is read, where it looks as if texts are to be counted."""
    global _begun
    if len(arguments) > 1 and OTHERWISE.isdisjoint(arguments):
        one = any(word.startswith(("-m", "--model")) for word in arguments)
        _begun = _start(many=any(word.startswith("--corpus") for word in arguments), one=one)


def begun(wanted: bool, *, many: bool = False) -> Ahead | None:
    """The child that was begun, or one begun now; None where it is not wanted or would not pay."""
    global _begun
    found, _begun = _begun, None
    if not wanted:
        if found:
            found.close()
        return None
    return found or _start(many=many)
