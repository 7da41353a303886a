"""`aiplan sweep --output`: CSV and Parquet in blocks, gone on with after a kill, in other processes or on a cluster."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.helpers import aiplan, process

FLEET = ("sweep", "--accelerator", "h100", "--accelerators", "512", "--tokens", "1T", "--quiet")
CLOSED = (*FLEET, "--set", "fits=1", "--mfu", "40%", "--sweep", "params=1B..400B by 1B", "--sweep", "pue=1.1,1.2")
SOLVED = (
    "sweep", "--accelerator", "h100", "--params", "8B", "--sweep", "tokens=1T..32T by 1T",
    "--sweep", "training_days=20,30,40",
)  # fmt: skip
SHOW = ("--show", "training_days,run_cost")


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_file_has_the_columns_that_are_asked(tmp_path: Path) -> None:
    """Axes in full precision and the quantities of --show; nothing is left beside the file."""
    file = tmp_path / "a.csv"
    done = aiplan(*CLOSED, *SHOW, "-f", "csv", "-o", str(file))
    assert (done.code, done.out) == (0, "")
    found = rows(file)
    assert list(found[0]) == ["row", "params", "pue", "training_days", "run_cost", "plan", "binding"]
    assert [float(row["params"]) for row in found[::2]] == [i * 1e9 for i in range(1, 401)]
    assert [int(row["row"]) for row in found] == list(range(1, 801))
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    assert file.read_text() == aiplan(*CLOSED, *SHOW, "-f", "csv").out


def test_an_upper_bound_is_told_from_what_comes_of_it(tmp_path: Path) -> None:
    """A swept limit is a column of its own."""
    file = tmp_path / "a.csv"
    assert aiplan(*SOLVED, "--sweep", "tokens=1T", "-f", "csv", "-o", str(file), "--quiet").code == 0
    for row in rows(file):
        assert float(row["training_days"]) <= float(row["limit.training_days"])


def test_parquet_is_the_same_table(tmp_path: Path) -> None:
    """Numbers as doubles, null where there is none, and the front beside them."""
    import pyarrow.parquet as parquet

    more = (*CLOSED, *SHOW, "--pareto", "training_days,run_cost", "--best-of", "run_cost", "--assert", "run_cost<=$2M")
    assert aiplan(*more, "-f", "csv", "-o", str(tmp_path / "a.csv")).code == 1
    assert aiplan(*more, "-f", "parquet", "-o", str(tmp_path / "a.parquet")).code == 1
    text, table = rows(tmp_path / "a.csv"), parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert len(text) == len(table) == 800
    for a, b in zip(text, table, strict=True):
        assert {name: str(value) for name, value in b.items()} == a
    assert {row["plan"] for row in table} == {"ok", "failed"}
    assert sum(row["best run_cost"] for row in table) == 1
    assert 0 < sum(row["front"] for row in table) < 800
    refused = aiplan(*CLOSED, "-f", "parquet")
    assert (refused.code, refused.err) == (2, "Error: --format parquet needs --output FILE\n")


@pytest.mark.parametrize(("form", "more"), [("csv", ()), ("jsonl", ()), ("json", ("--best-of", "run_cost"))])
def test_a_killed_sweep_goes_on_where_it_was(tmp_path: Path, form: str, more: tuple[str, ...]) -> None:
    """Killed and started again, in more or fewer processes, the file has the same bytes."""
    whole, file = tmp_path / f"whole.{form}", tmp_path / f"a.{form}"
    asked = (*SOLVED, *more, "-f", form)
    assert process(*asked, "-o", str(whole), "--jobs", "1", "--quiet").code == 0
    parts = Path(f"{file}.parts")
    words = [sys.executable, "-m", "aiplan", *asked, "-o", str(file), "--jobs", "1"]
    running = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    while running.poll() is None and not list(parts.glob("*.part")):
        time.sleep(0.01)
    second = process(*words[3:])
    assert (second.code, "another run is at work" in second.err) == (2, True)
    running.send_signal(signal.SIGKILL)
    running.wait()
    kept = {p.name: p.stat().st_mtime_ns for p in parts.glob("*.part")}
    assert kept
    assert not file.exists()
    done = process(*words[3:-2], "--jobs", "2")
    assert (done.code, "goes on there" in done.err) == (0, True)
    assert file.read_bytes() == whole.read_bytes()
    assert not parts.exists()


def test_answers_in_a_file_are_those_of_standard_output(tmp_path: Path) -> None:
    """JSON as one document and as lines; a document is what its rows are as lines."""
    asked = ("sweep", "--params", "7B", "--sweep", "accelerators=32,64,128", "--pareto", "run_cost,accelerators")
    for form in ("json", "jsonl"):
        file = tmp_path / f"a.{form}"
        assert aiplan(*asked, "-f", form, "-o", str(file)).code == 0
        assert file.read_text() == aiplan(*asked, "-f", form).out
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    whole = json.loads((tmp_path / "a.json").read_text())
    assert whole == {"schema": "aiplan.sweep/1", "rows": lines}
    assert list(lines[0])[:4] == ["row", "point", "plan", "front"]
    assert (tmp_path / "a.json").read_text() == json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def test_parts_of_another_sweep_are_refused(tmp_path: Path) -> None:
    """What was begun with other columns is not mixed in; --fresh starts anew."""
    file = tmp_path / "a.csv"
    parts = Path(f"{file}.parts")
    parts.mkdir()
    (parts / "about.json").write_text('{"version": "0.0.1"}')
    (parts / "000000000000.part").write_text("nonsense\n")
    done = aiplan(*CLOSED, *SHOW, "-f", "csv", "-o", str(file))
    assert (done.code, "another sweep" in done.err, "--fresh" in done.err) == (2, True, True)
    assert aiplan(*CLOSED, *SHOW, "-f", "csv", "-o", str(file), "--fresh").code == 0
    assert len(rows(file)) == 800


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """One line."""
    done = aiplan(*CLOSED, *SHOW, "-f", "csv", "-o", str(tmp_path / "no" / "a" / "b.csv" / "\0"))
    assert (done.code, len(done.err.splitlines())) == (2, 1)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of two processes on this machine."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path_factory.mktemp("dask")),
    ) as cluster:
        yield cluster.scheduler_address


def test_dask_gives_the_same_bytes(tmp_path: Path, address: str) -> None:
    """A cluster solves the same blocks."""
    dask = ("--engine", "dask", "--scheduler", address)
    for i, words in enumerate(((*FLEET, "--sweep", "params=1B..200B by 1B", *SHOW), (*CLOSED, *SHOW))):
        near, far = tmp_path / f"near{i}.csv", tmp_path / f"far{i}.csv"
        assert aiplan(*words, "-f", "csv", "-o", str(near), "--jobs", "1").code == 0
        assert aiplan(*words, "-f", "csv", "-o", str(far), *dask).code == 0
        assert near.read_bytes() == far.read_bytes()


def test_wrong_engines_exit_2() -> None:
    """One line, before anything is solved."""
    for words, said in (
        (("--engine", "dask"), "--scheduler"),
        (("--engine", "spark"), "processes, dask"),
        (("--jobs", "-1"), "--jobs"),
    ):
        done = aiplan(*CLOSED, *words)
        assert (done.code, len(done.err.splitlines()), said in done.err) == (2, 1, True)


def test_what_was_typed_can_be_saved(tmp_path: Path) -> None:
    """--save writes the grid as a scenario, which gives the same rows."""
    file = tmp_path / "grid.yaml"
    words = ("--accelerator", "h100", "--params", "8B", "--sweep", "accelerators=64,128", "--assert", "fits")
    typed = aiplan("sweep", *words, "-f", "csv", "--save", str(file))
    assert typed.out == aiplan("sweep", str(file), "-f", "csv").out
    assert aiplan("check", str(file)).code == 0
    assert "sweep: {" not in file.read_text()
    again = aiplan("sweep", str(file), "-f", "csv", "--save", str(tmp_path / "more.yaml"))
    assert (again.code, "--save" in again.err) == (2, True)
