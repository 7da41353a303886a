"""Where the batches of a corpus are counted: threads of this process, or the workers of a Dask cluster.

The workers must see the files under the same paths. A batch that was lost with its worker is counted by another one;
its rows are written once, by this process.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiplan.executors import Dask, check_engine
from aiplan.tokens.corpus import File, Reader
from aiplan.tokens.count import Counters
from aiplan.tokens.journal import Row

ENGINES = ("threads", "dask")


@functools.cache
def _reader(vocabulary: str, root: str, seconds: float, tokenizer: str) -> Reader:
    """The reader of a worker, made once in each process."""
    counters = Counters(mine=Path(tokenizer) if tokenizer else None, threads=1)
    return Reader(counters, vocabulary, Path(root), seconds=seconds)


def count_batch(
    batch: Sequence[tuple[str, int, int]], vocabulary: str, root: str, seconds: float, tokenizer: str
) -> list[Row]:
    """Rows of a batch, in a worker process."""
    return _reader(vocabulary, root, seconds, tokenizer)([File(*file) for file in batch])


class DaskExecutor(Dask):
    """Sends batches to the workers of a cluster."""

    def __init__(self, address: str, **settings: Any) -> None:
        super().__init__(address)
        self.settings = settings

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Count a batch somewhere; what is called is `count_batch`, which a worker can import."""
        batch = [tuple(file) for file in args[0]]
        return super().submit(count_batch, batch, **self.settings)


@contextmanager
def engine(name: str, address: str, **settings: Any) -> Iterator[DaskExecutor | None]:
    """The executor of an engine; None means threads of this process."""
    check_engine(name, address, ENGINES)
    if name == "threads":
        yield None
        return
    dask = DaskExecutor(address, **settings)
    try:
        yield dask
    finally:
        dask.shutdown(wait=False)
