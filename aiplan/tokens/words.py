"""Documents that are known by their size alone: so many tokens, or so many words, without a text to count."""

from __future__ import annotations

from aiplan import __version__, units
from aiplan.errors import UserError
from aiplan.graph import GRAPH, Given, GraphError, Node
from aiplan.specs.result import Assumption, Value, Warning_
from aiplan.tokens import ratios
from aiplan.tokens.models import Model, Price, Registry
from aiplan.tokens.question import ASKS, PER_MODEL, Ask, TokensResult, answer_window, priced, unused

PER_WORD = 1.28  # o200k tokens a word of English prose: 1,054,390 for the 823,385 words of the King James Bible


def answer(ask: Ask, names: list[str]) -> TokensResult:
    """Tokens, cost, share of the window and time from given quantities; `names` are asked as well."""
    registry = Registry(ask.prices)
    if len(ask.models) > 1:
        raise UserError("documents without a text take one --model")
    model = registry.find(ask.models[0]) if ask.models else None
    nodes, price = _nodes(model, ask, names)
    quantities = {n: Value(node.value, node.unit, node.origin, why_null=node.why_null) for n, node in nodes.items()}
    for name in names:
        if name not in quantities:
            quantities[name] = Value(None, GRAPH[name].unit, "formula", why_null=_why(name, model))
    warnings = [Warning_("price", note) for note in (price.notes if price else ())]
    if (share := quantities.get("context_share")) and share.value is not None and share.value > 1:
        warnings.append(Warning_("beyond-window", f"{share.value:.1f} times the context window: split it"))
    warnings += unused(ask, nodes)
    used = [n for n in nodes.values() if n.origin == "default"]
    return TokensResult(
        ask="tokens",
        name=ask.name,
        aiplan_version=__version__,
        headline=_headline(model, nodes),
        quantities=quantities,
        choices=_choices(model, price) if model and price else {},
        binding=[],
        assumptions=[Assumption(n.name, n.value, n.unit, n.source) for n in used],
        warnings=warnings,
        sources=sorted({n.source for n in nodes.values() if n.source and n.origin in ("catalog", "formula")}),
        inputs=ask.inputs,
        nodes=nodes,
    )


def _choices(model: Model, price: Price) -> dict[str, str]:
    chosen = {"model": model.name, "provider": model.provider, "vocabulary": model.vocabulary}
    told = chosen | {"price_as_of": price.as_of, "price_source": price.source}
    return {key: value for key, value in told.items() if value}


def _nodes(model: Model | None, ask: Ask, names: list[str]) -> tuple[dict[str, Node], Price | None]:
    given: dict[str, Given] = {}
    price: Price | None = None
    if ask.answer >= 1:
        given["answer_tokens"] = Given(ask.answer)
    if model is not None:
        given |= _of_model(model)
    else:
        given["context_window"] = Given(None, "catalog", "", "it depends on the model: give one")
    given |= {name: Given(value) for name, value in ask.given.items()}
    if model is not None:
        tokens = _resolve(["document_tokens"], given, [])["document_tokens"].value
        if 0 < ask.answer < 1:
            given["answer_tokens"] = Given(tokens * ask.answer)
        written = given["answer_tokens"].value if "answer_tokens" in given else 0.0
        cached = ask.given.get("cached_share", ask.cached)
        price = model.price(tokens, written or 0.0, cached=cached, batch=ask.batch, when=ask.when)
        given = priced(model, price, tokens, written or 0.0, ask) | given
    given = {"answer_window": answer_window(model, ask)} | given
    asks = [n for n in dict.fromkeys([*ASKS, *(PER_MODEL if model else ()), *names]) if n in GRAPH]
    return _resolve([], given, asks), price


def _of_model(model: Model) -> dict[str, Given]:
    """What the catalogue knows of a model; texts differ in their tokens a word as the rule of thumb says."""
    per_word = PER_WORD * ratios.ratio(model.vocabulary, "prose")[0]
    rule = GRAPH["tokens_per_word"]
    usual, (low, high) = rule.default or 1.0, rule.spread or (1.0, 1.0)
    found = {
        "context_window": Given(model.window, "catalog", model.source, f"the window of {model.name} is not known"),
        "tokens_per_word": Given(
            per_word,
            "catalog",
            f"{PER_WORD} of o200k on the King James Bible, and its ratio to {model.vocabulary}",
            spread=(per_word * low / usual, per_word * high / usual),
        ),
    }
    for name in ("reading_speed", "writing_speed"):
        if (speed := getattr(model, name)) is not None:
            found[name] = Given(speed, "catalog", model.source)
    return found


def _resolve(asks: list[str], given: dict[str, Given], optional: list[str]) -> dict[str, Node]:
    try:
        return GRAPH.resolve(asks, given, optional=optional)
    except GraphError as error:
        raise UserError(str(error)) from None


def _why(name: str, model: Model | None) -> str:
    if name in (*ASKS, *PER_MODEL) and model is None:
        return f"{name} depends on the model: give one"
    return "it does not follow from what is given"


def _headline(model: Model | None, nodes: dict[str, Node]) -> str:
    def shown(name: str) -> str:
        node = nodes.get(name)
        return units.show(node.value, node.unit, name) if node is not None and node.value is not None else ""

    parts = [f"{shown('document_tokens')} tokens" if shown("document_tokens") else "no tokens"]
    if model is not None:
        parts[0] += f" for {model.name}"
    parts += [shown("cost")] if shown("cost") else []
    parts += [f"read in {shown('reading_time')}"] if shown("reading_time") else []
    return ", ".join(parts) + "."
