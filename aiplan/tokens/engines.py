"""Where the batches of a corpus are counted: threads of this process, or the workers of a Dask cluster.

The workers must see the files under the same paths. A batch that was lost with its worker is counted by another one;
its rows are written once, by this process.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from aiplan.executors import Dask
from aiplan.tokens.count import Counters
from aiplan.tokens.journal import Row
from aiplan.tokens.reader import File, Reader

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
    reader = _reader(vocabulary, root, seconds, tokenizer)
    return reader.count(reader.read([File(*file) for file in batch]))


class DaskWorkers:
    """Sends batches to the workers of a cluster."""

    def __init__(self, address: str, **settings: Any) -> None:
        self.settings, self.dask = settings, Dask(address)
        self.jobs = self.dask.workers

    def submit(self, batch: Sequence[File]) -> Future[list[Row]]:
        """Count a batch somewhere."""
        return self.dask.submit(count_batch, [tuple(file) for file in batch], **self.settings)

    def close(self) -> None:
        """Leave the cluster."""
        self.dask.shutdown(wait=False)
