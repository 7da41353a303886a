"""`ask: tokens` of a scenario: a prompt, a folder or a size, counted and priced; as a grid, with draws, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aiplan.errors import UserError
from aiplan.graph import GRAPH
from aiplan.specs.result import Value, Warning_
from aiplan.tokens import command, words
from aiplan.tokens.ask import Texts
from aiplan.tokens.count import Counters
from aiplan.tokens.documents import Document
from aiplan.tokens.models import Registry
from aiplan.tokens.question import ASKS, Ask, TokensResult

if TYPE_CHECKING:
    from aiplan.whatif.draws import Draws
    from aiplan.whatif.inputs import Input

CHOICES = ("doc", "text", "model", "output", "cached", "batch", "as", "tokenizer", "prices")
"""Keys of `set` that are no quantities; paths are from the scenario's folder."""


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
        batch=str(chosen.get("batch", "")).lower() in ("true", "yes", "1"),
        as_=str(chosen.get("as", "text")),
        tokenizer=path.parent / str(chosen["tokenizer"]) if "tokenizer" in chosen else None,
        prices=path.parent / str(chosen["prices"]) if "prices" in chosen else None,
        settings={key: value for key, value in settings.items() if key not in CHOICES and key not in values},
        name=title,
    )
    return replace(asked, given={**asked.given, **values}, inputs={**asked.inputs, **values})


@lru_cache(maxsize=4)
def _read(doc: str | None, text: str | None, base: Path, tokenizer: Path | None) -> tuple[list[Document], Texts]:
    """The documents and their counts, read once for all points of a grid."""
    documents = command.read_all([doc] if doc is not None else [], text, base=base)
    leaves = [leaf for document in documents for leaf in document.leaves() if leaf.error is None]
    return documents, Texts(leaves, Counters(mine=tokenizer))


def drawn(
    settings: Mapping[str, Any],
    limits: Mapping[str, Any],
    vary: list[Input],
    names: list[str],
    title: str,
    path: Path,
    *,
    values: Mapping[str, float],
    count: int,
    seed: int,
) -> tuple[TokensResult, bool, Draws]:
    """The result at the central values of what varies, with the percentiles of `count` draws around it."""
    from aiplan.whatif.arrays import hypercube, normal, numpy
    from aiplan.whatif.draws import Draws
    from aiplan.whatif.inputs import spread
    from aiplan.whatif.many import evaluate
    from aiplan.whatif.percentiles import drivers

    by_name = next((i.name for i in vary if i.kind == "names"), None)
    if by_name:
        raise UserError(f"{path}: vary: {by_name} is a choice by name: with 'ask: tokens' it is swept, not drawn")
    result, lost = solve(settings, limits, names, title, path, values={**values, **{i.name: i.centre for i in vary}})
    if not result.nodes:
        raise UserError(f"{path}: draws are of one model: set model")
    supplied = {n: node for n, node in result.nodes.items() if node.formula is None}
    wanted = [n for n in dict.fromkeys([*ASKS, *names, *result.quantities]) if n in result.nodes]
    order = GRAPH.order(wanted, supplied, unknown=[n for n, node in supplied.items() if node.value is None])
    inputs = {i.name: i for i in vary if i.name in order.supplied}
    for name in order.supplied:
        node = supplied[name]
        if node.spread and node.value and node.spread[0] > 0 and node.origin != "given" and name not in inputs:
            inputs[name] = spread(name, node.value, *node.spread)
    draws = Draws(count, seed, inputs)
    moving = {name: source.at(hypercube(seed, name, count)) for name, source in inputs.items()}
    draws.scores = {name: [normal(hypercube(seed, name, count))] for name in inputs}
    nulls = {n: node.why_null or f"{n} is unknown" for n, node in supplied.items() if node.value is None}
    found, draws.reasons = evaluate(order, {n: node.value for n, node in supplied.items()} | moving, nulls)
    draws.values = {n: v for n, v in found.items() if getattr(v, "ndim", 0)}
    for name, value in result.quantities.items():
        value.p10 = value.p50 = value.p90 = None
        if name == "fits_context" and name in draws.values:
            value.value = float(numpy().nan_to_num(draws.values[name]).mean())
        elif name in draws.values:
            value.p10, value.p50, value.p90 = (draws.quantile(name, share) for share in (0.1, 0.5, 0.9))
    result.inputs |= {f"vary.{i.name}": i.typed for i in vary} | {"draws": count, "seed": seed}
    result.drivers = drivers(draws, "cost")
    result.warnings += [
        Warning_("vary-unused", f"{i.name} varies but changes nothing that was asked")
        for i in vary
        if i.name not in inputs
    ]
    prices = path.parent / str(settings["prices"]) if "prices" in settings else None
    result.warnings += _tiers(result, Registry(prices))
    return result, lost, draws


def _tiers(result: TokensResult, registry: Registry) -> list[Warning_]:
    """Whether the price of a token changes within the interval of the tokens, while one price was drawn with."""
    tokens, price = result.quantities["document_tokens"], result.quantities.get("price_per_input_token")
    if tokens.p10 is None or price is None or price.origin == "given" or "model" not in result.choices:
        return []
    model = registry.find(str(result.choices["model"]))
    ends = [(size, model.price(size, 1000.0).input) for size in (tokens.p10, tokens.p90) if size]
    rates = [cost / size for size, cost in ends if cost is not None]
    if not rates or max(rates) < 1.001 * min(rates):
        return []
    return [Warning_("price-tier", "the price of a token changes within this interval; that of its centre is used")]


def derivation(settings: Mapping[str, Any], name: str) -> Any:
    """The nodes of one quantity of documents or their size, for `aiplan why`. Raises UserError."""
    result, _ = solve(settings, {}, [name], "", Path("command line"))
    if not result.nodes:
        raise UserError(f"{name} depends on the model: give --model NAME")
    found = result.quantities.get(name)
    why = found.why_null if found is not None and found.value is None else None
    return SimpleNamespace(nodes=result.nodes, unresolved={name: why} if why else {})
