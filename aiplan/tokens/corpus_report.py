"""The answer about a corpus: tokens by folder and kind, histogram, duplicates, errors, cost and days for each model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiplan import __version__, units
from aiplan.errors import UserError
from aiplan.executors import check_engine
from aiplan.graph import Given
from aiplan.specs.result import Assumption, Value, Warning_
from aiplan.tokens import corpus, engines, ratios, sample, vision
from aiplan.tokens.ahead import Ahead
from aiplan.tokens.ask import assumptions, cheapest, left_out
from aiplan.tokens.count import Count, Counters, add, estimate
from aiplan.tokens.documents import Document
from aiplan.tokens.formulas import context_share
from aiplan.tokens.journal import Journal, default_path, merge
from aiplan.tokens.loaders import WITHOUT_MARKS
from aiplan.tokens.models import Model, Price, Registry
from aiplan.tokens.question import (
    ASKS,
    CACHED,
    PER_MODEL,
    TO_P10,
    Ask,
    TokensResult,
    answer_window,
    solve,
    unused,
    without_model,
)
from aiplan.tokens.reader import File, Reader, printable

if TYPE_CHECKING:
    from aiplan.tokens.remote import Remote

Strata = dict[str, sample.Stratum]
MAIN = ("model", "provider", "method", "price_as_of", "price_source")
EACH = "each file is a request, priced as one of the mean length; context_share is that of the largest file"


def run(
    root: str,
    ask: Ask,
    *,
    journal: Path | None = None,
    fresh: bool = False,
    shard: str = "1/1",
    sampled: int = 0,
    seed: int = 0,
    jobs: int = 0,
    quiet: bool = False,
    seconds: float = 30.0,
    engine: str = "threads",
    scheduler: str = "",
    helper: Ahead | None = None,
) -> TokensResult:
    """Count a corpus, or a sample of it, and report."""
    if ask.as_ != "text":
        raise UserError(
            f"--as {ask.as_} is of documents: the files of a corpus are counted as text, their scans as images"
        )
    check_engine(engine, scheduler, engines.ENGINES)
    far = _far(root, engine)
    part = corpus.read_shard(shard)
    registry = Registry(ask.prices)
    models = registry.chosen(ask.models)
    counters = Counters(mine=ask.tokenizer, threads=1, ahead=helper)
    vocabulary = _vocabulary(models, counters, ask)
    about = {
        "corpus": root.rstrip("/") if far else str(Path(root).resolve()),
        "vocabulary": vocabulary,
        "shard": str(part),
    }
    counted = vocabulary.partition(" ")[0]
    if far:
        reader = far.reader(counters, counted, seconds=seconds)
    else:
        reader = Reader(counters, counted, Path(root), seconds=seconds)

    def files() -> Iterator[File]:
        return far.listed(part) if far else corpus.listed(Path(root), part)

    strata: Strata | None = None
    workers: corpus.Workers
    if engine == "dask":
        tokenizer = str(ask.tokenizer or "")
        workers = engines.DaskWorkers(scheduler, vocabulary=counted, root=root, seconds=seconds, tokenizer=tokenizer)
    else:
        workers = corpus.Threads(reader, jobs, readers=far.readers if far else 0)
    with closing(reader), closing(workers):
        if sampled:
            book = Journal(Path(":memory:"), about=about)
            book.begin()
            strata = sample.choose(files, sampled, seed, root=far.root.rstrip("/") if far else root)
            chosen = (file for one in strata.values() for _, file in one.chosen)
            done = corpus.count(chosen, book, workers, quiet=quiet)
        else:
            book = Journal(journal or default_path(about), about=about, fresh=fresh)
            book.begin()
            done = corpus.count(files(), book, workers, quiet=quiet, again=files if not far or far.quick else None)
        book.end()
    result = report(book, models, ask, counted, strata)
    if far and (told := far.store.price(done.files)):
        result.assumptions.append(Assumption("documents", float(done.files), "", told))
    book.close()
    return result


def _far(root: str, engine: str) -> Remote | None:
    """The remote folder of a URL; None for a folder here, which must exist."""
    if "://" in root:
        if engine != "threads":
            raise UserError("--engine dask counts files that the workers see; a URL is counted by threads")
        from aiplan.tokens.remote import Remote

        return Remote(root)
    if not Path(root).is_dir():
        raise UserError(f"--corpus {root}: there is no such folder")
    return None


def merged(paths: list[Path], into: Path, ask: Ask) -> TokensResult:
    """The report over the journals of shards."""
    book, missing = merge(paths, into)
    registry = Registry(ask.prices)
    models = registry.chosen(ask.models)
    result = report(book, models, ask, str(book.about().get("vocabulary", "o200k")).partition(" ")[0], None)
    result.warnings += [Warning_("incomplete", text) for text in missing]
    book.close()
    return result


def _vocabulary(models: list[Model], counters: Counters, ask: Ask) -> str:
    """What the files are counted in: the one model's vocabulary where that can be exact, else o200k."""
    if ask.tokenizer:
        return f"own {ask.tokenizer.resolve()}"
    names = {model.vocabulary for model in models}
    if len(names) == 1:
        name = names.pop()
        engine = counters.engine(name)
        if engine is not None and engine.method == "exact" and (engine.name, name) not in WITHOUT_MARKS:
            return "o200k" if name == "harmony" else name
    return "o200k"


