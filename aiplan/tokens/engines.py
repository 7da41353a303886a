"""Where the batches of a corpus are counted: threads of this process, or the workers of a Dask cluster.

The workers must see the files under the same paths. A batch that was lost with its worker is counted by another one;
its rows are written once, by this process.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiplan.errors import UserError, nearest
from aiplan.tokens.corpus import File, Reader
from aiplan.tokens.count import Counters
from aiplan.tokens.journal import Row

ENGINES = ("threads", "dask")
RETRIES = 3
"""How often a batch is tried again after its worker was lost."""


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


class DaskExecutor(Executor):
    """Sends batches to the workers of a cluster."""

    def __init__(self, address: str, **settings: Any) -> None:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError:
            raise UserError("--engine dask needs the extra: pip install 'aiplan[dask]'") from None
        try:
            self.client = distributed.Client(address, timeout="20s", set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise UserError(f"--scheduler {address!r}: no Dask scheduler answers ({error})") from None
        self.settings = settings
        self.executor: Executor = self.client.get_executor(pure=False, retries=RETRIES)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Count a batch somewhere; what is called is `count_batch`, which a worker can import."""
        batch = [tuple(file) for file in args[0]]
        return self.executor.submit(count_batch, batch, **self.settings)

    @property
    def workers(self) -> int:
        """Threads of all workers."""
        return sum(self.client.nthreads().values()) or 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; it goes on."""
        self.executor.shutdown(wait=wait)
        self.client.close()


@contextmanager
def engine(name: str, address: str, **settings: Any) -> Iterator[DaskExecutor | None]:
    """The executor of an engine; None means threads of this process."""
    if name not in ENGINES:
        raise UserError(f"--engine {name!r} is not one of {', '.join(ENGINES)}{nearest(name, ENGINES, most=1)}")
    if name == "threads":
        yield None
        return
    if not address:
        raise UserError("--engine dask needs --scheduler tcp://HOST:PORT")
    dask = DaskExecutor(address, **settings)
    try:
        yield dask
    finally:
        dask.shutdown(wait=False)
