"""`aiplan levers`: what each way of saving does to a plan."""

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
    catalog: CatalogDirs = [],
    format: Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")] = "table",
    json: Json = False,
    output: Output = None,
    **flags: str | None,
) -> None:
    """Show what eight levers do to a plan, one at a time and together: money, energy, days.

    Hardware choice, software efficiency, data curation, accuracy for time, architecture with experts, quantization,
    training less often, and an off-the-shelf model that is fine-tuned.
    """
    form = "json" if json else format
    if form not in FORMATS:
        raise UserError(f"--format {form!r} is not one of {', '.join(FORMATS)}{nearest(form, FORMATS, most=1)}")
    paths, more = files_and_more([*([file] if file else []), *ctx.args])
    settings = settings_of(flags, set_, more)
    from aiplan.catalog import open_catalog
    from aiplan.output import levers as show
    from aiplan.whatif.levers import Levers, pull, read_assumed
    from aiplan.whatif.typed import one_question, overlay

    over = overlay(settings, limit, [], [], [], None, 0, 1)
    assumed = read_assumed(read_pairs(lever, "--lever"))
    found, defaults = open_catalog(catalog)
    chips = tuple(found.id_of("accelerator", name.strip()) for name in hardware.split(",")) if hardware else ()
    question, vary = one_question(paths, over)
    if vary:
        from aiplan.whatif.draws import central

        question = central(question, vary, {i.name: i.names[0] for i in vary if i.kind == "names"})
    start, pulled = pull(Levers(found, defaults, assumed, chips), question)
    text = {"json": show.to_json, "md": show.markdown, "table": show.table}[form]
    emit(text(start, pulled, assumed), output)
