"""The table and the Markdown of `aiplan tokens`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiplan import units
from aiplan.output import clean
from aiplan.output.plain import columns
from aiplan.output.sections import grouped
from aiplan.tokens.question import TokensResult

WIDTH = 80
HEADINGS = ("model", "tokens", "", "in", "out", "total", "window", "reading")
MOST_LINES = 12


def table(result: TokensResult, *, everything: bool = False) -> str:
    """The answer for people, 80 columns."""
    lines = [clean(result.name)] if result.name else []
    lines += textwrap.wrap(clean(result.headline), WIDTH)
    lines += _corpus(result.corpus, everything) if result.corpus else _documents(result, everything)
    if result.models:
        lines += ["", columns(HEADINGS, [_row(m) for m in result.models], right=(1, 3, 4, 5, 6, 7))]
        lines += _legend(result)
    else:
        lines += ["", columns(("", "", "p10 to p90"), _quantities(result), right=(1,))]
        lines += _priced(result)
    lines += _list("Assumptions", grouped(result), everything)
    lines += _list("Warnings", [f"{w.code}: {w.message}" for w in result.warnings], everything)
    if everything or not result.models:
        lines += _list("Sources", result.sources, everything)
    return "\n".join(line.rstrip() for line in lines)


def _priced(result: TokensResult) -> list[str]:
    """Whose price it is, and of which day."""
    source, day = result.choices.get("price_source"), result.choices.get("price_as_of")
    price = result.quantities.get("price_per_input_token")
    if not source or price is None or price.origin == "given":
        return []
    listed = "; the list does not say when it was checked" if source.startswith("genai-prices") else ""
    return ["", f"Price: {clean(source)}{f', checked {day}' if day else listed}."]


def _row(model: dict[str, Any]) -> tuple[str, ...]:
    share = model["context_share"]
    window = "unknown" if share is None else f"{share:.1%}" if share < 10 else f"x{share:,.0f}"
    return (
        model["model"],
        units.show(model["tokens"], "token") + ("*" if model["left_out"] else ""),
        _short(model["method"]),
        _money(model["input_cost"]),
        _money(model["output_cost"]),
        _money(model["cost"]),
        window if model["fits"] != 0.0 else f"{window} !",
        units.show(model["reading_time"], "s") + ("" if model["reading_speed"] != "default" else " ?"),
    )


def _money(value: float | None) -> str:
    """Dollars in a narrow column: tiny sums as powers of ten."""
    return f"${value:.2e}".replace("e-0", "e-") if value and value < 1e-4 else units.show(value, "USD")


def _short(method: str) -> str:
    """`exact`, `+-12%`, `rebuilt`."""
    return {"reconstructed": "rebuilt", "unknown": ""}.get(method, method.removeprefix("estimated "))


def _legend(result: TokensResult) -> list[str]:
    lines = []
    if any(m["method"].startswith("estimated") for m in result.models):
        lines.append("+-: estimated, since the vocabulary is not public or not installed")
    if any(m["left_out"] for m in result.models):
        lines.append("*: without what the warnings name")
    if any(m["fits"] == 0.0 for m in result.models):
        lines.append("!: it does not fit into the window")
    if any(m["reading_speed"] == "default" for m in result.models):
        lines.append("?: at an assumed speed")
    dates = {m["price_as_of"] for m in result.models if m["price_as_of"]}
    if dates:
        lines.append(f"prices checked {min(dates)} to {max(dates)}" if len(dates) > 1 else f"prices of {min(dates)}")
    return ["", *textwrap.wrap("; ".join(lines) + ".", WIDTH)] if lines else []


def _quantities(result: TokensResult) -> list[tuple[str, str, str]]:
    from aiplan.output.sections import label_text, range_text

    rows = []
    for name, value in result.quantities.items():
        if name.startswith("document_") and value.value == 0 and name != "document_tokens":
            continue
        if name == "context_share":
            shown = "unknown" if value.value is None else f"{value.value:.2%}"
        elif name == "fits_context":
            shown = {1.0: "yes", 0.0: "no"}.get(value.value if value.value is not None else -1.0, "unknown")
        else:
            shown = units.show(value.value, value.unit, name)
        label = name if value.origin == "measured" else label_text(name, value)
        between = range_text(name, value) if name != "context_share" or value.p10 is None else _shares(value)
        rows.append((label, shown, between))
        if value.value is None and value.why_null:
            rows.append(("", "", value.why_null))
    return rows


def _shares(value: Any) -> str:
    return f"{value.p10:.2%} to {value.p90:.2%}"


def _documents(result: TokensResult, everything: bool) -> list[str]:
    rows = [d for d in result.documents if d["error"] is None]
    if len(rows) == 1 and len(result.documents) == 1:
        return textwrap.wrap(_said(rows[0]), WIDTH)
    if not rows:
        return []
    shown = rows if everything else sorted(rows, key=lambda d: -(d["text_tokens"] or 0))[:MOST_LINES]
    text = columns(
        ("document", "kind", "pages", "words", "tokens"),
        [
            (
                _cut(d["name"]),
                d["kind"],
                "" if d["pages"] is None else f"{d['pages']:,}",
                f"{d['words']:,}",
                units.show(d["text_tokens"], "token"),
            )
            for d in shown
        ],
        right=(2, 3, 4),
    )
    more = [f"and {len(rows) - len(shown):,} more (--all shows them)"] if len(shown) < len(rows) else []
    return ["", text, *more]


def _corpus(found: dict[str, Any], everything: bool) -> list[str]:
    """A corpus by kind, by folder and by size."""
    lines: list[str] = []
    for key in ("kind", "folder"):
        groups = found[f"{key}s"]
        shown = groups if everything else groups[:MOST_LINES]
        rows = [
            (
                _cut(g[key] or "unreadable"),
                f"{g['files']:,}",
                units.show(float(g["bytes"]), "B"),
                units.show(float(g["tokens"]), "token"),
                f"{g['tokens'] / found['tokens']:.1%}" if found["tokens"] else "",
            )
            for g in shown
        ]
        lines += ["", columns((key, "files", "bytes", "tokens", "share"), rows, right=(1, 2, 3, 4))]
        if len(shown) < len(groups):
            lines.append(f"and {len(groups) - len(shown):,} more (--all shows them)")
    if any(g["kind"] in ("image", "audio", "video") for g in found["kinds"]):
        lines += ["", "These are tokens of text: pictures, sound and film are in the totals below."]
    bins = [(f"from {b['from']:,}", f"{b['files']:,}") for b in found["histogram"] if b["files"]]
    lines += ["", columns(("tokens in a file", "files"), bins, right=(1,))]
    if found["journal"]:
        lines += ["", clean(f"Journal: {found['journal']}")]
    for item in found["errors"] if everything else found["errors"][:MOST_LINES]:
        lines.append(clean(f"! {item['path']}: {item['error']}"))
    return lines


def _cut(name: str, most: int = 44) -> str:
    return name if len(name) <= most else f"...{name[3 - most :]}"


def _said(row: dict[str, Any]) -> str:
    """How a document was read, in a line."""
    parts = [f"{row['kind']}, {row['bytes']:,} bytes"]
    if row["pages"] is not None:
        parts.append(f"{row['pages']:,} pages" + (f" ({row['scanned_pages']} scanned)" if row["scanned_pages"] else ""))
    if row["images"]:
        parts.append(f"{row['images']} images")
    if row["seconds"]:
        parts.append(units.show(row["seconds"], "s"))
    parts.append(f"{row['words']:,} words")
    return (
        clean(f"Read by {row['extractor']}: " + ", ".join(parts) + ".")
        if row["extractor"] != "as it is"
        else (", ".join(parts) + ".")
    )


def _list(heading: str, items: list[str], everything: bool) -> list[str]:
    if not items:
        return []
    shown = items if everything else items[:MOST_LINES]
    lines = ["", heading]
    for item in shown:
        lines += textwrap.wrap(clean(item), WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    if len(shown) < len(items):
        lines.append(f"- and {len(items) - len(shown):,} more (--all shows them)")
    return lines


def markdown(result: TokensResult, *, everything: bool = False) -> str:
    """The answer for a pull request."""
    lines = [f"**{_text(result.headline)}**", ""]
    if result.models:
        heads = ("model", "tokens", "method", "in", "out", "total", "window", "reading")
        lines += [f"| {' | '.join(heads)} |", "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |"]
        lines += [f"| {' | '.join(_text(cell) for cell in _row(m))} |" for m in result.models]
    else:
        lines += ["| quantity | value | p10 to p90 |", "| --- | ---: | --- |"]
        lines += [f"| {' | '.join(_text(cell) for cell in row)} |" for row in _quantities(result)]
    for warning in result.warnings[: None if everything else MOST_LINES]:
        lines.append(f"- {_text(warning.message)}" if lines[-1].startswith("- ") else f"\n- {_text(warning.message)}")
    return "\n".join(lines)


def _text(text: str) -> str:
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")


def csv(result: TokensResult) -> str:
    """A row a model where there are several, else a row a quantity."""
    if not result.models:
        from aiplan.output.structured import render

        return render([result], "csv")
    return _sheet(result.models, without=("notes", "left_out"))


def _sheet(rows: Sequence[dict[str, Any]], without: Sequence[str] = ()) -> str:
    """Rows as CSV."""
    import csv as writer_of
    import io

    from aiplan.output.structured import safe_cell

    out = io.StringIO()
    keys = [k for k in rows[0] if k not in without]
    writer = writer_of.writer(out, lineterminator="\n")
    writer.writerow(keys)
    for row in rows:
        writer.writerow(["" if row[k] is None else safe_cell(row[k]) for k in keys])
    return out.getvalue().rstrip("\n")


def render(result: TokensResult, form: str, *, everything: bool = False) -> str:
    """The text of the answer in a format."""
    if form == "table":
        return table(result, everything=everything)
    if form == "md":
        return markdown(result, everything=everything)
    if form == "csv":
        return csv(result)
    from aiplan.output.structured import render as structured

    return structured([result], form)


def models(prices: Path | None, form: str) -> str:
    """All models that can be named, in a format."""
    from aiplan.tokens.models import listing

    found = listing(prices)
    if form in ("json", "jsonl"):
        import json

        if form == "jsonl":
            return "\n".join(json.dumps(one, ensure_ascii=False) for one in found)
        return json.dumps(found, indent=2, ensure_ascii=False)
    if form == "yaml":
        import yaml

        return yaml.safe_dump(found, sort_keys=False, allow_unicode=True).rstrip("\n")
    if form == "csv":
        return _sheet(found)
    rows = [
        (
            m["model"],
            m["provider"],
            m["vocabulary"],
            "unknown" if m["context_window"] is None else f"{m['context_window']:,.0f}",
            units.show(m["input"], "USD/token").removesuffix(" tokens"),
            units.show(m["output"], "USD/token").removesuffix(" tokens"),
        )
        for m in found
    ]
    heads = ("model", "provider", "vocabulary", "window", "in", "out")
    if form == "md":
        lines = [f"| {' | '.join(heads)} |", "| --- | --- | --- | ---: | ---: | ---: |"]
        return "\n".join([*lines, *(f"| {' | '.join(map(_text, row))} |" for row in rows)])
    return columns(heads, rows, right=(3, 4, 5))
