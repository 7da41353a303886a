"""The answer to `aiplan tokens`: documents counted, priced and measured against each model's window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiplan import __version__, units
from aiplan.errors import UserError
from aiplan.graph import Given, Node
from aiplan.specs.result import Assumption, Value, Warning_
from aiplan.tokens import ratios, vision
from aiplan.tokens.ahead import Ahead
from aiplan.tokens.count import Count, Counters, add, estimate
from aiplan.tokens.documents import Document
from aiplan.tokens.models import Model, Registry, list_date, price_source
from aiplan.tokens.question import (
    ASKS,
    CACHED,
    PER_MODEL,
    TO_P10,
    As,
    Ask,
    TokensResult,
    solve,
    spread,
    unused,
    without_model,
)


def answer(
    documents: Sequence[Document], ask: Ask, ahead: Ahead | None = None, *, texts: Texts | None = None
) -> TokensResult:
    """Count and price documents, taken together as one prompt; `texts` are their counts where they are kept."""
    leaves = [leaf for document in documents for leaf in document.leaves()]
    read = [leaf for leaf in leaves if leaf.error is None]
    if documents and not read:
        raise UserError(f"{leaves[0].name}: {leaves[0].error}")
    if ahead:
        ahead.send([d.text for d in read], ["o200k"])  # almost always needed; the rest once the models are known
    registry = Registry(ask.prices)
    chosen = registry.chosen(ask.models)
    texts = texts or Texts(read, Counters(mine=ask.tokenizer, ahead=ahead))
    if ahead:
        if more := sorted({model.vocabulary for model in chosen} - {"o200k"}):
            ahead.send([d.text for d in read], more)
        sum(document.words for document in read)  # counted and kept while the child counts tokens
    rows = [_model_row(model, read, texts, ask) for model in chosen]
    rows.sort(key=cheapest)
    main = next(row for row in rows if row["model"] == chosen[0].name) if len(chosen) == 1 else None
    return _result(documents, leaves, read, rows, main, texts, ask)


def cheapest(row: dict[str, Any]) -> tuple[bool, bool, float, str]:
    """Order of the models: by cost, after them those that leave something out, then those of unknown price."""
    return row["cost"] is None, bool(row["left_out"]), row["cost"] or 0.0, row["model"]


class Texts:
    """Counts of the documents' texts by vocabulary, each made once."""

    def __init__(self, read: Sequence[Document], counters: Counters) -> None:
        self.read, self.counters = read, counters
        self._classes: list[str] | None = None
        self._counts: dict[str, list[Count]] = {}

    @property
    def classes(self) -> list[str]:
        """Class of each text, for estimates."""
        if self._classes is None:
            self._classes = [ratios.class_of(d.text, d.kind) for d in self.read]
        return self._classes

    def counts(self, vocabulary: str) -> list[Count]:
        """Tokens of each document's text."""
        if vocabulary not in self._counts:
            exact = self.counters.engine(vocabulary) is not None
            texts = [d.text for d in self.read]
            if not exact and self.counters.engine("o200k") is not None and vocabulary != "o200k":
                base = [c.tokens for c in self.counts("o200k")]
                found = [estimate(n, vocabulary, kind) for n, kind in zip(base, self.classes, strict=True)]
            else:
                found = self.counters.count(texts, vocabulary, None if exact else self.classes)
            self._counts[vocabulary] = found
        return self._counts[vocabulary]


