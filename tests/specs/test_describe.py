"""The JSON Schemas that editors and programs read."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from aiplan.cli.schema import KINDS, schema_of
from aiplan.specs.result import Result
from tests.cli.helpers import ROOT


def undescribed(schema: dict[str, Any]) -> list[str]:
    """Fields without a description, at their own place or in the one form that is not null."""
    parts = [schema, *schema.get("$defs", {}).values()]
    found = [item for part in parts for item in part.get("properties", {}).items()]
    assert found
    return [n for n, f in found if not any(form.get("description") for form in (f, *f.get("anyOf", ())))]


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_schemas_and_every_field_is_described(kind: str) -> None:
    schema = schema_of(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert undescribed(schema) == []


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").rglob("*.yaml")), ids=lambda path: path.stem)
def test_our_scenarios_are_valid_in_an_editor(path: Any) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text()), schema_of("scenario"))
    first = path.read_text().partition("\n")[0]
    up = "../" * len(path.parent.relative_to(ROOT).parts)
    assert first == f"# yaml-language-server: $schema={up}schema/scenario.json"


def test_the_schema_that_our_scenarios_name_is_there() -> None:
    assert (ROOT / "schema" / "scenario.json").is_file()


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"aiplan": 2},
        {"aiplan": 1, "sett": {}},
        {"aiplan": 1, "set": {"params": [1]}},
        {"aiplan": 1, "assert": "fits"},
        {"aiplan": 1, "claim": {"id": "x", "says": "y", "verdict": "maybe", "because": "z"}},
    ],
)
def test_an_editor_marks_what_we_refuse(bad: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema_of("scenario"))


def test_the_result_has_the_keys_of_the_contract() -> None:
    schema = schema_of("result")
    empty = Result("train", "0", "", {}, {}, [], [], [], [], {}).to_json()
    jsonschema.validate(empty, schema)
    contract = {"schema", "ask", "aiplan_version", "quantities", "choices", "binding", "assumptions", "warnings"}
    assert contract | {"sources", "inputs"} <= set(empty)
    assert set(schema["$defs"]["Result"]["properties"]) >= set(empty)
    value = schema["$defs"]["Value"]
    assert set(value["properties"]) == {"value", "unit", "origin", "p10", "p50", "p90", "why_null"}
