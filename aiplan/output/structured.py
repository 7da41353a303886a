"""JSON, JSON lines, CSV and YAML: full-precision SI values for programs."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from aiplan.output import clean
from aiplan.specs.result import SCHEMA_MANY, Result

CSV_COLUMNS = ("plan", "quantity", "value", "unit", "p10", "p50", "p90", "origin", "why_null")


def render(results: list[Result], form: str, *, many: bool = False) -> str:
    """One object for one result, a list for several; a line each in jsonl; a row a quantity in csv."""
    if form == "csv":
        return _csv(results)
    objects = [result.to_json() for result in results]
    if form == "jsonl":
        return "\n".join(json.dumps(o, ensure_ascii=False, allow_nan=False) for o in objects)
    whole: Any = {"schema": SCHEMA_MANY, "results": objects} if many or len(objects) != 1 else objects[0]
    if form == "yaml":
        import yaml

        return str(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True)).rstrip("\n")
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)


FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # what a spreadsheet runs, the wide forms where it is set to them


def safe_cell(value: Any) -> Any:
    """A text cell that a spreadsheet will not run as a formula, nor a terminal obey.

    >>> safe_cell("=1+1"), safe_cell(" @x\\n"), safe_cell(-2.0)
    ("'=1+1", "' @x", -2.0)
    """
    if not isinstance(value, str):
        return value
    lead = value[:1] if value[:1] in ("\t", "\r") else ""  # a spreadsheet may look past it
    out = lead + clean(value[len(lead) :])
    return f"'{out}" if lead or out.lstrip().startswith(FORMULA) else out


def _csv(results: list[Result]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for result in results:
        for name, v in result.quantities.items():
            row = (result.name or result.ask, name, v.value, v.unit, v.p10, v.p50, v.p90, v.origin, v.why_null)
            writer.writerow([safe_cell(cell) if cell is not None else "" for cell in row])
    return out.getvalue().rstrip("\n")
