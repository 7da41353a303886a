"""`ask: tokens` of a scenario: a prompt, a folder or a size, counted and priced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiplan.errors import UserError
from aiplan.graph import GRAPH
from aiplan.specs.question import read_choice
from aiplan.specs.result import Value
from aiplan.tokens import command, words
from aiplan.tokens.ask import Texts
from aiplan.tokens.count import Counters
from aiplan.tokens.documents import Document
from aiplan.tokens.keys import CHOICES
from aiplan.tokens.question import Ask, TokensResult


def solve(
    settings: Mapping[str, Any],
    limits: Mapping[str, Any],
    names: list[str],
    title: str,
    path: Path,
    *,
    values: Mapping[str, float] | None = None,
) -> tuple[TokensResult, bool]:
    """The result, and whether some document could not be read, so that the count is too low to hold anything.

    `values` are quantities in SI units, of a point of a grid or a centre of draws; they win over `settings`.
    """
    if limits:
        raise UserError(f"{path}: 'limit' has no meaning with 'ask: tokens'; write it under 'assert'")
    chosen = {key: settings[key] for key in CHOICES if key in settings}
    text, doc = chosen.get("text"), chosen.get("doc")
    try:
        asked = _asked(settings, chosen, title, path, values or {})
        if text is None and doc is None:
            return words.answer(asked, names), False
        documents, texts = _read(_text(doc), _text(text), path.parent, asked.tokenizer)
        result = command.answer(documents, asked, texts=texts)
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


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _asked(
    settings: Mapping[str, Any], chosen: Mapping[str, Any], title: str, path: Path, values: Mapping[str, float]
) -> Ask:
    asked = command.ask(
        words=[str(chosen["doc"])] if "doc" in chosen else [],
        text=_text(chosen.get("text")),
        models=[str(chosen["model"])] if "model" in chosen else [],
        answer=chosen.get("output", "0"),
        cached=chosen.get("cached", "0"),
        batch=read_choice("batch", chosen.get("batch", "no"), where=str(path), choices=CHOICES) == "yes",
        as_=str(chosen.get("as", "text")),
        tokenizer=path.parent / str(chosen["tokenizer"]) if "tokenizer" in chosen else None,
        prices=path.parent / str(chosen["prices"]) if "prices" in chosen else None,
        settings={key: value for key, value in settings.items() if key not in CHOICES and key not in values},
        name=title,
    )
    return replace(asked, given={**asked.given, **values}, inputs=dict(settings))


@lru_cache(maxsize=4)
def _read(doc: str | None, text: str | None, base: Path, tokenizer: Path | None) -> tuple[list[Document], Texts]:
    """The documents and their counts, read once for all points of a grid."""
    documents = command.read_all([doc] if doc is not None else [], text, base=base)
    leaves = [leaf for document in documents for leaf in document.leaves() if leaf.error is None]
    return documents, Texts(leaves, Counters(mine=tokenizer))
