"""JSON, JSON lines, CSV and YAML say the same, in full precision, and cannot be turned into anything else."""

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml

from aiplan.output import render
from aiplan.output.structured import CSV_COLUMNS, safe_cell
from aiplan.specs.result import Assumption, Result, Value, Warning_


def result(name: str | None = "A plan", **more: Value) -> Result:
    return Result(
        ask="train",
        name=name,
        aiplan_version="0",
        headline="Something happens.",
        quantities={
            "params": Value(1e14, "param", "given"),
            "training_flops": Value(0.1 + 0.2, "FLOP", "formula", 0.1, 0.1 + 0.2, 7.731234567890123e29),
            "run_cost": Value(None, "USD", "formula", why_null='=it has, no "price"\nat all'),
            **more,
        },
        choices={"accelerator": "h100", "layout": {"tp": 8}},
        binding=["training_days: the limit"],
        assumptions=[Assumption("pue", 1.25, "", "somebody")],
        warnings=[Warning_("code", "text")],
        sources=["a", "b"],
        inputs={"params": "100T"},
    )


def test_json_and_yaml_and_jsonl_are_one_object() -> None:
    one = result()
    wanted = one.to_json()
    assert json.loads(render([one], "json")) == wanted
    assert yaml.safe_load(render([one], "yaml")) == wanted
    assert json.loads(render([one], "jsonl")) == wanted
    assert "\n" not in render([one], "jsonl")
    assert wanted["quantities"]["training_flops"]["value"] == 0.30000000000000004
    assert list(wanted)[:2] == ["schema", "ask"]


def test_several() -> None:
    both = [result("a"), result("b")]
    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        answer = read(render(both, form))
        assert answer["schema"] == "aiplan.results/1"
        assert [r["name"] for r in answer["results"]] == ["a", "b"]
    lines = render(both, "jsonl").splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["a", "b"]
    assert json.loads(render([result()], "json", many=True))["schema"] == "aiplan.results/1"


def test_optional_keys_are_left_out_where_empty() -> None:
    wanted = set(result(None).to_json())
    assert {"name", "laws", "drivers", "checks", "claim", "ours"}.isdisjoint(wanted)
    assert {"binding", "assumptions", "warnings", "sources", "inputs", "choices"} <= wanted


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_never_becomes_json(bad: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        render([result(mfu=Value(bad, "", "formula"))], "json")


def test_csv_has_a_row_a_quantity() -> None:
    rows = list(csv.DictReader(io.StringIO(render([result(), result("-second")], "csv"))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == 6
    assert float(rows[1]["value"]) == 0.30000000000000004
    assert float(rows[1]["p90"]) == 7.731234567890123e29
    assert (rows[2]["value"], rows[2]["p10"]) == ("", "")
    assert rows[2]["why_null"].startswith("'=it has")
    assert rows[3]["plan"] == "'-second"
    assert (rows[0]["plan"], rows[0]["unit"], rows[0]["origin"]) == ("A plan", "param", "given")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_spreadsheet_runs_nothing(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["text", "", "1+1", -2.0, 3, None])
def test_other_cells_are_left_alone(cell: object) -> None:
    assert safe_cell(cell) == cell


def test_yaml_is_plain() -> None:
    text = render([result("!!python/object:os.system")], "yaml")
    assert yaml.safe_load(text)["name"] == "!!python/object:os.system"
    assert text.startswith("schema: aiplan.result/1\n")
