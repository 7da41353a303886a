"""`aiplan calibrate`: a table in, coefficients and held-out errors out, and one line for what is wrong."""

from __future__ import annotations

import csv
import json
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


def test_a_few_rows_refine_the_shipped_calibration_and_a_plan_uses_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.yaml"
    data = table(tmp_path / "runs.csv", 3)
    assert run(["calibrate", "--data", str(data), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "6 rows and 0 whole runs fitted, 0 not usable" in printed
    assert "software_factor.own" in printed
    assert "before" in printed
    assert "left out" in printed
    made = yaml.safe_load(out.read_text())
    assert made["rows"] == 6
    assert made["coefficients"]["software_factor.own"]["prior"] == 1.0
    plan = ["train", "--model", "llama-3.1-8b", "--tokens", "1T", "--accelerators", "64", "--accelerator", "h100"]
    seconds = []
    for more in ([], ["--calibration", str(out)]):
        assert run([*plan, *more, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        seconds.append(answer["quantities"]["step_time"]["value"])
    factor = made["coefficients"]["software_factor.own"]["value"]
    assert seconds[1] / seconds[0] == pytest.approx(factor, rel=0.1)
    assert answer["choices"]["calibration"] == str(out)


def test_own_campaigns_are_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = tmp_path / "runs.csv", tmp_path / "mine.yaml"
    data.write_text(
        "id,model,hardware,n_chips,precision,training_tokens,chip_hours\n"
        "ours,llama-3.1-8b,h100,1024,bf16,1000000000000,250000\n"
    )
    assert run(["calibrate", "--data", str(data), "--out", str(out)]) == 0
    assert "0 rows and 1 whole runs fitted" in capsys.readouterr().out
    assert 0 < yaml.safe_load(out.read_text())["campaigns"]["since_2024"]["value"] < 0.759


def test_a_table_is_fitted_from_the_priors_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine.yaml"
    data = table(tmp_path / "runs.csv", 6)
    assert run(["calibrate", "--data", str(data), "--out", str(out), "--seeds", "1", "--fresh"]) == 0
    printed = capsys.readouterr().out
    assert "12 rows and 0 whole runs fitted" in printed
    assert "sustained_share.hopper" in printed
    made = yaml.safe_load(out.read_text())
    assert made["rows"] == 12
    assert made["held_out"]["grouped_5_fold"]["dense"]["rows"] == 12


@pytest.mark.parametrize(
    ("groups", "more", "says"),
    [(2, ["--fresh"], "at least five"), (None, [], "no such file"), (0, [], "no row of")],
)
def test_bad_tables_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], groups: int | None, more: list[str], says: str
) -> None:
    data = tmp_path / "runs.csv"
    if groups is not None:
        table(data, groups)
    assert run(["calibrate", "--data", str(data), *more]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_plan_without_its_calibration_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--params", "7B", "--calibration", "none.yaml"]) == 2
    error = capsys.readouterr().err
    assert "none.yaml" in error
    assert error.count("\n") == 1
