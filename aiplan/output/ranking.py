"""A ranking of accelerators: for people as a table, for programs as one object."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from aiplan import units
from aiplan.output import clean
from aiplan.output.plain import columns
from aiplan.output.structured import safe_cell

if TYPE_CHECKING:
    from aiplan.specs.ranking import Ranked, Ranking

WIDTH = 100
HEADINGS = ("rank", "id", "value", "precision", "price", "kind", "as of")


def render(ranking: Ranking, form: str) -> str:
    """The ranking in a format: table, md, csv, json, jsonl (a line an accelerator) or yaml."""
    whole = ranking.to_json()
    if form == "json":
        return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
    if form == "jsonl":
        rows = [*whole["ranked"], *whole["unknown"]]
        return "\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    if form == "yaml":
        import yaml

        return str(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True)).rstrip("\n")
    if form == "csv":
        return _csv(ranking)
    return _markdown(ranking) if form == "md" else _table(ranking)


def _title(ranking: Ranking) -> str:
    at = f" at {ranking.precision}" if ranking.precision else ""
    return f"{ranking.by}{at}: {ranking.sentence}"


def _rows(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, without the columns that this measure leaves empty."""
    rows = [_row(row, ranking.unit) for row in ranking.ranked]
    kept = [i for i in range(len(HEADINGS)) if any(row[i] for row in rows)]
    return [HEADINGS[i] for i in kept], [[row[i] for i in kept] for row in rows]


def _row(row: Ranked, unit: str) -> list[str]:
    mark = "" if row.status == "shipping" else f" ({row.status})"
    kind = f"{row.price_kind}, {row.price_covers}" if row.price_kind else ""
    price = units.show(row.price_usd, "USD") if row.price_usd is not None else ""
    value = units.show(row.value, unit)
    return [str(row.rank), f"{row.id}{mark}", value, row.precision or "", price, kind, row.price_as_of or ""]


def _table(ranking: Ranking) -> str:
    headings, rows = _rows(ranking)
    right = [i for i, name in enumerate(headings) if name in ("rank", "value", "price")]
    lines = [_title(ranking), "", columns(headings, rows, right=right) if rows else "None is known."]
    if ranking.unknown:
        lines += ["", "Unknown"]
    for why, names in _by_reason(ranking):
        text = f"{clean(why)}: {', '.join(names)}"
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join(lines)


def _by_reason(ranking: Ranking) -> list[tuple[str, list[str]]]:
    out: dict[str, list[str]] = {}
    for name, why in ranking.unknown:
        out.setdefault(why, []).append(name)
    return sorted(out.items(), key=lambda item: -len(item[1]))


def _markdown(ranking: Ranking) -> str:
    headings, rows = _rows(ranking)
    cells = [headings, ["---"] * len(headings), *rows] if rows else []
    lines = [f"**{_title(ranking)}**", "", *(f"| {' | '.join(clean(c) for c in row)} |" for row in cells)]
    if ranking.unknown:
        lines += ["", "### Unknown", "", *(f"- {clean(why)}: {', '.join(n)}" for why, n in _by_reason(ranking))]
    return "\n".join(lines)


def _csv(ranking: Ranking) -> str:
    out = io.StringIO()
    rows = [asdict(row) | {"unit": ranking.unit, "why_null": None} for row in ranking.ranked]
    names = list(rows[0]) if rows else ["id", "why_null"]
    rows += [dict.fromkeys(names) | {"id": name, "why_null": why} for name, why in ranking.unknown]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: safe_cell(v) if v is not None else "" for k, v in row.items()} for row in rows)
    return out.getvalue().rstrip("\n")