def _model_row(model: Model, read: Sequence[Document], texts: Texts, ask: Ask) -> dict[str, Any]:
    counts: list[Count] = []
    looks = [vision.seen(document, model.picture, model.vendor, model.name, ask.as_) for document in read]
    for look, count in zip(looks, texts.counts(model.vocabulary), strict=True):
        if look.with_text:
            counts.append(count)
    pictures, around = sum(look.tokens for look in looks), sum(look.error for look in looks)
    sound = sum(look.tokens for look, document in zip(looks, read, strict=True) if document.kind == "audio")
    total = _with_pictures(add(counts), pictures, around, ask.as_)
    tokens = ask.given.get("document_tokens", float(total.tokens))
    answer = ask.answer if ask.answer >= 1 or ask.answer == 0 else tokens * ask.answer
    cached = ask.given.get("cached_share", ask.cached)
    heard = sound / total.tokens if sound else 0.0
    price = model.price(tokens, answer, cached=cached, batch=ask.batch, when=ask.when, sound=heard)
    counted = f"{total.label}, counted by {total.by}" if total.by else total.label
    unknown = list(dict.fromkeys(look.unknown for look in looks if look.unknown))
    found = Given(tokens, "measured", counted, spread=spread(total))
    if lost := bool(unknown and not tokens):  # nothing is left that could be counted
        found = Given(None, "measured", "", unknown[0])
    nodes = solve(model, found, answer, price, ask)
    value = {name: nodes[name].value for name in ASKS}
    return {
        "model": model.name,
        "provider": model.provider,
        "vocabulary": model.vocabulary,
        "tokens": None if lost else tokens,
        "method": "unknown" if lost else "given" if "document_tokens" in ask.given else total.label,
        "low": total.low,
        "high": total.high,
        "counted_by": total.by,
        "image_tokens": pictures,
        "answer_tokens": answer,
        "input_cost": value["input_cost"],
        "output_cost": value["output_cost"],
        "cost": value["cost"],
        "why_null": nodes["cost"].why_null,
        "price_as_of": price.as_of or None,
        "price_source": price.source or None,
        "context_window": nodes["context_window"].value,
        "context_share": value["context_share"],
        "fits": value["fits_context"],
        "reading_time": value["reading_time"],
        "reading_speed": nodes["reading_speed"].origin,
        "answer_time": value["answer_time"],
        "left_out": unknown,
        "notes": list(price.notes),
        "_nodes": nodes,
        "_sources": {model.source, *(look.source for look in looks)},
    }


def _with_pictures(text: Count, pictures: float, around: float, as_: As) -> Count:
    """The tokens of texts and of pictures, and how sure they are."""
    low, high = text.low + pictures - around, text.high + pictures + around
    total = Count(round(text.tokens + pictures), text.method, low, high, text.by)
    if pictures and not text.tokens:
        total = total._replace(method="exact", by="the picture rule")
    if around:
        total = total._replace(method="estimated")
    if as_ != "text" and pictures:
        total = total._replace(method="estimated", low=0.8 * total.tokens, high=1.2 * total.tokens)
    return total