def report(book: Journal, models: list[Model], ask: Ask, vocabulary: str, strata: Strata | None) -> TokensResult:
    """The result of a counted corpus, or of a sample of it."""
    totals = book.totals()
    if not totals["files"]:
        raise UserError("the corpus holds no files")
    rows = [_row(model, totals, vocabulary, book, ask, strata) for model in models]
    rows.sort(key=cheapest)
    main = rows[0] if len(rows) == 1 else None
    guess = (
        main["_guess"] if main else _guessed(book, strata, lambda _: 1.0, lambda *_: vision.Seen()) if strata else None
    )
    tokens = guess.total if guess else float(totals["tokens"])
    found = Value(round(tokens), "token", "measured")
    if guess:
        found.p10 = tokens - (tokens - guess.low) * TO_P10
        found.p50, found.p90 = tokens, tokens + (guess.high - tokens) * TO_P10
    quantities: dict[str, Value] = {"document_tokens": found} | without_model()
    if main is not None:
        nodes = main["_nodes"]
        quantities = {n: Value(nodes[n].value, nodes[n].unit, nodes[n].origin, why_null=nodes[n].why_null)
                      for n in [*ASKS, "answer_tokens", *CACHED, *PER_MODEL] if n in nodes}  # fmt: skip
        if main["low"] != main["high"] and main["tokens"]:
            for name in ("document_tokens", "input_cost", "reading_time"):
                if (value := quantities[name]).value is not None:
                    ends = [1 - (1 - main[end] / main["tokens"]) * TO_P10 for end in ("low", "high")]
                    value.p10, value.p50, value.p90 = value.value * ends[0], value.value, value.value * ends[1]
    quantities["documents"] = Value(float(guess.files if guess else totals["files"]), "", "measured")
    quantities["document_bytes"] = Value(float(guess.bytes if guess else totals["bytes"]), "B", "measured")
    if not guess:
        quantities["document_pages"] = Value(float(totals["pages"]), "", "measured")
    result = TokensResult(
        ask="tokens",
        name=ask.name,
        aiplan_version=__version__,
        headline=_headline(quantities, vocabulary, main, rows, guess),
        quantities=quantities,
        choices={"vocabulary": vocabulary, **({key: main[key] for key in MAIN if main[key]} if main else {})},
        binding=[],
        assumptions=[*assumptions(rows), Assumption("documents", quantities["documents"].value, "", EACH)],
        warnings=[*_warnings(totals, rows), *unused(ask, set().union(*(row["_nodes"] for row in rows)))],
        sources=sorted({row["price_source"] for row in rows if row["price_source"]} | {ratios.SOURCE}),
        inputs=ask.inputs,
        models=[{k: v for k, v in row.items() if not k.startswith("_")} for row in rows] if not main else [],
    )
    result.corpus = {
        **totals,
        "journal": None if str(book.path) == ":memory:" else str(book.path),
        "shard": book.about().get("shard", "1/1"),
        "sample": {"files": guess.sampled, "low": guess.low, "high": guess.high} if guess else None,
    }
    return result


