"""A corpus on a Dask cluster of separate processes, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.cli.helpers import aiplan
from tests.tokens.test_corpus import fill, rows, true_tokens


@pytest.fixture
def cluster(tmp_path: Path):
    """A scheduler and two workers, each a process; yields the address and the workers."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
    ) as local:
        yield local.scheduler_address, [worker.pid for worker in local.workers.values()]


def test_a_lost_worker_loses_no_file_and_counts_none_twice(tmp_path: Path, cluster) -> None:
    address, workers = cluster
    texts = fill(tmp_path / "c", 3000)
    journal = tmp_path / "j"

    at: list[int] = []

    def kill() -> None:
        end = time.monotonic() + 60
        while not rows(journal) and time.monotonic() < end:
            time.sleep(0.002)
        os.kill(workers[0], signal.SIGKILL)
        at.append(rows(journal))

    killer = threading.Thread(target=kill)
    killer.start()
    command = ["tokens", "--corpus", str(tmp_path / "c"), "--journal", str(journal), "-m", "gpt-4o", "--json"]
    done = aiplan(*command, "--engine", "dask", "--scheduler", address)
    killer.join()
    assert done.code == 0, done.err
    assert 0 < at[0] < 3000
    assert done.json["corpus"]["files"] == 3000 == rows(journal)
    assert done.json["corpus"]["tokens"] == true_tokens(texts)


def test_no_scheduler_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path / "c", 4)
    for more, words in ((("--engine", "dask"), "--scheduler"), (("--engine", "spark"), "threads, dask")):
        done = aiplan("tokens", "--corpus", str(tmp_path / "c"), "-m", "gpt-4o", *more)
        assert done.code == 2
        assert words in done.err


def test_threads_do_not_import_dask(tmp_path: Path) -> None:
    fill(tmp_path / "c", 4)
    code = "import sys; from aiplan.cli.app import run; run(sys.argv[1:]); print('distributed' in sys.modules)"
    arguments = ["tokens", "--corpus", str(tmp_path / "c"), "--journal", str(tmp_path / "j"), "-m", "gpt-4o"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
