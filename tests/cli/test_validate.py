"""`aiplan validate` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiplan.measurements import folder
from tests.cli.helpers import aiplan, process

MULTI = str(folder() / "vtrain-a100-multi.csv")


def test_json_is_one_object() -> None:
    done = aiplan("validate", "--data", MULTI, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["rows"] == 62
    assert done.json["predictions"][0]["id"] == "vtrain-multi-0026"
    assert aiplan("validate", "--data", MULTI, "-f", "json").out == done.out


def test_the_shipped_tables_are_the_default() -> None:
    assert aiplan("validate", "--kind", "training-runs", "--json").json["rows"] == 100
    assert aiplan("validate", "--json").json["kind"] == "training-throughput"


def test_the_table_names_refusals_and_the_flat_rule(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(
        "id,model,hardware,n_chips,precision,tokens_per_s_per_chip\n"
        "a,llama-3-8b,h100,8,bf16,12000\nb,llama-3-8b,h9000,8,bf16,12000\nc\x1b[31m,,h100,8,bf16,1\n",
        "utf-8",
    )
    done = aiplan("validate", "--data", str(file))
    assert done.code == 0
    assert "1 of 3 rows predicted" in done.out
    assert "flat rule" in done.out
    assert "'h9000' is not in the catalogue: b" in " ".join(done.out.split())
    assert "\x1b" not in done.out


def test_markdown_and_page(tmp_path: Path) -> None:
    done = aiplan("validate", "--data", MULTI, "--format", "md")
    assert done.out.startswith("**training-throughput: 62 of 62 rows predicted")
    assert "| all | 62 | 2 |" in done.out
    target = tmp_path / "page.html"
    assert aiplan("validate", "--data", MULTI, "--format", "html", "-o", str(target)).out == ""
    assert "<svg" in target.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--kind", "training"], "training-runs"),
        (["--kind", "inference-latency"], "--data"),
        (["--format", "csv"], "table, json, md, html"),
        (["--data", "/nonexistent/t.csv"], "no such file"),
        (["--data", "/"], "not a regular file"),
        (["--data", __file__], "none of its columns"),
        (["--data", MULTI, "-o", "/nonexistent/x"], "cannot write"),
        (["--catalog", "/nonexistent"], "/nonexistent"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], says: str) -> None:
    done = aiplan("validate", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1
    assert says in done.err


def test_a_table_in_another_folder_through_a_process(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps([{"model": "llama-3-8b", "hardware": "H100", "n_chips": 8}]), "utf-8")
    done = process("validate", "--data", "mine.yaml", "--json", cwd=str(tmp_path))
    assert done.code == 0, done.err
    assert done.json["predictions"][0]["id"] == "row 1"
    assert done.json["median_abs_error"] is None


def test_planning_does_not_import_the_validation() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from aiplan.cli.app import run; run(['train', '--params', '1B', '-o', '/dev/null']); "
        "print(any(m in sys.modules for m in ('aiplan.validate', 'aiplan.measurements', 'aiplan.residuals')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False"
