"""`aiplan calibrate`: a table in, coefficients and held-out errors out, and one line for what is wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from aiplan.cli.app import run

pytest.importorskip("scipy")
COLUMNS = "id model n_layers d_model d_ff n_heads n_kv_heads vocab hardware n_chips precision tp pp cp dp \
micro_batch_seqs global_batch_seqs seq_len step_time_s framework".split()


def table(path: Path, groups: int) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for i in range(groups):
            for micro in (1, 2):
                writer.writerow([f"r{i}{micro}", f"m{i}", 16 + 8 * i, 4096, 14336, 32, 8, 128256, "h100", 8, "bf16",
                                 1, 1, 1, 8, micro, 64, 8192, 4.0 + 1.4 * i, "NeMo"])  # fmt: skip
    return path


def test_a_table_is_fitted_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine.yaml"
    data = table(tmp_path / "runs.csv", 6)
    assert run(["calibrate", "--data", str(data), "--out", str(out), "--seeds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "12 rows in 6 groups fitted" in printed
    assert "sustained_share.hopper" in printed
    made = yaml.safe_load(out.read_text())
    assert made["rows"] == 12
    assert made["held_out"]["grouped_5_fold"]["dense"]["rows"] == 12


@pytest.mark.parametrize(("groups", "says"), [(2, "at least five"), (None, "there is no file")])
def test_bad_tables_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], groups: int | None, says: str
) -> None:
    data = tmp_path / "runs.csv"
    if groups:
        table(data, groups)
    assert run(["calibrate", "--data", str(data)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