def _result(
    documents: Sequence[Document],
    leaves: Sequence[Document],
    read: Sequence[Document],
    rows: list[dict[str, Any]],
    main: dict[str, Any] | None,
    texts: Texts,
    ask: Ask,
) -> TokensResult:
    quantities: dict[str, Value] = {}
    base = add(texts.counts("o200k" if main is None else main["vocabulary"]))
    if (pinned := ask.given.get("document_tokens")) is not None:
        base = Count(round(pinned), "given", pinned, pinned, "")
    tally = {
        "documents": (float(len(read)), ""),
        "document_bytes": (float(sum(d.bytes for d in documents)), "B"),
        "document_words": (float(sum(d.words for d in read)), ""),
        "document_pages": (float(sum(d.pages or 0 for d in read)), ""),
        "document_images": (float(sum(len(d.images) for d in read)), ""),
    }
    if main is not None:
        nodes: dict[str, Node] = main["_nodes"]
        for name in [*ASKS, "answer_tokens", *(n for n in [*CACHED, *PER_MODEL] if n in nodes)]:
            node = nodes[name]
            quantities[name] = Value(node.value, node.unit, node.origin, why_null=node.why_null)
        _interval(quantities, main)
    else:
        quantities["document_tokens"] = _measured(base)
        quantities |= without_model()
    if documents:
        quantities |= {n: Value(v, unit, "measured") for n, (v, unit) in tally.items()}
    choices: dict[str, Any] = {"as": ask.as_}
    if main is not None:
        choices |= {"model": main["model"], "provider": main["provider"], "vocabulary": main["vocabulary"]}
        choices |= {key: main[key] for key in ("method", "counted_by", "price_as_of", "price_source") if main[key]}
    else:
        choices |= {"vocabulary": "o200k", "method": base.label, "counted_by": base.by}
    if ask.batch:
        choices["processing"] = "batch"
    shown = [{k: v for k, v in row.items() if not k.startswith("_")} for row in rows]
    return TokensResult(
        ask="tokens",
        name=ask.name,
        aiplan_version=__version__,
        headline=_headline(read, rows, main, base),
        quantities=quantities,
        choices=choices,
        binding=_binding(main),
        assumptions=assumptions([main] if main else rows),
        warnings=_warnings(leaves, rows, main, ask),
        sources=_sources(rows, main),
        inputs=ask.inputs,
        nodes=main["_nodes"] if main else {"document_tokens": _node(base)},
        models=shown if len(rows) > 1 else [],
        documents=[_document_row(d, c) for d, c in _with_counts(leaves, read, texts, main)],
    )


def _node(count: Count) -> Node:
    source = f"{count.label}, counted in o200k by {count.by}"
    return Node("document_tokens", float(count.tokens), "token", "measured", source=source, spread=spread(count))


def _measured(count: Count) -> Value:
    value = Value(float(count.tokens), "token", "measured")
    if ends := spread(count):
        value.p10, value.p50, value.p90 = ends[0], float(count.tokens), ends[1]
    return value


def _interval(quantities: dict[str, Value], main: dict[str, Any]) -> None:
    """The interval of an estimated count, and of what is in proportion to it."""
    tokens = main["tokens"]
    if not main["method"].startswith("estimated") or not tokens:
        return
    low, high = (1 - (1 - main[end] / tokens) * TO_P10 for end in ("low", "high"))
    for name in ("document_tokens", "input_cost", "reading_time"):
        value = quantities[name]
        if value.value is not None:
            value.p10, value.p50, value.p90 = value.value * low, value.value, value.value * high
    fixed = {"cost": quantities["output_cost"].value or 0.0}
    if main["context_window"]:
        with_answer = (main["tokens"] + main["answer_tokens"]) / main["context_window"]
        by_answer = with_answer >= (main["context_share"] or 0.0) * (1 - 1e-9)
        fixed["context_share"] = main["answer_tokens"] / main["context_window"] if by_answer else 0.0
    for name, still in fixed.items():
        value = quantities[name]
        if value.value is not None:
            moving = value.value - still
            value.p10, value.p50, value.p90 = still + moving * low, value.value, still + moving * high


def _with_counts(
    leaves: Sequence[Document], read: Sequence[Document], texts: Texts, main: dict[str, Any] | None
) -> list[tuple[Document, Count | None]]:
    found = dict(zip(map(id, read), texts.counts(main["vocabulary"] if main else "o200k"), strict=True))
    return [(leaf, found.get(id(leaf))) for leaf in leaves]


def _document_row(document: Document, count: Count | None) -> dict[str, Any]:
    return {
        "name": document.name,
        "kind": document.kind,
        "extractor": document.extractor,
        "bytes": document.bytes,
        "pages": document.pages,
        "scanned_pages": document.scanned_pages,
        "images": len(document.images),
        "embedded_images": document.embedded_images,
        "seconds": document.seconds,
        "words": document.words,
        "text_tokens": count.tokens if count else None,
        "error": document.error,
        "notes": document.notes,
    }


