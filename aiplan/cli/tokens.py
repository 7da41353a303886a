"""`aiplan tokens`: count and price documents and corpora."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiplan.cli.options import FORMATS, All, Format, Json, Set, emit, format_of, read_pairs
from aiplan.errors import ASSERTION_FAILED, UserError

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.command()
def tokens(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="Files, globs, folders; - for standard input.")
    ] = None,
    *,
    doc: Annotated[list[str], typer.Option("--doc", metavar="FILE", help="Same as FILE; may be repeated.")] = [],
    text: Annotated[str | None, typer.Option("--text", help="Count this text.")] = None,
    model: Annotated[list[str], typer.Option("--model", "-m", help="One model; may be repeated. Else a table.")] = [],
    answer: Annotated[
        str, typer.Option("--output", metavar="N", help="Tokens of the answer, or a share: 500, 10%.")
    ] = "0",
    cached: Annotated[
        str, typer.Option("--cached", metavar="SHARE", help="Share of the input read from a cache.")
    ] = "0",
    batch: Annotated[bool, typer.Option("--batch", help="Prices of batch processing.")] = False,
    as_: Annotated[str, typer.Option("--as", help="Send documents as text, pdf or image.")] = "text",
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", metavar="FILE", help="Count with this tokenizer.json.")
    ] = None,
    prices: Annotated[
        Path | None, typer.Option("--prices", metavar="FILE", help="Your own prices, windows and speeds (YAML).")
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option("--corpus", metavar="DIR", help="A folder of any size, or its URL: each file is one prompt."),
    ] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", metavar="FILE", help="Where a corpus's counts are kept; else a cache.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what was counted before.")] = False,
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=0, help="Read about N files, and say how sure.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of the sample.")] = 0,
    shard: Annotated[str, typer.Option("--shard", metavar="I/N", help="Count one part of N; see merge.")] = "1/1",
    jobs: Annotated[int, typer.Option("--jobs", min=0, help="Threads; else one a processor.")] = 0,
    engine: Annotated[str, typer.Option("--engine", help="Where a corpus is counted: threads or dask.")] = "threads",
    scheduler: Annotated[str, typer.Option("--scheduler", metavar="ADDRESS", help="Of Dask: tcp://HOST:PORT.")] = "",
    list_models: Annotated[bool, typer.Option("--list-models", help="Name the models, and end.")] = False,
    set_: Set = [],
    timeout: Annotated[str, typer.Option("--timeout", help="Most time to read one document.")] = "30s",
    format: Format = "table",
    json: Json = False,
    all_: All = False,
    out: Annotated[Path | None, typer.Option("-o", "--to", metavar="FILE", help="Write the result to FILE.")] = None,
) -> None:
    """Count the tokens of documents, and price them for each model: offline, exact where it can be.

    Reads PDF, DOCX, PPTX, XLSX, EPUB, HTML, mail, ZIP, pictures, text and code. Several files are one prompt.
    Exits 1 when some documents could not be read; the others are counted.

    A corpus is counted into a journal: killed and started again it goes on where it was. The journals of shards
    become one report with: aiplan tokens merge A.journal B.journal
    """
    form = format_of(format, json)
    if list_models:
        from aiplan.tokens import show

        emit(show.models(prices, form), out)
        return
    words = [*(files or []), *doc]
    settings = read_pairs(set_)
    merging = words[:1] == ["merge"] and not Path("merge").exists()
    lonely = {"--journal": journal and not merging, "--fresh": fresh, "--sample": sample, "--shard": shard != "1/1"}
    for name, said in (lonely | {"--jobs": jobs, "--engine": engine != "threads", "--scheduler": scheduler}).items():
        if said and corpus is None:
            raise UserError(f"{name} is of a corpus: give --corpus DIR")
    sized = not words and text is None and corpus is None
    if sized and not {"document_tokens", "document_words", "words_per_document"} & set(settings):
        raise UserError("nothing to count: give FILE, --doc FILE, --text TEXT, or - for standard input")
    from aiplan.tokens import ahead

    here = corpus is None or engine == "threads"
    helper = ahead.begun(here and not (sized or tokenizer or merging), many=corpus is not None)
    from aiplan.tokens import command

    asked = command.ask(
        words=words,
        text=text,
        models=model,
        answer=answer,
        cached=cached,
        batch=batch,
        as_=as_,
        tokenizer=tokenizer,
        prices=prices,
        settings=settings,
    )
    if corpus is not None or merging:
        from aiplan.tokens import corpus_report

        if merging:
            result = corpus_report.merged([Path(w) for w in words[1:]], journal or Path(":memory:"), asked)
        elif words or text is not None:
            raise UserError("--corpus counts a folder; give no other documents beside it")
        else:
            result = corpus_report.run(
                corpus or "",
                asked,
                journal=journal,
                fresh=fresh,
                shard=shard,
                sampled=sample,
                seed=seed,
                jobs=jobs,
                seconds=command.seconds(timeout),
                engine=engine,
                scheduler=scheduler,
                helper=helper,
            )
    elif sized:
        from aiplan.tokens import words as known

        result = known.answer(asked, [])
    else:
        result = command.answer(command.read_all(words, text, timeout=timeout, ahead=helper), asked, helper)
    if helper:
        helper.close()
    emit(command.render(result, form, everything=all_), out)
    if any(d["error"] and d["kind"] != "binary" for d in result.documents) or any(
        w.code == "incomplete" for w in result.warnings
    ):
        raise typer.Exit(ASSERTION_FAILED)


__all__ = ["FORMATS", "app"]
