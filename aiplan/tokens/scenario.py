"""`ask: tokens` of a scenario: a prompt, a folder or a size, counted and priced, for assertions in CI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiplan.errors import UserError
from aiplan.graph import GRAPH
from aiplan.specs.result import Value
from aiplan.tokens import command, words
from aiplan.tokens.ask import TokensResult

CHOICES = ("doc", "text", "model", "output", "cached", "batch", "as", "tokenizer", "prices")
"""Keys of `set` that are no quantities; paths are from the scenario's folder."""


def solve(
    settings: Mapping[str, Any], limits: Mapping[str, Any], names: list[str], title: str, path: Path
) -> tuple[TokensResult, bool]:
    """The result, and whether some document could not be read, so that the count is too low to hold anything."""
    if limits:
        raise UserError(f"{path}: 'limit' has no meaning with 'ask: tokens'; write it under 'assert'")
    chosen = {key: settings[key] for key in CHOICES if key in settings}
    text, doc = chosen.get("text"), chosen.get("doc")
    try:
        asked = command.ask(
            words=[str(doc)] if doc is not None else [],
            text=None if text is None else str(text),
            models=[str(chosen["model"])] if "model" in chosen else [],
            answer=chosen.get("output", "0"),
            cached=chosen.get("cached", "0"),
            batch=str(chosen.get("batch", "")).lower() in ("true", "yes", "1"),
            as_=str(chosen.get("as", "text")),
            tokenizer=path.parent / str(chosen["tokenizer"]) if "tokenizer" in chosen else None,
            prices=path.parent / str(chosen["prices"]) if "prices" in chosen else None,
            settings={key: value for key, value in settings.items() if key not in CHOICES},
            name=title,
        )
        if text is None and doc is None:
            return words.answer(asked, names), False
        documents = command.read_all(
            [str(doc)] if doc is not None else [], None if text is None else str(text), base=path.parent
        )
        result = command.answer(documents, asked)
    except UserError as error:
        raise UserError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    for name in names:
        if name not in result.quantities:
            result.quantities[name] = Value(None, GRAPH[name].unit, "formula", why_null="it is not asked of documents")
    lost = [row["name"] for row in result.documents if row["error"] and row["kind"] != "binary"]
    if lost:
        result.binding.append(
            f"{len(lost)} documents could not be read, so the count is too low: {', '.join(lost[:3])}"
        )
    return result, bool(lost)
