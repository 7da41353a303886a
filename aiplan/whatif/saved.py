"""A result that was saved as JSON, read back: what to compare a plan with."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

from aiplan.errors import UserError
from aiplan.specs.result import SCHEMA, SCHEMA_MANY, Check, Result, Value

MOST_BYTES = 100_000_000


def read_saved(path: Path) -> list[Result]:
    """The results of a JSON file that `--format json` wrote. Raises UserError for what is none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: larger than {MOST_BYTES:,} bytes")
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({str(error)[:100]})") from None
    found = data.get("results") if isinstance(data, dict) and data.get("schema") == SCHEMA_MANY else [data]
    if not isinstance(found, list):
        raise UserError(f"{path}: 'results' is not a list")
    return [_result(each, path) for each in found]


def _result(data: Any, path: Path) -> Result:
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise UserError(f"{path}: not a saved result: a JSON object with the schema {SCHEMA!r}")
    quantities = data.get("quantities")
    if not isinstance(quantities, dict):
        raise UserError(f"{path}: 'quantities' is not a map")
    checks = data.get("checks") or []
    inputs = data.get("inputs")
    if not isinstance(checks, list) or not isinstance(inputs, dict):
        raise UserError(f"{path}: 'checks' is not a list, or 'inputs' is not a map")
    return Result(
        ask=str(data.get("ask", "train")),
        aiplan_version=str(data.get("aiplan_version", "")),
        headline=str(data.get("headline", "")),
        quantities={str(name): _value(name, found, path) for name, found in quantities.items()},
        choices=data["choices"] if isinstance(data.get("choices"), dict) else {},
        binding=[],
        assumptions=[],
        warnings=[],
        sources=[],
        inputs=inputs,
        name=None if data.get("name") is None else str(data["name"]),
        checks=[_check(each, path) for each in checks],
    )


def _value(name: str, data: Any, path: Path) -> Value:
    if not isinstance(data, dict):
        raise UserError(f"{path}: the quantity {name!r} is not a map")
    numbers = []
    for key in ("value", "p10", "p50", "p90"):
        found = data.get(key)
        if found is not None and (isinstance(found, bool) or not isinstance(found, int | float) or not _finite(found)):
            raise UserError(f"{path}: {name}.{key} is {str(found)[:40]!r}, not a number")
        numbers.append(None if found is None else float(found))
    why = data.get("why_null")
    out = Value(
        unit=str(data.get("unit", "")), origin="given", why_null=why if isinstance(why, str) else None, value=None
    )
    out.value, out.p10, out.p50, out.p90 = numbers
    return out


def _finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _check(data: Any, path: Path) -> Check:
    names = [f.name for f in fields(Check)]
    if not isinstance(data, dict) or not all(name in data for name in names):
        raise UserError(f"{path}: a check lacks one of {', '.join(names)}")
    kind = "warn" if data["kind"] == "warn" else "assert"
    return Check(text=str(data["text"]), kind=kind, passed=data["passed"] is True, message=str(data["message"]))  # type: ignore[arg-type]
