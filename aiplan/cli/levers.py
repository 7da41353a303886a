"""`aiplan levers`: what each way of saving does to a plan, or to reading documents."""

from __future__ import annotations

from typing import Annotated

import typer

from aiplan.cli.options import (
    BARE,
    CONTEXT,
    CatalogDirs,
    Json,
    Limit,
    Output,
    Set,
    emit,
    files_and_more,
    planning,
    read_pairs,
    settings_of,
)
from aiplan.errors import UserError, nearest

app = typer.Typer(**BARE)

FORMATS = ("table", "md", "json")


@app.command(context_settings=CONTEXT)
@planning
def levers(
    ctx: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A scenario file; else what is typed.")] = None,
    *,
    set_: Set = [],
    limit: Limit = [],
    lever: Annotated[
        list[str],
        typer.Option("--lever", metavar="NAME=VALUE", help="What a lever rests on, e.g. data=30%; may be repeated."),
    ] = [],
    hardware: Annotated[
        str | None, typer.Option("--hardware", metavar="CHIPS", help="Chips to choose from, with commas between.")
    ] = None,
    models: Annotated[
        str | None, typer.Option("--models", metavar="NAMES", help="Models to choose from, to read documents.")
    ] = None,
    catalog: CatalogDirs = [],
    format: Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")] = "table",
    json: Json = False,
    output: Output = None,
    **flags: str | None,
) -> None:
    """Show what eight levers do to a plan, one at a time and together: money, energy, days.

    Hardware choice, software efficiency, data curation, accuracy for time, architecture with experts, quantization,
    training less often, and an off-the-shelf model that is fine-tuned. Of documents: the cheapest model, batch
    processing, caching, excerpts alone, a shorter answer, and text instead of pages.
    """
    form = "json" if json else format
    if form not in FORMATS:
        raise UserError(f"--format {form!r} is not one of {', '.join(FORMATS)}{nearest(form, FORMATS, most=1)}")
    paths, more = files_and_more([*([file] if file else []), *ctx.args])
    settings = settings_of(flags, set_, more)
    from aiplan.catalog import open_catalog
    from aiplan.output import levers as show
    from aiplan.whatif.asked import Training
    from aiplan.whatif.levers import Levers, pull, read_assumed
    from aiplan.whatif.typed import one_question, overlay

    over = overlay(settings, limit, [], [], [], None, 0, 1)
    found, defaults = open_catalog(catalog)
    asked = one_question(paths, over, found, defaults)
    pulling: Levers
    training = isinstance(asked, Training)
    if models if training else hardware:
        raise UserError("--models is of documents" if training else "--hardware is of a training plan")
    if isinstance(asked, Training):
        from aiplan.whatif.training_levers import TrainingLevers

        pulling = TrainingLevers(asked, hardware=tuple(found.id_of("accelerator", name) for name in names(hardware)))
    else:
        from aiplan.tokens.levers import DocumentLevers

        pulling = DocumentLevers(asked, models=names(models))
    pulling.own = read_assumed(read_pairs(lever, "--lever"), pulling.assumed)
    start, pulled = pull(pulling)
    text = {"json": show.to_json, "md": show.markdown, "table": show.table}[form]
    emit(text(pulling, start, pulled), output)


def names(text: str | None) -> tuple[str, ...]:
    """Names with commas between."""
    return tuple(name.strip() for name in text.split(",")) if text else ()