def _headline(read: Sequence[Document], rows: list[dict[str, Any]], main: dict[str, Any] | None, base: Count) -> str:
    what = read[0].name if len(read) == 1 else f"{len(read)} documents" if read else "these documents"
    if main is not None:
        tokens = f"{units.show(main['tokens'], 'token')} tokens"
        tokens += f" ({main['method']})" if main["tokens"] is not None else ""
        price = units.show(main["cost"], "USD") if main["cost"] is not None else "cost unknown"
        share = main["context_share"]
        of = f", {_percent(share)} of its window" if share is not None else ""
        lacks = "; without what the warnings name" if main["left_out"] and main["tokens"] is not None else ""
        return f"{what}: {tokens} for {main['model']}, {price}{of}{lacks}."
    best = next((r for r in rows if r["cost"] is not None and r["fits"] != 0.0 and not r["left_out"]), None)
    tail = f"; cheapest that fits: {best['model']}, {units.show(best['cost'], 'USD')}" if best else ""
    seen = any(d.images or d.seconds for d in read)
    if seen and not base.tokens:
        return f"{what}: no text{tail}."
    beside = ", beside pictures, sound and film" if seen else ""
    return f"{what}: {units.show(float(base.tokens), 'token')} tokens of o200k ({base.label}){beside}{tail}."


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 10 else f"{share:,.0f} times the whole" if share > 100 else f"{share:.0%}"


def _binding(main: dict[str, Any] | None) -> list[str]:
    if main is None or main["fits"] != 0.0:
        return []
    return [f"the documents and the answer are {main['context_share']:.1f} times the context window of {main['model']}"]


def assumptions(rows: Sequence[dict[str, Any]]) -> list[Assumption]:
    """The defaults behind the rows, each once."""
    out: list[Assumption] = []
    for row in rows:
        for node in row["_nodes"].values():
            if node.origin == "default" and node.name not in {a.quantity for a in out}:
                out.append(Assumption(node.name, node.value, node.unit, node.source))
    return out


def _warnings(
    leaves: Sequence[Document], rows: list[dict[str, Any]], main: dict[str, Any] | None, ask: Ask
) -> list[Warning_]:
    out = [Warning_("unreadable", f"{d.name}: {d.error}") for d in leaves if d.error and d.kind != "binary"]
    if binary := sum(d.kind == "binary" for d in leaves):
        out.append(Warning_("binary", f"{binary:,} files are no documents and are left out"))
    out += [Warning_("document", f"{d.name}: {note}") for d in leaves for note in d.notes]
    embedded = sum(d.embedded_images for d in leaves)
    if embedded and ask.as_ == "text":
        out.append(Warning_("images-left-out", f"{embedded} pictures inside documents are not counted: text alone"))
    out += left_out([main] if main else rows)
    out += unused(ask, set().union(*(row["_nodes"] for row in rows)))
    if main is not None and main["fits"] == 0.0:
        out.append(Warning_("beyond-window", f"{main['model']} cannot take this at once: split it"))
    return out


def left_out(rows: Sequence[dict[str, Any]]) -> list[Warning_]:
    """What some models' figures lack, each reason once with its models."""
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        for reason in row["left_out"]:
            by_reason.setdefault(reason, []).append(row["model"])
    out = [Warning_("left-out", f"{', '.join(models)}: {reason}") for reason, models in by_reason.items()]
    return out + [Warning_("price", note) for row in rows for note in row["notes"]]


def _sources(rows: list[dict[str, Any]], main: dict[str, Any] | None) -> list[str]:
    used = [main] if main else rows
    out = {row["price_source"] for row in used}.union(*(row["_sources"] for row in used))
    if any(row["method"].startswith("estimated") for row in used):
        out.add(ratios.SOURCE)
    listed = any((row["price_source"] or "").startswith("genai") for row in used)
    if listed:
        out = {s for s in out if not (s or "").startswith("genai")}
        out.add(f"{price_source()}, newest price of {list_date()}")
    return sorted(s for s in out if s)
