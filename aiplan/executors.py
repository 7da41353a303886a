"""Where work is done: processes of this machine, or the workers of a Dask cluster, behind one interface."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from aiplan.errors import UserError, nearest

RETRIES = 3
"""How often a piece of work is tried again after its worker was lost."""


class Dask(Executor):
    """Sends calls to the workers of a cluster; what is called must be something that a worker can import."""

    def __init__(self, address: str) -> None:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError:
            raise UserError("--engine dask needs the extra: pip install 'aiplan[dask]'") from None
        try:
            self.client = distributed.Client(address, timeout="20s", set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise UserError(f"--scheduler {address!r}: no Dask scheduler answers ({error})") from None
        self.executor: Executor = self.client.get_executor(pure=False, retries=RETRIES)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function somewhere."""
        return self.executor.submit(fn, *args, **kwargs)

    @property
    def workers(self) -> int:
        """Threads of all workers."""
        return sum(self.client.nthreads().values()) or 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; it goes on."""
        self.executor.shutdown(wait=wait)
        self.client.close()


def check_engine(name: str, address: str, engines: Sequence[str]) -> None:
    """Raise UserError for an engine that is none of these, or Dask without its scheduler."""
    if name not in engines:
        raise UserError(f"--engine {name!r} is not one of {', '.join(engines)}{nearest(name, engines, most=1)}")
    if name == "dask" and not address:
        raise UserError("--engine dask needs --scheduler tcp://HOST:PORT")


def end_with_parent() -> None:
    """Make this process end when the one that started it does, even where that was killed."""
    from multiprocessing import parent_process
    from threading import Thread

    parent = parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=follow, daemon=True).start()


@contextmanager
def executor(name: str, address: str, jobs: int) -> Iterator[tuple[Executor | None, int]]:
    """Processes or Dask, and how many calls run at once; None where one process is enough."""
    if name == "dask":
        dask = Dask(address)
        try:
            yield dask, dask.workers
        finally:
            dask.shutdown(wait=False, cancel_futures=True)
        return
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1:
        yield None, 1
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=end_with_parent)
    try:
        yield pool, jobs
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
