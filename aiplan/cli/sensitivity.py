"""`aiplan sensitivity`: what moves the answer most."""

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
    Seed,
    Set,
    Vary,
    emit,
    files_and_more,
    planning,
    settings_of,
)
from aiplan.errors import UserError, nearest

app = typer.Typer(**BARE)

FORMATS = ("table", "csv", "json")


@app.command(context_settings=CONTEXT)
@planning
def sensitivity(
    ctx: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A scenario file; else what is typed.")] = None,
    *,
    set_: Set = [],
    limit: Limit = [],
    vary: Vary = [],
    of: Annotated[
        str | None,
        typer.Option("--of", metavar="NAME", help="The answer to look at; else run_cost, of documents cost."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="SHARE", help="Move every number that goes in by the same share, e.g. 10%."),
    ] = None,
    sobol: Annotated[
        int | None,
        typer.Option("--sobol", metavar="N", help="Sobol' indices too, from N points (a power of two), e.g. 1024."),
    ] = None,
    seed: Seed = 0,
    catalog: CatalogDirs = [],
    format: Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")] = "table",
    json: Json = False,
    ascii_: Annotated[bool, typer.Option("--ascii", help="Bars in ASCII.")] = False,
    output: Output = None,
    **flags: str | None,
) -> None:
    """Show what moves an answer most: each uncertain input alone, from its p10 to its p90.

    Uncertain are the inputs that vary, and every default and fact that has an interval. Accelerators, layout and a
    size that was solved for are held, as in a plan with draws; with --by the layout is searched anew. A file about
    documents is looked at likewise.
    """
    form = "json" if json else format
    if form not in FORMATS:
        raise UserError(f"--format {form!r} is not one of {', '.join(FORMATS)}{nearest(form, FORMATS, most=1)}")
    paths, more = files_and_more([*([file] if file else []), *ctx.args])
    settings = settings_of(flags, set_, more)
    from aiplan.catalog import open_catalog
    from aiplan.output import sensitivity as show
    from aiplan.whatif.asked import look
    from aiplan.whatif.sensitivity import alike, sobol_of, tornado
    from aiplan.whatif.typed import one_question, overlay, quantity

    over = overlay(settings, limit, vary, [], [], None, seed, 1)
    found, defaults = open_catalog(catalog)
    share = None if by is None else _share(by)
    asked = one_question(paths, over, found, defaults)
    model, named, name = look(asked, None if of is None else quantity(of, "--of: "), search=share is not None)
    centre, bars = tornado(model, name, named) if share is None else alike(model, name, share)
    indices = None if sobol is None else sobol_of(model, name, count=sobol, seed=seed)
    if form == "json":
        emit(show.to_json(name, centre, bars, indices, sobol or 0, seed, share=share), output)
    elif form == "csv":
        emit(show.to_csv(bars, indices, share=share), output)
    else:
        plain = ascii_ or show.plain_terminal()
        text = [show.tornado(name, centre, bars, ascii_only=plain, share=share)]
        if indices is not None:
            text.append(show.indices(name, indices, sobol or 0, seed, ascii_only=plain))
        emit("\n\n".join(text), output)


def _share(text: str) -> float:
    """By how much every input is moved."""
    from aiplan import units

    value = units.parse(text, "", what="--by")
    if not 0 < value < 1:
        raise UserError(f"--by {text!r} is a share between 0 and 100%, e.g. 10%")
    return value