def _row(
    model: Model,
    totals: dict[str, Any],
    vocabulary: str,
    book: Journal,
    ask: Ask,
    strata: Strata | None,
) -> dict[str, Any]:
    count = _counted(model, totals, vocabulary, ask)
    look = partial(_look, model)
    shown = list(book.pictures())
    looks = [look(kind, sizes, seconds) for kind, sizes, seconds, _, _ in shown]
    pictures, around = sum(one.tokens for one in looks), sum(one.error for one in looks)
    sound = sum(one.tokens for one, row in zip(looks, shown, strict=True) if row[2] and row[0] != "video")
    rate = _rates(model, vocabulary, ask)
    guess = _guessed(book, strata, rate, look) if strata else None
    files = guess.files if guess else totals["files"]
    low, high = (guess.low / guess.total, guess.high / guess.total) if guess and guess.total else (1.0, 1.0)
    whole = count.tokens + pictures
    scale = guess.total / whole if guess and whole else 1.0
    tokens = float(round(whole * scale))
    label = count.label
    if guess:
        label = f"sampled +-{max(1 - low, high - 1):.1%}" + (f", {label}" if count.method == "estimated" else "")
    answer = ask.answer * files if ask.answer >= 1 or not ask.answer else tokens * ask.answer
    size = max(round(tokens / files), 1000)
    price = _price(model, tokens, answer, size, sound / whole if sound else 0.0, ask)
    largest = totals["largest"] * (count.tokens / totals["tokens"] if totals["tokens"] else 1.0)
    seen = (n * rate(klass) for _, _, _, n, klass in shown)
    largest = max([largest, *(text + one.tokens for text, one in zip(seen, looks, strict=True))])
    room = answer_window(model, ask).value or 0.0
    nodes = solve(
        model,
        Given(tokens, "measured", label),
        answer,
        price,
        ask,
        share=context_share(largest, answer / files, model.window, room) if model.window else None,
        request=float(size),
    )
    return {
        "model": model.name,
        "provider": model.provider,
        "vocabulary": model.vocabulary,
        "tokens": tokens,
        "method": label,
        "low": (count.low + pictures - around) * scale * low,
        "high": (count.high + pictures + around) * scale * high,
        "counted_by": count.by,
        "image_tokens": pictures * scale,
        "answer_tokens": answer,
        **{name: nodes[name].value for name in ("input_cost", "output_cost", "cost")},
        "why_null": nodes["cost"].why_null,
        "price_as_of": price.as_of or None,
        "price_source": price.source or None,
        "context_window": model.window,
        "context_share": nodes["context_share"].value,
        "fits": nodes["fits_context"].value,
        "reading_time": nodes["reading_time"].value,
        "reading_speed": nodes["reading_speed"].origin,
        "answer_time": nodes["answer_time"].value,
        "left_out": list(dict.fromkeys(one.unknown for one in looks if one.unknown)),
        "notes": list(price.notes),
        "_nodes": nodes,
        "_guess": guess,
    }


def _price(model: Model, tokens: float, answer: float, size: int, sound: float, ask: Ask) -> Price:
    """Cost of all files, each a request: at the price of a request of the mean length."""
    length = 1000
    cached = ask.given.get("cached_share", ask.cached)
    one = model.price(size, length, cached=cached, batch=ask.batch, when=ask.when, sound=sound)
    if one.input is None or one.output is None:
        return one
    return replace(one, input=one.input * tokens / size, output=one.output * answer / length)


