"""Uncertain inputs on the command line and in files: one language, seeds, assertions on percentiles."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

from tests.cli.helpers import aiplan, process, train

PLAN = "--params 70B --tokens 1T --accelerator h100 --accelerators 1024"
MFU = ("--vary", "mfu=30% to 45%")


def test_percentiles_are_of_the_draws() -> None:
    """The value is at the centre; p50 is the median; what was drawn is among the inputs."""
    done = train(PLAN, *MFU)
    mfu = done.json["quantities"]["mfu"]
    assert abs(mfu["p50"] - mfu["value"]) < 1e-4
    assert 0.31 < mfu["p10"] < 0.32 < 0.43 < mfu["p90"] < 0.44
    inputs = done.json["inputs"]
    assert (inputs["vary.mfu"], inputs["draws"], inputs["seed"]) == ("30% to 45%", 10_000, 0)
    assert "10,000 draws, seed 0, mfu 30% to 45%" in " ".join(aiplan("train", *PLAN.split(), *MFU).out.split())


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Twice the same command, in processes of their own, is byte for byte the same; another seed is not."""
    command = ("train", *PLAN.split(), *MFU, "--json", "--draws", "1000")
    first, second, other = process(*command), process(*command), process(*command, "--seed", "1")
    assert first.out == second.out
    assert first.out != other.out
    assert first.json["quantities"]["run_cost"]["value"] == other.json["quantities"]["run_cost"]["value"]


def test_a_file_says_the_same_as_the_command_line(tmp_path: Path) -> None:
    """What --save writes gives the same quantities."""
    file = tmp_path / "plan.yaml"
    done = train(PLAN, *MFU, "--draws", "500", "--save", str(file), "--assert", "run_cost.p90 <= $5M")
    again = aiplan("run", str(file), "--json", "--draws", "500")
    assert again.json["quantities"] == done.json["quantities"]
    assert again.json["checks"] == done.json["checks"]
    refused = aiplan("train", *PLAN.split(), "--save", str(file))
    assert (refused.code, "exists" in refused.err) == (2, True)


def test_a_bare_quantity_is_the_median_and_says_so(tmp_path: Path) -> None:
    """An assertion without a percentile holds the median of the draws, and `fits` their share."""
    file = tmp_path / "plan.yaml"
    file.write_text(
        "aiplan: 1\nset: {params: 70B, tokens: 1T, accelerator: h100, accelerators: 1024}\n"
        "vary: {mfu: 30% to 45%}\nassert:\n  - training_days <= 30\n  - training_days.p90 <= 10\n  - fits\n"
    )
    done = aiplan("check", str(file))
    assert done.code == 1
    assert "the median of 10,000 draws" in done.out
    assert "FAILED  training_days.p90 <= 10" in done.out
    assert "fits (in 100.0% of 10,000 draws)" in done.out


def test_what_is_set_on_the_command_line_no_longer_varies(tmp_path: Path) -> None:
    """Flags win over the file."""
    file = tmp_path / "plan.yaml"
    file.write_text(
        "aiplan: 1\nset: {params: 7B, tokens: 1T, accelerator: h100, accelerators: 64}\nvary: {mfu: 30% to 45%}\n"
    )
    done = aiplan("run", str(file), "--mfu", "40%", "--json")
    assert done.value("mfu") == 0.4
    assert done.json["quantities"]["mfu"]["p10"] is None
    assert "draws" not in done.json["inputs"]


def test_samples_are_a_row_a_draw(tmp_path: Path) -> None:
    """The uncertain inputs first, then what moves."""
    file = tmp_path / "draws.csv"
    vary = ("--vary", "accelerator={choice: [h100, a100]}")
    train("--params 70B --tokens 1T --accelerators 1024", *vary, "--draws", "200", "--save-draws", str(file))
    with file.open() as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 200
    assert list(rows[0])[:2] == ["draw", "accelerator"]
    assert {row["accelerator"] for row in rows} == {"h100", "a100"}
    days = sorted(float(row["training_days"]) for row in rows)
    assert days[0] < days[-1]


def test_samples_as_parquet_are_those_of_csv(tmp_path: Path) -> None:
    """The ending of the name decides; a draw without a value is null."""
    import pyarrow.parquet as parquet

    words = (*PLAN.split(), "--vary", "accelerator={choice: [h100, a100]}", *MFU, "--draws", "50")
    for name in ("a.csv", "a.parquet"):
        assert aiplan("train", *words, "--save-draws", str(tmp_path / name)).code == 0
    with (tmp_path / "a.csv").open() as text:
        rows = list(csv.DictReader(text))
    table = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert len(table) == 50
    assert [{n: "" if v is None else str(v) for n, v in row.items()} for row in table] == rows


def test_wrong_ranges_exit_2() -> None:
    """One line that names the option."""
    for text, said in (("mfu=45% to 30%", "does not rise"), ("mfuu=1 to 2", "nearest"), ("mfu", "NAME=VALUE")):
        done = aiplan("train", *PLAN.split(), "--vary", text)
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert said in done.err
    assert aiplan("train", *PLAN.split(), *MFU, "--draws", "3").code == 2


def test_train_without_uncertain_inputs_imports_no_numpy() -> None:
    """The plain way stays fast."""
    done = process("train", *PLAN.split(), "--json")
    assert done.code == 0
    script = (
        "import sys; sys.argv = ['aiplan', 'train', '--params', '7B']\n"
        "from aiplan.cli.app import run\nrun(sys.argv[1:])\n"
        "bad = [m for m in sys.modules if m == 'numpy' or m.startswith('aiplan.whatif.')]\n"
        "print(sorted(bad), file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stderr.strip() == "['aiplan.whatif.uncertainty']"
