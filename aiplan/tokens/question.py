"""What is asked of documents, the form of the answer, and its quantities through the graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from aiplan.graph import GRAPH, Given, Node
from aiplan.specs.result import Result, Value, Warning_
from aiplan.tokens import formulas as _formulas  # noqa: F401  (fills the graph)
from aiplan.tokens.count import Count
from aiplan.tokens.models import Model, Price

As = Literal["text", "pdf", "image"]
TO_P10 = 1.2816 / 1.6449  # from the half width of a 90% interval to that of an 80% one
ASKS = "document_tokens input_cost output_cost cost context_share fits_context reading_time answer_time".split()
NO_OUTPUT_PRICE = "no price of its output is listed"
CACHED = "cached_share price_per_fresh_token price_per_cached_token".split()
PER_MODEL = "price_per_input_token price_per_output_token context_window reading_speed writing_speed".split()


@dataclass(slots=True)
class TokensResult(Result):
    """The answer about documents: the contract's object with the models and the documents beside it."""

    models: list[dict[str, Any]] = field(default_factory=list)
    """The same documents for each model, cheapest first."""
    documents: list[dict[str, Any]] = field(default_factory=list)
    """What was read, and what could not be."""
    nodes: dict[str, Node] = field(default_factory=dict)
    """The derivation for the one model that was asked; not part of the contract's object."""
    corpus: dict[str, Any] = field(default_factory=dict)
    """Of a corpus: totals by kind and folder, histogram, duplicates, errors, where its journal is."""

    def to_json(self) -> dict[str, Any]:
        """The contract's object, models and documents beside the quantities."""
        base = Result(**{f.name: getattr(self, f.name) for f in dataclasses.fields(Result)})
        more = {"corpus": self.corpus} if self.corpus else {}
        return base.to_json() | {"models": self.models, "documents": self.documents} | more


@dataclass(slots=True)
class Ask:
    """What was asked about documents."""

    models: list[str] = field(default_factory=list)
    answer: float = 0.0
    """Tokens of the answer; below 1 a share of the document's."""
    cached: float = 0.0
    batch: bool = False
    as_: As = "text"
    tokenizer: Path | None = None
    prices: Path | None = None
    when: datetime | None = None
    given: dict[str, float] = field(default_factory=dict)
    """Pinned quantities."""
    inputs: dict[str, Any] = field(default_factory=dict)
    name: str | None = None


def priced(
    model: Model, price: Price, tokens: float, answer: float, ask: Ask, request: float | None = None
) -> dict[str, Given]:
    """The prices of a token as quantities: one, or those of fresh and of cached tokens where some are cached.

    `request` is the length of one request, where `tokens` are those of many.
    """
    out: dict[str, Given] = {}
    share = ask.given.get("cached_share", ask.cached)
    mixed = share > 0 or "cached_share" in ask.given
    names = ("price_per_fresh_token", "price_per_cached_token") if mixed else ("price_per_input_token",)
    per_out = None
    for name, cached in zip(names, (0.0, 1.0), strict=False):
        one, size = price, tokens
        if mixed:
            size = request or tokens
            one = model.price(size, answer, cached=cached, batch=ask.batch, when=ask.when)
        per_in, per_out = model.rates(one, size, answer, cached=cached, batch=ask.batch, request=request)
        out[name] = Given(per_in, "catalog", one.source, one.why_null)
    if mixed:
        out["cached_share"] = Given(share)
    out["price_per_output_token"] = Given(per_out, "catalog", price.source, price.why_null or NO_OUTPUT_PRICE)
    if per_out is None and price.output == 0.0:
        out["output_cost"] = Given(0.0, "measured", "no answer is asked for")
    return out


def solve(
    model: Model,
    count: Given,
    answer: float,
    price: Price,
    ask: Ask,
    *,
    share: float | None = None,
    request: float | None = None,
) -> dict[str, Node]:
    """The quantities of one model, through the graph.

    `share` of the window and length of a `request`, where they are not of all tokens at once.
    """
    given: dict[str, Given] = {"document_tokens": count, "answer_tokens": Given(answer)}
    given |= priced(model, price, count.value or 0.0, answer, ask, request)
    unknown = f"the context window of {model.name} is not known; --prices FILE gives one"
    given["context_window"] = Given(model.window, "catalog", model.source, None if model.window else unknown)
    given["answer_window"] = answer_window(model, ask)
    for name in ("reading_speed", "writing_speed"):
        if (speed := getattr(model, name)) is not None:
            given[name] = Given(speed, "catalog", model.source)
    if share is not None:
        given["context_share"] = Given(share, "measured")
    for name, pinned in ask.given.items():
        given[name] = Given(pinned, "given")
    return GRAPH.resolve([*ASKS, *PER_MODEL], given)


def answer_window(model: Model | None, ask: Ask) -> Given:
    """What of the window only an answer can take; nothing where the window is another than the model's own."""
    own = model is not None and "context_window" not in ask.given
    return Given(model.answer_window if model is not None and own else 0.0, "catalog", model.source if model else "")


def unused(ask: Ask, used: Container[str]) -> list[Warning_]:
    """Quantities that were pinned and changed nothing."""
    return [
        Warning_("pin-unused", f"{name} is set, but changes nothing here") for name in ask.given if name not in used
    ]


def without_model() -> dict[str, Value]:
    """What depends on the model, as nulls with the reason."""
    why = "it depends on the model: see models, or ask with --model NAME"
    return {name: Value(None, GRAPH[name].unit, "formula", why_null=why) for name in ASKS[1:]}


def spread(count: Count) -> tuple[float, float] | None:
    """p10 and p90 of an estimated count; None where it is exact."""
    if count.method != "estimated" or count.low == count.high:
        return None
    return count.tokens - (count.tokens - count.low) * TO_P10, count.tokens + (count.high - count.tokens) * TO_P10