def _counted(model: Model, totals: dict[str, Any], vocabulary: str, ask: Ask) -> Count:
    """The tokens of a model: as counted, or by the ratio of each class of text."""
    own = {"harmony": "o200k"}.get(model.vocabulary, model.vocabulary)
    if ask.tokenizer or own == vocabulary:
        n = totals["tokens"]
        return Count(n, "exact", float(n), float(n), "the journal")
    return add([estimate(n, own, klass) for klass, n in totals["classes"].items() if n])


def _look(model: Model, kind: str, sizes: str, seconds: float) -> vision.Seen:
    """What the pictures, scanned pages, sound or film of a file cost a model; sound may lie in an archive."""
    what = kind if not seconds or kind == "video" else "audio"
    document = Document("", what, images=json.loads(sizes or "[]"), seconds=seconds)
    return vision.seen(document, model.picture, model.vendor, model.name, "text")


def _rates(model: Model, vocabulary: str, ask: Ask) -> Callable[[str], float]:
    """Tokens of a model for each that was counted, by the class of a text."""
    own = {"harmony": "o200k"}.get(model.vocabulary, model.vocabulary)
    return lambda klass: 1.0 if ask.tokenizer or own == vocabulary else ratios.ratio(own, klass)[0]


def _guessed(
    book: Journal, strata: Strata, rate: Callable[[str], float], look: Callable[[str, str, float], vision.Seen]
) -> sample.Estimate:
    """The tokens of a whole corpus, pictures and all, from those of its sample."""
    rows = book.query("SELECT path, tokens, klass, kind, pictures, seconds FROM seen")
    tokens = {
        path: n * rate(klass) + look(kind, sizes, seconds).tokens for path, n, klass, kind, sizes, seconds in rows
    }
    chosen = [file.path for one in strata.values() for _, file in one.chosen]
    return sample.estimate(strata, {path: tokens.get(printable(path), 0.0) for path in chosen})


def _headline(
    quantities: dict[str, Value],
    vocabulary: str,
    main: dict[str, Any] | None,
    rows: list[dict[str, Any]],
    guess: sample.Estimate | None,
) -> str:
    files = units.show(quantities["documents"].value, "")
    tokens = quantities["document_tokens"]
    around = ""
    if guess:
        around = (
            f" ({units.show(guess.low, 'token')} to {units.show(guess.high, 'token')}, 90%, {guess.sampled:,} read)"
        )
    around = around or f" ({main['method'] if main else 'exact'})"
    what = "file" if files == "1" else "files"
    text = (
        f"{files} {what}, {units.show(tokens.value, 'token')} tokens of {main['model'] if main else vocabulary}{around}"
    )
    best = main or next((row for row in rows if row["cost"] is not None), None)
    if best is not None and best["cost"] is not None:
        text += f"; {best['model']} reads them for {units.show(best['cost'], 'USD')}"
        text += f" in {units.show(best['reading_time'], 's')}"
    return f"{text}."


def _warnings(totals: dict[str, Any], rows: list[dict[str, Any]]) -> list[Warning_]:
    out = []
    if totals["unreadable"]:
        out.append(Warning_("unreadable", f"{totals['unreadable']:,} files could not be read, in whole or in part"))
    if (same := totals["duplicates"])["files"]:
        text = (
            f"{same['files']:,} files repeat others byte for byte: {units.show(float(same['tokens']), 'token')} tokens"
        )
        out.append(Warning_("duplicates", text))
    beyond = [row["model"] for row in rows if row["fits"] == 0.0]
    if beyond:
        out.append(Warning_("beyond-window", f"the largest file does not fit into {', '.join(beyond)}"))
    return out + left_out(rows)
